/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What updates take from outside. The first byte says what the rest is: a signature, a key, a list
 * of revoked keys, a file name, a member of the BMC's inventory, the body of a push, a Range field.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/minisign.h"
#include "base/package_name.h"
#include "endpoint/multipart.h"
#include "endpoint/range.h"
#include "fuzz.h"
#include "host/feature/update_offer.h"
#include "update/keys.h"

struct parts {
	bool open;
	size_t begun, ended, bytes;
};

static int begin(const struct multipart_part *part, void *arg)
{
	struct parts *parts = arg;

	FUZZ_CHECK(!parts->open && part->name[0] != '\0');
	FUZZ_CHECK(memchr(part->name, '\0', sizeof(part->name)) != NULL);
	FUZZ_CHECK(memchr(part->file, '\0', sizeof(part->file)) != NULL);
	parts->open = true;
	parts->begun++;
	return strcmp(part->name, "stop") == 0;
}

static int data_of_part(const char *data, size_t length, void *arg)
{
	struct parts *parts = arg;

	FUZZ_CHECK(parts->open && length > 0);
	parts->bytes += length;
	return 0;
}

static int end(void *arg)
{
	struct parts *parts = arg;

	FUZZ_CHECK(parts->open);
	parts->open = false;
	parts->ended++;
	return 0;
}

/* Cut into pieces it is the same as at once. */
static struct parts take(const uint8_t *data, size_t size, size_t piece, int *result)
{
	struct parts parts = {.open = false};
	const struct multipart_handlers handlers = {begin, data_of_part, end, &parts};
	struct multipart multipart;
	size_t at = 0;

	FUZZ_CHECK(multipart_init(&multipart, "multipart/form-data; boundary=B", &handlers) == 0);
	*result = 0;
	while (at < size && *result == 0) {
		size_t n = size - at < piece ? size - at : piece;

		*result = multipart_take(&multipart, (const char *)data + at, n);
		at += n;
	}
	FUZZ_CHECK(!multipart_is_done(&multipart) || parts.begun == parts.ended);
	FUZZ_CHECK(parts.begun <= MULTIPART_MAX_PARTS && parts.bytes <= size);
	return parts;
}

static void fuzz_push(const uint8_t *data, size_t size)
{
	int whole_result, cut_result;
	struct parts whole = take(data, size, SIZE_MAX, &whole_result);
	struct parts cut = take(data, size, 1, &cut_result);

	FUZZ_CHECK(whole_result == cut_result && whole.begun == cut.begun &&
		   whole.ended == cut.ended && whole.bytes == cut.bytes);
}

static void fuzz_type(const char *text)
{
	const struct multipart_handlers handlers = {begin, data_of_part, end, NULL};
	struct multipart multipart;

	if (multipart_init(&multipart, text, &handlers) == 0)
		FUZZ_CHECK(multipart.delimiter_length > 4 &&
			   multipart.delimiter_length < sizeof(multipart.delimiter));
}

static void fuzz_signature(const char *text, size_t size)
{
	struct minisign_signature signature;
	struct minisign_key key;
	unsigned char digest[MINISIGN_DIGEST_SIZE] = {0};

	if (minisign_parse_signature(text, size, &signature) == 0 &&
		minisign_parse_key(text, size, &key) < 0) {
		FUZZ_CHECK(strlen(signature.comment) <= MINISIGN_MAX_COMMENT);
		memcpy(key.id, signature.id, sizeof(key.id));
		memset(key.key, 1, sizeof(key.key));
		FUZZ_CHECK(minisign_verify(&key, &signature, digest) == -EBADMSG);
	}
}

static void fuzz_revoked(const char *text, size_t size)
{
	static struct update_keys keys;

	keys.n_revoked = 0;
	update_keys_parse_revoked(&keys, text, size);
	FUZZ_CHECK(keys.n_revoked <= UPDATE_KEYS_REVOKED);
}

static void fuzz_name(const char *text)
{
	struct package_name name;

	if (package_name_parse(text, &name) < 0)
		return;
	FUZZ_CHECK(version_is_valid(name.family, name.version) && name.architecture[0] != '\0');
	FUZZ_CHECK(version_compare(name.family, name.version, name.version) == 0);
	FUZZ_CHECK(strpbrk(text, "/ \n\\") == NULL);
}

/* Two versions, divided by a blank: the order is one. */
static void fuzz_versions(char *text)
{
	char *second = strchr(text, ' ');

	if (!second)
		return;
	*second++ = '\0';
	for (int family = PACKAGE_DEB; family < PACKAGE_N_FAMILIES; family++) {
		int there = version_compare((enum package_family)family, text, second);
		int back = version_compare((enum package_family)family, second, text);

		if (version_is_valid((enum package_family)family, text) &&
			version_is_valid((enum package_family)family, second))
			FUZZ_CHECK((there > 0) == (back < 0) && (there < 0) == (back > 0));
	}
}

static void fuzz_offer(const char *text, size_t size)
{
	json_t *member = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	struct update_offer offer;

	if (update_offer_parse(member, &offer) == 0)
		FUZZ_CHECK(offer.size > 0 && offer.size <= UPDATE_MAX_SIZE &&
			   offer.path[0] == '/' && strlen(offer.id) < sizeof(offer.id));
	json_decref(member);
}

static void fuzz_range(const char *text)
{
	struct range range;
	int status = range_parse(text, 1000, &range);

	FUZZ_CHECK(status == 200 || status == 206 || status == 416);
	if (status != 416)
		FUZZ_CHECK(range.length > 0 && range.length <= 1000 &&
			   range.first <= 1000 - range.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0]) {
	case 's':
		fuzz_signature(text, size - 1);
		break;
	case 'k':
		fuzz_revoked(text, size - 1);
		break;
	case 'n':
		fuzz_name(text);
		break;
	case 'v':
		fuzz_versions(text);
		break;
	case 'o':
		fuzz_offer(text, size - 1);
		break;
	case 'm':
		fuzz_push(data + 1, size - 1);
		break;
	case 't':
		fuzz_type(text);
		break;
	case 'r':
		fuzz_range(text);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}
