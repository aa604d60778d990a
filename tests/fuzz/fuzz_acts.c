/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker that was taken over can send to the monitor. Records of the input are requests; the
 * first byte says how the machine is. The effects are stubs (acts_stubs.c), the NIC that can be
 * claimed is a prepared tree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acts_stubs.h"
#include "base/state.h"
#include "fuzz.h"
#include "host/monitor/acts.h"

static struct acts_environment environment;
static int request_fd[2];

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	if (notice == PRIV_NOTICE_CARE)
		FUZZ_CHECK(length >= sizeof(uint16_t) && length < PRIV_MAX_CARE + sizeof(uint32_t));
	else if (notice == PRIV_NOTICE_ACCESS)
		FUZZ_CHECK(length == 0);
	else
		FUZZ_CHECK(notice == PRIV_NOTICE_ARP);
}

static void on_event(const struct priv_event *event, void *arg)
{
	FUZZ_CHECK(event->id < MSG_COUNT);
}

static void on_hello(void *arg)
{
}

static int on_reload(void *arg)
{
	return 0;
}

/* /sys with "lo" as a NIC on USB, and type 42 structures that name it. */
static void make_trees(const char *dir)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"cd '%s' && mkdir -p sys/class/net sys/bus/usb sys/devices/usb1/1-3/1-3:1.0/net/lo "
		"sys/firmware/dmi/entries/42-0 proc/sys/kernel/random "
		"proc/sys/net/ipv6/conf/lo proc/sys/net/ipv4/conf/lo run/udev/data etc "
		"sys/class/dmi/id && "
		"ln -s ../../devices/usb1/1-3/1-3:1.0/net/lo sys/class/net/lo && "
		"ln -s ../.. sys/devices/usb1/1-3/1-3:1.0/net/lo/device && "
		"ln -s ../../../bus/usb sys/devices/usb1/1-3/subsystem && "
		"ln -s ../../../../bus/usb sys/devices/usb1/1-3/1-3:1.0/subsystem && "
		"echo 413c >sys/devices/usb1/1-3/idVendor && "
		"echo a102 >sys/devices/usb1/1-3/idProduct && "
		"echo 1 >sys/class/net/lo/ifindex && "
		"cp '%s/../data/smbios42/dell_r740.raw' sys/firmware/dmi/entries/42-0/raw && "
		"echo 1 >proc/sys/net/ipv6/conf/lo/accept_ra && "
		"echo 12345678-1234-1234-1234-123456789abc >proc/sys/kernel/random/boot_id && "
		"echo I:1 >run/udev/data/n1",
		dir, FUZZ_DIR);
	FUZZ_CHECK(system(command) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char roots[5][128];
	static const char *const names[] = {"sys", "proc", "sys/firmware/dmi", "run", "etc"};

	make_trees(fuzz_get_dir());
	for (int i = 0; i < 5; i++)
		snprintf(roots[i], sizeof(roots[i]), "%s/%s", fuzz_get_dir(), names[i]);
	environment = (struct acts_environment){
		.base = event_base_new(),
		.roots = {roots[0], roots[1], roots[2], roots[3], roots[4]},
		.state_fd = fuzz_get_dir_fd(),
		.notify = on_notice,
		.emit = on_event,
		.hello = on_hello,
		.reload = on_reload,
	};
	FUZZ_CHECK(environment.base != NULL);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request_fd) == 0);
	return 0;
}

/* One answer to each request: a status, and results or a descriptor only when it is 0. */
static void take_answer(void)
{
	static uint8_t answer[WIRE_MAX_ANSWER];
	union {
		char buffer[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {answer, sizeof(answer)};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer)};
	ssize_t n = recvmsg(request_fd[1], &message, MSG_DONTWAIT);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct wire_reader in;
	uint32_t status;
	int fd;

	FUZZ_CHECK(n >= 4);
	wire_reader_init(&in, answer, (size_t)n);
	status = wire_get_u32(&in);
	FUZZ_CHECK(status < 4096 && (status == 0 || (wire_is_done(&in) && header == NULL)));
	if (header) {
		FUZZ_CHECK(header->cmsg_len == CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
		close(fd);
	}
	FUZZ_CHECK(recv(request_fd[1], answer, 1, MSG_DONTWAIT) < 0);
}

static void ask(struct acts *acts, const void *data, size_t length)
{
	FUZZ_CHECK(send(request_fd[1], data, length, MSG_DONTWAIT) == (ssize_t)length);
	FUZZ_CHECK(acts_serve(acts, request_fd[0]) == 0);
	take_answer();
}

static void claim(struct acts *acts)
{
	static const uint8_t request[] = {ACT_CLAIM_NIC, 0, STUB_IFINDEX, 0, 0, 0};

	ask(acts, request, sizeof(request));
	FUZZ_CHECK(acts->ifindex == STUB_IFINDEX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size}, request;
	uint8_t flags = fuzz_take_byte(&in);
	struct settings settings;
	struct acts acts;

	fuzz_empty_dir();
	unlinkat(environment.state_fd, "etc/hosts", 0);
	acts_stubs = (struct acts_stubs){
		.up = flags & 1, .has_mac = flags & 2, .has_address = flags & 128};
	FUZZ_CHECK(acts_init(&acts, &environment) == 0);
	settings_init(&settings);
	settings.ipv6 = !(flags & 4);
	settings.configure = flags & 8 ? CONFIGURE_NEVER : CONFIGURE_ONCE;
	settings.nic_filter = flags & 16 ? FILTER_OFF : FILTER_REPLIES;
	settings.inband_access = settings.snmp_get = flags & 64;
	strcpy(settings.access_allow, "192.0.2.0/24");
	acts_set_settings(&acts, &settings);
	if (flags & 32)
		claim(&acts);
	while (fuzz_take_record(&in, &request))
		if (request.left > 0 && request.left < 2 * WIRE_MAX_REQUEST)
			ask(&acts, request.data, request.left);
	FUZZ_CHECK(acts.ifindex == 0 || acts.ifindex == STUB_IFINDEX);
	FUZZ_CHECK(!(flags & 8) || acts_stubs.added == 0);
	acts_close(&acts);
	return 0;
}
