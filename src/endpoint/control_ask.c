/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/control_ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/util.h"

int control_make_address(const char *runtime_dir, struct sockaddr_un *address)
{
	int n;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(
		address->sun_path, sizeof(address->sun_path), "%s/%s", runtime_dir, CONTROL_SOCKET);
	return n < 0 || (size_t)n >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

static int exchange(int fd, const char *line, char *reply, size_t size)
{
	size_t length = strlen(line), got = 0;

	if (send(fd, line, length, MSG_NOSIGNAL) != (ssize_t)length ||
		send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return -EIO;
	while (got < size - 1) {
		ssize_t n = recv(fd, reply + got, size - 1 - got, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	reply[got] = '\0';
	return 0;
}

int control_ask(const char *runtime_dir, const json_t *request, json_t **answer_)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_free_ char *line = json_dumps(request, JSON_COMPACT);
	_cleanup_free_ char *reply = malloc(CONTROL_MAX_LINE);
	struct timeval patience = {2 * CONTROL_PATIENCE, 0};
	struct sockaddr_un address;
	int r = control_make_address(runtime_dir, &address);

	if (r < 0)
		return r;
	if (fd < 0 || !line || !reply)
		return -ENOMEM;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = exchange(fd, line, reply, CONTROL_MAX_LINE);
	if (r < 0)
		return r;
	*answer_ = json_loads(reply, 0, NULL);
	return *answer_ ? 0 : -EBADMSG;
}
