/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/log_fold.h"
#include "base/text.h"
#include "base/util.h"

#define LINE_MAX_BYTES	2048
#define DATAGRAM_MAX	8192 /* fields that do not fit are left out */
#define FIELDS_MAX	16
#define SEND_WAIT_MS	100 /* how long a full socket may hold up the program, once in a row */
#define FACILITY_DAEMON 3

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_SYSLOG };

struct datagram {
	char data[DATAGRAM_MAX];
	size_t used;
};

/* One log in a process, as there is one stderr. */
static struct {
	const char *ident;
	enum log_level max;
	enum sink sink;
	int fd; /* connected datagram socket, -1 with SINK_STDERR */
	struct log_paths paths;
	unsigned long lost; /* lines since the sink was last heard to work */
	struct log_fold fold;
} state = {.max = LOG_LEVEL_INFO, .fd = -1};

/* Connected: the journal's socket outlives the journal (systemd holds it), and after a chroot a
 * path leads nowhere. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return util_steal_fd(&fd);
}

/* systemd names the stream that it made for us: a line there would lose its fields. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void open_sink(void)
{
	state.sink = SINK_JOURNAL;
	state.fd = open_socket(state.paths.journal);
	if (state.fd >= 0)
		return;
	state.sink = SINK_SYSLOG;
	state.fd = open_socket(state.paths.syslog);
	if (state.fd >= 0)
		return;
	state.sink = SINK_STDERR;
	state.fd = -1;
}

void log_open_at(
	const char *ident, bool foreground, enum log_level max, const struct log_paths *paths)
{
	log_close();
	tzset(); /* reads a file: not to be left to the first line, in a chroot */
	state.ident = ident;
	state.max = max;
	state.paths = *paths;
	state.sink = SINK_STDERR;
	if (!foreground || stderr_is_journal())
		open_sink();
}

void log_open(const char *ident, bool foreground, enum log_level max)
{
	static const struct log_paths paths = {"/run/systemd/journal/socket", "/dev/log"};

	log_open_at(ident, foreground, max, &paths);
}

void log_set_level(enum log_level max)
{
	state.max = max;
}

void log_close(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
	state.sink = SINK_STDERR;
	state.lost = 0;
}

unsigned long log_get_lost(void)
{
	return state.lost;
}

static bool field_name_is_valid(const char *name)
{
	return name[0] >= 'A' && name[0] <= 'Z' &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
}

/* NAME=value and a newline, whole or not at all: the value was made printable, so the journal's
 * binary form is not needed. */
static void add_field(struct datagram *out, const char *name, const char *value)
{
	char printable[LINE_MAX_BYTES];
	size_t room = sizeof(out->data) - out->used;
	int n;

	text_make_printable(value, strlen(value), printable, sizeof(printable));
	n = snprintf(out->data + out->used, room, "%s=%s\n", name, printable);
	if (n > 0 && (size_t)n < room)
		out->used += (size_t)n;
}

static void make_journal(struct datagram *out, enum log_level level, const char *module,
	const struct log_field *fields, unsigned int n, const char *text)
{
	char priority[4];

	snprintf(priority, sizeof(priority), "%d", level & 7);
	add_field(out, "PRIORITY", priority);
	add_field(out, "SYSLOG_FACILITY", "3");
	add_field(out, "SYSLOG_IDENTIFIER", state.ident);
	add_field(out, "MESSAGE", text);
	add_field(out, "BMCLINK_MODULE", module);
	for (unsigned int i = 0; i < n && i < FIELDS_MAX; i++)
		if (field_name_is_valid(fields[i].name))
			add_field(out, fields[i].name, fields[i].value ? fields[i].value : "");
}

/* RFC 3164 as every /dev/log reader takes it; without a year or zone, in local time. */
static void make_syslog(
	struct datagram *out, enum log_level level, const char *module, const char *text)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];
	int n;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(out->data, sizeof(out->data), "<%d>%s %s[%d]: %s: %s",
		FACILITY_DAEMON << 3 | (level & 7), stamp, state.ident, (int)getpid(), module,
		text);
	out->used = (size_t)n < sizeof(out->data) ? (size_t)n : sizeof(out->data) - 1;
}

static void write_stderr(enum log_level level, const char *module, const char *text)
{
	static const char *const names[] = {
		"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"};
	char line[LINE_MAX_BYTES + 128];
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = snprintf(line, sizeof(line), "%02d:%02d:%02d.%03ldZ %s[%d] %s: %s: %s\n", tm.tm_hour,
		tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, state.ident ? state.ident : "bmclink",
		(int)getpid(), names[level & 7], module, text);
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* One write: lines of several processes do not mix. There is nobody to tell of a failure.
	 */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static int send_datagram(const struct datagram *datagram)
{
	ssize_t n = send(state.fd, datagram->data, datagram->used, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN && state.lost == 0) {
		struct pollfd ready = {.fd = state.fd, .events = POLLOUT};

		/* A journal that stands still must not stop us for every line. */
		if (poll(&ready, 1, SEND_WAIT_MS) == 1)
			n = send(state.fd, datagram->data, datagram->used, MSG_NOSIGNAL);
	}
	return n < 0 ? -errno : 0;
}

/* The reader is gone for good: its socket may have been made anew. In a chroot this fails, and
 * goes on being tried at each line. */
static bool reopen_socket(void)
{
	int fd = open_socket(state.sink == SINK_JOURNAL ? state.paths.journal : state.paths.syslog);

	if (fd < 0)
		return false;
	close(state.fd);
	state.fd = fd;
	return true;
}

static void make_datagram(struct datagram *out, enum log_level level, const char *module,
	const struct log_field *fields, unsigned int n, const char *text)
{
	out->used = 0;
	if (state.sink == SINK_JOURNAL)
		make_journal(out, level, module, fields, n, text);
	else
		make_syslog(out, level, module, text);
}

static bool deliver(const struct datagram *datagram)
{
	int r = send_datagram(datagram);

	if ((r == -ECONNREFUSED || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE) &&
		reopen_socket())
		r = send_datagram(datagram);
	return r == 0;
}

/* The lines that were lost are counted, and the count is said before the first line that passes. */
static bool tell_lost(void)
{
	struct datagram datagram;
	char text[64];

	snprintf(text, sizeof(text), "%lu log line%s lost", state.lost,
		state.lost == 1 ? " was" : "s were");
	make_datagram(&datagram, LOG_LEVEL_WARNING, "log", NULL, 0, text);
	if (!deliver(&datagram))
		return false;
	state.lost = 0;
	return true;
}

void log_write_fields(enum log_level level, const char *module, const struct log_field *fields,
	unsigned int n, const char *text)
{
	struct datagram datagram;
	char printable[LINE_MAX_BYTES];
	int saved = errno;

	if (level > state.max)
		return;
	text_make_printable(text, strlen(text), printable, sizeof(printable));
	if (state.sink == SINK_STDERR) {
		write_stderr(level, module, printable);
	} else {
		make_datagram(&datagram, level, module, fields, n, printable);
		if ((state.lost > 0 && !tell_lost()) || !deliver(&datagram))
			state.lost++;
	}
	errno = saved;
}

static bool is_held_back(enum log_level level, const char *format, unsigned int *held)
{
	struct timespec now;

	if (level != LOG_LEVEL_INFO || state.max != LOG_LEVEL_INFO)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return !log_fold_take(&state.fold, format,
		(uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, held);
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno, length;
	unsigned int held = 0;
	va_list args;

	if (level > state.max || is_held_back(level, format, &held))
		return;
	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		text[length = 0] = '\0';
	if (held > 0 && (size_t)length < sizeof(text))
		snprintf(text + length, sizeof(text) - (size_t)length,
			" (%u more like this were not written)", held);
	log_write_fields(level, module, NULL, 0, text);
	errno = saved;
}
