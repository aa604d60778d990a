/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of the IPMI commands: what a BMC may answer the host, what a host may ask the BMC. The
 * first byte says which, the rest is the message. */
#include <string.h>

#include "endpoint/ipmi.h"
#include "fuzz.h"
#include "host/link/kcs.h"

static bool offered, enabled;

static bool is_offered(void *arg)
{
	return offered;
}

static bool is_enabled(void *arg)
{
	return enabled;
}

static int get_fingerprint(unsigned int number, unsigned char fingerprint[32], void *arg)
{
	memset(fingerprint, (int)number, 32);
	return number == 1 ? 0 : -1;
}

static int make_account(
	bool keep_enabled, char user[IPMI_FIELD + 1], char password[IPMI_FIELD + 1], void *arg)
{
	FUZZ_CHECK(offered && enabled);
	strcpy(user, "user");
	strcpy(password, "sixteencharacter");
	return 0;
}

static void check_word(const char *word)
{
	FUZZ_CHECK(memchr(word, '\0', IPMI_FIELD + 1) != NULL && word[0] != '\0');
	for (; *word; word++)
		FUZZ_CHECK((unsigned char)*word > ' ' && !strchr("'\"\\\x7f", *word));
}

/* What one end of ours says the other understands. */
static void check_own_answer(const uint8_t *data, size_t size, const struct ipmi_answer *answer)
{
	uint8_t bytes[1 + IPMI_MAX_DATA];
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	struct kcs_credentials read;

	FUZZ_CHECK(answer->length <= sizeof(answer->data));
	FUZZ_CHECK((answer->completion == IPMI_OK) == (answer->length > 0));
	if (answer->completion != IPMI_OK)
		return;
	FUZZ_CHECK(size == 4 && data[0] == IPMI_NETFN_GROUP && data[2] == IPMI_GROUP_REDFISH);
	bytes[0] = answer->completion;
	memcpy(bytes + 1, answer->data, answer->length);
	if (data[1] == IPMI_CMD_FINGERPRINT)
		FUZZ_CHECK(kcs_read_fingerprint(bytes, answer->length + 1, fingerprint) == KCS_OK);
	else
		FUZZ_CHECK(kcs_read_credentials(bytes, answer->length + 1, &read) == KCS_OK);
}

static void ask(const uint8_t *data, size_t size)
{
	static const struct ipmi_acts acts = {
		is_offered, is_enabled, get_fingerprint, make_account, NULL};
	struct ipmi_answer answer;

	ipmi_answer(data, size, &acts, &answer);
	check_own_answer(data, size, &answer);
}

static void read_answer(const uint8_t *data, size_t size)
{
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	struct kcs_credentials read;
	enum kcs_status status = kcs_read_fingerprint(data, size, fingerprint);
	char text[160];

	FUZZ_CHECK(status != KCS_OK || size == 35);
	kcs_explain(status, data, size, text, sizeof(text));
	FUZZ_CHECK(text[0] != '\0');
	status = kcs_read_credentials(data, size, &read);
	if (status != KCS_OK)
		return;
	FUZZ_CHECK(data[0] == 0 && data[1] == IPMI_GROUP_REDFISH);
	check_word(read.user);
	check_word(read.password);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	offered = data[0] & 2;
	enabled = data[0] & 4;
	if (data[0] & 1)
		ask(data + 1, size - 1);
	else
		read_answer(data + 1, size - 1);
	return 0;
}
