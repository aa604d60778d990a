/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "host/monitor/acts.h"

#define MAX_STATE_FILE 16384

/* At most size - 1 bytes, with a NUL behind them. */
static int read_file(const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (used < size - 1) {
		n = read(fd, out + used, size - 1 - used);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	return 0;
}

void machine_read_line(const char *root, const char *path, char *out, size_t size)
{
	char full[PATH_MAX], text[256];
	size_t from, length;

	out[0] = '\0';
	snprintf(full, sizeof(full), "%s/%s", root, path);
	if (read_file(full, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	from = strspn(text, " \t");
	length = strlen(text + from);
	while (length > 0 && strchr(" \t\r", text[from + length - 1]) != NULL)
		text[from + --length] = '\0';
	if (length < size && text_is_printable(text + from, size - 1))
		memcpy(out, text + from, length + 1);
}

void machine_read(const struct acts_roots *roots, struct profile_machine *machine)
{
	machine_read_line(roots->etc, "machine-id", machine->machine_id, PROFILE_MAX_ID);
	machine_read_line(
		roots->sys, "class/dmi/id/product_uuid", machine->system_uuid, PROFILE_MAX_ID);
}

void machine_read_boot_id(const struct acts_roots *roots, char boot_id[PROFILE_MAX_ID])
{
	machine_read_line(roots->proc, "sys/kernel/random/boot_id", boot_id, PROFILE_MAX_ID);
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
