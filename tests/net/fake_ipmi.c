/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to be preloaded into bmclinkd by the tests: it plays the kernel's /dev/ipmi0 with a
 * socket to a script (tests/net/kcs.py), since the machines that run these tests have no BMC. What
 * the kernel and a real KCS do is below this line; tests/vm has that. With FAKE_IPMI unset or
 * nobody listening there is no device; the machine's own one is never touched.
 *
 * One message is one packet: to the script {msgid, netfn, cmd, data}, from it {type, msgid, netfn,
 * cmd, data}; type and msgid are int64 in host order, netfn and cmd a byte.
 */

/* Both names are to be defined here, open() and open64(). */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_DATA 512

static int device = -1;

static int connect_script(void)
{
	const char *path = getenv("FAKE_IPMI");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	errno = ENOENT;
	if (path == NULL || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	errno = fd < 0 ? ENOENT : 0;
	device = fd;
	return fd;
}

static int open_it(const char *name, const char *path, int flags, mode_t mode)
{
	int (*next)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);

	if (strcmp(path, "/dev/ipmi0") == 0)
		return connect_script();
	if (strncmp(path, "/dev/ipmi", 9) == 0) {
		errno = ENOENT;
		return -1;
	}
	return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_it("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_it("open64", path, flags, mode);
}

static int send_command(const struct ipmi_req *request)
{
	unsigned char packet[8 + 2 + MAX_DATA];
	int64_t msgid = request->msgid;

	if (request->msg.data_len > MAX_DATA) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(packet, &msgid, 8);
	packet[8] = request->msg.netfn;
	packet[9] = request->msg.cmd;
	memcpy(packet + 10, request->msg.data, request->msg.data_len);
	return send(device, packet, 10U + request->msg.data_len, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* As drivers/char/ipmi/ipmi_devintf.c: handle_recv() with trunc set. */
static int receive(struct ipmi_recv *received)
{
	unsigned char packet[16 + 2 + MAX_DATA];
	ssize_t n = recv(device, packet, sizeof(packet), 0);
	int64_t type, msgid;
	size_t length;

	if (n < 18) {
		errno = n < 0 ? errno : EIO;
		return -1;
	}
	memcpy(&type, packet, 8);
	memcpy(&msgid, packet + 8, 8);
	received->recv_type = (int)type;
	received->msgid = (long)msgid;
	received->msg.netfn = packet[16];
	received->msg.cmd = packet[17];
	length = (size_t)n - 18;
	if (length > received->msg.data_len) {
		memcpy(received->msg.data, packet + 18, received->msg.data_len);
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(received->msg.data, packet + 18, length);
	received->msg.data_len = (unsigned short)length;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...) =
		(int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (fd < 0 || fd != device)
		return next(fd, request, argument);
	if (request == IPMICTL_SEND_COMMAND)
		return send_command(argument);
	if (request == IPMICTL_RECEIVE_MSG_TRUNC)
		return receive(argument);
	errno = EINVAL;
	return -1;
}

int close(int fd)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");

	if (fd >= 0 && fd == device)
		device = -1;
	return next(fd);
}
