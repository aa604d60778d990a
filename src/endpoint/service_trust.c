/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of trust: durable first, then recorded, then true for the connections that live. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "endpoint/service.h"

#define EXPIRY_CHECK_MAX   86400 /* seconds: the clock may be set meanwhile */
#define FAREWELL_MS	   300
#define SAVE_AGAIN_SECONDS 10

void service_get_clock(struct trust_clock *clock)
{
	*clock = (struct trust_clock){
		.now = time(NULL),
		.build = BMCLINK_BUILD_EPOCH,
		.mono_ms = clock_get_ms(CLOCK_BOOTTIME),
	};
}

int64_t service_get_mono_ms(void)
{
	struct trust_clock clock;

	service_get_clock(&clock);
	return clock.mono_ms;
}

int service_set_password(
	struct service *service, const struct password *password, const struct connection *asking)
{
	int r = accounts_set_password(&service->accounts, password, service->state_fd);

	if (r < 0)
		return r;
	service->password_generation++;
	session_end_account(&service->sessions, 0);
	service_review_connections(service, "the password was changed", asking);
	return 0;
}

void service_open_window(struct service *service, enum trust_reason reason)
{
	struct trust_clock clock;
	char minutes[16];

	if (reason != TRUST_REASON_ADMINISTRATOR && service_window_is_barred(service)) {
		log_debug("trust", "the window stays closed (%s): hosts enrol over IPMI",
			trust_reason_text(reason));
		return;
	}
	service_get_clock(&clock);
	if (!trust_window_open(&service->trust, reason, &clock))
		return;
	snprintf(minutes, sizeof(minutes), "%u", service->trust.window_minutes);
	lclog_emit(service->log, MSG_ISM1033, minutes, trust_reason_text(reason));
}

bool service_window_is_open(const struct service *service)
{
	struct trust_clock clock;

	service_get_clock(&clock);
	return trust_window_is_open(&service->trust, &clock);
}

static int save_trust(struct service *service, const struct trust *trust);

static void on_save(evutil_socket_t fd, short what, void *arg)
{
	struct service *service = arg;

	/* What cannot be read is left to the administrator. */
	if (service->trust_unsaved && !service->trust_damaged)
		save_trust(service, &service->trust);
}

/*
 * What is on disk is ours again, also after a file that could not be read. What could not be saved
 * is tried again, said once: a host that was forgotten must not be known after a restart, and a
 * failure says nothing of which of the two is on the disk (state.h).
 */
static int save_trust(struct service *service, const struct trust *trust)
{
	static const struct timeval later = {SAVE_AGAIN_SECONDS, 0};
	int r = trust_save(trust, service->state_fd);

	if (r == 0) {
		if (service->trust_unsaved)
			log_notice("trust", "saved");
		service->trust_unsaved = service->trust_damaged = false;
		return 0;
	}
	if (!service->trust_unsaved)
		log_error("trust", "not saved: %s; trying again", strerror(-r));
	service->trust_unsaved = true;
	if (!service->save_timer)
		service->save_timer = evtimer_new(service->base, on_save, service);
	if (service->save_timer)
		evtimer_add(service->save_timer, &later);
	return r;
}

/* What could not be kept is noted when the host comes again: without TLS nobody asks for it. */
void service_note_plain_host(struct service *service)
{
	if (service->profile.tls || service->trust_damaged)
		return;
	if (trust_note_plain(&service->trust) && save_trust(service, &service->trust) < 0)
		service->trust.was_plain = false;
}

/*
 * When every known certificate has expired, nobody could connect any more: the window opens, at
 * the moment of expiry and again whenever the expired host tries, so that it is open when the host
 * has been given a new certificate. The same for the first certificate of a host that was served
 * without TLS until now: it may come long after the firmware that has TLS.
 */
enum trust_verdict service_judge(const struct trust_certificate *certificate, void *arg)
{
	struct service *service = arg;
	struct trust_clock clock;
	enum trust_verdict verdict;

	service_get_clock(&clock);
	verdict = trust_judge(&service->trust, certificate, &clock);
	if (verdict == TRUST_VERDICT_EXPIRED &&
		trust_find(&service->trust, certificate->fingerprint) &&
		trust_all_expired(&service->trust, &clock))
		service_open_window(service, TRUST_REASON_EXPIRED);
	if (verdict != TRUST_VERDICT_UNKNOWN || !service->trust.was_plain)
		return verdict;
	service_open_window(service, TRUST_REASON_WAS_PLAIN);
	return trust_judge(&service->trust, certificate, &clock);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct service *service = arg;

	service_review_connections(service, "its certificate expired", NULL);
	service_watch_expiry(service);
}

static void on_clock_set(void *arg)
{
	struct service *service = arg;

	on_expiry(-1, 0, service);
	service_run_rollover(service);
}

void service_watch_clock(struct service *service)
{
	int r = clock_watch_new(service->base, on_clock_set, service, &service->clock);

	if (r < 0)
		log_warning("trust", "the setting of the clock is not noticed: %s", strerror(-r));
}

void service_watch_expiry(struct service *service)
{
	struct timeval tv = {0};
	struct trust_clock clock;
	time_t next;

	service_get_clock(&clock);
	if (trust_all_expired(&service->trust, &clock))
		service_open_window(service, TRUST_REASON_EXPIRED);
	if (!service->expiry_timer)
		service->expiry_timer = evtimer_new(service->base, on_expiry, service);
	next = trust_next_expiry(&service->trust, &clock);
	if (!service->expiry_timer || !next) {
		if (service->expiry_timer)
			evtimer_del(service->expiry_timer);
		return;
	}
	tv.tv_sec = next + 1 - clock.now;
	if (tv.tv_sec > EXPIRY_CHECK_MAX)
		tv.tv_sec = EXPIRY_CHECK_MAX;
	evtimer_add(service->expiry_timer, &tv);
}

static void name_fingerprint(const struct trust_certificate *certificate, char *out)
{
	text_make_hex(certificate->fingerprint, CERT_FINGERPRINT_SIZE, ':', out);
}

/* replaced: id of the certificate of the same host that this one will replace; 0: a new host. */
static int add_certificate(struct service *service, const char *pem, size_t length,
	unsigned int replaced, const struct connection *connection, unsigned int *id)
{
	char fingerprint[3 * CERT_FINGERPRINT_SIZE];
	struct trust_certificate certificate;
	_cleanup_free_ char *canonical = NULL;
	struct trust_clock clock;
	struct trust next;
	int r = trust_read_pem(pem, length, &certificate, &canonical);

	if (r < 0)
		return r;
	service_get_clock(&clock);
	r = trust_copy(&service->trust, &next);
	if (r < 0)
		return r;
	if (replaced)
		r = trust_renew(&next, replaced, &certificate, canonical, &clock);
	else
		r = trust_add(&next, &certificate, canonical, &clock);
	if (r == 0)
		r = save_trust(service, &next);
	if (r < 0) {
		trust_clear(&next);
		return r;
	}
	trust_clear(&service->trust);
	service->trust = next;
	*id = trust_find(&service->trust, certificate.fingerprint)->id;
	name_fingerprint(&certificate, fingerprint);
	lclog_emit(service->log, MSG_ISM1015, fingerprint,
		connection ? connection_family_name(connection) : "the command line",
		connection ? connection_get_peer(connection)->address : "by the administrator");
	/* A full store has let another one go. */
	service_review_connections(service, "another certificate took its place", connection);
	service_watch_expiry(service);
	return 0;
}

int service_enrol(struct service *service, const char *pem, size_t length,
	const struct connection *connection, unsigned int *id)
{
	return add_certificate(service, pem, length, 0, connection, id);
}

int service_renew(struct service *service, const char *pem, size_t length,
	const struct connection *connection, unsigned int *id)
{
	const struct handshake *handshake = connection_get_handshake(connection);
	const struct trust_known *known =
		trust_find(&service->trust, handshake->certificate.fingerprint);

	if (!known)
		return -ENOENT;
	return add_certificate(service, pem, length, known->id, connection, id);
}

static int save_and_cut(
	struct service *service, const char *reason, const struct connection *except)
{
	/* In memory it is gone in any case: rather too little trust than too much. */
	int r = save_trust(service, &service->trust);

	service_review_connections(service, reason, except);
	service_watch_expiry(service);
	service_schedule_rollover(service);
	return r;
}

static void on_farewell(evutil_socket_t fd, short what, void *arg)
{
	service_review_connections(arg, "its certificate was removed", NULL);
	service_schedule_rollover(arg); /* it may have been the last that had not our next one */
}

static int save_and_cut_later(struct service *service, const struct connection *asking)
{
	static const struct timeval wait = {.tv_usec = FAREWELL_MS * 1000};

	if (!service->farewell)
		service->farewell = evtimer_new(service->base, on_farewell, service);
	if (!service->farewell || evtimer_add(service->farewell, &wait) < 0)
		return save_and_cut(service, "its certificate was removed", asking);
	service_watch_expiry(service);
	return save_trust(service, &service->trust);
}

int service_remove_certificate(struct service *service, unsigned int id, const char *by,
	const struct connection *asking, bool own_wish)
{
	const struct trust_known *known = trust_find_id(&service->trust, id);
	char fingerprint[3 * CERT_FINGERPRINT_SIZE];
	int r;

	if (!known)
		return -ENOENT;
	name_fingerprint(&known->certificate, fingerprint);
	trust_remove_id(&service->trust, id);
	lclog_emit(service->log, MSG_ISM1038, fingerprint, by);
	r = own_wish ? save_and_cut_later(service, asking)
		     : save_and_cut(service, "its certificate was removed", asking);
	service_open_window(service, TRUST_REASON_FORGET);
	return r;
}

int service_forget_hosts(struct service *service, const char *by)
{
	int r;

	while (service->trust.n_known) {
		char fingerprint[3 * CERT_FINGERPRINT_SIZE];

		name_fingerprint(&service->trust.known[0].certificate, fingerprint);
		trust_remove_id(&service->trust, service->trust.known[0].id);
		lclog_emit(service->log, MSG_ISM1038, fingerprint, by);
	}
	r = save_and_cut(service, "the hosts were forgotten", NULL);
	service_open_window(service, TRUST_REASON_FORGET);
	return r;
}

void service_note_use(struct service *service, const struct trust_certificate *certificate)
{
	unsigned int old = trust_take_replaced(&service->trust, certificate->fingerprint);
	const struct trust_known *known = old ? trust_find_id(&service->trust, old) : NULL;
	char fingerprint[3 * CERT_FINGERPRINT_SIZE];

	if (!old)
		return;
	if (known) {
		name_fingerprint(&known->certificate, fingerprint);
		trust_remove_id(&service->trust, old);
		lclog_emit(service->log, MSG_ISM1038, fingerprint, "its successor is in use");
	}
	save_and_cut(service, "its certificate was replaced", NULL);
}
