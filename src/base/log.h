/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way to log. A line goes to the journal (native protocol, with fields) where there is one,
 * else to /dev/log, else to stderr; with --foreground to stderr, unless that is the journal's own
 * stream (JOURNAL_STREAM, set by systemd).
 *
 * The log is not the event list: events (event.h) are what an administrator must know, and reach
 * the log through event_emit(); log_*() lines are for whoever looks into one machine.
 */
#ifndef BMCLINK_BASE_LOG_H
#define BMCLINK_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { /* syslog(3) numbers */
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

struct log_field { /* one journal field; name [A-Z_]+, value is made printable by the log */
	const char *name;
	const char *value;
};

/*
 * Open the log: ident is the program's name (borrowed for ever). The descriptors are opened here,
 * so that a sandboxed process can log later. To be called once, before the first line.
 */
void log_open(const char *ident, bool foreground, enum log_level max);
/* The same with other sockets, for tests; the paths are borrowed for ever. */
struct log_paths {
	const char *journal, *syslog;
};
void log_open_at(
	const char *ident, bool foreground, enum log_level max, const struct log_paths *paths);
/* Lines that nobody took since the last one that somebody took. They are counted while the reader
 * stands still or is gone, and the count is the first line after. */
unsigned long log_get_lost(void);
/* Lines above this level are dropped. */
void log_set_level(enum log_level max);
void log_close(void);

/* One line. Control characters in the result are made harmless whatever the arguments were. */
void log_write(enum log_level level, const char *module, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As log_write, with journal fields beside the text (fields may be NULL when n is 0). */
void log_write_fields(enum log_level level, const char *module, const struct log_field *fields,
	unsigned int n, const char *text);

#define log_error(module, ...)	 log_write(LOG_LEVEL_ERR, module, __VA_ARGS__)
#define log_warning(module, ...) log_write(LOG_LEVEL_WARNING, module, __VA_ARGS__)
#define log_notice(module, ...)	 log_write(LOG_LEVEL_NOTICE, module, __VA_ARGS__)
#define log_info(module, ...)	 log_write(LOG_LEVEL_INFO, module, __VA_ARGS__)
#define log_debug(module, ...)	 log_write(LOG_LEVEL_DEBUG, module, __VA_ARGS__)

#endif
