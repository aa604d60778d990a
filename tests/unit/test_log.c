/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/util.h"

static char dir[] = "/tmp/test_log.XXXXXX";
static char journal_path[64], syslog_path[64];
static struct log_paths paths = {journal_path, syslog_path};

static int set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal_path, sizeof(journal_path), "%s/journal", dir);
	snprintf(syslog_path, sizeof(syslog_path), "%s/log", dir);
	return 0;
}

static int tear_down(void **state)
{
	return rmdir(dir);
}

static int make_reader(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void drop_reader(int fd, const char *path)
{
	log_close();
	close(fd);
	unlink(path);
}

static const char *read_line(int fd)
{
	static char line[9000];
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void test_journal(void **state)
{
	int reader = make_reader(journal_path), other = make_reader(syslog_path);
	const struct log_field fields[] = {
		{"BMCLINK_X",    "1\n2"},
		{"lower",	  "x"   },
		{"_PID",	 "1"   }, /* the journal's own */
		{"A\nMESSAGE",   "x"	  },
		{"BMCLINK_NONE", NULL  },
	};

	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	errno = ENOTTY;
	log_warning("mod", "hello %d\nPRIORITY=0", 7);
	assert_int_equal(errno, ENOTTY);
	assert_string_equal(read_line(reader),
		"PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=prog\n"
		"MESSAGE=hello 7?PRIORITY=0\nBMCLINK_MODULE=mod\n");
	log_write_fields(LOG_LEVEL_INFO, "mod", fields, ARRAY_SIZE(fields), "text");
	assert_string_equal(read_line(reader),
		"PRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=prog\n"
		"MESSAGE=text\nBMCLINK_MODULE=mod\nBMCLINK_X=1?2\nBMCLINK_NONE=\n");
	log_debug("mod", "not wanted");
	assert_string_equal(read_line(reader), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("mod", "wanted");
	assert_non_null(strstr(read_line(reader), "MESSAGE=wanted\n"));
	assert_string_equal(read_line(other), ""); /* one of the two, not both */
	drop_reader(other, syslog_path);
	drop_reader(reader, journal_path);
}

static void test_long_line(void **state)
{
	int reader = make_reader(journal_path);
	char big[10000];
	struct log_field fields[10];
	const char *line;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = (struct log_field){"BMCLINK_BIG", big};
	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	log_info("mod", "%s", big);
	assert_in_range(strlen(read_line(reader)), 2000, 2200);
	log_write_fields(LOG_LEVEL_INFO, "mod", fields, ARRAY_SIZE(fields), "text");
	line = read_line(reader);
	assert_in_range(strlen(line), 4000, 8192);
	assert_string_equal(line + strlen(line) - 4, "...\n"); /* no field cut in two */
	drop_reader(reader, journal_path);
}

static void test_syslog(void **state)
{
	int reader = make_reader(syslog_path);
	char expected[64];
	const char *line;

	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	log_error("mod", "hello\x1b[2J");
	line = read_line(reader);
	assert_memory_equal(line, "<27>", 4);
	snprintf(expected, sizeof(expected), " prog[%d]: mod: hello?[2J", (int)getpid());
	assert_string_equal(line + strlen("<27>Mmm dd hh:mm:ss"), expected);
	drop_reader(reader, syslog_path);
}

/* With stderr to a file; returns what came there. */
static const char *capture_stderr(bool foreground)
{
	static char text[4096];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	dup2(fileno(file), STDERR_FILENO);
	log_open_at("prog", foreground, LOG_LEVEL_INFO, &paths);
	log_notice("mod", "over %s", "here\nfake");
	log_close();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void test_stderr(void **state)
{
	char expected[64];
	const char *text = capture_stderr(false); /* nothing else is there */
	int reader;

	snprintf(expected, sizeof(expected), "Z prog[%d] notice: mod: over here?fake\n",
		(int)getpid());
	assert_string_equal(text + strlen("hh:mm:ss.mmm"), expected);

	reader = make_reader(journal_path);
	assert_string_equal(capture_stderr(false), "");
	assert_non_null(strstr(read_line(reader), "MESSAGE=over here?fake"));
	assert_non_null(strstr(capture_stderr(true), "over here?fake")); /* in the foreground */
	assert_string_equal(read_line(reader), "");
	drop_reader(reader, journal_path);
}

/* systemd's stream: in the foreground too the fields are to be kept. */
static void test_journal_stream(void **state)
{
	int reader = make_reader(journal_path);
	char value[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(value, sizeof(value), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", value, 1);
	log_open_at("prog", true, LOG_LEVEL_INFO, &paths);
	unsetenv("JOURNAL_STREAM");
	log_info("mod", "native");
	assert_non_null(strstr(read_line(reader), "MESSAGE=native"));
	drop_reader(reader, journal_path);
}

/* The reader stands still: the program goes on, the loss is counted and told. */
static void test_full_socket(void **state)
{
	int reader = make_reader(journal_path);
	unsigned long sent = 0, got = 0, lost;
	char expected[64];
	const char *line;

	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	while (log_get_lost() < 5 && sent++ < 100000)
		log_notice("mod", "line");
	lost = log_get_lost();
	assert_int_equal(lost, 5);
	while (*read_line(reader))
		got++;
	assert_int_equal(got, sent - lost);
	log_info("mod", "after");
	assert_int_equal(log_get_lost(), 0);
	snprintf(expected, sizeof(expected), "MESSAGE=%lu log lines were lost\n", lost);
	line = read_line(reader);
	assert_non_null(strstr(line, expected));
	assert_non_null(strstr(read_line(reader), "MESSAGE=after\n"));
	drop_reader(reader, journal_path);
}

/* The reader was started anew with another socket at the same place. */
static void test_new_reader(void **state)
{
	int reader = make_reader(journal_path);

	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	log_info("mod", "one");
	assert_non_null(strstr(read_line(reader), "MESSAGE=one"));
	close(reader);
	log_info("mod", "two"); /* nobody there */
	assert_int_equal(log_get_lost(), 1);
	reader = make_reader(journal_path);
	log_info("mod", "three");
	assert_non_null(strstr(read_line(reader), "MESSAGE=1 log line was lost"));
	assert_non_null(strstr(read_line(reader), "MESSAGE=three"));
	drop_reader(reader, journal_path);
}

/* As the worker lives: its root directory is elsewhere, the journal's path leads nowhere. */
static void test_chroot(void **state)
{
	int reader, status;
	pid_t child;

	if (getuid() != 0)
		skip();
	reader = make_reader(journal_path);
	log_open_at("prog", false, LOG_LEVEL_INFO, &paths);
	child = fork();
	if (child == 0) {
		if (chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0 ||
			access(journal_path, F_OK) == 0)
			_exit(1);
		log_info("mod", "from within");
		_exit(log_get_lost() == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_non_null(strstr(read_line(reader), "MESSAGE=from within"));
	/* Its reader gone for good, it counts, and goes on. */
	close(reader);
	unlink(journal_path);
	log_info("mod", "nobody");
	log_info("mod", "nobody");
	assert_int_equal(log_get_lost(), 2);
	log_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_journal_stream),
		cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_new_reader),
		cmocka_unit_test(test_chroot),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
