/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to the BMC: agent.key and agent.crt in the worker's state directory, made afresh at
 * every installation and upgrade. stamp.json says which version wrote the state, and on which
 * machine: it tells fresh installation, upgrade, reinstallation of the same version and a cloned
 * state directory apart.
 */
#ifndef BMCLINK_HOST_IDENTITY_H
#define BMCLINK_HOST_IDENTITY_H

#include "base/cert.h"
#include "host/link/trust_store.h"

#define IDENTITY_KEY	   "agent.key"
#define IDENTITY_CERT	   "agent.crt"
#define IDENTITY_NEXT_KEY  "agent.next.key"
#define IDENTITY_NEXT_CERT "agent.next.crt"
#define IDENTITY_STAMP	   "stamp.json"
#define IDENTITY_MAX_TEXT  64 /* of a version or machine id, with NUL */
#define IDENTITY_MAX_NAME  65 /* of a certificate's common name (RFC 5280 A.1: 64), with NUL */
#define IDENTITY_NAME	   "bmclink-host" /* unless the BMC is to find an account by it */

enum identity_file { IDENTITY_ABSENT, IDENTITY_GOOD, IDENTITY_BAD };

struct identity_facts {
	enum identity_file stamp, pair;
	bool same_version, same_machine; /* by a good stamp */
	bool pair_expired;
	bool trust_made; /* the trust store holds something that a fresh start would lose */
};

enum identity_action {
	IDENTITY_KEEP,		/* the same version again: everything stays ("repair") */
	IDENTITY_FRESH,		/* new installation: new pair, window open */
	IDENTITY_OTHER_MACHINE, /* state of another machine: as FRESH */
	IDENTITY_STAGE,		/* upgrade: new pair beside the old, until the BMC knows it */
	IDENTITY_REPLACE,	/* upgrade, and the old pair is of no use: new pair, trust stays */
	IDENTITY_REPAIR,  /* our pair is lost or unreadable: as REPLACE; the BMC must be told */
	IDENTITY_DAMAGED, /* no usable stamp, but trust: nothing is opened anew, keep */
};

/* Pure. */
enum identity_action identity_decide(const struct identity_facts *facts);
const char *identity_action_name(enum identity_action action);

struct identity {
	enum identity_action action; /* what was done at this start */
	bool made_pair;		     /* ... and a new pair in pair, or in next when staged */
	struct cert_pair pair, next; /* next: staged, NULL members when there is none */
	time_t not_after;	     /* of pair */
	char previous_version[IDENTITY_MAX_TEXT]; /* of an upgrade; printable */
	char common_name[IDENTITY_MAX_NAME];	  /* of the pairs that are made from now on */
};

/*
 * Look at the state, do what identity_decide() says, and load the trust store with it. A kill at
 * any moment leads to the same end at the next start. 0 or negative errno (the state cannot be
 * written): then there is no identity, and the store trusts nobody. name: the common name of pairs
 * that are made; one that is there stays as it is.
 */
int identity_open(int dir_fd, const char *version, const char *machine, const char *name,
	const struct trust_clock *clock, struct trust_store *store, struct identity *identity);
/*
 * After identity_open(): which installation of the package this is, counted from 1; 0: not known.
 * *again: the stamp was of another one, so the package was installed over itself since.
 */
int identity_note_installation(int dir_fd, uint32_t count, bool *again);
/* Stage a new pair (renewal), unless one is staged already. */
int identity_stage(int dir_fd, const struct trust_clock *clock, struct identity *identity);
/* The BMC knows the staged pair: it becomes ours. -ENOENT when none is staged. */
int identity_confirm(int dir_fd, struct identity *identity);
void identity_clear(struct identity *identity); /* frees; safe at any time */

#endif
