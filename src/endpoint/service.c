/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "bmclink-build.h"

#define KEY_NAME  "endpoint.key"
#define CERT_NAME "endpoint.crt"
#define MAX_NAMES 24

/* Addresses of the NIC as names for our certificate, behind the fixed ones. */
static void add_addresses(const char *interface, const char **names, size_t n,
	char texts[MAX_NAMES][INET6_ADDRSTRLEN])
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *a = list; a && n < MAX_NAMES - 1; a = a->ifa_next) {
		const void *address;

		if (!a->ifa_addr || strcmp(a->ifa_name, interface) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			address = &((struct sockaddr_in *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr->sa_family == AF_INET6)
			address = &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
		else
			continue;
		if (!inet_ntop(a->ifa_addr->sa_family, address, texts[n], INET6_ADDRSTRLEN))
			continue;
		names[n] = texts[n];
		n++;
	}
	freeifaddrs(list);
}

static int make_identity(struct service *service)
{
	const char *names[MAX_NAMES] = {"bmc.local", "idrac.local", "drac.local"};
	char texts[MAX_NAMES][INET6_ADDRSTRLEN];
	time_t now = time(NULL);
	struct cert_request request = {
		.role = CERT_ROLE_BMC,
		.common_name = "bmclink-endpoint",
		.names = names,
		.not_before = now < BMCLINK_BUILD_EPOCH ? BMCLINK_BUILD_EPOCH : now,
	};
	int r;

	add_addresses(service->settings.interface, names, 3, texts);
	r = cert_pair_make(&request, &service->identity);
	if (r == 0)
		r = cert_pair_save(&service->identity, service->state_fd, KEY_NAME, CERT_NAME);
	if (r == 0)
		log_notice("identity", "made a certificate of our own");
	return r;
}

/* The UUID of the service is taken from the certificate where the configuration gives none. */
static void set_uuid(struct service *service, unsigned char *bytes)
{
	char hex[3 * 16];

	if (service->settings.uuid[0]) {
		snprintf(service->uuid, sizeof(service->uuid), "%s", service->settings.uuid);
		return;
	}
	bytes[6] = (bytes[6] & 0x0f) | 0x80; /* RFC 9562: version 8, custom */
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	text_make_hex(bytes, 16, 0, hex);
	snprintf(service->uuid, sizeof(service->uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		hex + 12, hex + 16, hex + 20);
}

static int open_identity(struct service *service)
{
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	int r = cert_pair_load(service->state_fd, KEY_NAME, CERT_NAME, &service->identity);

	if (r < 0 && r != -ENOENT)
		log_error("identity", "the old certificate cannot be read: %s", strerror(-r));
	if (r < 0)
		r = make_identity(service);
	if (r == 0)
		r = cert_get_fingerprint(service->identity.certificate, fingerprint);
	if (r < 0)
		return r;
	text_make_hex(fingerprint, sizeof(fingerprint), ':', service->fingerprint);
	log_info("identity", "certificate %s", service->fingerprint);
	set_uuid(service, fingerprint);
	return 0;
}

static int make_context(struct service *service)
{
	struct tls_policy policy = {
		.minimum = (enum tls_version)service->settings.tls_min_version,
		.maximum = (enum tls_version)service->settings.tls_max_version,
		.server = true,
	};

	SSL_CTX_free(service->context);
	service->context = NULL;
	if (!service->profile.tls)
		return 0;
	return handshake_context_new(&policy, &service->identity, &service->context);
}

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
	return 0;
}

static void on_nic_down(void *arg)
{
	struct service *service = arg;

	server_close_all(service->server, "the NIC is gone");
	service->care.ifindex = 0; /* its sysctls went with it */
}

static int start_listening(struct service *service)
{
	struct listen_handlers handlers = {on_nic_up, on_nic_down, service};
	int r = make_context(service);

	if (r < 0)
		return r;
	/* Also of a firmware that has just learnt TLS: nobody can be known to it yet. A store that
	 * cannot be read is no first use: only the administrator or a host reset opens it then. */
	if (!service->trust.n_known && service->profile.tls && !service->trust_damaged)
		service_open_window(service, TRUST_REASON_EMPTY);
	service_watch_expiry(service);
	return listen_new(service->base, service->settings.interface, &handlers, &service->listen);
}

static void stop_listening(struct service *service, const char *reason)
{
	server_close_all(service->server, reason);
	care_put_back(&service->care);
	listen_free(service->listen);
	service->listen = NULL;
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
}

static void load_trust(struct service *service)
{
	int r = trust_load(&service->trust, service->state_fd);

	service->trust_damaged = r < 0;
	if (r < 0)
		lclog_emit(service->log, MSG_ISM1041, strerror(-r));
	r = accounts_load(&service->accounts, service->state_fd);
	if (r < 0)
		log_error("accounts", ACCOUNTS_FILE " cannot be read (%s): no password is set",
			strerror(-r));
}

static int start(struct service *service, const char *state_dir)
{
	struct server_handlers handlers;
	int r = open_identity(service);

	if (r == 0)
		r = lclog_open(
			state_dir, (unsigned int)service->settings.log_max_records, &service->log);
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
	load_trust(service);
	service_load_bootstrap(service);
	events_load(service);
	service_fill_handlers(service, &handlers);
	r = server_new(service->base, &handlers, (unsigned int)service->settings.max_connections,
		&service->server);
	if (r < 0)
		return r;
	lclog_emit(service->log, MSG_ISM1031, service->settings.firmware_version,
		service->profile.tls ? "TLS required" : "no TLS");
	platform_load(service->platform, &service->settings);
	return start_listening(service);
}

int service_new(const struct service_environment *environment,
	const struct endpoint_settings *settings, struct service **service)
{
	struct service *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	made->base = environment->base;
	made->state_fd = environment->state_fd;
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
	if (service->server)
		stop_listening(service, "the service stops");
	server_free(service->server);
	push_free(service->push);
	sse_free(service->sse);
	refusals_free(service->refusals);
	platform_free(service->platform);
	lclog_close(service->log);
	if (service->expiry_timer)
		event_free(service->expiry_timer);
	trust_clear(&service->trust);
	SSL_CTX_free(service->context);
	cert_pair_clear(&service->identity);
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
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	int r = 0;

	if (restart)
		stop_listening(service, "the configuration changed");
	take_settings(service, settings);
	if (cert_get_fingerprint(service->identity.certificate, fingerprint) == 0)
		set_uuid(service, fingerprint);
	lclog_set_maximum(service->log, (unsigned int)settings->log_max_records);
	service_review_window(service);
	server_set_maximum(service->server, (unsigned int)settings->max_connections);
	if (restart)
		r = start_listening(service);
	lclog_emit(service->log, MSG_ISM1030);
	platform_load(service->platform, settings);
	return r;
}
