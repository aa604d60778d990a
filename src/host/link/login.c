/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool login_is_held(const struct login_hold *hold, uint64_t now)
{
	return hold->refused > 0 && now < hold->until;
}

void login_hold_refused(struct login_hold *hold, uint64_t now)
{
	uint64_t wait = LOGIN_HOLD_MIN_MS;

	for (unsigned int i = 0; i < hold->refused && wait < LOGIN_HOLD_MAX_MS; i++)
		wait *= 2;
	hold->refused++;
	hold->until = now + (wait < LOGIN_HOLD_MAX_MS ? wait : LOGIN_HOLD_MAX_MS);
}

struct writer {
	char *out;
	size_t size, used;
	bool full;
};

static void put(struct writer *w, const char *bytes, size_t length)
{
	if (w->full || length >= w->size - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->out + w->used, bytes, length);
	w->used += length;
	w->out[w->used] = '\0';
}

/* Not by jansson: what it allocates for a password it frees as it is. */
static void put_string(struct writer *w, const char *s)
{
	char escaped[8];

	put(w, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			put(w, "\\", 1);
		if (c >= 0x20)
			put(w, s, 1);
		else
			put(w, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", c));
	}
	explicit_bzero(escaped, sizeof(escaped));
	put(w, "\"", 1);
}

int login_make_body(const char *user, const char *password, char *out, size_t size)
{
	struct writer w = {.out = out, .size = size};

	put(&w, "{\"UserName\":", strlen("{\"UserName\":"));
	put_string(&w, user);
	put(&w, ",\"Password\":", strlen(",\"Password\":"));
	put_string(&w, password);
	put(&w, "}", 1);
	if (!w.full)
		return 0;
	explicit_bzero(out, size);
	return -EMSGSIZE;
}

bool login_token_is_safe(const char *token)
{
	size_t length = strnlen(token, LOGIN_MAX_TOKEN);

	if (length == 0 || length >= LOGIN_MAX_TOKEN)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (token[i] <= ' ' || token[i] > '~')
			return false;
	}
	return true;
}

const char *login_explain_password(int error)
{
	switch (-error) {
	case ENOENT:
		return "password_file is not there";
	case EACCES:
		return "password_file must be root's, without rights for group and others (0600)";
	case ENODATA:
		return "password_file is empty";
	case EFBIG:
		return "password_file is longer than a password may be";
	case EILSEQ:
		return "password_file is not one line of printable text";
	case ELOOP:
	case EINVAL:
		return "password_file is not a regular file";
	case EPERM:
		return "no password_file is configured";
	default:
		return "password_file cannot be read";
	}
}
