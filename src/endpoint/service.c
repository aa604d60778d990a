/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "bmclink-build.h"

#define LOG_GROUP_MS 250 /* at most four commits a second by themselves */

/* All sockets of one family, or none of them. */
static int open_family(struct service *service, int family, unsigned int ifindex)
{
	enum server_port plain = service->context ? SERVER_PORT_REFUSE : SERVER_PORT_SERVICE;
	int tls_fd, plain_fd, r = 0;

	plain_fd = listen_open_socket(family, ifindex, (uint16_t)service->settings.plain_port);
	if (plain_fd < 0)
		return plain_fd;
	if (service->context) {
		tls_fd = listen_open_socket(family, ifindex, (uint16_t)service->settings.port);
		if (tls_fd < 0) {
			close(plain_fd);
			return tls_fd;
		}
		r = server_listen(service->server, tls_fd, service->context, SERVER_PORT_SERVICE);
	}
	if (r < 0) {
		close(plain_fd);
		return r;
	}
	return server_listen(service->server, plain_fd, NULL, plain);
}

static int on_nic_up(unsigned int ifindex, void *arg)
{
	struct service *service = arg;
	int r = 0;

	if (service->profile.ipv4)
		r = open_family(service, AF_INET, ifindex);
	if (r == 0 && service->profile.ipv6) {
		r = open_family(service, AF_INET6, ifindex);
		if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) {
			log_warning("service", "no IPv6 on this system: %s", strerror(-r));
			r = 0;
		}
	}
	if (r < 0) {
		server_close_all(service->server, "the sockets could not be opened");
		return r;
	}
	care_set(&service->care, ifindex);
	service_review_snmp(service);
	service_address_came(service);
	push_start_over(service->push);
	return 0;
}

static void on_nic_address(void *arg)
{
	struct service *service = arg;

	service_address_came(service);
	push_start_over(service->push);
}

static void on_nic_down(void *arg)
{
	struct service *service = arg;

	server_close_all(service->server, "the NIC is gone");
	push_stop_sending(service->push);
	service->care.ifindex = 0; /* its sysctls went with it */
}

static int start_listening(struct service *service)
{
	struct listen_handlers handlers = {on_nic_up, on_nic_down, on_nic_address, service};

	/* Also of a firmware that has just learnt TLS: nobody can be known to it yet. A store that
	 * cannot be read is no first use: only the administrator or a host reset opens it then. */
	if (!service->trust.n_known && service->profile.tls && !service->trust_damaged)
		service_open_window(service, TRUST_REASON_EMPTY);
	service_watch_expiry(service);
	if (!service->listen)
		return listen_new(
			service->base, service->settings.interface, &handlers, &service->listen);
	listen_restart(service->listen, service->settings.interface);
	return 0;
}

static void stop_listening(struct service *service, const char *reason)
{
	server_close_all(service->server, reason);
	push_stop_sending(service->push);
	care_put_back(&service->care);
}

static void take_settings(struct service *service, const struct endpoint_settings *settings)
{
	struct profile_wish wish = {
		.kind = (enum profile_kind)settings->profile,
		.firmware_version = settings->firmware_version,
		.tls = settings->tls,
		.ipv4 = settings->ipv4,
		.ipv6 = settings->ipv6,
	};

	service->settings = *settings;
	profile_decide(&wish, &service->profile);
	service->trust.window_minutes = (unsigned int)settings->enrolment_minutes;
	service->packages.max_count = (unsigned int)settings->update_packages;
	service->packages.max_bytes = (uint64_t)settings->update_megabytes << 20;
}

/* What could not be read just now, and is not damaged: the start fails, and is tried again. */
static int load_trust(struct service *service)
{
	int r = trust_load(&service->trust, service->state_fd);

	if (state_is_passing(r)) {
		log_error("trust", TRUST_FILE " cannot be read: %s", strerror(-r));
		return r;
	}
	service->trust_damaged = r < 0;
	if (r < 0)
		lclog_emit(service->log, MSG_ISM1041, strerror(-r));
	r = accounts_load(&service->accounts, service->state_fd);
	if (r < 0)
		log_error("accounts", ACCOUNTS_FILE " cannot be read (%s): no password is set",
			strerror(-r));
	return state_is_passing(r) ? r : 0;
}

static int load_state(struct service *service)
{
	int r = load_trust(service);

	if (r == 0)
		r = service_load_bootstrap(service);
	if (r == 0)
		r = events_load(service);
	if (r == 0)
		r = service_load_features(service);
	return r < 0 ? r : service_open_packages(service);
}

static int start(struct service *service, const char *state_dir)
{
	struct server_handlers handlers;
	int r = service_open_identity(service);

	if (r == 0)
		r = lclog_open(
			state_dir, (unsigned int)service->settings.log_max_records, &service->log);
	if (r == 0)
		r = lclog_set_group(service->log, service->base, LOG_GROUP_MS);
	if (r == 0)
		r = platform_new(service->base, service->log, &service->platform);
	if (r == 0)
		r = refusals_new(service->base, service->log, &service->refusals);
	if (r == 0)
		r = sse_new(service, &service->sse);
	if (r == 0)
		r = push_new(service, &service->push);
	if (r == 0)
		r = service_make_plain_answer(service);
	if (r < 0)
		return r;
	service_remove_snmp_user(service, "start");
	r = load_state(service);
	if (r < 0)
		return r;
	service_fill_handlers(service, &handlers);
	r = server_new(service->base, &handlers, (unsigned int)service->settings.max_connections,
		&service->server);
	if (r < 0)
		return r;
	lclog_emit(service->log, MSG_ISM1031, service->settings.firmware_version,
		service->profile.tls ? "TLS required" : "no TLS");
	platform_load(service->platform, &service->settings);
	r = service_make_context(service);
	if (r == 0)
		r = start_listening(service);
	if (r == 0) {
		service_watch_clock(service);
		service_run_rollover(service);
	}
	return r;
}

int service_new(const struct service_environment *environment,
	const struct endpoint_settings *settings, struct service **service)
{
	struct service *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	made->password_generation = 1;
	made->packages.dir_fd = -1;
	made->base = environment->base;
	made->state_fd = environment->state_fd;
	made->runtime_fd = environment->runtime_fd;
	take_settings(made, settings);
	r = start(made, environment->state_dir);
	if (r < 0) {
		service_free(made);
		return r;
	}
	*service = made;
	return 0;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	if (service->server) {
		stop_listening(service, "the service stops");
		listen_free(service->listen);
		service->listen = NULL;
		service_remove_snmp_user(service, "the service stops");
	}
	service_free_snmp(service);
	server_free(service->server);
	packages_close(&service->packages);
	push_free(service->push);
	sse_free(service->sse);
	refusals_free(service->refusals);
	platform_free(service->platform);
	lclog_close(service->log);
	clock_watch_free(service->clock);
	if (service->expiry_timer)
		event_free(service->expiry_timer);
	if (service->farewell)
		event_free(service->farewell);
	if (service->save_timer)
		event_free(service->save_timer);
	if (service->rollover_timer)
		event_free(service->rollover_timer);
	trust_clear(&service->trust);
	SSL_CTX_free(service->context);
	cert_pair_clear(&service->identity);
	cert_pair_clear(&service->next);
	free(service->plain_answer);
	free(service);
}

/* Does anything change that a client could have noticed already? */
static bool needs_restart(const struct endpoint_settings *a, const struct endpoint_settings *b)
{
	return strcmp(a->interface, b->interface) != 0 || a->ipv4 != b->ipv4 ||
	       a->ipv6 != b->ipv6 || a->port != b->port || a->plain_port != b->plain_port ||
	       a->tls != b->tls || a->tls_min_version != b->tls_min_version ||
	       a->tls_max_version != b->tls_max_version || a->profile != b->profile ||
	       strcmp(a->firmware_version, b->firmware_version) != 0;
}

int service_apply(struct service *service, const struct endpoint_settings *settings)
{
	bool restart = needs_restart(&service->settings, settings);
	struct endpoint_settings old = service->settings;
	int r = 0;

	take_settings(service, settings);
	if (restart)
		r = service_make_context(service);
	if (r < 0) {
		take_settings(service, &old);
		return r;
	}
	if (restart)
		stop_listening(service, "the configuration changed");
	service_set_uuid(service);
	lclog_set_maximum(service->log, (unsigned int)settings->log_max_records);
	service_review_window(service);
	server_set_maximum(service->server, (unsigned int)settings->max_connections);
	if (restart)
		r = start_listening(service);
	service_run_rollover(service);
	lclog_emit(service->log, MSG_ISM1030);
	platform_load(service->platform, settings);
	service_review_snmp(service);
	return r;
}
