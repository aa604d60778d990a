/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint as a whole: configuration, trust, accounts, Lifecycle log, and the server that
 * offers them. One for the process; main.c owns it.
 */
#ifndef BMCLINK_ENDPOINT_SERVICE_H
#define BMCLINK_ENDPOINT_SERVICE_H

#include "base/cert.h"
#include "base/clock_watch.h"
#include "base/renewal.h"
#include "endpoint/accounts.h"
#include "endpoint/bootstrap.h"
#include "endpoint/feature_switches.h"
#include "endpoint/lclog.h"
#include "endpoint/limiter.h"
#include "endpoint/listen.h"
#include "endpoint/packages.h"
#include "endpoint/platform.h"
#include "endpoint/profile.h"
#include "endpoint/push.h"
#include "endpoint/refusals.h"
#include "endpoint/resource.h"
#include "endpoint/server.h"
#include "endpoint/service_snmp.h"
#include "endpoint/session.h"
#include "endpoint/settings.h"
#include "endpoint/sse.h"
#include "endpoint/trust.h"

struct service {
	struct event_base *base;
	struct endpoint_settings settings;
	struct profile profile;
	int state_fd, runtime_fd; /* borrowed */
	struct snmp_user snmp;
	struct event *snmp_timer;
	unsigned int snmp_looks;	 /* in a row at which no host was there */
	struct cert_pair identity, next; /* next: announced, not in use yet; NULL: there is none */
	char fingerprint[3 * CERT_FINGERPRINT_SIZE], next_fingerprint[3 * CERT_FINGERPRINT_SIZE];
	struct renewal_backoff rollover_backoff;
	struct event *rollover_timer;
	bool rollover_asked, next_given;
	bool identity_unseen; /* made in this run, and not shown to anybody but by a connection */
	char uuid[40];
	SSL_CTX *context; /* NULL: no TLS */
	struct trust trust;
	struct limiter_turns
		enrolments; /* of hosts, all together: one takes as many names as it likes */
	bool trust_damaged; /* its file is there and cannot be read: empty, but not a first use */
	bool trust_unsaved; /* its file may be another one */
	struct event *save_timer;
	struct accounts accounts;
	struct bootstrap bootstrap;
	struct limiter bootstrap_limiter; /* of its records in the log */
	unsigned int password_generation; /* of the administrator's; never 0 */
	struct sessions sessions;
	struct lclog *log;
	struct platform *platform;
	struct refusals *refusals;
	struct server *server;
	struct listen *listen;
	struct care care;
	struct packages packages;
	struct sse *sse;
	struct push *push;
	bool events_enabled;
	struct features features;
	struct clock_watch *clock;
	struct event *expiry_timer; /* of the first known certificate to expire */
	struct event *farewell;	    /* after "forget me": its connections are ended */
	char *plain_answer;	    /* the 426, ready to send */
};

struct service_environment {
	struct event_base *base;
	const char *state_dir;
	int state_fd, runtime_fd;
};

int service_new(const struct service_environment *environment,
	const struct endpoint_settings *settings, struct service **service);
/* Says goodbye to every client and frees all. Safe with NULL. */
void service_free(struct service *service);
/* New settings: what they change is started anew, the rest goes on. Negative errno: there is no TLS
 * with them, and the old ones stay. */
int service_apply(struct service *service, const struct endpoint_settings *settings);

/* service_trust.c: the acts of trust, each durable and recorded before it is true. */
void service_get_clock(struct trust_clock *clock);
int64_t service_get_mono_ms(void);
/* Durable; ends the sessions and the streams of those who knew the old one. */
int service_set_password(
	struct service *service, const struct password *password, const struct connection *asking);
enum trust_verdict service_judge(
	const struct trust_certificate *certificate, void *arg /* struct service */);
int service_enrol(struct service *service, const char *pem, size_t length,
	const struct connection *connection, unsigned int *id);
/* The next certificate of the known host of this connection; -ENOENT: it is not known. */
int service_renew(struct service *service, const char *pem, size_t length,
	const struct connection *connection, unsigned int *id);
/* A known host has asked something with this certificate: the one that it replaces goes. */
void service_note_use(struct service *service, const struct trust_certificate *certificate);
/*
 * asking (may be NULL) is not cut off by it. With own_wish nobody is before the answer has had its
 * time: the end of the event stream would overtake it, and the host would not know whether it is
 * forgotten.
 */
int service_remove_certificate(struct service *service, unsigned int id, const char *by,
	const struct connection *asking, bool own_wish);
int service_forget_hosts(struct service *service, const char *by);
void service_open_window(struct service *service, enum trust_reason reason);
void service_watch_expiry(struct service *service);
void service_watch_clock(struct service *service); /* what a date decides, when the clock is set */
bool service_window_is_open(const struct service *service);
/* A host is connected without TLS: kept, for when it comes with its first certificate. */
void service_note_plain_host(struct service *service);

/* service_identity.c: our own certificate, and the one that follows it. */
int service_open_identity(struct service *service);
/* In the place of one that nobody has seen. */
int service_remake_identity(struct service *service);
int service_make_context(struct service *service);
void service_set_uuid(struct service *service);
/* Does what is due; negative errno when that failed (it is tried again by itself). */
int service_run_rollover(struct service *service);
void service_schedule_rollover(struct service *service); /* a fact changed: from the loop */
/* By the administrator: make the next one now. -EALREADY: there is one. */
int service_renew_identity(struct service *service);
time_t service_get_deadline(const struct service *service); /* of the next one; 0: there is none */
/* By the administrator: this pair is the next one; taken over and cleared. Used at once where no
 * host is known, else when the hosts have it. */
int service_stage_identity(struct service *service, struct cert_pair *pair);
/* A known host trusts the next one. -ENOENT: it is not this; -EPERM: it is no known host. */
int service_acknowledge_next(struct service *service, const struct trust_certificate *host,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);

/* service_names.c: the names in our certificate. The addresses of a BMC that boots come after the
 * first start has made it: then it is made again, as long as nobody can have pinned it. */
#define SERVICE_MAX_NAMES 24
struct service_names {
	const char *list[SERVICE_MAX_NAMES + 1]; /* NULL at the end; into texts, or constant */
	unsigned int n;
	char texts[SERVICE_MAX_NAMES][INET6_ADDRSTRLEN];
};
void service_get_names(const struct service *service, struct service_names *names);
#define SERVICE_OWN_NAME "bmclink-endpoint"
bool service_made(const X509 *certificate); /* by ourselves; else it was given */
void service_address_came(struct service *service);

/* service_rights.c: connections and streams whose rights are gone end; asking may be NULL and is
 * not cut off: it has still to be answered. */
void service_review_connections(
	struct service *service, const char *reason, const struct connection *asking);
/* Session, account and password that a request rested on are still there. */
bool service_has_rights(const struct service *service, const struct connection_principal *by);

/* service_bootstrap.c: accounts that the host gets over IPMI. */
struct ipmi_answer;
int service_load_bootstrap(struct service *service);
int service_save_bootstrap(struct service *service);
/* The switches (enabled, enable_after_reset, role) of wish; durable or not at all. */
int service_set_bootstrap(struct service *service, const struct bootstrap *wish);
int service_remove_bootstrap_account(
	struct service *service, unsigned int id, const char *by, const struct connection *asking);
void service_note_host_reset(struct service *service);
/* What the IPMI firmware forwards; see ipmi.h. */
void service_answer_ipmi(struct service *service, const unsigned char *request, size_t length,
	struct ipmi_answer *answer);
/* Its occasions do not open the window: hosts come over IPMI. */
bool service_window_is_barred(const struct service *service);
void service_review_window(struct service *service);

/* res_update.c: the package store; by: who did it, for the log. why: PACKAGES_MAX_WHY bytes. */
int service_open_packages(struct service *service);
void service_note_package(struct service *service, const char *id, const char *by);
int service_remove_package(struct service *service, const char *id, const char *by);

/* res_events.c: whether there are events at all, as it was left. */
int events_load(struct service *service);

/* res_features.c: the BMC's switches. Durable, then true, then recorded; 0 or negative errno. */
int service_load_features(struct service *service);
int service_set_feature(struct service *service, int number, bool on, const char *by);

/* service_http.c: what the server asks. */
void service_fill_handlers(struct service *service, struct server_handlers *handlers);
int service_make_plain_answer(struct service *service);

#endif
