/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay says: it wants a socket to the BMC, a connection has ended. It may be in the hands
 * of a client, so nothing that it says is taken for more than that. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "base/util.h"
#include "host/monitor/access_private.h"

#define MODULE	 "access"
#define MESSAGES 64 /* at a time: the worker has its turn, too */

/* A bucket that is filled with ACCESS_ASKS a second. */
static bool take_ask(struct access *access)
{
	uint64_t now = access_now(), gained;

	gained = (now - access->asks_ms) * ACCESS_ASKS / 1000;
	if (gained > 0) {
		access->asks_ms = now;
		access->asks += gained > ACCESS_ASKS ? ACCESS_ASKS : (unsigned int)gained;
		if (access->asks > ACCESS_ASKS)
			access->asks = ACCESS_ASKS;
	}
	if (access->asks == 0)
		return false;
	access->asks--;
	return true;
}

static int open_socket(struct access *access, int *fd)
{
	if (access->state != ACCESS_LISTENING || access->plan.ifindex != access->acts->ifindex)
		return -EPERM;
	if (!take_ask(access))
		return -EAGAIN;
	return access_open_bmc(access->plan.ifindex, access->plan.bmc, access->plan.bmc_port, fd);
}

static void answer(struct access *access, uint32_t id)
{
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.buffer = {0}};
	_cleanup_close_ int fd = -1;
	uint8_t buffer[16];
	struct wire_writer out;
	struct iovec iov = {.iov_base = buffer};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	int r = open_socket(access, &fd);

	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u16(&out, RELAY_MESSAGE_SOCKET);
	wire_put_u32(&out, id);
	wire_put_u32(&out, (uint32_t)-r);
	iov.iov_len = out.used;
	if (r == 0) {
		struct cmsghdr *header;

		message.msg_control = control.buffer;
		message.msg_controllen = sizeof(control.buffer);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	/* a relay that does not read its answers loses them */
	if (sendmsg(access->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug(MODULE, "an answer to the relay was lost: %s", strerror(errno));
}

static void tell_ended(struct access *access, const struct relay_report *report,
	const char *address, const char *others)
{
	char seconds[32], to[24], from[24];

	snprintf(seconds, sizeof(seconds), "%" PRIu64 ".%03u", report->ms / 1000,
		(unsigned int)(report->ms % 1000));
	snprintf(to, sizeof(to), "%" PRIu64, report->to_bmc);
	snprintf(from, sizeof(from), "%" PRIu64, report->from_bmc);
	acts_emit(access->acts, MSG_ISM1212, address, seconds, to, from,
		relay_end_text(report->end), others);
}

/* Each connection is an event, until there are many of them: then one a minute says how many more
 * there were. Each reason of a refusal has its own count. */
static void take_report(struct access *access, const struct relay_report *report)
{
	static const char keys[RELAY_ENDS];
	bool refused = report->end >= RELAY_END_SILENT;
	char address[INET6_ADDRSTRLEN], others[64] = "";
	unsigned int held;

	if (!log_fold_take(&access->fold, &keys[refused ? report->end : 0], access_now(), &held))
		return;
	if (held > 0)
		snprintf(others, sizeof(others), " (%u more since the last such event)", held);
	relay_address_format(report->address, address);
	if (refused)
		acts_emit(access->acts, MSG_ISM1213, address, relay_end_text(report->end), others);
	else
		tell_ended(access, report, address, others);
}

static void take_message(struct access *access, const uint8_t *data, size_t length)
{
	struct relay_report report;
	struct wire_reader in;
	uint16_t kind;
	uint32_t id;

	wire_reader_init(&in, data, length);
	kind = wire_get_u16(&in);
	if (kind == RELAY_MESSAGE_ASK) {
		id = wire_get_u32(&in);
		if (wire_is_done(&in))
			answer(access, id);
	} else if (kind == RELAY_MESSAGE_REPORT && relay_get_report(&in, &report) == 0) {
		take_report(access, &report);
	}
}

void access_read_messages(struct access *access)
{
	uint8_t buffer[RELAY_MAX_MESSAGE];

	for (unsigned int i = 0; i < MESSAGES && access->fd >= 0; i++) {
		ssize_t n = recv(access->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n == 0) { /* SIGCHLD follows; one that only closed its end is of no use */
			event_del(access->readable);
			if (access->pid > 0)
				kill(access->pid, SIGKILL);
			return;
		}
		take_message(access, buffer, (size_t)n);
	}
}

void access_on_message(evutil_socket_t fd, short what, void *arg)
{
	access_read_messages(arg);
}
