/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define LINE_MAX_BYTES 2048

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

uint8_t fuzz_take_byte(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

bool fuzz_take_record(struct fuzz_input *in, struct fuzz_input *record)
{
	const uint8_t *end;

	if (in->left == 0)
		return false;
	end = memchr(in->data, FUZZ_SEPARATOR, in->left);
	*record = (struct fuzz_input){in->data, end ? (size_t)(end - in->data) : in->left};
	in->data += record->left + (end ? 1 : 0);
	in->left -= record->left + (end ? 1 : 0);
	return true;
}

uint8_t *fuzz_take_piece(struct fuzz_input *in, uint32_t *seed, size_t *length)
{
	size_t n = in->left;
	uint8_t *piece;

	if (n == 0)
		return NULL;
	if (*seed > 0 && *seed < 65) {
		n = 1;
		(*seed)++;
	} else if (*seed > 0) {
		*seed = *seed * 1664525u + 1013904223u;
		n = 1 + (*seed >> 8) % n;
	}
	piece = malloc(n);
	FUZZ_CHECK(piece != NULL);
	memcpy(piece, in->data, n);
	in->data += n;
	in->left -= n;
	*length = n;
	return piece;
}

/* --- files --- */

static char dir[64];
static int dir_fd = -1;

void fuzz_empty_dir(void)
{
	int fd = dup(fuzz_get_dir_fd());
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	FUZZ_CHECK(d != NULL);
	rewinddir(d);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_type == DT_REG)
			unlinkat(dir_fd, entry->d_name, 0);
	closedir(d);
}

static void remove_dir(void)
{
	char command[96];

	/* It may hold a prepared tree of folders. */
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", dir);
}

const char *fuzz_get_dir(void)
{
	if (dir[0])
		return dir;
	strcpy(dir, "/dev/shm/bmclink-fuzz.XXXXXX");
	if (!mkdtemp(dir)) {
		strcpy(dir, "/tmp/bmclink-fuzz.XXXXXX");
		FUZZ_CHECK(mkdtemp(dir) != NULL);
	}
	atexit(remove_dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(dir_fd >= 0);
	return dir;
}

int fuzz_get_dir_fd(void)
{
	fuzz_get_dir();
	return dir_fd;
}

void fuzz_put_file(const char *name, const void *data, size_t length)
{
	int fd;

	if (!data || length == 0) {
		unlinkat(fuzz_get_dir_fd(), name, 0);
		return;
	}
	fd = openat(fuzz_get_dir_fd(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, length) == (ssize_t)length);
	close(fd);
}

const char *fuzz_get_data(const char *name)
{
	static char files[4][8192];
	static unsigned int n;
	char path[512];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", FUZZ_DATA, name);
	file = fopen(path, "r");
	FUZZ_CHECK(file != NULL && n < sizeof(files) / sizeof(files[0]));
	length = fread(files[n], 1, sizeof(files[n]) - 1, file);
	FUZZ_CHECK(length > 0 && feof(file));
	fclose(file);
	return files[n++];
}

/*
 * --- the log ---
 * In the place of base/log.c: every line is made, at every level, so that what is put into it is
 * read; it goes nowhere.
 */

void log_open(const char *ident, bool foreground, enum log_level max)
{
}

void log_open_at(
	const char *ident, bool foreground, enum log_level max, const struct log_paths *paths)
{
}

unsigned long log_get_lost(void)
{
	return 0;
}

void log_set_level(enum log_level max)
{
}

void log_close(void)
{
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	FUZZ_CHECK(vsnprintf(text, sizeof(text), format, args) >= 0);
	va_end(args);
	log_write_fields(level, module, NULL, 0, text);
}

void log_write_fields(enum log_level level, const char *module, const struct log_field *fields,
	unsigned int n, const char *text)
{
	char printable[LINE_MAX_BYTES];

	FUZZ_CHECK(level >= LOG_LEVEL_ERR && level <= LOG_LEVEL_DEBUG && strlen(module) > 0);
	text_make_printable(text, strlen(text), printable, sizeof(printable));
	for (unsigned int i = 0; i < n; i++)
		if (fields[i].value)
			text_make_printable(fields[i].value, strlen(fields[i].value), printable,
				sizeof(printable));
}
