/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snmp-get: the BMC's values in the host's own snmpd. In steps: the BMC's manager names the
 * resource that says how it is asked, the BMC gets an SNMPv3 user that we made up, and then the
 * monitor puts the drop-in into snmpd's configuration. What fails is tried again, less and less
 * often; the end of snmpd is a notice of the monitor's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/feature/snmp_access.h"
#include "host/feature/snmp_resource.h"
#include "host/feature/works.h"

#define MODULE	 "snmp"
#define FIRST_MS 1000 /* until the next try, doubling to */
#define MAX_MS	 60000
#define LOCAL_MS 5000 /* for what only this host lacks: looking costs a few small files */
#define NO_SNMP	 "this BMC's firmware has no SNMP for its host"

enum step {
	STEP_OFF,
	STEP_FINDING, /* where does it say so? */
	STEP_ASKING,  /* how is the BMC asked? */
	STEP_SETTING, /* it gets our user */
	STEP_ACTIVE,
	STEP_WAITING, /* for the timer, or a change */
};

struct snmp_get {
	enum step step;
	struct event *timer;
	bool asking, again; /* an answer is due; begin anew when it is here */
	bool has_user;	    /* the BMC may have it */
	bool was_active;    /* the drop-in is to go, which is an event */
	unsigned int wait_ms;
	struct snmp_access access;
	char said[FEATURE_MAX_TROUBLE]; /* the trouble that was an event last */
	struct snmp_resource resource;	/* the BMC's word */
};

static void set_step(struct snmp_get *snmp, enum step step)
{
	static const char *const names[] = {
		"off", "finding", "asking", "setting", "active", "waiting"};

	if (snmp->step != step)
		log_debug(MODULE, "%s -> %s", names[snmp->step], names[step]);
	snmp->step = step;
}

static unsigned int get_wait(struct snmp_get *snmp)
{
	snmp->wait_ms = snmp->wait_ms == 0 ? FIRST_MS : snmp->wait_ms * 2;
	if (snmp->wait_ms > MAX_MS)
		snmp->wait_ms = MAX_MS;
	return snmp->wait_ms;
}

/* ms 0: only a change of the settings or of the link mends it. */
static void stay(struct feature_context *context, const char *why, unsigned int ms)
{
	struct snmp_get *snmp = context->data;

	if (strcmp(snmp->said, why) != 0)
		event_emit(context->events, MSG_ISM1231, why);
	snprintf(snmp->said, sizeof(snmp->said), "%s", why);
	set_step(snmp, STEP_WAITING);
	feature_set_trouble(context, "%s", why);
	if (ms > 0)
		clock_set_timer(snmp->timer, ms);
}

/* --- the user --- */

static void forget_user(struct snmp_get *snmp)
{
	OPENSSL_cleanse(&snmp->access, sizeof(snmp->access));
	snmp->access = (struct snmp_access){.port = 0};
	snmp->has_user = false;
}

/* --- this host --- */

static void install(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;
	bool idrac = strcmp(snmp->resource.subtree, SNMP_IDRAC) == 0;
	int r = priv_snmp_start(context->priv, &snmp->access, idrac);

	if (r == 0) {
		snmp->wait_ms = 0;
		snmp->said[0] = '\0';
		if (snmp->step != STEP_ACTIVE && !context->active)
			event_emit(context->events, MSG_ISM1230, snmp->resource.subtree);
		set_step(snmp, STEP_ACTIVE);
		feature_set_active(context);
	} else {
		stay(context, snmp_access_explain(-r), r == -EAGAIN ? FIRST_MS : LOCAL_MS);
	}
}

/* --- the BMC --- */

static void begin(struct feature_context *context);

static int ask(struct feature_context *context, const char *method, const char *path,
	const json_t *body, channel_answer_fn fn)
{
	return channel_request(context->link->channel, method, path, body, fn, context);
}

static void ignore_answer(int status, const json_t *body, void *arg)
{
}

/* True: this answer still counts. */
static bool take_answer(struct feature_context *context, enum step step, int status)
{
	struct snmp_get *snmp = context->data;
	bool again = snmp->again, counts = snmp->step == step && !again && status != 0;

	snmp->asking = snmp->again = false;
	if (again && status != 0) {
		begin(context);
	} else if (again || (snmp->step == step && !counts)) {
		/* The connection ended, which is told elsewhere, or the answer had no end: then
		 * nothing else would ask again. */
		set_step(snmp, STEP_WAITING);
		clock_set_timer(snmp->timer, get_wait(snmp));
	}
	return counts;
}

static void on_user_set(int status, const json_t *body, void *arg)
{
	struct feature_context *context = arg;
	struct snmp_get *snmp = context->data;

	if (!take_answer(context, STEP_SETTING, status))
		return;
	if (status == 200 && snmp_resource_read_engine(body, &snmp->access) == 0)
		install(context);
	else if (status == 503)
		stay(context, "the BMC's SNMP service does not run", get_wait(snmp));
	else
		stay(context, "the BMC did not take an SNMP user of ours", get_wait(snmp));
}

static void set_user(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;
	struct snmp_access *access = &snmp->access;
	json_t *body;
	int r = access->user[0] != '\0' ? 0 : snmp_access_make(access);

	if (r < 0) {
		stay(context, strerror(-r), get_wait(snmp));
		return;
	}
	access->bmc = context->link->bmc_ipv4;
	body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "UserName", access->user,
		"AuthenticationProtocol", access->sha1 ? "HMAC_SHA96" : "HMAC192_SHA256",
		"AuthenticationKey", access->auth_key, "EncryptionProtocol", "CFB128_AES128",
		"EncryptionKey", access->priv_key);
	set_step(snmp, STEP_SETTING);
	snmp->has_user = true;
	r = ask(context, "POST", snmp->resource.set_user, body, on_user_set);
	snmp->asking = r == 0;
	json_decref(body);
	if (r < 0)
		stay(context, "the BMC could not be asked", get_wait(snmp));
}

static void on_resource(int status, const json_t *body, void *arg)
{
	struct feature_context *context = arg;
	struct snmp_get *snmp = context->data;
	const char *why;

	if (!take_answer(context, STEP_ASKING, status))
		return;
	if (status == 404)
		why = NO_SNMP;
	else
		why = status == 200 ? snmp_resource_read(body, context->settings, &snmp->resource)
				    : SNMP_RESOURCE_ODD;
	if (why != NULL) {
		stay(context, why, get_wait(snmp));
		return;
	}
	snmp->access.port = snmp->resource.port;
	snmp->access.sha1 = snmp->resource.sha1;
	set_user(context);
}

static void get(
	struct feature_context *context, enum step step, const char *path, channel_answer_fn fn)
{
	struct snmp_get *snmp = context->data;

	set_step(snmp, step);
	snmp->asking = ask(context, "GET", path, NULL, fn) == 0;
	if (!snmp->asking)
		stay(context, "the BMC could not be asked", get_wait(snmp));
}

static void on_manager(int status, const json_t *body, void *arg)
{
	struct feature_context *context = arg;
	struct snmp_get *snmp = context->data;
	char path[CHANNEL_MAX_PATH];

	if (!take_answer(context, STEP_FINDING, status))
		return;
	if (status != 200)
		stay(context, SNMP_RESOURCE_ODD, get_wait(snmp));
	else if (snmp_resource_find(body, path, sizeof(path)) < 0)
		stay(context, NO_SNMP, get_wait(snmp));
	else
		get(context, STEP_ASKING, path, on_resource);
}

/* What can be known without asking anybody; NULL: all is well. */
static const char *find_lack(const struct feature_context *context)
{
	const struct settings *settings = context->settings;

	if (!context->link->ours)
		return "this BMC takes no SNMP user from its host: it does not run bmclink's "
		       "endpoint";
	if (!context->link->encrypted)
		return "the link is without TLS: the user's secret could be read on it";
	if (settings->snmp_communities[0] == '\0' && settings->snmp_users[0] == '\0')
		return "nobody may ask: name communities or users in [SnmpGet]";
	return NULL;
}

static void begin(struct feature_context *context)
{
	const struct channel *channel = context->link->channel;
	struct snmp_get *snmp = context->data;
	const char *lack = find_lack(context);

	evtimer_del(snmp->timer);
	if (lack != NULL) {
		priv_snmp_stop(context->priv);
		stay(context, lack, 0);
		return;
	}
	if (snmp->asking) {
		snmp->again = true;
		return;
	}
	get(context, STEP_FINDING, channel != NULL ? channel_get_manager_path(channel) : "",
		on_manager);
}

/* Somebody else's program reads it: what could not be taken out is tried again. */
static void take_out(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;
	int r = priv_snmp_stop(context->priv);

	if (r < 0) {
		feature_set_trouble(
			context, "the drop-in of snmpd is still there: %s", strerror(-r));
		clock_set_timer(snmp->timer, get_wait(snmp));
		return;
	}
	if (context->trouble[0] != '\0')
		feature_set_trouble(context, "%s", "");
	if (snmp->was_active)
		event_emit(context->events, MSG_ISM1232);
	snmp->was_active = false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct feature_context *context = arg;
	const struct snmp_get *snmp = context->data;

	if (snmp->step == STEP_OFF)
		take_out(context);
	else
		begin(context);
}

/* --- the work --- */

static int start(struct feature_context *context)
{
	struct snmp_get *snmp = calloc(1, sizeof(*snmp));

	context->data = snmp;
	if (snmp == NULL)
		return -ENOMEM;
	snmp->timer = evtimer_new(context->base, on_timer, context);
	return snmp->timer != NULL ? 0 : -ENOMEM;
}

static void free_snmp(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;

	if (snmp == NULL)
		return;
	if (snmp->timer != NULL)
		event_free(snmp->timer);
	forget_user(snmp);
	free(snmp);
	context->data = NULL;
}

static void apply(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;

	snmp->wait_ms = 0;
	if (!context->active)
		feature_set_trouble(context, "%s", ""); /* what was said before may be mended */
	begin(context);
}

static void stop(struct feature_context *context, enum feature_stop why)
{
	struct snmp_get *snmp = context->data;
	json_t *no_body;

	evtimer_del(snmp->timer);
	snmp->wait_ms = 0;
	snmp->again = false;
	snmp->was_active = snmp->was_active || snmp->step == STEP_ACTIVE;
	set_step(snmp, STEP_OFF);
	take_out(context);
	if (why == FEATURE_STOP_LOST)
		return; /* the BMC keeps the user of a host that comes back */
	no_body = snmp->has_user ? json_object() : NULL;
	if (no_body != NULL)
		ask(context, "POST", snmp->resource.remove_user, no_body, ignore_answer);
	json_decref(no_body);
	forget_user(snmp);
}

static void noticed(struct feature_context *context)
{
	struct snmp_get *snmp = context->data;

	if (snmp->step == STEP_ACTIVE)
		install(context);
}

static void add_status(const struct feature_context *context, json_t *status)
{
	const struct snmp_get *snmp = context->data;

	json_object_set_new(status, "subtree",
		snmp->step == STEP_ACTIVE ? json_string(context->settings->snmp_subtree[0] != '\0'
								? context->settings->snmp_subtree
								: snmp->resource.subtree)
					  : json_null());
}

const struct feature_work feature_snmp_get = {
	.start = start,
	.free = free_snmp,
	.apply = apply,
	.stop = stop,
	.noticed = noticed,
	.add_status = add_status,
};
