/* SPDX-License-Identifier: Apache-2.0 */
/* What decides about updates: signatures that minisign 0.11 made, versions, names, offers. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/minisign.h"
#include "base/package_name.h"
#include "base/util.h"
#include "host/feature/update_offer.h"
#include "update/judge.h"
#include "update/keys.h"

static const char key_text[] = "untrusted comment: minisign public key 20D55DC7F6BCF496\n"
			       "RWSW9Lz2x13VIHh7CezMP6naP0DCPQDEpz2QeZfSQNMuYSg82smTmBlf\n";
static const char other_key[] = "untrusted comment: minisign public key A40175DC87A785E\n"
				"RWReeHrIXRdACnIEz08mZLLKAQKEwke0ubY9wKG3grxD//2yAJu1EhZ6\n";
#define SIGNATURE                                                                                  \
	"RUSW9Lz2x13VICB0H/9yzfFBjaCPr+Dx7ynGbFBcG4p3mFRYujt34nSdBXQ0wKPYzRyBDH6kWGAoSo6Cd8TTnWpN" \
	"Deh3BppJFAA=\n"
#define GLOBAL                                                                                     \
	"jOU16j93WcqvHVCTBZGTPJl2QR10PGs2y/6okIgCU7hqrfyKczva1BfGb7Emk+16aprguNt6TsoABHszri9wCA==" \
	"\n"
static const char good[] = "untrusted comment: signature from minisign secret key\n" SIGNATURE
			   "trusted comment: timestamp:1 file:data\n" GLOBAL;
static const char legacy[] =
	"untrusted comment: x\n"
	"RWSW9Lz2x13VIFYp1W6q2WBoJzQ+ucjpgkUlROaED15y7iIyhBsrSa8Cs4r3ft+y6lIgYXktnkx6WiRtUoj7V++"
	"jBLavXcE3zAw=\n"
	"trusted comment: timestamp:1795395638	file:data\n"
	"XDJWSYzeCLXOhXcT32gwvkCXMyohuQSezh4sHips7k93IItPR8rb9L92BlO2h6iz8aeke6hyRn9cyAKWo9qDDg=="
	"\n";
static const char data[] = "hello, agent\n";

static void hash(const char *text, unsigned char digest[MINISIGN_DIGEST_SIZE])
{
	FILE *file = tmpfile();

	assert_non_null(file);
	fputs(text, file);
	fflush(file);
	assert_int_equal(minisign_hash_file(fileno(file), 1000, digest), 0);
	assert_int_equal(minisign_hash_file(fileno(file), strlen(text) - 1, digest), -EFBIG);
	assert_int_equal(minisign_hash_file(fileno(file), strlen(text), digest), 0);
	fclose(file);
}

/* Why a package could not be read is said as it is. */
static void test_hash_of_what_cannot_be_read(void **state)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(hash_file(fd, EVP_sha256(), 1000, digest), -EISDIR);
	close(fd);
	assert_int_equal(hash_file(-1, EVP_sha256(), 1000, digest), -EBADF);
}

static struct minisign_signature parse(const char *text)
{
	struct minisign_signature signature;

	assert_int_equal(minisign_parse_signature(text, strlen(text), &signature), 0);
	return signature;
}

static struct minisign_key parse_key(const char *text)
{
	struct minisign_key key;

	assert_int_equal(minisign_parse_key(text, strlen(text), &key), 0);
	return key;
}

static void test_signature(void **state)
{
	struct minisign_signature signature = parse(good);
	struct minisign_key key = parse_key(key_text), other = parse_key(other_key);
	unsigned char digest[MINISIGN_DIGEST_SIZE];
	char id[MINISIGN_ID_TEXT];

	minisign_format_id(signature.id, id);
	assert_string_equal(id, "20D55DC7F6BCF496");
	minisign_format_id(other.id, id);
	assert_string_equal(id, "0A40175DC87A785E");
	assert_string_equal(signature.comment, "timestamp:1 file:data");
	hash(data, digest);
	assert_int_equal(minisign_verify(&key, &signature, digest), 0);
	assert_int_equal(minisign_verify(&other, &signature, digest), -EKEYREJECTED);
	memcpy(other.id, key.id, sizeof(key.id)); /* the id is no proof */
	assert_int_equal(minisign_verify(&other, &signature, digest), -EBADMSG);
	hash("hello, Agent\n", digest);
	assert_int_equal(minisign_verify(&key, &signature, digest), -EBADMSG);
}

/* Every byte of the signature's text that is another: not a signature, or a wrong one. */
static void test_every_byte_counts(void **state)
{
	struct minisign_key key = parse_key(key_text);
	unsigned char digest[MINISIGN_DIGEST_SIZE];
	size_t first = strlen("untrusted comment: signature from minisign secret key\n");

	hash(data, digest);
	for (size_t i = first; i < strlen(good); i++) {
		char text[sizeof(good)];
		struct minisign_signature signature;

		strcpy(text, good);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (minisign_parse_signature(text, strlen(text), &signature) < 0)
			continue;
		assert_true(minisign_verify(&key, &signature, digest) < 0);
	}
}

static void test_what_is_no_signature(void **state)
{
	static const char *const texts[] = {"", "\n", "\n\n\n\n", "untrusted comment: x\n",
		"untrusted comment: x\n" SIGNATURE,
		"untrusted comment: x\n" SIGNATURE "trusted comment: x\n",
		"untrusted comment: x\n" SIGNATURE "comment: x\n" GLOBAL,
		"comment: x\n" SIGNATURE "trusted comment: x\n" GLOBAL,
		"untrusted comment: x\n" GLOBAL "trusted comment: x\n" SIGNATURE,
		"untrusted comment: x\n" SIGNATURE "trusted comment: x\n" GLOBAL "x"};
	struct minisign_signature signature;
	struct minisign_key key;
	char big[MINISIGN_MAX_FILE + 2];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(
			minisign_parse_signature(texts[i], strlen(texts[i]), &signature), -EINVAL);
	for (size_t n = 0; n + 2 < sizeof(good) - 1; n++)
		assert_int_equal(minisign_parse_signature(good, n, &signature), -EINVAL);
	assert_int_equal(minisign_parse_signature(legacy, strlen(legacy), &signature), -EOPNOTSUPP);
	memset(big, '\n', sizeof(big));
	memcpy(big, good, strlen(good));
	assert_int_equal(minisign_parse_signature(big, sizeof(big) - 1, &signature), -EINVAL);
	assert_int_equal(minisign_parse_signature(big, sizeof(big) - 2, &signature), 0);
	for (size_t n = 0; n + 2 < sizeof(key_text) - 1; n++)
		assert_int_equal(minisign_parse_key(key_text, n, &key), -EINVAL);
	assert_int_equal(minisign_parse_key(good, strlen(good), &key), -EINVAL);
}

static void test_keys(void **state)
{
	struct update_keys keys = {.n = 0};
	struct minisign_signature signature = parse(good);
	unsigned char digest[MINISIGN_DIGEST_SIZE];
	static const char revoked[] = "# leaked\n\n  20d55dc7f6bcf496 # ours\r\n";
	const char *why;

	hash(data, digest);
	assert_int_equal(update_keys_verify(&keys, &signature, digest, &why), -ENOKEY);
	assert_non_null(strstr(why, "no key"));
	keys.keys[keys.n++] = parse_key(other_key);
	assert_int_equal(update_keys_verify(&keys, &signature, digest, &why), -ENOKEY);
	keys.keys[keys.n++] = parse_key(key_text);
	assert_int_equal(update_keys_verify(&keys, &signature, digest, &why), 0);
	assert_int_equal(update_keys_count(&keys), 2);
	digest[0] ^= 1;
	assert_int_equal(update_keys_verify(&keys, &signature, digest, &why), -EBADMSG);
	digest[0] ^= 1;
	assert_int_equal(update_keys_parse_revoked(&keys, revoked, strlen(revoked)), 0);
	assert_int_equal(update_keys_verify(&keys, &signature, digest, &why), -EKEYREVOKED);
	assert_int_equal(update_keys_count(&keys), 1);
}

static void test_lists_of_revoked_keys(void **state)
{
	static const char *const bad[] = {
		"x", "20D55DC7F6BCF4967", "20D5 5DC7", "20D55DC7F6BCF49G"};
	char many[20 * (UPDATE_KEYS_REVOKED + 1)] = "";
	struct update_keys keys;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		keys = (struct update_keys){.n = 0};
		assert_int_equal(update_keys_parse_revoked(&keys, bad[i], strlen(bad[i])), -EINVAL);
	}
	for (size_t i = 0; i <= UPDATE_KEYS_REVOKED; i++)
		strcat(many,
			"A40175DC87A785E\n"); /* without its leading zero, as minisign has it */
	keys = (struct update_keys){.n = 0};
	assert_int_equal(update_keys_parse_revoked(&keys, many, strlen(many)), -E2BIG);
	assert_int_equal(keys.revoked[0][7], 0x0a);
	assert_int_equal(keys.revoked[0][0], 0x5e);
}

/* Each list from the oldest to the newest; '=' in front: equal to the one before. Taken from
 * dpkg's and rpm's own tests and manuals. */
static const char *const debs[] = {"0.9", "1.0~~", "1.0~~a", "1.0~", "1.0~beta1~svn1245",
	"1.0~beta1", "1.0", "=1.0-0", "=01.00", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0-10",
	"1.0a", "1.0+git1", "1.0.1", "1.2", "1.10", "2", "10", "1:0.1", "2:0"};
static const char *const rpms[] = {"0.9-1", "1.0~~-1", "1.0~rc1-1", "=1.0~rc01-1", "1.0~rc2-1",
	"1.0-1", "=1_0-1", "=1.0-01", "1.0-1.el9", "1.0-2", "1.0-10", "1.0^git1-1", "1.0^git2~a-1",
	"1.0^git2-1", "1.0.a-1", "1.0.1-1", "1.0.1.1-1", "1.2-1", "1.10-1", "10-1", "1:0-1"};

static void check_order(enum package_family family, const char *const *list, size_t n)
{
	int rank[32] = {0};

	for (size_t i = 1; i < n; i++)
		rank[i] = rank[i - 1] + (list[i][0] != '=');
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			const char *a = list[i] + (list[i][0] == '=');
			const char *b = list[k] + (list[k][0] == '=');
			int r = version_compare(family, a, b), wanted = rank[i] - rank[k];

			if ((r > 0) - (r < 0) != (wanted > 0) - (wanted < 0))
				fail_msg("%s %s: %d", a, b, r);
		}
}

static void test_versions(void **state)
{
	static const char *const bad[] = {"", "a1", "-1", "1 0", "1/0", "1\n", "1;x"};

	check_order(PACKAGE_DEB, debs, ARRAY_SIZE(debs));
	check_order(PACKAGE_RPM, rpms, ARRAY_SIZE(rpms));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(version_is_valid(PACKAGE_DEB, bad[i]) ||
			     version_is_valid(PACKAGE_RPM, bad[i]));
	assert_false(version_is_valid(PACKAGE_NONE, "1"));
	assert_true(version_is_valid(PACKAGE_DEB, "1:0.1~rc1+b2-1"));
	assert_false(version_is_valid(PACKAGE_DEB, "1^2"));
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".deb", "x.deb", "bmclink.deb", "bmclink_.deb",
		"bmclink_1_.deb", "bmclink__amd64.deb", "bmclink-endpoint_1_amd64.deb",
		"bmclink_1_amd64.rpm", "bmclink-1.x86_64.rpm", "bmclink-1-1.rpm", "bmclink-.rpm",
		"bmclink_1/_amd64.deb", "bmclink_1_AMD/64.deb", "bmclink_1_amd64.deb\n"};
	struct package_name name;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (package_name_parse(bad[i], &name) == 0)
			fail_msg("%s is taken: %s %s", bad[i], name.version, name.architecture);
	assert_int_equal(package_name_parse("bmclink_0.1.0-1_amd64.deb", &name), 0);
	assert_string_equal(name.version, "0.1.0-1");
	assert_string_equal(name.architecture, "amd64");
	assert_int_equal(package_name_parse("bmclink-0.1.0-1.fc40.x86_64.rpm", &name), 0);
	assert_int_equal(name.family, PACKAGE_RPM);
	assert_string_equal(name.version, "0.1.0-1.fc40");
	assert_string_equal(name.architecture, "x86_64");
}

static void test_judge(void **state)
{
	const struct update_package old = {"bmclink", "1.0-1", "amd64"};
	static const struct {
		struct update_package package;
		const char *floor;
		bool back, no_way_back, good;
	} rows[] = {
		{{"bmclink", "1.1-1", "amd64"}, "",	    true,  false, true },
		{{"bmclink", "1.1-1", "amd64"}, "1.1-1", true,  false, true },
		{{"bmclink", "1.1-1", "amd64"}, "1.2-1", true,  false, false},
		{{"bmclink", "1.1-1", "amd64"}, "",	    false, false, false},
		{{"bmclink", "1.1-1", "amd64"}, "",	    false, true,	 true },
		{{"other", "1.1-1", "amd64"},   "",	  true,	false, false},
		{{"bmclink", "1.1-1", "arm64"}, "",	    true,  false, false},
		{{"bmclink", "1.0-1", "amd64"}, "",	    true,  false, false},
		{{"bmclink", "0.9-1", "amd64"}, "",	    true,  true,	false},
		{{"bmclink", "x", "amd64"},	    "",	true,  false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct update_facts facts = {.family = PACKAGE_DEB,
			.package = &rows[i].package,
			.installed = &old,
			.floor = rows[i].floor,
			.back = rows[i].back ? &old : NULL,
			.no_way_back = rows[i].no_way_back};
		const char *why = update_judge(&facts);

		if ((why == NULL) != rows[i].good)
			fail_msg("row %zu: %s", i, why ? why : "taken");
	}
	assert_true(update_judge_back(&old, &old));
	assert_false(update_judge_back(&rows[0].package, &old));
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static json_t *make_member(void)
{
	return json_pack("{s:s, s:{s:{s:i, s:s, s:s, s:s}}}", "Id", "bmclink_1.1-1_amd64.deb",
		"Oem", "Bmclink", "SizeBytes", 1000, "SHA256", HEX64, "Signature", good,
		"PackageUri", "/redfish/v1/x");
}

static void test_offers(void **state)
{
	struct priv_update_info info = {.family = PACKAGE_DEB,
		.architecture = "amd64",
		.installed = "1.0-1",
		.back = "1.0-1",
		.keys = 1};
	struct update_offer offer;
	json_t *member = make_member(), *oem;

	assert_int_equal(update_offer_parse(member, &offer), 0);
	assert_int_equal(update_offer_use(&offer, &info), UPDATE_USE_NEW);
	assert_null(update_offer_find_obstacle(&offer, false, &info, true));
	assert_non_null(update_offer_find_obstacle(&offer, false, &info, false));
	info.back[0] = '\0';
	assert_non_null(update_offer_find_obstacle(&offer, false, &info, true));
	assert_null(update_offer_find_obstacle(&offer, true, &info, true));
	strcpy(info.refused, "1.1-1");
	assert_non_null(update_offer_find_obstacle(&offer, true, &info, true));
	strcpy(info.floor, "1.2-1");
	assert_int_equal(update_offer_use(&offer, &info), UPDATE_USE_NONE);
	strcpy(info.installed, "1.1-1");
	assert_int_equal(update_offer_use(&offer, &info), UPDATE_USE_BACK);
	strcpy(info.architecture, "arm64");
	assert_int_equal(update_offer_use(&offer, &info), UPDATE_USE_NONE);
	oem = json_object_get(json_object_get(member, "Oem"), "Bmclink");
	json_object_set_new(oem, "SizeBytes", json_integer(65LL << 20));
	assert_int_equal(update_offer_parse(member, &offer), -EINVAL);
	json_object_set_new(oem, "SizeBytes", json_integer(-1));
	assert_int_equal(update_offer_parse(member, &offer), -EINVAL);
	json_object_set_new(oem, "SizeBytes", json_integer(5));
	json_object_set_new(oem, "PackageUri", json_string("http://elsewhere/"));
	assert_int_equal(update_offer_parse(member, &offer), -EINVAL);
	json_object_set_new(oem, "PackageUri", json_string("/x"));
	json_object_set_new(oem, "Signature", json_null());
	assert_int_equal(update_offer_parse(member, &offer), 0);
	assert_string_equal(offer.signature, "");
	assert_string_equal(update_offer_find_obstacle(&offer, true, &info, true),
		"the BMC has no signature of it");
	info.keys = 0;
	assert_string_equal(update_offer_find_obstacle(&offer, true, &info, true),
		"there is no key: nothing can be installed");
	json_object_set_new(oem, "Signature", json_integer(1));
	assert_int_equal(update_offer_parse(member, &offer), -EINVAL);
	json_object_set_new(oem, "Signature", json_null());
	json_object_set_new(oem, "SHA256", json_string("0"));
	assert_int_equal(update_offer_parse(member, &offer), -EINVAL);
	json_decref(member);
	assert_int_equal(update_offer_parse(NULL, &offer), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_hash_of_what_cannot_be_read),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_what_is_no_signature),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_lists_of_revoked_keys),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
