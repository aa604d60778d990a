/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/trust_store.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/state.h"
#include "base/text.h"
#include "base/util.h"

#define FORMAT 1

const char *const trust_how_names[] = {[TRUST_HOW_NONE] = "",
	[TRUST_HOW_FIRST_USE] = "first-use",
	[TRUST_HOW_KCS] = "kcs",
	[TRUST_HOW_ADMINISTRATOR] = "pinned"};

static int save(int dir_fd, const struct trust_store *store)
{
	char pin[3 * CERT_FINGERPRINT_SIZE] = "", next[3 * CERT_FINGERPRINT_SIZE] = "";
	json_t *object;
	int r;

	if (store->pinned)
		text_make_hex(store->pin, sizeof(store->pin), ':', pin);
	if (store->has_next)
		text_make_hex(store->next_pin, sizeof(store->next_pin), ':', next);
	object = json_pack("{s:i, s:b, s:s, s:s, s:b, s:b, s:I, s:s, s:b}", "format", FORMAT,
		"pinned", store->pinned, "pin", pin, "next_pin", next, "window_open",
		store->window_open, "seen_tls", store->seen_tls, "pinned_at",
		(json_int_t)store->pinned_at, "how", trust_how_names[store->how], "enrolling",
		store->enrolling);
	if (!object)
		return -ENOMEM;
	r = state_write_json(dir_fd, TRUST_STORE_FILE, object, 0600);
	json_decref(object);
	return r;
}

static enum trust_how find_how(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(trust_how_names); i++) {
		if (strcmp(trust_how_names[i], name) == 0)
			return (enum trust_how)i;
	}
	return TRUST_HOW_NONE;
}

static int parse(json_t *object, struct trust_store *store)
{
	struct trust_store parsed = {0};
	int format, pinned, window_open, seen_tls, enrolling = 0;
	json_int_t pinned_at;
	const char *pin, *next = "", *how = ""; /* not in files of earlier versions */

	if (json_unpack(object, "{s:i, s:b, s:s, s?s, s:b, s:b, s:I, s?s, s?b}", "format", &format,
		    "pinned", &pinned, "pin", &pin, "next_pin", &next, "window_open", &window_open,
		    "seen_tls", &seen_tls, "pinned_at", &pinned_at, "how", &how, "enrolling",
		    &enrolling) < 0 ||
		format != FORMAT)
		return -EBADMSG;
	if (pinned && text_parse_hex(pin, parsed.pin, sizeof(parsed.pin)) < 0)
		return -EBADMSG;
	if (next[0] &&
		(!pinned || text_parse_hex(next, parsed.next_pin, sizeof(parsed.next_pin)) < 0))
		return -EBADMSG;
	if (pinned && window_open) /* never written: somebody's hand, or a disk's */
		return -EBADMSG;
	parsed.pinned = pinned != 0;
	parsed.has_next = next[0] != '\0';
	parsed.window_open = window_open != 0;
	parsed.seen_tls = seen_tls != 0;
	parsed.pinned_at = (time_t)pinned_at;
	parsed.how = find_how(how);
	parsed.enrolling = pinned && enrolling;
	*store = parsed;
	return 0;
}

int trust_store_load(int dir_fd, struct trust_store *store)
{
	json_t *object = NULL;
	int r;

	*store = (struct trust_store){0};
	r = state_read_json(dir_fd, TRUST_STORE_FILE, &object);
	if (r == -ENOENT)
		return r;
	if (r == 0)
		r = parse(object, store);
	json_decref(object);
	store->damaged = r < 0;
	return r;
}

static int replace(int dir_fd, struct trust_store *store, const struct trust_store *next)
{
	int r = save(dir_fd, next);

	if (r == 0)
		*store = *next;
	return r;
}

int trust_store_reset(int dir_fd, struct trust_store *store)
{
	return replace(dir_fd, store, &(struct trust_store){.window_open = true});
}

static int pin(int dir_fd, struct trust_store *store,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE], enum trust_how how, bool enrolling,
	time_t now)
{
	struct trust_store next = {.pinned = true,
		.seen_tls = true,
		.pinned_at = now,
		.how = how,
		.enrolling = enrolling};

	memcpy(next.pin, fingerprint, sizeof(next.pin));
	return replace(dir_fd, store, &next);
}

int trust_store_pin(int dir_fd, struct trust_store *store,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE], time_t now)
{
	return pin(dir_fd, store, fingerprint, TRUST_HOW_FIRST_USE, true, now);
}

int trust_store_pin_as(int dir_fd, struct trust_store *store,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE], enum trust_how how, time_t now)
{
	return pin(dir_fd, store, fingerprint, how, true, now);
}

int trust_store_end_enrolling(int dir_fd, struct trust_store *store)
{
	struct trust_store next = *store;

	if (!store->enrolling || store->damaged)
		return 0;
	next.enrolling = false;
	return replace(dir_fd, store, &next);
}

int trust_store_set_next(int dir_fd, struct trust_store *store, const unsigned char *fingerprint)
{
	struct trust_store next = *store;

	if (!store->pinned || store->damaged)
		return -ENOENT;
	next.has_next = fingerprint && memcmp(fingerprint, store->pin, sizeof(store->pin)) != 0;
	memset(next.next_pin, 0, sizeof(next.next_pin));
	if (next.has_next)
		memcpy(next.next_pin, fingerprint, sizeof(next.next_pin));
	if (next.has_next == store->has_next &&
		memcmp(next.next_pin, store->next_pin, sizeof(next.next_pin)) == 0)
		return 0;
	return replace(dir_fd, store, &next);
}

int trust_store_promote(int dir_fd, struct trust_store *store, time_t now)
{
	if (!store->has_next)
		return -ENOENT;
	return pin(dir_fd, store, store->next_pin, store->how, store->enrolling, now);
}

int trust_store_note_tls(int dir_fd, struct trust_store *store)
{
	struct trust_store next = *store;

	/* A damaged store is not written over: what it held is for an administrator to judge. */
	if (store->seen_tls || store->damaged)
		return 0;
	next.seen_tls = true;
	return replace(dir_fd, store, &next);
}

int trust_store_close_window(int dir_fd, struct trust_store *store)
{
	struct trust_store next = *store;

	if (!store->window_open || store->damaged)
		return 0;
	next.window_open = false;
	return replace(dir_fd, store, &next);
}
