/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What monitor and installer hand each other: files in <state-dir>/monitor/update/, which is root's
 * alone. The monitor puts a package there whose signature it has verified and then UPDATE_REQUEST,
 * which bmclink-update.path waits for; the installer takes that away when it has ended, however it
 * ended, so that one that was killed is started again.
 */
#ifndef BMCLINK_UPDATE_STORE_H
#define BMCLINK_UPDATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/minisign.h"
#include "base/version.h"

#define UPDATE_DIR	    "update"
#define UPDATE_INCOMING	    "incoming.pkg" /* being copied: not verified */
#define UPDATE_NEW	    "new.pkg"
#define UPDATE_NEW_MINISIG  "new.minisig"
#define UPDATE_BACK	    "back.pkg" /* of the version that runs: the way back */
#define UPDATE_BACK_MINISIG "back.minisig"
#define UPDATE_STATE	    "state.json"
#define UPDATE_REQUEST	    "request"
#define UPDATE_LOCK	    "lock" /* held by the installer as long as it lives */

#define UPDATE_MAX_SIZE	  (64ULL << 20) /* of a package */
#define UPDATE_MAX_WHY	  192
#define UPDATE_STALE_SECS 900 /* an update that nobody works at is over after this */

enum update_step {
	UPDATE_NONE,
	UPDATE_REQUESTED,  /* the installer has not begun */
	UPDATE_CHECKING,   /* nothing on the system has changed */
	UPDATE_INSTALLING, /* dpkg or rpm runs, or ran */
	UPDATE_CONNECTING, /* the new agent has its time to connect */
	UPDATE_RETURNING,  /* the old package is being put back */
	/* ended */
	UPDATE_DONE,
	UPDATE_FAILED,	 /* the old agent goes on */
	UPDATE_RETURNED, /* the old package was put back */
	UPDATE_LOST,	 /* it could not be put back */
	UPDATE_N_STEPS,
};

struct update_state {
	enum update_step step;
	char version[VERSION_MAX], from[VERSION_MAX];
	char why[UPDATE_MAX_WHY];
	char key_id[MINISIGN_ID_TEXT];
	int64_t at;		   /* of the step, CLOCK_REALTIME seconds */
	unsigned int attempts;	   /* of the installer */
	bool no_way_back;	   /* an administrator wants it without */
	bool told;		   /* an event told of how it ended */
	char back[VERSION_MAX];	   /* version of UPDATE_BACK; "": there is none */
	char floor[VERSION_MAX];   /* the highest that was ever installed here */
	char refused[VERSION_MAX]; /* put back: not to be installed by itself again */
};

const char *update_step_name(enum update_step step); /* "requested" */
bool update_is_under_way(enum update_step step);

/* The directory below <state-dir>/monitor: descriptor or negative errno. */
int update_open(int monitor_fd);
/* All zero when there is none, or one that is damaged (-EBADMSG). */
int update_load(int dir_fd, struct update_state *state);
int update_save(int dir_fd, const struct update_state *state);
/* A step is durable before what belongs to it is done; < 0: *state is as it was. why: or NULL. */
int update_set_step(int dir_fd, struct update_state *state, enum update_step step, const char *why);
/* Is an installer at work? Also true when that cannot be known. */
bool update_is_locked(int dir_fd);
/* The lock: descriptor, or -EAGAIN. */
int update_lock(int dir_fd);

#endif
