/* SPDX-License-Identifier: Apache-2.0 */
#include "update/connect.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <jansson.h>

#include "base/util.h"

#define WAIT_SECS 2
#define MAX_LINE  262144

static int open_socket(const char *runtime_dir)
{
	const struct timeval wait = {.tv_sec = WAIT_SECS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", runtime_dir);

	if (fd < 0 || n >= (int)sizeof(address.sun_path) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return util_steal_fd(&fd);
}

/* One line; its length without the end, or 0. */
static size_t read_line(int fd, char *line)
{
	size_t used = 0;

	while (used < MAX_LINE) {
		ssize_t n = recv(fd, line + used, MAX_LINE - used, 0);
		const char *end;

		if (n < 0 && errno == EINTR)
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
