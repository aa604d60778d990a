/* SPDX-License-Identifier: Apache-2.0 */
/* A hosts file of an administrator, with our block put in and taken out. The first byte says which
 * names, and what this host is called. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/agent.h"
#include "host/monitor/hosts_text.h"

/* The library of the processes wants an agent; this program has none. */
int agent_prepare(struct agent_environment *env)
{
	return -1;
}

int agent_run(struct agent_environment *env)
{
	return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

/* In memory of its own, so that a sanitizer sees who reads behind it. */
static struct hosts_result change(const void *text, size_t length, const struct hosts_block *wanted)
{
	struct hosts_result result;
	char *copy = malloc(length > 0 ? length : 1);

	if (length > 0)
		memcpy(copy, text, length);
	FUZZ_CHECK(hosts_text_change(copy, length, wanted, &result) == 0);
	free(copy);
	return result;
}

/* A newline of ours at the end may be there or not, in a file that somebody else has cut. */
static bool is_same(const struct hosts_result *a, const struct hosts_result *b)
{
	const struct hosts_result *longer = a->length > b->length ? a : b;
	size_t shorter = a->length < b->length ? a->length : b->length;

	if (memcmp(a->text, b->text, shorter) != 0)
		return false;
	return longer->length == shorter ||
	       (longer->length == shorter + 1 && longer->text[shorter] == '\n');
}

static void check_again(const struct hosts_result *result, const struct hosts_block *wanted)
{
	struct hosts_result again = change(result->text, result->length, wanted);

	FUZZ_CHECK(again.same);
	FUZZ_CHECK(strcmp(again.written, result->written) == 0);
	free(again.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"idrac.local drac.local bmc.local", "a", "bmc a b c"};
	struct fuzz_input in = {data, size};
	uint8_t first = fuzz_take_byte(&in);
	const struct hosts_block wanted = {.address.s_addr = 0x0101fea9,
		.names = names[first % 3],
		.own = first & 0x80 ? "a.example" : ""};
	struct hosts_result with = change(in.data, in.left, &wanted);
	struct hosts_result without = change(in.data, in.left, NULL);
	struct hosts_result back = change(with.text, with.length, NULL);

	/* what is not ours is the same, whatever was done */
	FUZZ_CHECK(is_same(&back, &without));
	FUZZ_CHECK(without.length <= in.left);
	if (with.written[0] != '\0')
		FUZZ_CHECK(memmem(with.text, with.length, with.written, strlen(with.written)));
	else
		FUZZ_CHECK(with.length == without.length);
	check_again(&with, &wanted);
	check_again(&without, NULL);
	free(with.text);
	free(without.text);
	free(back.text);
	return 0;
}
