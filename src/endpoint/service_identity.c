/* SPDX-License-Identifier: Apache-2.0 */
/* Who this BMC is to its hosts: its certificate, the one that will follow it, and its UUID. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "bmclink-build.h"
#include "endpoint/rollover.h"
#include "endpoint/service.h"

#define MODULE	      "identity"
#define UUID_FILE     "identity.json"
#define LOOK_MAX      86400 /* seconds: the clock may be set while we wait */
#define DATE_SIZE     24
#define MS_PER_SECOND 1000

static const struct renewal_files files = {
	.key = "endpoint.key",
	.certificate = "endpoint.crt",
	.next_key = "endpoint.next.key",
	.next_certificate = "endpoint.next.crt",
};

/* --- making and loading --- */

static int make_pair(
	struct service *service, const char *key, const char *certificate, struct cert_pair *pair)
{
	struct service_names names;
	struct cert_pair made = {0};
	time_t now = time(NULL);
	struct cert_request request = {
		.role = CERT_ROLE_BMC,
		.common_name = SERVICE_OWN_NAME,
		.names = names.list,
		.not_before = now < BMCLINK_BUILD_EPOCH ? BMCLINK_BUILD_EPOCH : now,
	};
	int r;

	service_get_names(service, &names);
	r = cert_pair_make(&request, &made);
	if (r == 0)
		r = cert_pair_save(&made, service->state_fd, key, certificate);
	if (r < 0) {
		cert_pair_clear(&made);
		return r;
	}
	cert_pair_clear(pair);
	*pair = made;
	return 0;
}

static void format_fingerprint(const struct cert_pair *pair, char out[3 * CERT_FINGERPRINT_SIZE])
{
	unsigned char digest[CERT_FINGERPRINT_SIZE];

	out[0] = '\0';
	if (pair->certificate && cert_get_fingerprint(pair->certificate, digest) == 0)
		text_make_hex(digest, sizeof(digest), ':', out);
}

static void note_pairs(struct service *service)
{
	format_fingerprint(&service->identity, service->fingerprint);
	format_fingerprint(&service->next, service->next_fingerprint);
}

static int read_uuid(struct service *service)
{
	json_t *object = NULL;
	const char *uuid;
	int r = state_read_json(service->state_fd, UUID_FILE, &object);

	if (r < 0)
		return r;
	uuid = json_string_value(json_object_get(object, "UUID"));
	r = uuid && strlen(uuid) == 36 ? 0 : -EBADMSG;
	if (r == 0)
		text_make_printable(uuid, strlen(uuid), service->uuid, sizeof(service->uuid));
	json_decref(object);
	return r;
}

static void write_uuid(const struct service *service)
{
	json_t *object = json_pack("{s:s}", "UUID", service->uuid);
	int r = object ? state_write_json(service->state_fd, UUID_FILE, object, 0600) : -ENOMEM;

	json_decref(object);
	if (r < 0)
		log_warning(MODULE, "the UUID was not saved: %s", strerror(-r));
}

/* Where the configuration gives none it is made of the first certificate, and outlives it. */
void service_set_uuid(struct service *service)
{
	unsigned char bytes[CERT_FINGERPRINT_SIZE];
	char hex[3 * 16];

	if (service->settings.uuid[0]) {
		snprintf(service->uuid, sizeof(service->uuid), "%s", service->settings.uuid);
		return;
	}
	if (read_uuid(service) == 0)
		return;
	if (cert_get_fingerprint(service->identity.certificate, bytes) < 0)
		return;
	bytes[6] = (bytes[6] & 0x0f) | 0x80; /* RFC 9562: version 8, custom */
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	text_make_hex(bytes, 16, 0, hex);
	snprintf(service->uuid, sizeof(service->uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		hex + 12, hex + 16, hex + 20);
	write_uuid(service);
}

int service_open_identity(struct service *service)
{
	int r = renewal_load(service->state_fd, &files, &service->identity);

	if (r < 0 && r != -ENOENT)
		log_error(MODULE, "the old certificate cannot be read: %s", strerror(-r));
	if (state_is_passing(r))
		return r;
	if (r < 0) {
		r = make_pair(service, files.key, files.certificate, &service->identity);
		service->identity_unseen = r == 0;
		if (r == 0)
			log_notice(MODULE, "made a certificate of our own");
	}
	if (r < 0)
		return r;
	/* What is not whole was never announced. */
	renewal_load_next(service->state_fd, &files, &service->next);
	service->next_given = service->next.certificate && !service_made(service->next.certificate);
	note_pairs(service);
	log_info(MODULE, "certificate %s", service->fingerprint);
	service_set_uuid(service);
	return 0;
}

int service_remake_identity(struct service *service)
{
	int r = make_pair(service, files.key, files.certificate, &service->identity);

	if (r < 0)
		return r;
	note_pairs(service);
	log_notice(MODULE, "certificate %s, made again", service->fingerprint);
	r = service_make_context(service);
	if (r < 0)
		log_error(MODULE, "no TLS with the new certificate: %s", strerror(-r));
	else
		server_set_context(service->server, service->context);
	return r;
}

/* One that handshakes work with; NULL without TLS. The caller's, also on failure. */
static int build_context(
	const struct service *service, const struct cert_pair *pair, SSL_CTX **context)
{
	int r = 0;
	struct tls_policy policy = {
		.minimum = (enum tls_version)service->settings.tls_min_version,
		.maximum = (enum tls_version)service->settings.tls_max_version,
		.server = true,
	};

	*context = NULL;
	if (service->profile.tls)
		r = handshake_context_new(&policy, pair, context);
	return r == 0 && *context ? handshake_context_check(*context) : r;
}

/* Where none can be made the old one stays: without one we would take plain requests. */
int service_make_context(struct service *service)
{
	SSL_CTX *made;
	int r = build_context(service, &service->identity, &made);

	SSL_CTX_free(r < 0 ? made : service->context);
	if (r == 0)
		service->context = made;
	return r;
}

/* --- the next one --- */

static void format_date(time_t when, char out[DATE_SIZE])
{
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(out, DATE_SIZE, "%Y-%m-%d", &tm))
		snprintf(out, DATE_SIZE, "an unknown date");
}

static void gather_facts(const struct service *service, struct rollover_facts *facts)
{
	struct trust_clock clock;
	time_t until;

	service_get_clock(&clock);
	*facts = (struct rollover_facts){
		.now = clock.now,
		.clock_unset = trust_clock_unset(&clock),
		.seed = renewal_get_seed(service->identity.certificate),
		.has_next = service->next.certificate != NULL,
		.automatic = service->settings.renewal,
		.asked = service->rollover_asked,
		/* One that was given is used at once where nobody has to be told. */
		.hosts_ready = trust_all_know_next(&service->trust, &clock) ||
			       (service->next_given && !service->trust.n_known),
	};
	cert_get_dates(service->identity.certificate, &facts->not_before, &facts->not_after);
	if (facts->has_next)
		cert_get_dates(service->next.certificate, &facts->next_made, &until);
}

time_t service_get_deadline(const struct service *service)
{
	struct rollover_facts facts;

	gather_facts(service, &facts);
	return facts.has_next ? rollover_get_deadline(&facts) : 0;
}

static void note_failure(struct service *service, const struct rollover_facts *facts, int r)
{
	char date[DATE_SIZE];

	format_date(facts->not_after, date);
	renewal_fail(&service->rollover_backoff, (uint64_t)service_get_mono_ms(), facts->seed);
	log_error(MODULE, "not renewed: %s", strerror(-r));
	lclog_emit(service->log, MSG_ISM1117, date, strerror(-r));
}

static void announce(struct service *service)
{
	char date[DATE_SIZE];

	service->rollover_asked = false;
	trust_forget_next(&service->trust);
	note_pairs(service);
	format_date(service_get_deadline(service), date);
	log_notice(MODULE, "next certificate %s, used on %s at the latest",
		service->next_fingerprint, date);
	lclog_emit(service->log, MSG_ISM1115, service->next_fingerprint, date);
}

/* Made, durable, and only then told to anybody. */
static int stage(struct service *service, const struct rollover_facts *facts)
{
	int r = make_pair(service, files.next_key, files.next_certificate, &service->next);

	if (r < 0)
		note_failure(service, facts, r);
	else
		announce(service);
	return r;
}

static bool uses_tls(const struct connection *connection, void *arg)
{
	return connection_get_ssl(connection) != NULL;
}

static int use_next(
	struct service *service, const struct rollover_facts *facts, enum rollover_reason reason)
{
	time_t not_before, not_after = 0;
	char date[DATE_SIZE];
	SSL_CTX *context;
	int r = build_context(service, &service->next, &context);

	if (r == 0)
		r = renewal_promote(service->state_fd, &files);
	if (r < 0) {
		SSL_CTX_free(context);
		note_failure(service, facts, r);
		return r;
	}
	cert_pair_clear(&service->identity);
	service->identity = service->next;
	service->next = (struct cert_pair){0};
	service->next_given = false;
	trust_forget_next(&service->trust);
	note_pairs(service);
	SSL_CTX_free(service->context);
	service->context = context;
	server_set_context(service->server, context);
	cert_get_dates(service->identity.certificate, &not_before, &not_after);
	format_date(not_after, date);
	log_notice(
		MODULE, "certificate %s: %s", service->fingerprint, rollover_reason_text(reason));
	lclog_emit(service->log, MSG_ISM1116, service->fingerprint, date,
		rollover_reason_text(reason));
	/* Who has it connects again at once, and lets the old one go; the others are told why. */
	server_close_matching(
		service->server, uses_tls, "the certificate of this BMC was replaced", NULL);
	return 0;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	service_run_rollover(arg);
}

int service_run_rollover(struct service *service)
{
	struct rollover_facts facts;
	struct rollover rollover;
	time_t wait = LOOK_MAX;
	uint64_t held;
	int r = 0;

	if (!service->rollover_timer)
		service->rollover_timer = evtimer_new(service->base, on_look, service);
	if (!service->rollover_timer)
		return -ENOMEM;
	for (;;) {
		held = renewal_get_wait(
			&service->rollover_backoff, (uint64_t)service_get_mono_ms());
		gather_facts(service, &facts);
		rollover_decide(&facts, &rollover);
		if (rollover.action == ROLLOVER_WAIT || held || r < 0)
			break;
		r = rollover.action == ROLLOVER_STAGE ? stage(service, &facts)
						      : use_next(service, &facts, rollover.reason);
		if (r == 0)
			service->rollover_backoff = (struct renewal_backoff){0};
	}
	if (rollover.until && rollover.until - facts.now < wait)
		wait = rollover.until > facts.now ? rollover.until - facts.now : 0;
	clock_set_timer(service->rollover_timer, held ? held : (uint64_t)wait * MS_PER_SECOND);
	return r;
}

void service_schedule_rollover(struct service *service)
{
	if (service->rollover_timer)
		clock_set_timer(service->rollover_timer, 0);
}

int service_renew_identity(struct service *service)
{
	int r;

	if (service->next.certificate)
		return -EALREADY;
	service->rollover_asked = true;
	service->rollover_backoff = (struct renewal_backoff){0};
	r = service_run_rollover(service);
	service->rollover_asked = false;
	return r;
}

int service_acknowledge_next(struct service *service, const struct trust_certificate *host,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	unsigned char next[CERT_FINGERPRINT_SIZE];

	if (!service->next.certificate ||
		cert_get_fingerprint(service->next.certificate, next) < 0 ||
		memcmp(next, fingerprint, sizeof(next)) != 0)
		return -ENOENT;
	if (!trust_note_next(&service->trust, host->fingerprint))
		return -EPERM;
	service_schedule_rollover(service); /* from the loop: the host gets its answer first */
	return 0;
}

int service_stage_identity(struct service *service, struct cert_pair *pair)
{
	int r = cert_pair_save(pair, service->state_fd, files.next_key, files.next_certificate);

	if (r < 0) {
		log_error(MODULE, "the certificate was not saved: %s", strerror(-r));
		cert_pair_clear(pair);
		/* Its key may lie beside the certificate of the one before: neither is to be used.
		 */
		renewal_drop_next(service->state_fd, &files);
		cert_pair_clear(&service->next);
		note_pairs(service);
		return r;
	}
	cert_pair_clear(&service->next);
	service->next = *pair;
	*pair = (struct cert_pair){0};
	service->next_given = true;
	announce(service);
	service_schedule_rollover(service); /* from the loop: the client gets its answer first */
	return 0;
}
