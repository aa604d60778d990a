/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-interface sysctls that die with the interface: set at each birth, put back at stop. Where
 * they may not be written, IPv6 is slower after the NIC comes up, where the host is said to be is
 * believed for 45 s, not 1.5, and the kernel believes a host that says it is a router: a host that
 * was taken over must be none for its BMC.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/listen.h"

static const struct {
	const char *folder, *name, *value;
} knobs[] = {
	{"ipv4/neigh", "retrans_time_ms",		  "50"  },
	{"ipv6/neigh", "retrans_time_ms",		  "50"  },
	{"ipv4/neigh", "base_reachable_time_ms",	 "1000"},
	{"ipv6/neigh", "base_reachable_time_ms",	 "1000"},
	{"ipv4/neigh", "delay_first_probe_time",	 "1"   },
	{"ipv6/neigh", "delay_first_probe_time",	 "1"   },
	{"ipv6/conf",  "router_solicitation_delay", "0"   },
	{"ipv6/conf",  "accept_ra",		   "0"   },
	{"ipv6/conf",  "accept_redirects",	  "0"   },
};
static_assert(ARRAY_SIZE(knobs) == CARE_KNOBS, "a value of before for each");

static int open_knob(size_t i, const char *nic, int flags)
{
	char path[128];

	/* A dot in a NIC's name is a part of the path here, as it should be. */
	snprintf(path, sizeof(path), "/proc/sys/net/%s/%s/%s", knobs[i].folder, nic, knobs[i].name);
	return open(path, flags | O_CLOEXEC);
}

static bool is_loopback(const char *name)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
	       (request.ifr_flags & IFF_LOOPBACK);
}

static void read_knob(size_t i, const char *name, char *value, size_t size)
{
	_cleanup_close_ int fd = open_knob(i, name, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, value, size - 1) : -1;

	value[n > 0 ? n : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
}

static void write_knob(size_t i, const char *name, const char *value)
{
	_cleanup_close_ int fd = open_knob(i, name, O_WRONLY);
	size_t length = strlen(value);

	if (fd < 0 || write(fd, value, length) != (ssize_t)length)
		log_debug("care", "%s of %s stays as it is: %s", knobs[i].name, name,
			strerror(errno));
}

void care_set(struct care *care, unsigned int ifindex)
{
	char name[IF_NAMESIZE];

	*care = (struct care){0};
	if (!if_indextoname(ifindex, name) || is_loopback(name))
		return;
	care->ifindex = ifindex;
	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
		read_knob(i, name, care->old[i], sizeof(care->old[i]));
		write_knob(i, name, knobs[i].value);
	}
}

void care_put_back(struct care *care)
{
	char name[IF_NAMESIZE];

	if (care->ifindex && if_indextoname(care->ifindex, name)) {
		for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
			if (care->old[i][0])
				write_knob(i, name, care->old[i]);
		}
	}
	care->ifindex = 0;
}
