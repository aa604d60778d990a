/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "host/link/channel_internal.h"

#define NOW	    1800000000
#define MAX_SOCKETS 16
#define MAX_ROUNDS  2000

struct run {
	struct channel *channel;
	struct fuzz_input *answers;
	uint8_t flags;
	uint32_t seed;
	bool tls, ended;
	unsigned int n_done, n_lost, n_answers, n_asked;
	int peers[MAX_SOCKETS];
	unsigned int n_peers;
};

static struct event_base *base;
static struct cert_pair pair;

/* For the whole process, libcurl's too: what open_socket() gave is connected. */
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return 0;
}

static int open_socket(int family, void *arg)
{
	struct run *run = arg;
	int fd[2];

	if (run->n_peers == MAX_SOCKETS)
		return -EMFILE;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	run->peers[run->n_peers++] = fd[1];
	return fd[0];
}

static time_t get_now(void *arg)
{
	return NOW;
}

void agent_channel_init(void)
{
	struct cert_request request = {
		.role = CERT_ROLE_AGENT, .common_name = "fuzz", .not_before = NOW - 1000};

	base = event_base_new();
	FUZZ_CHECK(base && channel_init_library() == 0);
	FUZZ_CHECK(cert_pair_make(&request, &pair) == 0);
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

static void on_done(struct channel *channel, const struct channel_result *result, void *arg)
{
	const struct channel_info *info = channel_get_info(channel);
	struct run *run = arg;

	check_result(result);
	FUZZ_CHECK(run->n_done++ == 0);
	FUZZ_CHECK(text_is_printable(info->vendor, sizeof(info->vendor) - 1));
	FUZZ_CHECK(text_is_printable(info->model, sizeof(info->model) - 1));
	FUZZ_CHECK(text_is_printable(info->firmware_version, sizeof(info->firmware_version) - 1));
	if (result->outcome != OUTCOME_CONNECTED) {
		run->ended = true;
		return;
	}
	/* Nobody has shown a certificate here. */
	FUZZ_CHECK(channel->plain);
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

static void answer(struct run *run, int fd)
{
	struct fuzz_input record;
	uint8_t *piece;
	size_t length;

	if (!fuzz_take_record(run->answers, &record)) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	while ((piece = fuzz_take_piece(&record, &run->seed, &length)) != NULL) {
		bool sent = send(fd, piece, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;

		free(piece);
		turn();
		if (!sent || run->ended)
			break;
	}
	if (run->answers->left == 0)
		shutdown(fd, SHUT_WR);
}

/* Returns whether anybody has asked anything. */
static bool serve(struct run *run)
{
	char request[16384];
	bool busy = false;

	for (unsigned int i = 0; i < run->n_peers && !run->ended; i++) {
		ssize_t n = recv(run->peers[i], request, sizeof(request), MSG_DONTWAIT);

		if (n <= 0)
			continue;
		busy = true;
		answer(run, run->peers[i]);
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

void agent_channel_run(struct fuzz_input *in, uint8_t flags, uint32_t seed, bool tls)
{
	struct run run = {.answers = in, .flags = flags, .seed = seed, .tls = tls};
	struct channel_handlers handlers = {
		.done = on_done, .lost = on_lost, .pushed = on_pushed, .arg = &run};
	struct channel_environment environment = {.base = base,
		.pair = &pair,
		.build_epoch = NOW - 2000,
		.open_socket = open_socket,
		.now = get_now,
		.arg = &run};
	struct channel_target target;
	struct trust_store store;
	struct settings settings;

	settings_init(&settings);
	settings.tls = tls;
	make_store(flags, &store);
	make_target(flags, &target);
	environment.settings = &settings;
	environment.store = &store;
	FUZZ_CHECK(channel_open(&environment, &target, &handlers, &run.channel) == 0);
	talk(&run);
	channel_close(run.channel);
	FUZZ_CHECK(run.n_answers == run.n_asked);
	for (unsigned int i = 0; i < run.n_peers; i++)
		close(run.peers[i]);
	turn();
}
