/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of credential bootstrapping: what the host asks over IPMI, and when its accounts end. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "endpoint/ipmi.h"
#include "endpoint/service.h"

int service_load_bootstrap(struct service *service)
{
	int r = bootstrap_load(&service->bootstrap, service->state_fd);

	if (r < 0)
		log_error(
			"bootstrap", BOOTSTRAP_FILE " cannot be read (%s): disabled", strerror(-r));
	if (state_is_passing(r))
		return r;
	/* This start is the reset of the service that EnableAfterReset speaks of. */
	if (bootstrap_reset(&service->bootstrap))
		service_save_bootstrap(service);
	return 0;
}

int service_save_bootstrap(struct service *service)
{
	int r = bootstrap_save(&service->bootstrap, service->state_fd);

	if (r < 0)
		log_error("bootstrap", BOOTSTRAP_FILE ": %s", strerror(-r));
	return r;
}

bool service_window_is_barred(const struct service *service)
{
	return bootstrap_replaces_window(
		&service->bootstrap, (enum enrolment_mode)service->settings.enrolment);
}

/* Where hosts come over IPMI nobody needs the window, and any user of the host could race for it:
 * what an occasion has opened is closed, what the administrator has opened is not. */
void service_review_window(struct service *service)
{
	if (service->trust.window_reason == TRUST_REASON_ADMINISTRATOR ||
		!service_window_is_open(service) || !service_window_is_barred(service))
		return;
	trust_window_close(&service->trust);
	lclog_emit(service->log, MSG_ISM1061);
}

/* The switch was turned off: a BMC that knows nobody goes back to first use, or no host would ever
 * get in again without its administrator. */
static void after_disabling(struct service *service)
{
	if (!service->trust.n_known && service->context && !service->trust_damaged)
		service_open_window(service, TRUST_REASON_EMPTY);
}

int service_set_bootstrap(struct service *service, const struct bootstrap *wish)
{
	struct bootstrap old = service->bootstrap;
	int r;

	service->bootstrap.enabled = wish->enabled;
	service->bootstrap.enable_after_reset = wish->enable_after_reset;
	service->bootstrap.role = wish->role;
	r = service_save_bootstrap(service);
	if (r < 0) {
		service->bootstrap = old;
		return r;
	}
	if (!wish->enabled && old.enabled)
		after_disabling(service);
	service_review_window(service);
	if (wish->role != old.role)
		service_review_connections(service, "the role of its account changed", NULL);
	return 0;
}

static void end_account(struct service *service, unsigned int id, const struct connection *asking)
{
	session_end_account(&service->sessions, id);
	bootstrap_remove(&service->bootstrap, id);
	service_review_connections(service, "its account was removed", asking);
}

int service_remove_bootstrap_account(
	struct service *service, unsigned int id, const char *by, const struct connection *asking)
{
	const struct bootstrap_account *account = bootstrap_find(&service->bootstrap, id);
	bool own_wish = asking && connection_get_principal(asking)->bootstrap == id;
	char user[BOOTSTRAP_USER_SIZE];
	bool tell;

	if (!account)
		return -ENOENT;
	memcpy(user, account->user, sizeof(user));
	tell = account->told || !own_wish;
	end_account(service, id, asking);
	log_info("bootstrap", "account %s removed, %s", user, by);
	if (tell)
		lclog_emit(service->log, MSG_ISM1062, user, by);
	return 0;
}

void service_note_host_reset(struct service *service)
{
	struct bootstrap *bootstrap = &service->bootstrap;

	while (bootstrap->n)
		service_remove_bootstrap_account(
			service, bootstrap->accounts[0].id, "the host was reset", NULL);
	if (bootstrap_reset(bootstrap))
		service_save_bootstrap(service);
	service_open_window(service, TRUST_REASON_HOST_RESET);
}

/* The acts of ipmi.h */

static bool is_offered(void *arg)
{
	struct service *service = arg;

	return service->context != NULL; /* without TLS there is nothing to pin */
}

static bool is_enabled(void *arg)
{
	struct service *service = arg;

	return service->bootstrap.enabled;
}

static int get_fingerprint(unsigned int number, unsigned char fingerprint[32], void *arg)
{
	struct service *service = arg;

	if (number == 2 && service->next.certificate)
		return cert_get_fingerprint(service->next.certificate, fingerprint);
	if (number != 1)
		return -ENOENT;
	service->identity_unseen = false;
	return cert_get_fingerprint(service->identity.certificate, fingerprint);
}

/* The firmware that asks first, or a host that asks without end, must not fill the log. */
static void record_account(struct service *service, const char *user)
{
	struct bootstrap *bootstrap = &service->bootstrap;
	struct bootstrap_account *made = &bootstrap->accounts[bootstrap->n - 1];

	log_info("bootstrap", "account %s made, asked for over IPMI", user);
	made->told = limiter_attempt(&service->bootstrap_limiter, service_get_mono_ms());
	if (made->told)
		lclog_emit(
			service->log, MSG_ISM1060, user, privilege_get_role(bootstrap->role)->id);
}

static int make_account(
	bool keep_enabled, char user[IPMI_FIELD + 1], char password[IPMI_FIELD + 1], void *arg)
{
	struct service *service = arg;
	unsigned int id;
	int r;

	if (service->bootstrap.n == BOOTSTRAP_MAX)
		end_account(service, service->bootstrap.accounts[0].id, NULL);
	r = bootstrap_make(&service->bootstrap, user, password, &id);
	if (r < 0)
		return r;
	if (!keep_enabled) {
		service->bootstrap.enabled = false;
		r = service_save_bootstrap(service);
	}
	if (r < 0) {
		/* Not durable, so not disabled: then there is no account either. */
		service->bootstrap.enabled = true;
		end_account(service, id, NULL);
		OPENSSL_cleanse(password, IPMI_FIELD + 1);
		return r;
	}
	record_account(service, user);
	if (!keep_enabled)
		after_disabling(service);
	return 0;
}

/* Bytes come from the IPMI firmware, so the host can do it that way. */
static void note_ipmi(struct service *service)
{
	if (!service->bootstrap.ipmi_seen) {
		service->bootstrap.ipmi_seen = true;
		service_save_bootstrap(service);
	}
	service_review_window(service);
}

void service_answer_ipmi(struct service *service, const unsigned char *request, size_t length,
	struct ipmi_answer *answer)
{
	const struct ipmi_acts acts = {
		.is_offered = is_offered,
		.is_enabled = is_enabled,
		.get_fingerprint = get_fingerprint,
		.make_account = make_account,
		.arg = service,
	};

	ipmi_answer(request, length, &acts, answer);
	/* Refused as unknown it says nothing of who forwards what. */
	if (answer->completion != IPMI_INVALID_COMMAND)
		note_ipmi(service);
}
