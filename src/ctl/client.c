/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

#define LINE_MAX_BYTES 65536
#define ANSWER_MS      20000  /* the daemon answers at once; a monitor's act may take its time */
#define BMC_MS	       120000 /* so may a BMC that is asked for page after page */

struct reader {
	int fd;
	int64_t patience_ms; /* for a line; 0: for ever */
	size_t used;
	char data[LINE_MAX_BYTES];
};

void ctl_complain(const char *format, ...)
{
	char text[2048], printable[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_make_printable(text, strlen(text), printable, sizeof(printable));
	fflush(stdout);
	fprintf(stderr, "bmclinkctl: %s\n", printable);
}

static int connect_daemon(const struct ctl *ctl)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int n;

	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", ctl->runtime_dir);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return util_steal_fd(&fd);
}

bool ctl_daemon_runs(const struct ctl *ctl)
{
	_cleanup_close_ int fd = connect_daemon(ctl);

	/* One that we may not talk to runs as well. */
	return fd >= 0 || fd == -EACCES || fd == -EPERM;
}

static enum ctl_exit report_no_daemon(const struct ctl *ctl, int r)
{
	if (r == -EACCES || r == -EPERM) {
		ctl_complain("no permission for %s/control: be root, or in the group of the socket "
			     "(bmclink)",
			ctl->runtime_dir);
		return CTL_FAILED;
	}
	if (r == -ENOENT || r == -ECONNREFUSED)
		ctl_complain(
			"bmclinkd is not running (nobody listens at %s/control). Start it with "
			"'systemctl start bmclinkd', or name its --runtime-dir.",
			ctl->runtime_dir);
	else
		ctl_complain("bmclinkd cannot be reached at %s/control: %s", ctl->runtime_dir,
			strerror(-r));
	return CTL_NO_DAEMON;
}

static int send_request(int fd, const json_t *request)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;

	if (!text)
		return -ENOMEM;
	text[length++] = '\n';
	for (size_t sent = 0; sent < length;) {
		ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A line has its time, not each byte of it: the removal of the package waits here, for a worker
 * that may be in the BMC's hands. */
static int wait_readable(const struct reader *reader, int64_t until)
{
	struct pollfd readable = {.fd = reader->fd, .events = POLLIN};
	int64_t left = until - clock_get_ms(CLOCK_MONOTONIC);

	if (reader->patience_ms == 0)
		return 0;
	if (left <= 0)
		return -ETIMEDOUT;
	return poll(&readable, 1, (int)left) == 0 ? -ETIMEDOUT : 0;
}

/* One line as an object; *end: the daemon has closed. */
static int read_line(struct reader *reader, json_t **line, bool *end)
{
	int64_t until = clock_get_ms(CLOCK_MONOTONIC) + reader->patience_ms;
	char *newline;
	size_t length;

	*end = false;
	while (!(newline = memchr(reader->data, '\n', reader->used))) {
		ssize_t n;
		int r;

		if (reader->used == sizeof(reader->data))
			return -EMSGSIZE;
		r = wait_readable(reader, until);
		if (r < 0)
			return r;
		n = recv(reader->fd, reader->data + reader->used,
			sizeof(reader->data) - reader->used,
			reader->patience_ms ? MSG_DONTWAIT : 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			*end = true;
			return reader->used > 0 ? -EBADMSG : 0;
		}
		reader->used += (size_t)n;
	}
	length = (size_t)(newline - reader->data);
	*line = json_loadb(reader->data, length, 0, NULL);
	reader->used -= length + 1;
	memmove(reader->data, newline + 1, reader->used);
	if (!json_is_object(*line)) {
		json_decref(*line);
		return -EBADMSG;
	}
	return 0;
}

enum ctl_exit ctl_report_error(const json_t *error)
{
	json_int_t code = json_integer_value(json_object_get(error, "exit"));
	const char *text = json_string_value(json_object_get(error, "text"));

	ctl_complain("%s", text ? text : "bmclinkd gave an error without a text");
	return code >= CTL_FAILED && code <= CTL_UNAVAILABLE ? (enum ctl_exit)code : CTL_FAILED;
}

static enum ctl_exit report_broken(int r)
{
	ctl_complain("bmclinkd did not answer as it should: %s",
		r == -EBADMSG ? "not a JSON object" : strerror(-r));
	return CTL_FAILED;
}

enum ctl_exit ctl_stream(const struct ctl *ctl, json_t *request, ctl_line_fn fn, void *arg)
{
	_cleanup_close_ int fd = connect_daemon(ctl);
	_cleanup_free_ struct reader *reader = malloc(sizeof(*reader));
	enum ctl_exit code = CTL_DONE;
	bool end = false, more = true;
	int r;

	if (fd < 0 || !reader) {
		json_decref(request);
		return report_no_daemon(ctl, fd < 0 ? fd : -ENOMEM);
	}
	reader->fd = fd;
	/* Who follows waits for ever; every other answer has its time. */
	reader->patience_ms = ctl->watch || ctl->follow ? 0 : ctl->asks_bmc ? BMC_MS : ANSWER_MS;
	reader->used = 0;
	r = send_request(fd, request);
	json_decref(request);
	while (r == 0 && more) {
		json_t *line = NULL;

		r = read_line(reader, &line, &end);
		if (r < 0 || end)
			break;
		more = fn(line, &code, arg);
		json_decref(line);
	}
	if (end && r == 0) {
		ctl_complain("bmclinkd ended the connection: it was stopped or started anew");
		return CTL_NO_DAEMON;
	}
	return r < 0 ? report_broken(r) : code;
}

static bool take_answer(const json_t *line, enum ctl_exit *code, void *arg)
{
	json_t **result = arg, *error = json_object_get(line, "error");

	if (error) {
		*code = ctl_report_error(error);
	} else {
		*result = json_object_get(line, "result");
		*code = json_is_object(*result) ? CTL_DONE : report_broken(-EBADMSG);
		if (*code == CTL_DONE)
			json_incref(*result);
	}
	return false;
}

enum ctl_exit ctl_ask(const struct ctl *ctl, json_t *request, json_t **result)
{
	json_t *answer = NULL;
	enum ctl_exit code = ctl_stream(ctl, request, take_answer, &answer);

	if (code == CTL_DONE)
		*result = answer;
	return code;
}
