/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/text.h"
#include "host/link/channel_internal.h"

#define NOW	    1800000000
#define PASSWORD    "fuzz-password"
#define MAX_SOCKETS 16
#define MAX_ROUNDS  2000

struct peer { /* the BMC's end of a connection */
	int fd;
	SSL *ssl; /* NULL: not with AGENT_TLS */
};

struct run {
	struct channel *channel;
	struct fuzz_input *answers;
	uint8_t flags;
	uint32_t seed;
	enum agent_channel_mode mode;
	bool ended;
	unsigned int n_done, n_lost, n_answers, n_asked;
	struct peer peers[MAX_SOCKETS];
	struct trust_store store;
	unsigned int n_peers;
};

static struct event_base *base;
static struct cert_pair pair, bmc_pair;
static unsigned char bmc_fingerprint[CERT_FINGERPRINT_SIZE];
static SSL_CTX *bmc_context;

/* For the whole process, libcurl's too: what open_socket() gave is connected. */
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return 0;
}

/* libcurl uses a connection again only when it knows an address of its other end. */
int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(443),
		.sin_addr.s_addr = htonl(0xa9fe0101)};

	memcpy(address, &in, *length < sizeof(in) ? *length : sizeof(in));
	*length = sizeof(in);
	return 0;
}

static void add_peer(struct run *run, int fd)
{
	struct peer *peer = &run->peers[run->n_peers++];

	*peer = (struct peer){.fd = fd};
	if (run->mode != AGENT_TLS)
		return;
	peer->ssl = SSL_new(bmc_context);
	FUZZ_CHECK(peer->ssl && SSL_set_fd(peer->ssl, fd) == 1);
	SSL_set_accept_state(peer->ssl);
}

static int open_socket(int family, void *arg)
{
	struct run *run = arg;
	int fd[2];

	if (run->n_peers == MAX_SOCKETS)
		return -EMFILE;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	add_peer(run, fd[1]);
	return fd[0];
}

static int get_password(char password[PRIV_MAX_PASSWORD + 1], void *arg)
{
	strcpy(password, PASSWORD);
	return 0;
}

static time_t get_now(void *arg)
{
	return NOW;
}

static int take_any(X509_STORE_CTX *store, void *arg)
{
	return 1;
}

static void make_bmc_context(void)
{
	static const struct tls_policy policy = {TLS_1_2, TLS_1_3, true};

	bmc_context = SSL_CTX_new(TLS_server_method());
	FUZZ_CHECK(bmc_context && tls_context_apply(bmc_context, &policy, &bmc_pair) == 0);
	SSL_CTX_set_verify(bmc_context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(bmc_context, take_any, NULL);
}

void agent_channel_init(void)
{
	struct cert_request request = {
		.role = CERT_ROLE_AGENT, .common_name = "fuzz", .not_before = NOW - 1000};

	base = event_base_new();
	FUZZ_CHECK(base && channel_init_library() == 0);
	FUZZ_CHECK(cert_pair_make(&request, &pair) == 0);
	request.role = CERT_ROLE_BMC;
	FUZZ_CHECK(cert_pair_make(&request, &bmc_pair) == 0);
	FUZZ_CHECK(cert_get_fingerprint(bmc_pair.certificate, bmc_fingerprint) == 0);
	make_bmc_context();
}

/* --- what the agent would do --- */

static void close_channel(struct run *run)
{
	struct channel *channel = run->channel;

	run->channel = NULL;
	run->ended = true;
	channel_close(channel);
}

static void on_answer(int status, const json_t *body, void *arg)
{
	struct run *run = arg;

	run->n_answers++;
	if ((run->flags & CHANNEL_FLAG_CLOSE_IN_ANSWER) && run->channel)
		close_channel(run);
}

static void check_result(const struct channel_result *result)
{
	FUZZ_CHECK(text_is_printable(result->detail, sizeof(result->detail) - 1));
	FUZZ_CHECK(outcome_name(result->outcome) != NULL);
}

static bool has_right_pin(const struct run *run)
{
	return run->store.pinned && !(run->flags & CHANNEL_FLAG_OTHER_PIN);
}

/* Who may be connected to, and who enrolled with, whatever was answered. */
static void check_trust(
	const struct run *run, const struct channel *channel, const struct channel_result *result)
{
	const struct trust_store *store = &run->store;
	bool right_pin = has_right_pin(run);

	if (result->outcome == OUTCOME_CONNECTED && !channel->plain)
		FUZZ_CHECK(run->mode == AGENT_TLS && right_pin);
	if (result->outcome == OUTCOME_CONNECTED && channel->plain)
		FUZZ_CHECK(run->mode == AGENT_PLAIN || !store->seen_tls);
	if (result->outcome == OUTCOME_ENROLLED)
		FUZZ_CHECK(run->mode == AGENT_TLS && (right_pin || store->window_open));
}

static void on_done(struct channel *channel, const struct channel_result *result, void *arg)
{
	const struct channel_info *info = channel_get_info(channel);
	struct run *run = arg;

	check_result(result);
	FUZZ_CHECK(run->n_done++ == 0);
	FUZZ_CHECK(text_is_printable(info->vendor, sizeof(info->vendor) - 1));
	FUZZ_CHECK(text_is_printable(info->model, sizeof(info->model) - 1));
	FUZZ_CHECK(text_is_printable(info->firmware_version, sizeof(info->firmware_version) - 1));
	check_trust(run, channel, result);
	if (result->outcome != OUTCOME_CONNECTED) {
		run->ended = true;
		return;
	}
	run->n_asked +=
		channel_request(channel, "GET", "/redfish/v1/Systems", NULL, on_answer, run) == 0;
	run->n_asked +=
		channel_request(channel, "POST", "/redfish/v1/Systems", NULL, on_answer, run) == 0;
	if (run->flags & CHANNEL_FLAG_CLOSE_IN_DONE)
		close_channel(run);
}

static void on_lost(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct run *run = arg;

	check_result(result);
	FUZZ_CHECK(run->n_done == 1 && run->n_lost++ == 0);
	run->ended = true;
}

static void on_ended(struct channel *channel, void *arg)
{
	struct run *run = arg;

	run->ended = true;
}

static void on_pushed(struct channel *channel, const json_t *payload, void *arg)
{
	struct run *run = arg;

	FUZZ_CHECK(json_is_object(payload) && channel == run->channel);
	if (run->flags & CHANNEL_FLAG_CLOSE_IN_PUSH)
		close_channel(run);
}

/* --- the BMC --- */

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static ssize_t hear(const struct peer *peer, char *out, size_t size)
{
	ssize_t n;

	if (!peer->ssl)
		return recv(peer->fd, out, size, MSG_DONTWAIT);
	n = SSL_read(peer->ssl, out, (int)size);
	ERR_clear_error();
	return n;
}

static bool say(const struct peer *peer, const uint8_t *bytes, size_t length)
{
	bool sent;

	if (!peer->ssl)
		return send(peer->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	sent = SSL_write(peer->ssl, bytes, (int)length) > 0;
	ERR_clear_error();
	return sent;
}

static void answer(struct run *run, const struct peer *peer)
{
	struct fuzz_input record;
	uint8_t *piece;
	size_t length;

	if (!fuzz_take_record(run->answers, &record)) {
		shutdown(peer->fd, SHUT_RDWR);
		return;
	}
	while ((piece = fuzz_take_piece(&record, &run->seed, &length)) != NULL) {
		bool sent = say(peer, piece, length);

		free(piece);
		turn();
		if (!sent || run->ended)
			break;
	}
	if (run->answers->left == 0)
		shutdown(peer->fd, SHUT_WR);
}

/* In the body: a path is the BMC's own words, and libFuzzer has learned the password by now. */
static bool has_password(const char *request, size_t length)
{
	const char *body = memmem(request, length, "\r\n\r\n", 4);

	return body && memmem(body, length - (size_t)(body - request), PASSWORD, strlen(PASSWORD));
}

/* Returns whether anybody has asked anything. */
static bool serve(struct run *run)
{
	char request[16384];
	bool busy = false;

	for (unsigned int i = 0; i < run->n_peers && !run->ended; i++) {
		ssize_t n = hear(&run->peers[i], request, sizeof(request));

		if (n <= 0)
			continue;
		busy = true;
		if (has_password(request, (size_t)n))
			FUZZ_CHECK(run->mode == AGENT_TLS && has_right_pin(run));
		answer(run, &run->peers[i]);
	}
	return busy;
}

/* Nothing to be read: either all is done, or libcurl waits for a few milliseconds. */
static bool wait_for_libcurl(const struct run *run)
{
	struct timeval now, due;
	long ms;

	if (run->ended || !event_pending(run->channel->multi_timer, EV_TIMEOUT, &due))
		return false;
	gettimeofday(&now, NULL);
	ms = (due.tv_sec - now.tv_sec) * 1000 + (due.tv_usec - now.tv_usec) / 1000;
	if (ms > 10)
		return false;
	event_base_loop(base, EVLOOP_ONCE);
	return true;
}

/* 30 seconds have passed. */
static bool poll_now(struct run *run)
{
	if (run->ended || run->channel->life != LIFE_POLL || run->answers->left == 0 ||
		!event_pending(run->channel->poll, EV_TIMEOUT, NULL))
		return false;
	event_active(run->channel->poll, EV_TIMEOUT, 0);
	return true;
}

static void talk(struct run *run)
{
	unsigned int quiet = 0;

	for (int i = 0; i < MAX_ROUNDS && !run->ended && quiet < 4; i++) {
		turn();
		quiet = serve(run) ? 0 : quiet + 1;
		if (quiet == 4 && (wait_for_libcurl(run) || poll_now(run)))
			quiet = 0;
	}
}

static void make_store(uint8_t flags, struct trust_store *store)
{
	*store = (struct trust_store){.pinned = flags & CHANNEL_FLAG_PINNED,
		.seen_tls = flags & (CHANNEL_FLAG_SEEN_TLS | CHANNEL_FLAG_PINNED),
		.window_open = (flags & CHANNEL_FLAG_WINDOW) && !(flags & CHANNEL_FLAG_PINNED)};
	if (!(flags & CHANNEL_FLAG_OTHER_PIN))
		memcpy(store->pin, bmc_fingerprint, sizeof(store->pin));
}

static void make_target(uint8_t flags, struct channel_target *target)
{
	*target = (struct channel_target){.family = flags & CHANNEL_FLAG_IPV6 ? AF_INET6 : AF_INET,
		.ifindex = 2,
		.ipv4.s_addr = htonl(0xa9fe0101),
		.ipv6 = {{{0xfe, 0x80, [15] = 1}}},
		.port = 443,
		.plain_port = 80};
}

void agent_channel_run(
	struct fuzz_input *in, uint8_t flags, uint32_t seed, enum agent_channel_mode mode)
{
	struct run run = {.answers = in, .flags = flags, .seed = seed, .mode = mode};
	struct channel_handlers handlers = {
		.done = on_done, .lost = on_lost, .pushed = on_pushed, .arg = &run};
	struct channel_memory memory = {0};
	struct channel_environment environment = {.base = base,
		.pair = &pair,
		.build_epoch = NOW - 2000,
		.open_socket = open_socket,
		.get_password = get_password,
		.memory = &memory,
		.now = get_now,
		.arg = &run};
	struct channel_target target;
	struct settings settings;

	settings_init(&settings);
	settings.tls = mode != AGENT_PLAIN;
	strcpy(settings.login_user, "fuzzer");
	strcpy(settings.login_password_file, "/password");
	make_store(flags, &run.store);
	make_target(flags, &target);
	environment.settings = &settings;
	environment.store = &run.store;
	FUZZ_CHECK(channel_open(&environment, &target, &handlers, &run.channel) == 0);
	talk(&run);
	if (!run.ended && channel_end_session(run.channel, on_ended, &run))
		talk(&run);
	channel_close(run.channel);
	FUZZ_CHECK(run.n_answers == run.n_asked);
	for (unsigned int i = 0; i < run.n_peers; i++) {
		SSL_free(run.peers[i].ssl);
		close(run.peers[i].fd);
	}
	turn();
}
