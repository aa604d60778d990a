/* SPDX-License-Identifier: Apache-2.0 */
#include "update/connect.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/util.h"

#define WAIT_MS	 2000
#define MAX_LINE 262144

static int open_socket(const char *runtime_dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", runtime_dir);

	if (fd < 0 || n >= (int)sizeof(address.sun_path) ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return util_steal_fd(&fd);
}

/* One line; its length without the end, or 0. The time is that of all of it: the worker, who may be
 * in the BMC's hands, must not hold the installer by a byte now and then. */
static size_t read_line(int fd, char *line)
{
	int64_t until = clock_get_ms(CLOCK_BOOTTIME) + WAIT_MS, left;
	size_t used = 0;

	while (used < MAX_LINE && (left = until - clock_get_ms(CLOCK_BOOTTIME)) > 0) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		const char *end;
		ssize_t n;

		if (poll(&readable, 1, (int)left) <= 0)
			continue;
		n = recv(fd, line + used, MAX_LINE - used, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return 0;
		end = memchr(line + used, '\n', (size_t)n);
		used += (size_t)n;
		if (end)
			return (size_t)(end - line);
	}
	return 0;
}

static bool is_value(const json_t *object, const char *name, const char *wanted)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && strcmp(value, wanted) == 0;
}

bool connect_is_up(const char *runtime_dir, const char *version)
{
	static const char question[] = "{\"command\": \"status\"}\n";
	_cleanup_free_ char *line = malloc(MAX_LINE);
	_cleanup_close_ int fd = open_socket(runtime_dir);
	const json_t *result;
	json_t *answer;
	size_t length;
	bool up;

	if (!line || fd < 0 ||
		send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
		return false;
	length = read_line(fd, line);
	answer = json_loadb(line, length, 0, NULL);
	result = json_object_get(answer, "result");
	up = is_value(result, "state", "connected") && is_value(result, "package", version);
	json_decref(answer);
	return up;
}
