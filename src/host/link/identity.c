/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/renewal.h"
#include "base/state.h"
#include "base/text.h"

static const char *const action_names[] = {
	"keep", "fresh", "other-machine", "stage", "replace", "repair", "damaged"};

const char *identity_action_name(enum identity_action action)
{
	return action_names[action];
}

enum identity_action identity_decide(const struct identity_facts *facts)
{
	bool usable = facts->pair == IDENTITY_GOOD && !facts->pair_expired;

	/* The stamp is written last: without one a fresh installation was not finished, or somebody
	 * took it away. With trust in the store, or garbage for a stamp, it is not the former, and
	 * a new window must not be had by damaging a file. */
	if (facts->stamp == IDENTITY_BAD)
		return IDENTITY_DAMAGED;
	if (facts->stamp == IDENTITY_ABSENT)
		return facts->trust_made ? IDENTITY_DAMAGED : IDENTITY_FRESH;
	if (!facts->same_machine)
		return IDENTITY_OTHER_MACHINE;
	if (!facts->same_version)
		return usable ? IDENTITY_STAGE : IDENTITY_REPLACE;
	return facts->pair == IDENTITY_GOOD ? IDENTITY_KEEP : IDENTITY_REPAIR;
}

void identity_clear(struct identity *identity)
{
	cert_pair_clear(&identity->pair);
	cert_pair_clear(&identity->next);
}

/* --- the stamp --- */

static int write_stamp(int dir_fd, const char *version, const char *machine)
{
	json_t *object = json_pack("{s:s, s:s}", "version", version, "machine", machine);
	int r;

	if (!object)
		return -ENOMEM;
	r = state_write_json(dir_fd, IDENTITY_STAMP, object, 0600);
	json_decref(object);
	return r;
}

int identity_note_installation(int dir_fd, uint32_t count, bool *again)
{
	json_t *object = NULL;
	json_int_t before;
	int r = state_read_json(dir_fd, IDENTITY_STAMP, &object);

	if (r < 0)
		return r;
	before = json_integer_value(json_object_get(object, "installation"));
	if (count != 0 && before != count) {
		if (json_object_set_new(object, "installation", json_integer(count)) < 0)
			r = -ENOMEM;
		else
			r = state_write_json(dir_fd, IDENTITY_STAMP, object, 0600);
		if (r == 0)
			*again = before != 0;
	}
	json_decref(object);
	return r;
}

static int read_stamp(int dir_fd, const char *version, const char *machine,
	struct identity_facts *facts, char *previous, size_t size)
{
	const char *stamped_version, *stamped_machine;
	json_t *object = NULL;
	int r = state_read_json(dir_fd, IDENTITY_STAMP, &object);

	if (state_is_passing(r))
		return r;
	facts->stamp = r == -ENOENT ? IDENTITY_ABSENT : IDENTITY_BAD;
	if (r == 0 && json_unpack(object, "{s:s, s:s}", "version", &stamped_version, "machine",
			      &stamped_machine) == 0) {
		facts->stamp = IDENTITY_GOOD;
		facts->same_version = strcmp(stamped_version, version) == 0;
		facts->same_machine = strcmp(stamped_machine, machine) == 0;
		text_make_printable(stamped_version, strlen(stamped_version), previous, size);
	}
	json_decref(object);
	return 0;
}

/* --- pairs --- */

static const struct renewal_files files = {
	.key = IDENTITY_KEY,
	.certificate = IDENTITY_CERT,
	.next_key = IDENTITY_NEXT_KEY,
	.next_certificate = IDENTITY_NEXT_CERT,
};

static int make_pair(int dir_fd, const struct trust_clock *clock, const char *name,
	const char *key_name, const char *cert_name, struct cert_pair *pair)
{
	struct cert_request request = {.role = CERT_ROLE_AGENT,
		.common_name = name,
		/* With the clock unset: the earliest moment that it can be in truth. */
		.not_before = trust_clock_unset(clock) ? clock->build : clock->now};
	struct cert_pair made = {0};
	int r = cert_pair_make(&request, &made);

	if (r == 0)
		r = cert_pair_save(&made, dir_fd, key_name, cert_name);
	if (r < 0) {
		cert_pair_clear(&made);
		return r;
	}
	cert_pair_clear(pair);
	*pair = made;
	return 0;
}

static int replace_pair(int dir_fd, const struct trust_clock *clock, struct identity *identity)
{
	int r = renewal_drop_next(dir_fd, &files);

	if (r == 0)
		r = make_pair(dir_fd, clock, identity->common_name, IDENTITY_KEY, IDENTITY_CERT,
			&identity->pair);
	identity->made_pair = r == 0;
	return r;
}

int identity_stage(int dir_fd, const struct trust_clock *clock, struct identity *identity)
{
	int r;

	if (identity->next.certificate)
		return 0;
	r = make_pair(dir_fd, clock, identity->common_name, IDENTITY_NEXT_KEY, IDENTITY_NEXT_CERT,
		&identity->next);
	identity->made_pair = r == 0;
	return r;
}

static int note_dates(struct identity *identity)
{
	time_t not_before;

	return cert_get_dates(identity->pair.certificate, &not_before, &identity->not_after);
}

int identity_confirm(int dir_fd, struct identity *identity)
{
	int r;

	if (!identity->next.certificate)
		return -ENOENT;
	r = renewal_promote(dir_fd, &files);
	if (r < 0)
		return r;
	cert_pair_clear(&identity->pair);
	identity->pair = identity->next;
	identity->next = (struct cert_pair){0};
	return note_dates(identity);
}

/* --- the start --- */

static int look_at_pair(int dir_fd, const struct trust_clock *clock, struct identity *identity,
	struct identity_facts *facts)
{
	int r = renewal_load(dir_fd, &files, &identity->pair);

	if (state_is_passing(r))
		return r;
	facts->pair = r == 0 ? IDENTITY_GOOD : r == -ENOENT ? IDENTITY_ABSENT : IDENTITY_BAD;
	if (r == 0 && note_dates(identity) == 0)
		facts->pair_expired = trust_own_expired(identity->not_after, clock);
	/* What is staged and not whole was never offered to a BMC. */
	renewal_load_next(dir_fd, &files, &identity->next);
	return 0;
}

static int act(int dir_fd, const struct trust_clock *clock, enum identity_file pair,
	struct trust_store *store, struct identity *identity)
{
	int r = 0;

	switch (identity->action) {
	case IDENTITY_KEEP:
		return 0;
	case IDENTITY_FRESH:
	case IDENTITY_OTHER_MACHINE:
		cert_pair_clear(&identity->next);
		r = trust_store_reset(dir_fd, store);
		return r < 0 ? r : replace_pair(dir_fd, clock, identity);
	case IDENTITY_STAGE:
		return identity_stage(dir_fd, clock, identity);
	case IDENTITY_REPLACE:
	case IDENTITY_REPAIR:
		cert_pair_clear(&identity->next);
		return replace_pair(dir_fd, clock, identity);
	case IDENTITY_DAMAGED:
		return pair == IDENTITY_GOOD ? 0 : replace_pair(dir_fd, clock, identity);
	}
	return r;
}

int identity_open(int dir_fd, const char *version, const char *machine, const char *name,
	const struct trust_clock *clock, struct trust_store *store, struct identity *identity)
{
	struct identity opened = {0};
	struct identity_facts facts = {0};
	int r;

	snprintf(opened.common_name, sizeof(opened.common_name), "%s", name);
	r = trust_store_load(dir_fd, store);
	facts.trust_made = store->pinned || store->seen_tls || store->damaged;
	/* Nothing is decided, and nothing made anew, upon what could not be read just now. */
	if (!state_is_passing(r))
		r = read_stamp(dir_fd, version, machine, &facts, opened.previous_version,
			sizeof(opened.previous_version));
	if (!state_is_passing(r))
		r = look_at_pair(dir_fd, clock, &opened, &facts);
	if (!state_is_passing(r)) {
		opened.action = identity_decide(&facts);
		r = act(dir_fd, clock, facts.pair, store, &opened);
	}
	if (r == 0)
		r = note_dates(&opened);
	/* Last: until then the next start does the same again. */
	if (r == 0 && opened.action != IDENTITY_KEEP)
		r = write_stamp(dir_fd, version, machine);
	if (r < 0) {
		identity_clear(&opened);
		*store = (struct trust_store){.damaged = true};
		return r;
	}
	*identity = opened;
	return 0;
}
