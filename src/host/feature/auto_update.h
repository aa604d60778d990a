/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of auto-update share. auto_update.c decides when and what, and tells people;
 * update_look.c reads what the BMC has, update_fetch.c brings a package here and hands it to the
 * monitor, update_notes.c keeps what must outlive the worker, update_status.c shows it all.
 */
#ifndef BMCLINK_HOST_AUTO_UPDATE_H
#define BMCLINK_HOST_AUTO_UPDATE_H

#include "host/feature/feature_work.h"
#include "host/feature/update_offer.h"

#define AUTO_UPDATE_DAY_SECONDS	  86400
#define AUTO_UPDATE_AGAIN_SECONDS 600	/* after no whole answer, or 503, while the link stayed */
#define AUTO_UPDATE_JITTER	  14400 /* seconds that a look may come earlier */
#define AUTO_UPDATE_POLL_SECONDS  1	/* while the installer works */
#define AUTO_UPDATE_MAX_WAITING	  4	/* clients */
#define AUTO_UPDATE_MAX_PROBLEM	  192
#define AUTO_UPDATE_PIECE	  (256 * 1024)
#define AUTO_UPDATE_SPARE	  (16ULL << 20) /* bytes of the disk that stay free */
#define AUTO_UPDATE_NOTES	  "update.json"

enum auto_update_phase {
	AUTO_UPDATE_IDLE,
	AUTO_UPDATE_LISTING,
	AUTO_UPDATE_READING,	/* the members */
	AUTO_UPDATE_FETCHING,	/* a package */
	AUTO_UPDATE_HANDING,	/* it to the monitor */
	AUTO_UPDATE_INSTALLING, /* the installer is at work */
	AUTO_UPDATE_N_PHASES,
};

struct auto_update {
	struct feature_context *context;
	enum auto_update_phase phase;
	struct event
		*timer;	 /* IDLE: the next look; INSTALLING: the next question; HANDING: a piece */
	bool in_flight;	 /* a request has no answer yet */
	bool drop;	 /* ... and that is not wanted any more */
	bool look_again; /* as soon as it has come */
	struct priv_update_info info;

	/* what the BMC has */
	char members[UPDATE_OFFER_MAX][UPDATE_OFFER_MAX_PATH];
	size_t n_members, at;
	bool has_new, has_back;
	struct update_offer new, back;
	time_t looked_at;
	char problem[AUTO_UPDATE_MAX_PROBLEM]; /* of the last look or try; "" */
	char told[VERSION_MAX], told_why[AUTO_UPDATE_MAX_PROBLEM];

	/* what is on its way; notes of it are in AUTO_UPDATE_NOTES */
	char wanted[VERSION_MAX]; /* by an administrator; "": none */
	bool no_way_back;
	char bad[2 * 32 + 1]; /* sha256 of one that was refused: not fetched again by itself */
	const struct update_offer *fetched;
	int fd; /* of the partial file; -1: none */
	uint64_t offset;
	char partial[2 * 32 + 1]; /* sha256 of what it becomes */

	uint64_t waiting[AUTO_UPDATE_MAX_WAITING]; /* clients that asked for a look; 0: none */
	uint64_t installing;			   /* the one that asked for an update */
};

void auto_update_set_phase(struct auto_update *au, enum auto_update_phase phase);
void auto_update_set_timer(struct auto_update *au, unsigned int seconds);
void auto_update_read_info(struct auto_update *au); /* anew from the monitor; kept if it fails */
/* The look is over: why (printable, for people), or NULL: it is known what the BMC has. */
void auto_update_looked(struct auto_update *au, const char *why);
/* The try waits for another look, with what it has and what an administrator wanted of it. */
void auto_update_put_off(struct auto_update *au, const char *why);
/* The try is over: why (printable, for people), or NULL: it is with the installer. */
void auto_update_ended(struct auto_update *au, const char *why);
/* To the clients that asked for a look: the error why, or with NULL the status. */
void auto_update_answer_waiting(struct auto_update *au, const char *why);

/* update_look.c: what the BMC has. Ends in auto_update_looked(). While a request is under way only
 * noted, and done when that has its answer. */
void update_look_start(struct auto_update *au);

/* update_fetch.c: the package of the version that runs first, where it is needed. Ends in
 * auto_update_ended(). */
void update_fetch_start(struct auto_update *au);
void update_fetch_hand(struct auto_update *au); /* a piece more */
void update_fetch_close(struct auto_update *au);
void update_fetch_remove(struct auto_update *au); /* the files */

/* update_notes.c: a note that cannot be written is a warning, one that cannot be read is none. */
void update_notes_save(struct auto_update *au);
void update_notes_load(struct auto_update *au);

/* update_status.c */
const char *update_phase_name(enum auto_update_phase phase); /* for people: "looking" */
void update_status_add(const struct feature_context *context, json_t *status);

#endif
