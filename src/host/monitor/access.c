/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/access.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "host/monitor/access_private.h"
#include "host/monitor/child.h"
#include "host/relay/relay.h"

#define MODULE "access"

static void set_state(struct access *access, enum access_state state)
{
	static const char *const names[] = {"off", "listening", "waiting", "ending"};
	const struct acts_environment *e = access->acts->environment;

	if (state != access->state)
		log_info(MODULE, "%s -> %s", names[access->state], names[state]);
	access->state = state;
	if (state != ACCESS_WAITING)
		access->problem[0] = '\0';
	e->notify(PRIV_NOTICE_ACCESS, NULL, 0, e->arg);
}

uint64_t access_now(void)
{
	return (uint64_t)clock_get_ms(CLOCK_MONOTONIC);
}

static void close_relay(struct access *access)
{
	if (access->readable != NULL)
		event_free(access->readable);
	access->readable = NULL;
	if (access->fd >= 0)
		close(access->fd);
	access->fd = -1;
}

/* The administrator is told once of a port that is taken, not each time it is tried. */
static void wait_for_port(struct access *access, int error)
{
	char port[8], problem[sizeof(access->problem)];

	snprintf(port, sizeof(port), "%u", access->plan.port);
	snprintf(problem, sizeof(problem), "TCP port %s: %s", port,
		error == -EADDRINUSE ? "another program listens at it" : strerror(-error));
	if (access->state != ACCESS_WAITING || strcmp(problem, access->problem) != 0)
		acts_emit(access->acts, MSG_ISM1214, port,
			error == -EADDRINUSE ? "another program listens at it" : strerror(-error));
	set_state(access, ACCESS_WAITING);
	snprintf(access->problem, sizeof(access->problem), "%s", problem);
	clock_set_timer(access->timer, ACCESS_PORT_MS);
}

static void wait_after_end(struct access *access, const char *why)
{
	uint64_t lived = access_now() - access->started_ms;
	char ms[16];

	if (lived >= CHILD_BACKOFF_RESET_MS)
		access->backoff_ms = ACCESS_BACKOFF_FIRST_MS;
	snprintf(ms, sizeof(ms), "%u", access->backoff_ms);
	log_warning(MODULE, "the relay ended: %s; started again in %s ms", why, ms);
	acts_emit(access->acts, MSG_ISM1215, why, ms);
	set_state(access, ACCESS_WAITING);
	snprintf(access->problem, sizeof(access->problem), "the relay ended: %.64s", why);
	clock_set_timer(access->timer, access->backoff_ms);
	access->backoff_ms *= 2;
	if (access->backoff_ms > ACCESS_BACKOFF_MAX_MS)
		access->backoff_ms = ACCESS_BACKOFF_MAX_MS;
}

/* IPv6 that this host does not have is no reason to go without IPv4. */
static int open_listeners(const struct access *access, int fds[RELAY_MAX_LISTENERS], size_t *n)
{
	int r = access_open_listener(AF_INET, access->plan.port, access->plan.ifindex, &fds[0]);

	if (r < 0)
		return r;
	r = access_open_listener(AF_INET6, access->plan.port, access->plan.ifindex, &fds[1]);
	if (r < 0 && r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL) {
		close(fds[0]);
		return r;
	}
	*n = r < 0 ? 1 : 2;
	return 0;
}

static int send_order(int fd, const struct admission_rules *rules, const int *fds, size_t n)
{
	union {
		char buffer[CMSG_SPACE(RELAY_MAX_LISTENERS * sizeof(int))];
		struct cmsghdr align;
	} control = {.buffer = {0}};
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_writer out;
	struct iovec iov = {.iov_base = buffer};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_order(&out, rules);
	if (out.failed || !header)
		return -EMSGSIZE;
	iov.iov_len = out.used;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void run_child(const struct access *access, int fd)
{
	const struct acts_environment *e = access->acts->environment;
	const char *argv[] = {"bmclinkd", "--relay", "--user", e->user_text, "--group",
		e->group_text, NULL, NULL, NULL};
	const int fds[] = {fd, access->counts_fd, e->empty_fd};
	size_t n = 6;

	if (e->foreground)
		argv[n++] = "--foreground";
	if (e->debug)
		argv[n++] = "--debug";
	child_exec(argv, fds, ARRAY_SIZE(fds));
}

/* The process, with its order sent: it listens as soon as it is up. */
static int start_process(struct access *access, const int *listeners, size_t n)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	access->fd = pair[0];
	r = send_order(pair[0], &access->plan.rules, listeners, n);
	if (r == 0) {
		access->readable = event_new(access->acts->environment->base, access->fd,
			EV_READ | EV_PERSIST, access_on_message, access);
		if (access->readable == NULL || event_add(access->readable, NULL) < 0)
			r = -ENOMEM;
	}
	if (r == 0) {
		access->pid = fork();
		if (access->pid == 0)
			run_child(access, pair[1]);
		r = access->pid < 0 ? -errno : 0;
	}
	close(pair[1]);
	if (r < 0) {
		access->pid = 0;
		close_relay(access);
	}
	return r;
}

static void start_relay(struct access *access)
{
	int listeners[RELAY_MAX_LISTENERS], r;
	size_t n, i;

	r = open_listeners(access, listeners, &n);
	if (r < 0) {
		wait_for_port(access, r);
		return;
	}
	access->counts->now = 0;
	access->started_ms = access_now();
	r = start_process(access, listeners, n);
	for (i = 0; i < n; i++)
		close(listeners[i]);
	if (r < 0)
		wait_after_end(access, strerror(-r));
	else
		set_state(access, ACCESS_LISTENING);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct access *access = arg;

	if (access->state == ACCESS_WAITING)
		start_relay(access);
	else if (access->state == ACCESS_ENDING && access->pid > 0)
		kill(access->pid, SIGKILL);
}

void access_child_ended(struct access *access)
{
	char why[96];
	int status;

	if (access == NULL || access->pid == 0 ||
		waitpid(access->pid, &status, WNOHANG) != access->pid)
		return;
	access->pid = 0;
	access_read_messages(access); /* what it still had to tell */
	close_relay(access);
	evtimer_del(access->timer);
	access->counts->now = 0;
	child_describe_end(status, why, sizeof(why));
	if (access->state == ACCESS_LISTENING)
		wait_after_end(access, why);
	else if (access->wanted)
		start_relay(access);
	else
		set_state(access, ACCESS_OFF);
}

static void end_relay(struct access *access)
{
	switch (access->state) {
	case ACCESS_LISTENING:
		shutdown(access->fd, SHUT_WR);
		set_state(access, ACCESS_ENDING);
		clock_set_timer(access->timer, ACCESS_STOP_MS);
		break;
	case ACCESS_WAITING:
		evtimer_del(access->timer);
		set_state(access, ACCESS_OFF);
		break;
	default:
		break;
	}
}

static bool make_plan(
	const struct access *access, struct in_addr bmc, uint16_t port, struct access_plan *plan)
{
	const struct settings *settings = &access->acts->settings;
	const char *expected;

	memset(plan, 0, sizeof(*plan)); /* compared by its bytes */
	if (!settings->inband_access || !settings->tls || !settings->ipv4 ||
		relay_sources_parse(settings->access_allow, &plan->rules.sources, &expected) < 0 ||
		plan->rules.sources.n == 0)
		return false;
	plan->ifindex = access->acts->ifindex;
	plan->bmc = bmc;
	plan->bmc_port = port;
	plan->port = (uint16_t)settings->access_port;
	relay_address_from_ipv4(bmc, plan->rules.bmc);
	plan->rules.max = (unsigned int)settings->access_max;
	plan->rules.max_per_source = (unsigned int)settings->access_max_per_source;
	plan->rules.idle_ms = (uint64_t)settings->access_idle * 1000;
	return true;
}

/* What runs by another plan ends, and begins anew when it has ended. */
static int follow(struct access *access, const struct access_plan *plan)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): made from zeros */
	if (access->wanted && memcmp(plan, &access->plan, sizeof(*plan)) == 0)
		return 0;
	end_relay(access);
	access->plan = *plan;
	access->wanted = true;
	access->backoff_ms = ACCESS_BACKOFF_FIRST_MS;
	if (access->state == ACCESS_OFF)
		start_relay(access);
	return 0;
}

int access_start(struct access *access, struct in_addr bmc, uint16_t port)
{
	struct access_plan plan;

	if (!make_plan(access, bmc, port, &plan))
		return -EPERM;
	return follow(access, &plan);
}

void access_stop(struct access *access)
{
	if (access == NULL)
		return;
	access->wanted = false;
	end_relay(access);
}

void access_review(struct access *access)
{
	struct access_plan plan;

	if (access == NULL || !access->wanted)
		return;
	if (access->plan.ifindex == access->acts->ifindex &&
		make_plan(access, access->plan.bmc, access->plan.bmc_port, &plan))
		follow(access, &plan);
	else
		access_stop(access);
}

void access_get_status(const struct access *access, struct access_status *status)
{
	const struct relay_counts *counts = access->counts;

	*status = (struct access_status){.state = access->state,
		.port = access->plan.port,
		.now = counts->now,
		.total = counts->total,
		.refused = counts->refused,
		.not_allowed = counts->not_allowed,
		.to_bmc = counts->to_bmc,
		.from_bmc = counts->from_bmc};
	snprintf(status->problem, sizeof(status->problem), "%s", access->problem);
}

static int make_counts(struct access *access)
{
	void *page;

	access->counts_fd = memfd_create("bmclink-access", MFD_CLOEXEC);
	if (access->counts_fd < 0 || ftruncate(access->counts_fd, sizeof(struct relay_counts)) < 0)
		return -errno;
	page = mmap(NULL, sizeof(struct relay_counts), PROT_READ | PROT_WRITE, MAP_SHARED,
		access->counts_fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	access->counts = page;
	return 0;
}

int access_new(struct acts *acts, struct access **access)
{
	struct access *made = calloc(1, sizeof(*made));
	int r;

	if (made == NULL)
		return -ENOMEM;
	*made = (struct access){.acts = acts, .fd = -1, .counts_fd = -1};
	made->timer = evtimer_new(acts->environment->base, on_timer, made);
	r = made->timer == NULL ? -ENOMEM : make_counts(made);
	if (r < 0) {
		access_free(made);
		return r;
	}
	*access = made;
	return 0;
}

void access_free(struct access *access)
{
	if (access == NULL)
		return;
	if (access->pid > 0) {
		kill(access->pid, SIGKILL);
		waitpid(access->pid, NULL, 0);
	}
	close_relay(access);
	if (access->timer != NULL)
		event_free(access->timer);
	if (access->counts != NULL)
		munmap(access->counts, sizeof(*access->counts));
	if (access->counts_fd >= 0)
		close(access->counts_fd);
	free(access);
}
