/* SPDX-License-Identifier: Apache-2.0 */
/* What bmclinkctl may ask: a table of commands. docs/control-protocol.md is the specification. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "host/agent_private.h"

#define MODULE "control"

static enum control_exit fail(char *error, const char *what, int r)
{
	snprintf(error, CONTROL_MAX_ERROR, "%s: %s", what, strerror(-r));
	return CONTROL_FAILED;
}

static enum control_exit run_status(const json_t *request, json_t **result, char *error, void *arg)
{
	*result = agent_get_status(arg);
	return CONTROL_DONE;
}

static enum control_exit run_discover(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	struct plan_facts facts = {.settings = &agent->settings,
		.records = agent->nic.records,
		.n_records = agent->nic.n_records,
		.nics = agent->nic.known,
		.n_nics = agent->nic.n_known};

	*result = plan_to_json(&facts, &agent->nic.plan);
	return CONTROL_DONE;
}

static enum control_exit run_reconfigure(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	int r;

	if (agent->settings.configure == CONFIGURE_NEVER) {
		snprintf(error, CONTROL_MAX_ERROR,
			"configure = never is set in bmclinkd.conf: nothing is configured, ever");
		return CONTROL_FAILED;
	}
	r = agent_nic_rearm(agent);
	if (r < 0)
		return fail(error, "the one-time configuration could not be armed again", r);
	event_emit(agent->events, MSG_ISM1026, "bmclinkctl reconfigure");
	return CONTROL_DONE;
}

static json_t *make_fingerprint(const unsigned char *fingerprint)
{
	char text[CERT_FINGERPRINT_SIZE * 3];

	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', text);
	return json_string(text);
}

static json_t *make_how(const struct agent *agent)
{
	json_t *trust = agent_kcs_get_trust(agent);
	json_t *by = json_incref(json_object_get(trust, "by"));

	json_decref(trust);
	return by != NULL ? by : json_null();
}

static enum control_exit run_trust_show(
	const json_t *request, json_t **result, char *error, void *arg)
{
	static const char *const modes[] = {"kcs", "first-use", "pinned", "auto"};
	struct agent *agent = arg;
	const struct trust_store *trust = &agent->trust;
	bool configured = agent->settings.pin[0] != '\0';
	static const char *const forgets[] = {"none", "asking", "done", "failed"};

	*result = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "trust",
		modes[agent->settings.trust], "pinned", trust->pinned || configured, "pin",
		configured	? json_string(agent->settings.pin)
		: trust->pinned ? make_fingerprint(trust->pin)
				: json_null(),
		"next_pin",
		trust->has_next && !configured ? make_fingerprint(trust->next_pin) : json_null(),
		"made_by", make_how(agent), "pinned_at",
		trust->pinned && !configured ? agent_make_time(trust->pinned_at) : json_null(),
		"window_open", trust->window_open, "seen_tls", trust->seen_tls, "damaged",
		trust->damaged);
	json_object_set_new(*result, "forget", json_string(forgets[agent->forget.state]));
	json_object_set_new(*result, "forget_reason", json_string(agent->forget.why));
	return CONTROL_DONE;
}

static enum control_exit run_trust_reset(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	int r = agent_trust_reset(agent);

	if (r < 0)
		return fail(error, "the trust could not be reset", r);
	return CONTROL_DONE;
}

static enum control_exit run_trust_forget(
	const json_t *request, json_t **result, char *error, void *arg)
{
	int r = agent_forget_begin(arg);

	if (r == -ENOTCONN) {
		snprintf(error, CONTROL_MAX_ERROR,
			"there is no trusted connection over which the BMC could be asked to "
			"forget this host");
		return CONTROL_NOT_CONNECTED;
	}
	if (r < 0)
		return fail(error, "the BMC could not be asked", r);
	return CONTROL_DONE;
}

static enum control_exit run_trust_pin(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	const char *text = json_string_value(json_object_get(request, "pin"));
	unsigned char pin[CERT_FINGERPRINT_SIZE];
	int r;

	if (text == NULL || text_parse_hex(text, pin, sizeof(pin)) < 0) {
		snprintf(error, CONTROL_MAX_ERROR,
			"'pin' is to be the SHA-256 fingerprint of the BMC's certificate: 64 hex "
			"digits");
		return CONTROL_USAGE;
	}
	r = agent_trust_pin(agent, pin);
	if (r < 0)
		return fail(error, "the pin could not be saved", r);
	return CONTROL_DONE;
}

static enum control_exit run_certificate_show(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	_cleanup_free_ char *pem = NULL;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	time_t not_before, not_after;
	const X509 *certificate = agent->identity.pair.certificate;

	if (certificate == NULL || cert_get_fingerprint(certificate, fingerprint) < 0 ||
		cert_get_dates(certificate, &not_before, &not_after) < 0 ||
		cert_to_pem(certificate, &pem) < 0) {
		snprintf(error, CONTROL_MAX_ERROR,
			"the agent has no usable certificate; see the log");
		return CONTROL_FAILED;
	}
	*result = json_pack("{s:o, s:o, s:o, s:b, s:s, s:o}", "fingerprint",
		make_fingerprint(fingerprint), "not_before", agent_make_time(not_before),
		"not_after", agent_make_time(not_after), "expired", not_after < time(NULL), "pem",
		pem, "renewal", agent_renewal_get_state(agent));
	return CONTROL_DONE;
}

static enum control_exit run_certificate_renew(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	const X509 *next;
	const char *why = "";
	int r = agent_renewal_ask(agent, &why);

	if (r < 0) {
		snprintf(error, CONTROL_MAX_ERROR, "%s", why);
		return r == -ENOTCONN	  ? CONTROL_NOT_CONNECTED
		       : r == -EOPNOTSUPP ? CONTROL_UNAVAILABLE
					  : CONTROL_FAILED;
	}
	next = agent->identity.next.certificate;
	if (next == NULL || cert_get_fingerprint(next, fingerprint) < 0)
		return fail(error, "the new certificate cannot be used", -EINVAL);
	*result = json_pack("{s:o}", "fingerprint", make_fingerprint(fingerprint));
	return CONTROL_DONE;
}

static enum control_exit run_reload(const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	int r = priv_reload(agent->priv);

	if (r == 0)
		r = agent_reload(agent);
	if (r == -EINVAL) {
		snprintf(error, CONTROL_MAX_ERROR,
			"the configuration has an error, and the old one stays in force: see "
			"'bmclinkctl check-config'");
		return CONTROL_FAILED;
	}
	return r < 0 ? fail(error, "the configuration could not be read anew", r) : CONTROL_DONE;
}

static enum control_exit run_log(const json_t *request, json_t **result, char *error, void *arg)
{
	return agent_log_ask(arg, request, error);
}

static const struct control_command commands[] = {
	{"status",		   false, run_status	    },
	{"log",		false, run_log		      },
	{"discover",	     false, run_discover		},
	{"reconfigure",	true,  run_reconfigure	     },
	{"trust-show",	       false, run_trust_show	    },
	{"trust-reset",	true,  run_trust_reset	     },
	{"trust-forget",	 true,  run_trust_forget      },
	{"trust-pin",	      true,  run_trust_pin	 },
	{"certificate-show",  false, run_certificate_show	},
	{"certificate-renew", true,  run_certificate_renew },
	{"feature",	    true,  agent_features_command},
	{"reload",		   true,	 run_reload		   },
};

int agent_control_start(struct agent *agent)
{
	const struct control_environment environment = {.base = agent->base,
		.commands = commands,
		.n_commands = ARRAY_SIZE(commands),
		.events = agent->events,
		.arg = agent};

	return control_new(&environment, agent->environment->control_fd, &agent->control);
}
