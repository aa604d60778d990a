/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the channel share. A channel runs transfers (one HTTP request and its answer)
 * on connections (one TCP connection, with TLS or without):
 *
 *   channel.c           life of the channel: open, states, results, close
 *   channel_tcp.c       TCP connect, with errno and deadline of our own
 *   channel_tls.c       what TLS shows: verdict on the peer, alerts, versions
 *   channel_transfer.c  one request and its answer over libcurl
 *   channel_easy.c      what libcurl calls and is told for it
 *   channel_multi.c     libcurl's sockets and timers on libevent
 *   channel_attempt.c   the steps from ServiceRoot to connected or enrolled
 *   channel_facts.c     what the steps have shown
 *   channel_login.c     session log-in
 *   channel_enrol.c     what is done with an account from IPMI
 *   channel_session.c   the life of a session: renewal, its end
 *   channel_stream.c    the life line: the event stream, or why there is none
 *   channel_flow.c      how fast a stream is read
 *   channel_silence.c   a stream that should have said something
 *   channel_life.c      life without a stream, and the dates of the certificates
 *   channel_request.c   requests of the agent
 *
 * Every entry from the event loop is framed by channel_enter() and channel_leave(), so that a
 * handler may close the channel from whatever depth it is called.
 */
#ifndef BMCLINK_HOST_CHANNEL_INTERNAL_H
#define BMCLINK_HOST_CHANNEL_INTERNAL_H

#include <curl/curl.h>

#include "host/link/channel.h"
#include "host/link/channel_resource.h"
#include "host/link/sse.h"

#define CHANNEL_BODY_MS	       3000  /* from the first byte of an answer to its last */
#define CHANNEL_REQUEST_MS     30000 /* the same two, for requests of the agent: logs are slow */
#define CHANNEL_MAX_HEADERS    (32 * 1024)
#define CHANNEL_MAX_BARREN     (128 * 1024)
#define CHANNEL_FOREIGN_MS     15000 /* to the first byte from a stock BMC: some take seconds */
#define CHANNEL_MAX_LOCATION   (CHANNEL_MAX_PATH + 128)
#define CHANNEL_MAX_KEEP_ALIVE 3600 /* seconds; longer is as good as none */
#define CHANNEL_MAX_CONNECTS   2 /* of one transfer: the BMC may have closed an idle connection */

/* One TCP connection, and what it has shown. */
struct connection {
	struct connection *next;
	struct channel *channel;
	struct transfer *transfer; /* which opened it */
	SSL *ssl;		   /* libcurl's; NULL when it is gone */
	int fd;			   /* -1: closed; the structure lives until the next connect */
	bool saw_record;	   /* of the first bytes that came back */
	int read_errno;		   /* of the last failed read, 0: none */
	struct trust_facts facts;
	enum tls_version version, peer_version;
	char cipher[64];
	bool has_peer, clock_unset;
	bool asked_certificate; /* the BMC asked for ours */
	size_t barren;		/* bytes of TLS since something came of them */
	struct trust_peer peer;
};

enum transfer_phase {
	TRANSFER_IDLE,
	TRANSFER_CONNECT, /* TCP */
	TRANSFER_TLS,
	TRANSFER_ANSWER, /* until the first byte of the answer */
	TRANSFER_BODY,
	TRANSFER_STREAM, /* no deadline: the kernel's keep-alive watches */
};

struct transfer;
typedef void (*transfer_done_fn)(struct transfer *transfer);

struct transfer {
	struct channel *channel;
	CURL *easy;
	struct curl_slist *headers;
	struct event *deadline;
	enum transfer_phase phase;
	struct connection *connection; /* the last one opened; NULL: none yet */

	/* TCP connect in progress */
	struct event *connecting;
	int connect_fd; /* connected or connecting, not yet libcurl's; else -1 */
	bool need_connect;
	bool asked_again; /* for the neighbour, see channel_tcp.c */
	unsigned int connects;

	/* the request */
	char method[8];
	char path[CHANNEL_MAX_PATH];
	char *request_body;
	char range[64]; /* of a file that is wanted; "": a resource is */
	unsigned int answer_ms, body_ms;
	bool stream;	      /* text/event-stream goes to the channel's parser */
	bool secret;	      /* the body holds a password, the answer a token */
	bool redirected;      /* once is enough */
	bool renewed;	      /* logged in again for this request */
	unsigned int session; /* generation of the token that it carries */
	bool opened_stream;   /* ... and did */
	transfer_done_fn done;

	/* the answer; valid in done() */
	bool added;	   /* in the multi handle */
	bool complete;	   /* the whole answer is there */
	bool timed_out;	   /* one of our deadlines */
	bool starved;	   /* for want of memory or of a place in epoll */
	bool too_large;	   /* a bound of ours */
	bool garbled;	   /* an answer came that is not HTTP */
	bool barren;	   /* bytes came, and nothing of them */
	bool local;	   /* our own trouble */
	int connect_errno; /* TCP did not come about */
	int status;
	char location[CHANNEL_MAX_LOCATION];
	char token[LOGIN_MAX_TOKEN]; /* of a secret transfer */
	size_t header_bytes;
	char *body;
	size_t body_length, body_size;
	char error[CURL_ERROR_SIZE];
};

enum channel_state {
	CHANNEL_NEW,
	CHANNEL_ROOT,	  /* connecting and GET /redfish/v1/ */
	CHANNEL_LOGIN,	  /* making a session */
	CHANNEL_MANAGERS, /* looking for the manager's path */
	CHANNEL_MANAGER,  /* GET it, as the known host */
	CHANNEL_ENROL,
	CHANNEL_UP,
	CHANNEL_ENDED,	 /* done() or lost() was called; waits to be closed */
	CHANNEL_LEAVING, /* ends its session */
	CHANNEL_CLOSED,
};

enum channel_life { LIFE_NONE, LIFE_LOOKING, LIFE_STREAM, LIFE_POLL };

struct channel_request {
	char method[8];
	char path[CHANNEL_MAX_PATH];
	char *body;
	char range[64];
	channel_answer_fn answer;
	channel_piece_fn piece; /* instead of answer */
	void *arg;
};

typedef void (*channel_login_fn)(struct transfer *transfer, bool logged_in);

struct channel_session {
	char token[LOGIN_MAX_TOKEN]; /* "": none */
	char location[CHANNEL_MAX_PATH];
	unsigned int generation;
	struct transfer *by; /* which logs in just now; NULL: none does */
	channel_login_fn then;
	struct transfer *waiting; /* the other one, for the same */
	channel_login_fn waiting_then;
	struct transfer *farewell;
	void (*ended)(struct channel *channel, void *arg);
	void *ended_arg;
};

/*
 * A bucket that holds 2 MB of stream and leaks 2 MB/s: some 5000 events a second. Beyond what any
 * BMC has to tell, and some percent of a CPU.
 */
#define CHANNEL_FLOW_PER_MS   2000
#define CHANNEL_FLOW_BURST    2000000
#define CHANNEL_FLOW_EVENT    256 /* bytes that an event counts for beside its own */
#define CHANNEL_FLOW_PAUSE_MS 200

struct channel_flow {
	int64_t used, at; /* bytes; ms */
	bool paused;
	struct event *timer;
};

struct channel_enrol_run { /* channel_enrol.c */
	char service[CHANNEL_MAX_PATH], accounts[CHANNEL_MAX_PATH], found[CHANNEL_MAX_PATH];
	json_t *members; /* of accounts */
	size_t at, seen;
	const char *wanted; /* name of the account that is looked for */
	void (*then)(struct channel *channel, bool found);
	int status;
	struct account account; /* the lasting one */
	bool enrolled, cleaned;
};

struct channel {
	const struct channel_environment *environment;
	struct channel_target target;
	struct channel_handlers handlers;
	struct channel_info info;
	enum channel_state state;
	unsigned int depth; /* of channel_enter() */

	CURLM *multi;
	struct event *multi_timer, *kick;
	struct connection *connections;
	struct transfer main, side; /* steps and life line; requests of the agent */

	bool plain;	     /* no TLS on this attempt */
	bool handshake_only; /* our certificate has expired: it is shown, nothing is asked */
	bool fallback; /* plain is only being looked at: first is what to say when it is not there
			*/
	uint16_t port;
	struct channel_result first;

	char manager[CHANNEL_MAX_PATH], event_service[CHANNEL_MAX_PATH];
	char stream[CHANNEL_MAX_PATH], managers[CHANNEL_MAX_PATH], sessions[CHANNEL_MAX_PATH];
	char systems[CHANNEL_MAX_PATH];
	bool top_skip; /* ProtocolFeaturesSupported.TopSkipQuery */
	struct channel_session session;
	struct channel_memory *memory, own_memory;
	char why[192];		      /* in words, where the last transfer does not show it */
	char enrol[CHANNEL_MAX_PATH]; /* the collection for our certificate; "": not offered */
	bool enrolment_open;
	struct channel_enrol_run run;

	enum channel_life life;
	unsigned int poll_failures;
	unsigned int reopen_after; /* polls, then the stream is tried again; 0: it is not */
	struct timespec stream_began;
	bool stream_reused; /* asked for on a connection that was there before */
	struct sse_parser sse;
	struct channel_flow flow;
	struct event *poll, *expiry, *silence;
	unsigned int keep_alive_s; /* of its streams; 0: not known */
	int64_t heard_ms;	   /* CLOCK_MONOTONIC, of the stream */
	time_t own_not_after;

	struct channel_request requests[CHANNEL_MAX_REQUESTS];
	unsigned int n_requests; /* waiting, the first of them in flight when request_active */
	unsigned int first_request;
	bool request_active;
};

/* channel.c */
void channel_enter(struct channel *channel);
void channel_leave(struct channel *channel); /* frees a channel that was closed within */
void channel_set_state(struct channel *channel, enum channel_state state);
void channel_report(struct channel *channel, const struct channel_result *result);
void channel_stop(struct channel *channel); /* transfers and timers; nothing more will happen */
struct trust_clock channel_clock(const struct channel *channel);

/* channel_tcp.c: ends in transfer_connected(), or in transfer_failed() with the errno */
void channel_tcp_connect(struct transfer *transfer);
void channel_tcp_stop(struct transfer *transfer);

/* channel_tls.c */
int channel_tls_init(void);
CURLcode channel_tls_setup(CURL *easy, void *context, void *arg /* struct transfer */);
/*
 * Read once more from a failed connection. A BMC that refuses us in TLS 1.3 and closes makes our
 * first write fail while its alert waits unread; libcurl stops there.
 */
void channel_tls_drain(struct connection *connection);

/* channel_transfer.c */
int transfer_init(struct transfer *transfer, struct channel *channel);
void transfer_clear(struct transfer *transfer);
/* A Redfish answer of a step: the whole JSON object of a 200, which the caller owns, or NULL. */
json_t *transfer_take_object(const struct transfer *transfer);
/* done() is called once, it may be before this returns, unless transfer_stop() comes first. body is
 * copied, may be NULL. */
void transfer_start(struct transfer *transfer, const char *method, const char *path,
	const char *body, transfer_done_fn done);
void transfer_stop(struct transfer *transfer);
void transfer_connected(struct transfer *transfer);
void transfer_failed(struct transfer *transfer, int connect_errno);
void transfer_finished(struct transfer *transfer, CURLcode code); /* libcurl is done with it */
void transfer_set_phase(struct transfer *transfer, enum transfer_phase phase);

/* channel_easy.c */
void transfer_set_options(struct transfer *transfer);

/* channel_multi.c */
int channel_multi_new(struct channel *channel);
void channel_multi_free(struct channel *channel);
int channel_multi_add(struct transfer *transfer);
void channel_multi_remove(struct transfer *transfer);
int channel_multi_close_socket(void *arg /* struct channel */, curl_socket_t fd);

/* channel_attempt.c */
void channel_attempt_start(struct channel *channel);

/* channel_facts.c */
/* Names, the way to the manager, enrolment, and whose BMC it is. */
void channel_read_root(struct channel *channel, const json_t *root);
/* The facts of what this transfer showed, for trust_classify(). */
struct trust_facts channel_gather_facts(
	const struct channel *channel, const struct transfer *transfer);
void channel_fill_result(const struct channel *channel, const struct transfer *transfer,
	enum outcome outcome, struct channel_result *result);

/* The step did not bring what it should have: what the connection shows is the result. */
void channel_attempt_fail(struct channel *channel);

/* channel_enrol.c: the ServiceRoot is there, go on. */
void channel_enrol_start(struct channel *channel, const json_t *root);

/* channel_describe.c */
void channel_describe(const struct channel *channel, const struct transfer *transfer,
	enum outcome outcome, char *out, size_t size);

/* channel_life.c */
void channel_life_start(struct channel *channel);
void channel_life_stop(struct channel *channel);
void channel_lose(struct channel *channel, const struct transfer *transfer);
void channel_lose_as(
	struct channel *channel, const struct transfer *transfer, enum outcome outcome);
void channel_life_poll(struct channel *channel); /* the next question, after a while */

/* channel_stream.c */
void channel_stream_look(struct channel *channel); /* is there one? then open it */
void channel_stream_open(struct channel *channel);
void channel_stream_opened(struct channel *channel); /* its headers came */
/* Bytes of the stream; false: end the transfer. */
bool channel_stream_take(struct channel *channel, const char *bytes, size_t length);

/* channel_silence.c */
int channel_silence_init(struct channel *channel);
void channel_silence_clear(struct channel *channel); /* safe at any time */
void channel_silence_begin(struct channel *channel); /* a stream was opened */
void channel_silence_heard(struct channel *channel); /* bytes of it came */
void channel_silence_stop(struct channel *channel);

/* channel_flow.c */
int channel_flow_init(struct channel *channel);
void channel_flow_clear(struct channel *channel); /* safe at any time */
void channel_flow_begin(struct channel *channel); /* a new stream */
/* May these bytes be taken now? false: the transfer is to pause, and goes on by itself. */
bool channel_flow_allows(struct channel *channel, size_t bytes);
void channel_flow_count_event(struct channel *channel);

/* channel_login.c */
/*
 * Log in with this transfer, then call then(): later, once, unless the channel ends before. false:
 * not begun, channel->why says why.
 */
bool channel_login_start(struct transfer *transfer, channel_login_fn then);
bool channel_login_is_configured(const struct channel *channel);
const char *channel_login_user(const struct channel *channel); /* whom we log in as */
/* May anything secret go where this transfer leads? */
bool channel_login_is_safe(const struct transfer *transfer);

/* channel_session.c */
/* The answer was 401 and a session may have expired: log in again, once for one request, and call
 * resume(). false: it stays as answered. */
bool channel_session_renew(struct transfer *transfer, channel_login_fn resume);
/* The channel ends without ending its session: the next one is told to. */
void channel_session_abandon(struct channel *channel);
void channel_session_clean(struct channel *channel); /* ends those that were left over */
void channel_session_farewell(struct channel *channel);
void channel_session_farewell_timeout(struct channel *channel);
void channel_session_meet(struct channel *channel); /* is this BMC the one that is remembered? */

/* channel_request.c */
void channel_request_next(struct channel *channel); /* soon: from the loop */
void channel_request_start(struct channel *channel);
void channel_request_drop(struct channel *channel); /* answers all with status 0 */

#endif
