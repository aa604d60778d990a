/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP probes (RFC 5227, 2.1.1: sender protocol address 0). The monitor parses nothing from outside:
 * a filter in the kernel lets only an ARP reply from the asked address reach the socket, so that
 * anything to read at all is the answer.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "base/log.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/nl.h"

#define MODULE "arp"

struct arp_frame { /* RFC 826 over Ethernet; all members are bytes, so there is no padding */
	uint8_t destination[6], source[6], type[2];
	uint8_t hardware[2], protocol[2], hardware_size, protocol_size, operation[2];
	uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
};

static void stop(struct acts_probe *probe)
{
	if (probe->readable == NULL)
		return;
	event_free(probe->readable);
	close(probe->fd);
	*probe = (struct acts_probe){0};
}

void act_arp_stop(struct acts *acts)
{
	size_t i;

	for (i = 0; i < ACTS_MAX_PROBES; i++)
		stop(&acts->probes[i]);
}

static int send_probe(int fd, const unsigned char mac[6], struct in_addr target)
{
	struct arp_frame frame = {
		.type = {ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff},
		.hardware = {0,			ARPHRD_ETHER	    },
		.protocol = {ETHERTYPE_IP >> 8,	ETHERTYPE_IP & 0xff },
		.hardware_size = 6,
		.protocol_size = 4,
		.operation = {0,			 ARPOP_REQUEST	      },
	};

	memset(frame.destination, 0xff, sizeof(frame.destination));
	memcpy(frame.source, mac, sizeof(frame.source));
	memcpy(frame.sender_mac, mac, sizeof(frame.sender_mac));
	memcpy(frame.target_ip, &target, sizeof(frame.target_ip));
	return send(fd, &frame, sizeof(frame), MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Asked again until it is answered: a NIC that was just brought up has no carrier at first. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct acts_probe *probe = arg;
	struct acts *acts = probe->acts;
	struct in_addr target = probe->target;
	bool answered = (what & EV_READ) != 0 && recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) > 0;

	if (!answered && ++probe->sent < ACTS_PROBES) {
		send_probe(fd, probe->mac, target);
		return;
	}
	stop(probe);
	if (answered)
		acts->environment->notify(
			PRIV_NOTICE_ARP, &target, sizeof(target), acts->environment->arg);
}

static int attach_filter(int fd, struct in_addr target)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct arp_frame, type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct arp_frame, protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct arp_frame, hardware_size)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0604, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct arp_frame, operation)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPOP_REPLY, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct arp_frame, sender_ip)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(target.s_addr), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct arp_frame)),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

/* No packet reaches the socket before the filter is on: it is made with protocol 0, bound last. */
static int open_probe(
	unsigned int ifindex, const unsigned char mac[6], struct in_addr target, int *fd)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = (int)ifindex};
	_cleanup_close_ int made = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (made < 0)
		return -errno;
	r = attach_filter(made, target);
	if (r < 0)
		return r;
	if (bind(made, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = send_probe(made, mac, target);
	if (r == 0)
		*fd = util_steal_fd(&made);
	return r;
}

/*
 * A NIC that is down cannot be asked through. Bringing it up belongs to the one-time configuration,
 * so only while that is still ours to do. It is not spent by this, because no address is set yet.
 */
static int get_link_ready(struct acts *acts, struct nl_link *link)
{
	int r = nl_get_link(acts->ifindex, link);

	if (r < 0)
		return r;
	if (!link->has_mac)
		return -EOPNOTSUPP;
	if (link->up)
		return 0;
	return acts->settings.configure == CONFIGURE_NEVER ? -ENETDOWN : act_profile_raise(acts);
}

static struct acts_probe *find_free(struct acts *acts)
{
	size_t i;

	for (i = 0; i < ACTS_MAX_PROBES; i++)
		if (acts->probes[i].readable == NULL)
			return &acts->probes[i];
	return NULL;
}

int act_probe_arp(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	static const struct timeval pause = {.tv_usec = ACTS_PROBE_PAUSE_MS * 1000};
	struct acts_probe *probe = find_free(acts);
	struct nl_link link = {0};
	struct in_addr target;
	int r;

	wire_get_fixed(in, &target, sizeof(target));
	if (!wire_is_done(in) || target.s_addr == 0 || !acts->settings.ipv4)
		return -EPERM;
	if (probe == NULL)
		return -EBUSY;
	r = get_link_ready(acts, &link);
	if (r == 0)
		r = open_probe(acts->ifindex, link.mac, target, &probe->fd);
	if (r < 0)
		return r;
	probe->acts = acts;
	probe->target = target;
	memcpy(probe->mac, link.mac, sizeof(probe->mac));
	probe->readable = event_new(
		acts->environment->base, probe->fd, EV_READ | EV_PERSIST, on_event, probe);
	if (probe->readable == NULL) {
		close(probe->fd);
		return -ENOMEM;
	}
	event_add(probe->readable, &pause);
	return 0;
}
