/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_service.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 256

static SSL *ssl; /* stands for a connection's whose handshake is done */
static struct trust_certificate host, guest;
static const char *host_pem;
static struct password password;

/* As password_make(), but not meant to take time. */
static void make_password(void)
{
	password.iterations = 1;
	FUZZ_CHECK(PKCS5_PBKDF2_HMAC(FUZZ_PASSWORD, (int)strlen(FUZZ_PASSWORD), password.salt,
			   sizeof(password.salt), 1, EVP_sha256(), sizeof(password.hash),
			   password.hash) == 1);
}

struct service *endpoint_service_start(void)
{
	static const char config[] = "[Endpoint]\ninterface = fuzz-none\nlog_max_records = 100\n";
	struct service_environment environment = {.base = event_base_new(),
		.runtime_fd = -1,
		.state_dir = fuzz_get_dir(),
		.state_fd = fuzz_get_dir_fd()};
	struct endpoint_settings settings;
	struct service *service;
	const char *guest_pem = fuzz_get_data("guest.crt");
	char *error = NULL;

	signal(SIGPIPE, SIG_IGN); /* as main() does */
	host_pem = fuzz_get_data("host.crt");
	FUZZ_CHECK(endpoint_settings_parse(config, strlen(config), "fuzz", &settings, &error) == 0);
	FUZZ_CHECK(service_new(&environment, &settings, &service) == 0);
	FUZZ_CHECK(trust_read_pem(host_pem, strlen(host_pem), &host, NULL) == 0);
	FUZZ_CHECK(trust_read_pem(guest_pem, strlen(guest_pem), &guest, NULL) == 0);
	ssl = SSL_new(service->context);
	FUZZ_CHECK(ssl != NULL);
	make_password();
	return service;
}

/* One, of whoever knows FUZZ_TOKEN. */
static void reset_sessions(struct service *service)
{
	struct sessions *sessions = &service->sessions;

	*sessions = (struct sessions){.n = 1, .last_id = 1};
	sessions->list[0] = (struct session){.id = 1, .used_ms = service_get_mono_ms()};
	strcpy(sessions->list[0].client, "169.254.1.9");
	FUZZ_CHECK(EVP_Digest(FUZZ_TOKEN, strlen(FUZZ_TOKEN), sessions->list[0].hash, NULL,
			   EVP_sha256(), NULL) == 1);
}

void endpoint_service_reset(struct service *service, enum principal principal)
{
	struct trust_clock clock;

	service_get_clock(&clock);
	trust_clear(&service->trust);
	service->trust.next_id = 1;
	FUZZ_CHECK(trust_add(&service->trust, &host, host_pem, &clock) == 0);
	service->trust.window_open = false;
	service->enrolments = (struct limiter_turns){0};
	if (principal == PRINCIPAL_GUEST)
		trust_window_open(&service->trust, TRUST_REASON_ADMINISTRATOR, &clock);
	service->accounts.admin = password;
	service->accounts.lockout = (struct lockout){0};
	service->accounts.has_last = false;
	service->events_enabled = true;
	reset_sessions(service);
}

bool endpoint_service_is_untouched(const struct service *service)
{
	return service->trust.n_known == 1 && service->sessions.n == 1 &&
	       service->sessions.last_id == 1 && service->events_enabled &&
	       memcmp(&service->trust.known[0].certificate.fingerprint, host.fingerprint,
		       sizeof(host.fingerprint)) == 0 &&
	       memcmp(service->accounts.admin.hash, password.hash, sizeof(password.hash)) == 0;
}

static struct connection *connect_as(struct service *service, enum principal principal, int fd)
{
	static const struct connection_peer peer = {
		.family = AF_INET,
		.address = "169.254.1.2",
		.local = "169.254.1.1",
		.source = {169, 254, 1, 2}
	  };
	struct server_listener listener = {.server = service->server,
		.port = principal == PRINCIPAL_REFUSED ? SERVER_PORT_REFUSE : SERVER_PORT_SERVICE,
		.context = principal == PRINCIPAL_HANDSHAKE ? service->context : NULL};
	struct connection *c;

	FUZZ_CHECK(connection_new(service->server, &listener, fd, &peer) == 0);
	c = TAILQ_LAST(&service->server->connections, connection_list);
	if (principal < PRINCIPAL_NOBODY || principal == PRINCIPAL_HANDSHAKE)
		return c;
	c->ssl = ssl;
	if (principal == PRINCIPAL_HOST) {
		c->handshake.client = HANDSHAKE_CLIENT_KNOWN;
		c->handshake.certificate = host;
	} else if (principal == PRINCIPAL_GUEST) {
		c->handshake.client = HANDSHAKE_CLIENT_ENROLLING;
		c->handshake.certificate = guest;
	}
	return c;
}

struct ear { /* what hears the answers */
	int fd;
	char *answer;
	size_t size, used;
};

static void hear(struct ear *ear)
{
	char waste[16384];
	ssize_t n;

	while ((n = recv(ear->fd, waste, sizeof(waste), MSG_DONTWAIT)) > 0) {
		size_t room = ear->size - 1 - ear->used;

		room = (size_t)n < room ? (size_t)n : room;
		memcpy(ear->answer + ear->used, waste, room);
		ear->used += room;
	}
	ear->answer[ear->used] = '\0';
}

static bool is_busy(const struct service *service)
{
	return server_count(service->server) > 0 || service->server->n_lingering > 0;
}

void endpoint_service_talk(struct service *service, enum principal principal, struct fuzz_input *in,
	uint32_t seed, char *answer, size_t size)
{
	struct ear ear = {.answer = answer, .size = size};
	uint8_t *piece;
	size_t length;
	int fd[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	connect_as(service, principal, fd[0]);
	ear.fd = fd[1];
	while ((piece = fuzz_take_piece(in, &seed, &length)) != NULL) {
		bool sent = send(fd[1], piece, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;

		free(piece);
		event_base_loop(service->base, EVLOOP_NONBLOCK);
		hear(&ear);
		if (!sent)
			break;
	}
	for (int i = 0; i < 3; i++) { /* callbacks are deferred */
		event_base_loop(service->base, EVLOOP_NONBLOCK);
		hear(&ear);
	}
	shutdown(fd[1], SHUT_WR);
	for (int i = 0; i < 16 && is_busy(service); i++) {
		event_base_loop(service->base, EVLOOP_NONBLOCK);
		hear(&ear);
	}
	close(fd[1]);
	for (int i = 0; i < ROUNDS && is_busy(service); i++)
		event_base_loop(service->base, EVLOOP_NONBLOCK);
	FUZZ_CHECK(!is_busy(service));
}
