/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/udev_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define UDEV_GROUP   2 /* libudev's; 1 is the kernel's own */
#define READS_A_TURN 64

struct udev_watch {
	int fd;
	bool on;
	struct event *readable;
	udev_hint_fn fn;
	void *arg;
};

/*
 * Is there a datagram, and did root send it? Anyone's hint would only cost us a question, but a
 * flood of them should need root. -EAGAIN: no more.
 */
static int read_hint(int fd)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(8)));
	struct sockaddr_nl from = {0};
	char byte;
	struct iovec iov = {&byte, 1}; /* the rest is cut off: nobody reads it */
	struct msghdr header = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct ucred sender;
	struct cmsghdr *c;

	if (recvmsg(fd, &header, MSG_DONTWAIT) < 0)
		return errno == ENOBUFS ? 1 : -errno; /* some were lost: a hint as well */
	c = CMSG_FIRSTHDR(&header);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
		c->cmsg_len < CMSG_LEN(sizeof(sender)))
		return 0;
	memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	/* The kernel's own events have no sender's pid; they are not of this group. */
	return sender.uid == 0 && from.nl_pid != 0 && from.nl_groups == 1 << (UDEV_GROUP - 1);
}

static bool drain(int fd, int turns)
{
	bool hint = false;

	for (int i = 0; i < turns; i++) {
		int r = read_hint(fd);

		if (r < 0)
			break;
		hint |= r > 0;
	}
	return hint;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udev_watch *watch = arg;

	if (drain(fd, READS_A_TURN))
		watch->fn(watch->arg); /* may free us: nothing behind this */
}

int udev_watch_new(struct event_base *base, udev_hint_fn fn, void *arg, struct udev_watch **watch)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	struct udev_watch *w = calloc(1, sizeof(*w));
	int on = 1, r = -ENOMEM;

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		setsockopt(w->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		r = -errno;
	else
		w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable) {
		udev_watch_free(w);
		return r;
	}
	*watch = w;
	return 0;
}

void udev_watch_free(struct udev_watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
}

int udev_watch_enable(struct udev_watch *watch, bool on)
{
	int group = UDEV_GROUP;

	if (watch->on == on)
		return 0;
	if (setsockopt(watch->fd, SOL_NETLINK,
		    on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group,
		    sizeof(group)) < 0)
		return -errno;
	if (on) {
		if (event_add(watch->readable, NULL) < 0)
			return -ENOMEM;
	} else {
		event_del(watch->readable);
		while (drain(watch->fd, READS_A_TURN))
			;
	}
	watch->on = on;
	log_debug("udev", "%s for a NIC to settle", on ? "waiting" : "no longer waiting");
	return 0;
}
