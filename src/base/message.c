/* SPDX-License-Identifier: Apache-2.0 */
#include "base/message.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static const struct message messages[MSG_COUNT] = {MESSAGE_TABLE};

const struct message *message_get(enum message_id id)
{
	return &messages[id];
}

int message_find(const char *id, enum message_id *found)
{
	for (int i = 0; i < MSG_COUNT; i++) {
		if (strcmp(messages[i].id, id) == 0) {
			*found = (enum message_id)i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *message_severity_name(enum message_severity severity)
{
	static const char *const names[] = {
		[SEVERITY_OK] = "OK",
		[SEVERITY_WARNING] = "Warning",
		[SEVERITY_CRITICAL] = "Critical",
	};

	return names[severity];
}

/* Put the arguments into a text of the catalogue; the text is ours, the arguments are not. */
static size_t fill_in(
	const char *text, unsigned int n_args, const char *const *args, char *out, size_t size)
{
	char whole[MESSAGE_MAX_TEXT + MESSAGE_MAX_ARGS * MESSAGE_MAX_ARG];
	size_t used = 0;

	for (const char *at = text; *at && used < sizeof(whole) - MESSAGE_MAX_ARG; at++) {
		unsigned int n = at[0] == '%' && at[1] >= '1' ? (unsigned int)(at[1] - '0') : 0;

		if (n < 1 || n > n_args) {
			whole[used++] = *at;
			continue;
		}
		const char *arg = args[n - 1] ? args[n - 1] : "";

		used += text_make_printable(arg, strlen(arg), whole + used, MESSAGE_MAX_ARG);
		at++;
	}
	return text_make_printable(whole, used, out, size);
}

size_t message_format(enum message_id id, const char *const *args, char *out, size_t size)
{
	return fill_in(messages[id].text, messages[id].n_args, args, out, size);
}

size_t message_format_resolution(
	enum message_id id, const char *const *args, char *out, size_t size)
{
	return fill_in(messages[id].resolution, messages[id].n_args, args, out, size);
}
