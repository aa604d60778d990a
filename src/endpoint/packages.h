/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The package store: agent packages that hosts may fetch, each a file PACKAGES_DIR/ID with its
 * description ID.json beside it, in the state directory. A package is there when its description
 * is; what else lies there is removed at the start. The store believes nothing of a package: the
 * host judges the signature that was given with it.
 */
#ifndef BMCLINK_ENDPOINT_PACKAGES_H
#define BMCLINK_ENDPOINT_PACKAGES_H

#include <stdint.h>

#include "base/minisign.h"
#include "base/package_name.h"

#define PACKAGES_DIR	  "packages"
#define PACKAGES_MAX	  32
#define PACKAGES_MAX_SIZE (64ULL << 20) /* of one */
#define PACKAGES_RESERVE  (4ULL << 20)	/* that stay free for the log and the trust */
#define PACKAGES_MAX_WHY  128
#define PACKAGES_HEX	  65

struct packages_entry {
	char id[PACKAGE_NAME_MAX]; /* the name of the file that was given */
	struct package_name name;
	uint64_t size;
	char sha256[PACKAGES_HEX];	       /* lower case */
	char signature[MINISIGN_MAX_FILE + 1]; /* as given; "": none */
	char key_id[MINISIGN_ID_TEXT];	       /* that it names; "": none */
	int64_t added;			       /* CLOCK_REALTIME, seconds */
};

struct packages_upload;

struct packages {
	int dir_fd; /* -1: there is no store */
	struct packages_entry entries[PACKAGES_MAX];
	unsigned int n;
	unsigned int max_count;
	uint64_t max_bytes;		/* of all */
	struct packages_upload *upload; /* one at a time */
};

/* Keeps max_count and max_bytes. 0 or negative errno; then there is no store, and the rest says so.
 */
int packages_open(struct packages *packages, int state_fd);
/* What a kill left behind: to be called once, before anything comes in. */
void packages_clean(struct packages *packages);
void packages_close(struct packages *packages); /* safe with zeroed memory and dir_fd -1 */

const struct packages_entry *packages_find(const struct packages *packages, const char *id);
/* For reading; negative errno. The caller closes it. */
int packages_open_file(const struct packages *packages, const struct packages_entry *entry);
/* -ENOENT. What fails can be tried again. */
int packages_remove(struct packages *packages, const char *id);

/*
 * A package that comes in pieces. All fail with a text in why (PACKAGES_MAX_WHY bytes) and leave
 * the store as it was: -EBUSY: another one is under way; -EDQUOT: the store is full; -ENOSPC: the
 * disk is; -EFBIG: one package too long; -EINVAL: not the name of an agent package; -EBADMSG: not a
 * signature. expected: bytes, about; 0: not known.
 */
int packages_begin(
	struct packages *packages, uint64_t expected, struct packages_upload **upload, char *why);
int packages_write(struct packages_upload *upload, const void *data, size_t length, char *why);
/*
 * Durable on return, and the upload is ended in every case. signature may be NULL. *entry is
 * borrowed until the store changes. -EEXIST: another package of that name is there; the same one
 * again is no error.
 */
int packages_finish(struct packages_upload *upload, const char *name, const char *signature,
	size_t signature_length, const struct packages_entry **entry, char *why);
void packages_abort(struct packages_upload *upload); /* safe with NULL */

/*
 * For the command line, which reads what the service may not: it puts a file of its own into the
 * store's directory under PACKAGES_STAGED, owned by the directory's owner, and the service, or the
 * command line itself where none runs, takes it over.
 */
#define PACKAGES_STAGED "staged.part"
struct packages_staged {
	uint64_t size;
	char sha256[PACKAGES_HEX];
};
int packages_stage(int state_fd, int file_fd, struct packages_staged *staged, char *why);
int packages_take_staged(struct packages *packages, const struct packages_staged *staged,
	const char *name, const char *signature, char *why);

#endif
