/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands below the acts, for the fuzzer: nothing here touches this machine. Linked in the
 * place of nl.c, nft.c, nft_watch.c, neighbour_socket.c, ipmi_device.c, libaudit and socket().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libaudit.h>

#include "acts_stubs.h"
#include "fuzz.h"
#include "host/monitor/ipmi_device.h"
#include "host/monitor/neighbour_socket.h"
#include "host/monitor/nft.h"
#include "host/monitor/nft_watch.h"
#include "host/monitor/nl.h"
#include "host/monitor/profile.h"

struct acts_stubs acts_stubs;

int __wrap_socket(int family, int type, int protocol); /* by the linker: --wrap=socket */

/* Open TCP sockets are of no harm, they are not connected; ARP would go out. */
int __wrap_socket(int family, int type, int protocol)
{
	if (family == AF_INET || family == AF_INET6)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	errno = EPERM;
	return -1;
}

pid_t __wrap_fork(void); /* the same way */

/* No relay, nor another program: in-band access comes as far as the port, which is no socket. */
pid_t __wrap_fork(void)
{
	FUZZ_CHECK(false);
	return -1;
}

int neighbour_socket_open(unsigned int ifindex)
{
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Never the BMC of the machine that fuzzes. */
int ipmi_device_open(const struct acts_roots *roots)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int nl_get_link(unsigned int ifindex, struct nl_link *link)
{
	*link = (struct nl_link){
		.up = acts_stubs.up, .has_mac = acts_stubs.has_mac, .mac = {2, 0, 0, 0, 0, 1}
	     };
	return 0;
}

/* The order is the promise: first the mark is durable, then the NIC is touched. */
static void check_marked(unsigned int ifindex)
{
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	FUZZ_CHECK(faccessat(fuzz_get_dir_fd(), PROFILE_FILE, F_OK, 0) == 0);
}

/* Only the removal of the package takes the NIC down: no act of the worker does. */
int nl_set_link_down(unsigned int ifindex)
{
	FUZZ_CHECK(false);
	return 0;
}

int nl_set_link_up(unsigned int ifindex)
{
	/* an ARP probe may, as long as the one-time configuration is not spent */
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	acts_stubs.up = true;
	return 0;
}

int nl_add_address(const struct nl_address *address)
{
	check_marked(address->ifindex);
	FUZZ_CHECK(address->family == AF_INET ? address->prefix == 32 : address->prefix >= 64);
	acts_stubs.added++;
	return 0;
}

int nl_delete_address(const struct nl_address *address)
{
	FUZZ_CHECK(address->ifindex == STUB_IFINDEX);
	return 0;
}

int nl_get_addresses(struct nl_address **addresses, size_t *n)
{
	const struct nl_address own = {.ifindex = STUB_IFINDEX,
		.family = AF_INET,
		.prefix = 24,
		.local.v4.s_addr = htonl(0xa9fe0102), /* 169.254.1.2 */
		.peer.v4.s_addr = htonl(0xa9fe0102)};

	*n = acts_stubs.has_address ? 1 : 0;
	*addresses = *n > 0 ? malloc(sizeof(own)) : NULL;
	if (*n > 0) {
		FUZZ_CHECK(*addresses != NULL);
		**addresses = own;
	}
	return 0;
}

int nl_delete_ra_routes(unsigned int ifindex, unsigned int *removed)
{
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	*removed = 0;
	return 0;
}

int nft_watch_start(struct event_base *base, unsigned int ifindex, nft_watch_fn fn, void *arg,
	struct nft_watch **watch)
{
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	return -EPERM;
}

void nft_watch_stop(struct nft_watch *watch)
{
	FUZZ_CHECK(watch == NULL);
}

int nft_protect(unsigned int ifindex, char *why, size_t size)
{
	FUZZ_CHECK(ifindex == STUB_IFINDEX);
	return 0;
}

int nft_unprotect(unsigned int ifindex, char *why, size_t size)
{
	return 0;
}

int audit_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* A record is a line of key=value: nothing in a value may look like another key. */
int audit_log_user_message(int fd, int type, const char *message, const char *hostname,
	const char *address, const char *tty, int result)
{
	unsigned int equals = 0, blanks = 0;

	for (const char *c = message; *c; c++) {
		equals += *c == '=';
		blanks += *c == ' ';
		FUZZ_CHECK(*c >= ' ' && *c < 0x7f && *c != '"' && *c != '\'');
	}
	FUZZ_CHECK(equals == 4 && blanks == 3 && !strpbrk(address, " =\"'\n"));
	return 1;
}
