/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-interface sysctls that die with the interface: set at each birth, put back at stop. Where
 * they may not be written, IPv6 is slower after the NIC comes up, where the host is said to be is
 * believed for 45 s, not 1.5, and the kernel believes a host that says it is a router: a host that
 * was taken over must be none for its BMC.
 */
#include <assert.h>
#include <errno.h>
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

static bool is_loopback(const char *name)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
	       (request.ifr_flags & IFF_LOOPBACK);
}

static void write_knob(size_t i, unsigned int ifindex, const char *value)
{
	int r = nic_sysctl_write("/proc", ifindex, knobs[i].folder, knobs[i].name, value);

	if (r < 0 && r != -ENODEV) /* with the NIC its sysctls are gone */
		log_debug("care", "%s of NIC %u stays as it is: %s", knobs[i].name, ifindex,
			strerror(-r));
}

void care_set(struct care *care, unsigned int ifindex)
{
	char name[IF_NAMESIZE];

	*care = (struct care){0};
	if (!if_indextoname(ifindex, name) || is_loopback(name))
		return;
	care->ifindex = ifindex;
	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
		/* what cannot be read is not put back: "" */
		nic_sysctl_read("/proc", ifindex, knobs[i].folder, knobs[i].name, care->old[i]);
		write_knob(i, ifindex, knobs[i].value);
	}
}

void care_put_back(struct care *care)
{
	for (size_t i = 0; care->ifindex && i < ARRAY_SIZE(knobs); i++) {
		if (care->old[i][0])
			write_knob(i, care->ifindex, care->old[i]);
	}
	care->ifindex = 0;
}
