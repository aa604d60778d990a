/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions (DSP0266, clause "Redfish session login authentication"): a token
 * of 256 random bits stands for a password that was right once. Only its hash is kept. No sockets,
 * no clock: times are CLOCK_BOOTTIME in ms, handed in. Sessions end with the process.
 */
#ifndef BMCLINK_ENDPOINT_SESSION_H
#define BMCLINK_ENDPOINT_SESSION_H

#include <netinet/in.h>
#include <stdint.h>
#include <time.h>

/* The one of its kind that was not used for the longest time makes room. */
#define SESSION_MAX	   16	/* of the administrator */
#define SESSION_MAX_HOST   4	/* of all bootstrap accounts */
#define SESSION_TIMEOUT	   1800 /* seconds without a request */
#define SESSION_TOKEN_SIZE 65

struct session {
	unsigned int id;      /* of the resource; never used again */
	unsigned int account; /* id of a bootstrap account; 0: the administrator's */
	unsigned char hash[32];
	int64_t used_ms;
	unsigned int streams; /* that rest on it: it does not expire meanwhile */
	time_t created;
	char client[INET6_ADDRSTRLEN];
};

struct sessions {
	struct session list[SESSION_MAX + SESSION_MAX_HOST]; /* oldest first */
	unsigned int n, last_id;
};

/* Makes one; account as in struct session. token is what the client gets, and nobody else ever
 * again. -EIO: no random bits. */
int session_create(struct sessions *sessions, unsigned int account, const char *client,
	time_t created, int64_t now_ms, char token[SESSION_TOKEN_SIZE], unsigned int *id);
/* The session of a token, which is used now; NULL: there is none, or not any more. */
const struct session *session_use(struct sessions *sessions, const char *token, int64_t now_ms);
const struct session *session_find(const struct sessions *sessions, unsigned int id);
int session_end(struct sessions *sessions, unsigned int id); /* -ENOENT */
void session_end_all(struct sessions *sessions);
void session_end_account(struct sessions *sessions, unsigned int account);
/* A stream that rests on it begins, or has ended; nothing where the session is gone. */
void session_hold(struct sessions *sessions, unsigned int id);
void session_release(struct sessions *sessions, unsigned int id, int64_t now_ms);
/* Those go that were not used for SESSION_TIMEOUT. */
void session_expire(struct sessions *sessions, int64_t now_ms);

#endif
