/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/util.h"
#include "host/relay/relay.h"
#include "host/relay/relay_private.h"

#define MAX_FDS RELAY_MAX_LISTENERS

/* One message with its descriptors. Returns its length, 0 at the end, or negative errno. */
static ssize_t receive(
	uint8_t buffer[RELAY_MAX_MESSAGE], int flags, int fds[MAX_FDS], unsigned int *n_fds)
{
	union {
		char buffer[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buffer, .iov_len = RELAY_MAX_MESSAGE};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer)};
	struct cmsghdr *header;
	ssize_t n;

	*n_fds = 0;
	do
		n = recvmsg(RELAY_MONITOR_FD, &message, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? 0 : -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		*n_fds = (unsigned int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(header), *n_fds * sizeof(int));
	}
	return n;
}

int relay_receive_order(struct relay *relay)
{
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_reader in;
	ssize_t n = receive(buffer, 0, relay->listeners, &relay->n_listeners);

	if (n <= 0)
		return n == 0 ? -EPIPE : (int)n;
	wire_reader_init(&in, buffer, (size_t)n);
	if (wire_get_u16(&in) != RELAY_MESSAGE_ORDER || relay->n_listeners == 0)
		return -EPROTO;
	return relay_get_order(&in, &relay->rules);
}

int relay_ask(uint32_t id)
{
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_writer out;

	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u16(&out, RELAY_MESSAGE_ASK);
	wire_put_u32(&out, id);
	return send(RELAY_MONITOR_FD, buffer, out.used, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno
											 : 0;
}

/* A report that the monitor has no room for is lost; the counts are not. */
void relay_report(const struct relay_report *report)
{
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_writer out;

	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_report(&out, report);
	(void)!send(RELAY_MONITOR_FD, buffer, out.used, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_answer(struct relay *relay, struct wire_reader *in, int fd)
{
	uint32_t id = wire_get_u32(in), status = wire_get_u32(in);
	_cleanup_close_ int owned = fd;

	if (!wire_is_done(in))
		return;
	if (status == 0 && fd < 0)
		status = EPROTO;
	connection_take_socket(relay, id, status == 0 ? util_steal_fd(&owned) : -(int)status);
}

void relay_read_monitor(struct relay *relay)
{
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_reader in;
	unsigned int n_fds;
	int fds[MAX_FDS];
	ssize_t n;

	while (!relay->stopping) {
		n = receive(buffer, MSG_DONTWAIT, fds, &n_fds);
		if (n == -EAGAIN)
			return;
		if (n <= 0) { /* told to stop, or the monitor is gone */
			relay->stopping = true;
			return;
		}
		wire_reader_init(&in, buffer, (size_t)n);
		if (wire_get_u16(&in) == RELAY_MESSAGE_SOCKET)
			take_answer(relay, &in, n_fds > 0 ? fds[0] : -1);
	}
}
