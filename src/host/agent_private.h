/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent proper, which runs in the worker: one structure, and the files that share it.
 * agent.c lives and dies, agent_find.c finds the NIC, agent_nic.c feeds the ladder, agent_try.c
 * makes and loses connections, agent_bmc.c knows BMCs of other makes, agent_log*.c read the BMC's
 * log, agent_renewal.c changes the certificate, agent_kcs.c and agent_enrol.c make trust over IPMI,
 * agent_features.c and agent_switches.c run the features, agent_report.c and agent_status.c tell
 * people, agent_control.c answers bmclinkctl.
 */
#ifndef BMCLINK_HOST_AGENT_PRIVATE_H
#define BMCLINK_HOST_AGENT_PRIVATE_H

#include <event2/event.h>

#include "base/clock_watch.h"
#include "base/event.h"
#include "base/renewal.h"
#include "base/util.h"
#include "host/agent.h"
#include "host/agent_log.h"
#include "host/control.h"
#include "host/discover/plan.h"
#include "host/discover/udev_watch.h"
#include "host/feature/feature_work.h"
#include "host/link/channel.h"
#include "host/link/identity.h"
#include "host/link/kcs.h"
#include "host/link/ladder.h"
#include "host/link/nic.h"
#include "host/link/readiness.h"
#include "host/link/trust_store.h"
#include "host/priv.h"

#define AGENT_NO_INTERFACE_MS                                                                      \
	5000 /* before "cannot be found" is an event: a USB NIC takes its time at boot */
#define AGENT_ARP_MS	       500
#define AGENT_NEIGHBOUR_ASK_MS 100 /* for the BMC's link-local address: between questions, */
#define AGENT_NEIGHBOUR_ASKS   7   /* and how many */

struct agent_attempt { /* a connection being tried, or the one that stands */
	struct channel *channel;
	enum ladder_protocol protocol;
};

/* Attempts in a row that failed for want of something here. A library that ran out of memory while
 * it set itself up may never work again in this process: then a fresh one takes over. */
#define AGENT_MAX_LOCAL 5

#define AGENT_MAX_LEAVING 4 /* channels that still end their session */

struct agent_nic {			      /* the pass-through NIC as it is now */
	struct plan_nic known[PLAN_MAX_NICS]; /* facts from the monitor, by ifindex */
	size_t n_known;
	struct smbios42 records[SMBIOS42_MAX_FOUND];
	size_t n_records;
	unsigned int bad_records;
	struct plan plan;
	unsigned int claimed, refused, ask_again; /* ifindex; 0: none */
	enum plan_source claimed_source;
	bool ask_managed; /* something happened to the NIC that another manager may have done */
	struct priv_profile profile;
	bool managed, ipv4_disabled;
	bool managed_known;	/* of this NIC, though perhaps no longer true */
	unsigned int candidate; /* of the plan's BMC addresses */
	bool candidate_known, candidate_answered, probing;
	bool awaiting_udev;
	unsigned int look_ms;		 /* the last wait after a failure that may pass */
	char unprotected[PRIV_MAX_CARE]; /* what of it is not, and why; "": all is */
};

struct agent_neighbour { /* while the BMC's link-local address is asked for */
	struct event *event;
	int fd;
	unsigned int asked;
	bool several;
};

struct agent_report { /* what was said last, so that it is said once */
	enum ladder_state state;
	enum ladder_protocol protocol; /* connected over */
	enum outcome failed[LADDER_PROTOCOLS];
	enum ladder_missing missing[LADDER_PROTOCOLS];
	bool ever_connected, said_no_interface, said_clock;
	time_t since;			     /* of the state */
	char lost_address[INET6_ADDRSTRLEN]; /* the BMC's, of the last connection */
	enum outcome lost;		     /* why the last connection ended */
	time_t lost_at;
	bool said_stream, said_foreign; /* what agent_bmc.c says once */
	struct {
		enum outcome outcome;
		char detail[256];
	} last[LADDER_PROTOCOLS]; /* how each protocol failed last: the reason is one of them */
};

struct agent_renewal { /* of our certificate, and what the BMC announced of its own */
	struct renewal_backoff backoff;
	struct event *timer, *daily;
	struct clock_watch *clock;
	bool asked;   /* by an administrator */
	bool offered; /* the BMC has not answered yet */
	bool proving; /* it is in place, and no connection was made with it yet */
	bool said_next;
	char trouble[192]; /* why the last try failed; "" */
};

enum agent_forget_state {
	AGENT_FORGET_NONE,
	AGENT_FORGET_ASKING,
	AGENT_FORGET_DONE, /* no connection is made any more in this life of the agent */
	AGENT_FORGET_FAILED
};

struct agent_forget {
	enum agent_forget_state state;
	unsigned int waiting; /* requests that have no answer yet */
	bool restart;	      /* connections are to begin anew */
	char why[96];	      /* FAILED */
};

enum agent_kcs_state {
	AGENT_KCS_IDLE,
	AGENT_KCS_WAITING, /* for the driver, or for another request to end */
	AGENT_KCS_FINGERPRINT,
	AGENT_KCS_CREDENTIALS,
	AGENT_KCS_ENROLLING,
	AGENT_KCS_CLEANING,
};

struct agent_kcs { /* trust over IPMI */
	enum agent_kcs_state state;
	struct event *timer;
	uint64_t since; /* we wait for the driver */
	bool before;	/* asked before the connection; else about result */
	bool listed;	/* named is of this attempt */
	struct channel_target target, connected; /* of the attempt; of the connection */
	struct channel_result result;
	uint8_t number;
	size_t n_named;
	unsigned char named[KCS_MAX_CERTIFICATES][CERT_FINGERPRINT_SIZE];
	struct account bootstrap, account; /* as on disk */
	bool remembered;		   /* bootstrap is of an earlier life */
	struct cert_pair no_pair;
	struct channel_enrolment enrolment;
	struct channel_environment environment;
	struct channel *channel;
	char why[160], said[160]; /* no trust over IPMI; what was said of it last */
};

struct agent_feature { /* as it was told last */
	struct feature_context context;
	bool told, on, available;
	bool said_off; /* at the BMC */
	enum feature_stop stop;
};

struct agent_switches { /* what the BMC says */
	enum feature_switch is[FEATURES];
	enum feature_auth_none auth_none;
};

struct agent_reading { /* of the switches; one at a time */
	struct event *timer;
	bool active, again;
	int step;
	unsigned int wait_ms; /* before the next, after a failure */
	char interfaces[CHANNEL_MAX_PATH];
	struct agent_switches found;
};

struct agent_features {
	struct agent_feature all[FEATURES];
	struct feature_link link;
	struct agent_switches switches;
	struct agent_reading reading;
	bool new_settings;
};

struct agent {
	const struct agent_environment *environment;
	struct event_base *base;
	struct event_log *events;
	struct priv *priv;
	struct settings settings;
	struct nic_watch *watch;
	struct agent_nic nic;
	struct ladder ladder;
	struct agent_attempt current, trying;
	struct channel *leaving[AGENT_MAX_LEAVING];
	struct channel_memory memory; /* of the BMC, over channels */
	struct agent_neighbour neighbour;
	struct udev_watch *udev;
	struct channel_environment channels;
	struct identity identity;
	struct trust_store trust;
	struct agent_renewal renewal;
	struct agent_kcs kcs;
	struct control *control;
	struct agent_report report;
	struct agent_forget forget;
	struct agent_log log;
	struct agent_features features;
	struct event *counts; /* pending while an event's repeats are not told of */
	struct event *notices, *step, *ladder_timer, *interface_timer, *arp_timer, *neighbour_timer;
	struct event *look_timer; /* the NICs are looked at again */
	bool evaluate;		  /* the next step looks at the NICs again */
	unsigned int n_local;	  /* of AGENT_MAX_LOCAL */
	bool stopping;
};

/* New settings from the monitor: 0, or negative errno and an event was emitted. */
int agent_reload(struct agent *agent);
uint64_t agent_now(void); /* ms, CLOCK_BOOTTIME: a suspended host has waited, too */
/* Something changed: run the ladder from the loop, after looking at the NICs again where evaluate
 * is set. */
void agent_schedule(struct agent *agent, bool evaluate);

/* agent_find.c */
void agent_nic_load_records(struct agent *agent);
void agent_nic_find(struct agent *agent); /* a new plan */
/* Something about the NICs failed with r. Where that may pass all of it is tried again after a
 * while, less and less often: no event of the kernel need come. */
void agent_nic_look_again(struct agent *agent, int r);
void agent_nic_look(struct agent *agent); /* now */
void agent_nic_changed(unsigned int ifindex, enum nic_change change, void *arg);
void agent_nic_udev_hint(void *arg);
void agent_nic_forget(struct agent *agent, unsigned int ifindex); /* 0: all */

/* agent_nic.c */
void agent_nic_evaluate(struct agent *agent);
void agent_nic_arp_answered(struct agent *agent, struct in_addr address);
void agent_nic_arp_timeout(struct agent *agent);
void agent_nic_configure(struct agent *agent);
void agent_nic_attempt_failed(
	struct agent *agent, enum ladder_protocol protocol, enum outcome outcome);
void agent_nic_spend(struct agent *agent);
int agent_nic_rearm(struct agent *agent);
void agent_nic_care(struct agent *agent);
/* The monitor: what of the NIC is not protected; "": all is. */
void agent_nic_care_told(struct agent *agent, const char *why);
void agent_nic_get_input(const struct agent *agent, struct readiness_input *input);

/* agent_try.c */
void agent_try_begin(struct agent *agent, enum ladder_protocol protocol);
void agent_try_neighbour(struct agent *agent, const struct in6_addr *address);
void agent_try_no_neighbour(struct agent *agent, bool several);
void agent_try_drop(struct agent *agent, enum ladder_protocol protocol);
/* At the end, in good order: sessions are ended, which takes a moment. */
void agent_try_leave_all(struct agent *agent);
bool agent_try_is_leaving(const struct agent *agent);
void agent_try_give_up(struct agent *agent);	  /* what is being tried; nobody is told */
void agent_try_drop_leaving(struct agent *agent); /* they are not even said goodbye to */
void agent_try_drop_all(struct agent *agent);	  /* at the end: nobody is told */
/* What connections are made with has changed: what there is ends, and all begins anew. */
void agent_try_restart(struct agent *agent);

/* The attempt goes on, or ends, after IPMI was asked. */
void agent_try_open(struct agent *agent, const struct channel_target *target);
void agent_try_fail(struct agent *agent, const struct channel_result *result);

/* agent_kcs.c: trust over IPMI. The first two: true, and the attempt is theirs until they call
 * agent_try_open() or agent_try_fail(). */
bool agent_kcs_begin(struct agent *agent, const struct channel_target *target);
bool agent_kcs_take(struct agent *agent, const struct channel_result *result);
void agent_kcs_answered(struct agent *agent, const struct priv_ipmi *answer);
void agent_kcs_connected(struct agent *agent);
void agent_kcs_stop(struct agent *agent); /* whatever is under way */
int agent_kcs_start(struct agent *agent);
void agent_kcs_free(struct agent *agent);
json_t *agent_kcs_get_trust(const struct agent *agent); /* how trust was made, and when */

/* agent_enrol.c: what is done with an account from IPMI */
void agent_enrol_start(struct agent *agent, bool only_clean);
/* An account that is left is deleted over the connection that stands by then. */
void agent_enrol_clean_later(struct agent *agent);
/* The next connection may log in with the account that we made, unless an administrator gave one.
 */
void agent_enrol_offer_account(struct agent *agent);
/* No account: it is said, and the attempt ends as it had. */
void agent_enrol_give_up(struct agent *agent, const char *why);

/* agent_neighbour.c */
void agent_neighbour_start(struct agent *agent);
void agent_neighbour_stop(struct agent *agent);
void agent_neighbour_timeout(struct agent *agent);

/* agent_report.c */
void agent_report_progress(struct agent *agent); /* after each step of the ladder */
void agent_report_connected(struct agent *agent, enum ladder_protocol previous);
void agent_report_failed(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result);
void agent_report_lost(
	struct agent *agent, const char *bmc_address, const struct channel_result *result);
void agent_report_no_interface(struct agent *agent);
/* What belongs to this outcome of the ladder; "" when there is nothing to add. */
const char *agent_report_get_detail(const struct agent *agent, enum outcome outcome);
/* Why there is no interface that could be used. */
const char *agent_report_get_no_interface(const struct agent *agent);
void agent_report_monitor_event(struct agent *agent, const struct priv_event *event);

/* agent_bmc.c: a BMC that is not ours */
int agent_bmc_get_password(char password[PRIV_MAX_PASSWORD + 1], void *arg /* struct agent */);
void agent_bmc_changed(struct channel *channel, void *arg /* struct agent */);
void agent_bmc_report_connected(struct agent *agent);
void agent_bmc_add_status(const struct agent *agent, json_t *status);

/* agent_status.c */
json_t *agent_get_status(const struct agent *agent);
json_t *agent_make_time(time_t when); /* RFC 3339; null: 0 */

/* agent_features.c */
int agent_features_start(struct agent *agent);
void agent_features_run(struct agent *agent); /* after each step; does nothing unless it must */
void agent_features_reloaded(struct agent *agent);
void agent_features_take_switches(struct agent *agent, const struct agent_switches *switches);
/* The monitor says that something of this feature has changed. */
void agent_features_noticed(struct agent *agent, enum feature_number number);
void agent_features_pushed(struct agent *agent, const json_t *payload);
void agent_features_end(struct agent *agent); /* the agent stops */
void agent_features_free(struct agent *agent);
json_t *agent_features_get_status(const struct agent *agent);
enum control_exit agent_features_command(
	const json_t *request, json_t **result, char *error, void *arg /* struct agent */);

/* agent_switches.c: those of the BMC */
int agent_switches_start(struct agent *agent);
void agent_switches_connected(struct agent *agent);
void agent_switches_pushed(struct agent *agent, const json_t *payload);
void agent_switches_free(struct agent *agent);

/* agent_control.c */
int agent_control_start(struct agent *agent);

/* agent_trust.c */
int agent_trust_start(struct agent *agent); /* identity and trust, from the state directory */
int agent_trust_reset(struct agent *agent);
int agent_trust_pin(struct agent *agent, const unsigned char *fingerprint);
/* The BMC connected with this certificate: if it is the announced one, it takes the pin's place. */
int agent_trust_note_shown(struct agent *agent, const unsigned char *fingerprint);
/* The BMC announces its next certificate (or none): believed only of the pinned one itself. True:
 * it is trusted from now on. */
bool agent_trust_learn_next(struct agent *agent, const struct channel_announcement *next);

/* agent_renewal.c: our next certificate, and the BMC's */
int agent_renewal_start(struct agent *agent);
void agent_renewal_stop(struct agent *agent);
void agent_renewal_run(struct agent *agent); /* is there something to do? after each change */
void agent_renewal_connected(struct agent *agent);
void agent_renewal_pushed(struct agent *agent, const json_t *payload); /* of the event stream */
/* By an administrator's word. 0: begun; else *why is static text. -ENOTCONN: not connected;
 * -EOPNOTSUPP: this BMC takes none. */
int agent_renewal_ask(struct agent *agent, const char **why);
json_t *agent_renewal_get_state(const struct agent *agent); /* agent_renewal_state.c */

/* agent_forget.c: 0, and agent->forget says how it ends; -ENOTCONN: no trusted connection. */
int agent_forget_begin(struct agent *agent);
void agent_forget_run(struct agent *agent); /* before each step: what a failure left to do */

#endif
