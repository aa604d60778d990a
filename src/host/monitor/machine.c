/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "host/monitor/acts.h"

#define MAX_STATE_FILE 16384
#define READ_TRIES     3

/* At most size - 1 bytes, with a NUL behind them. */
static int read_once(const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t used;

	if (fd < 0)
		return -errno;
	used = io_read_all(fd, out, size - 1);
	if (used < 0)
		return (int)used;
	out[used] = '\0';
	return 0;
}

static int read_file(const char *path, char *out, size_t size)
{
	int r = -EAGAIN;

	for (int i = 0; i < READ_TRIES && (r == -EIO || state_is_passing(r)); i++)
		r = read_once(path, out, size);
	return r;
}

int machine_read_line(const char *root, const char *path, char *out, size_t size)
{
	char full[PATH_MAX], text[256];
	size_t from, length;
	int r;

	out[0] = '\0';
	snprintf(full, sizeof(full), "%s/%s", root, path);
	r = read_file(full, text, sizeof(text));
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	from = strspn(text, " \t");
	length = strlen(text + from);
	while (length > 0 && strchr(" \t\r", text[from + length - 1]) != NULL)
		text[from + --length] = '\0';
	if (length < size && text_is_printable(text + from, size - 1))
		memcpy(out, text + from, length + 1);
	return 0;
}

/* What is not there is "", and no failure. */
static int read_id(const char *root, const char *path, char id[PROFILE_MAX_ID])
{
	int r = machine_read_line(root, path, id, PROFILE_MAX_ID);

	return r == -EIO || state_is_passing(r) ? r : 0;
}

int machine_read(const struct acts_roots *roots, struct profile_machine *machine)
{
	int r = read_id(roots->etc, "machine-id", machine->machine_id);

	return r < 0 ? r : read_id(roots->sys, "class/dmi/id/product_uuid", machine->system_uuid);
}

int machine_read_boot_id(const struct acts_roots *roots, char boot_id[PROFILE_MAX_ID])
{
	return read_id(roots->proc, "sys/kernel/random/boot_id", boot_id);
}

static void trim(char **text)
{
	size_t length;

	*text += strspn(*text, " \t");
	length = strlen(*text);
	while (length > 0 && strchr(" \t\r", (*text)[length - 1]) != NULL)
		(*text)[--length] = '\0';
}

int machine_read_key(const char *path, const char *section, const char *key, char *out, size_t size)
{
	_cleanup_free_ char *text = malloc(MAX_STATE_FILE);
	char *line, *rest, *value, name[64] = "";
	bool here = section == NULL;
	int r;

	if (text == NULL)
		return -ENOMEM;
	r = read_file(path, text, MAX_STATE_FILE);
	if (r < 0)
		return r;
	if (section != NULL)
		snprintf(name, sizeof(name), "[%s]", section);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		trim(&line);
		if (line[0] == '[') {
			here = strcmp(line, name) == 0;
			continue;
		}
		value = strchr(line, '=');
		if (!here || line[0] == '#' || value == NULL)
			continue;
		*value++ = '\0';
		trim(&line);
		trim(&value);
		if (strcmp(line, key) == 0 && strlen(value) < size) {
			strcpy(out, value);
			return 0;
		}
	}
	return -ENOENT;
}
