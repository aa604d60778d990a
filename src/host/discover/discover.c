/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "host/discover/plan.h"
#include "host/discover/smbios42.h"

struct found {
	struct smbios42 records[SMBIOS42_MAX_FOUND];
	size_t n_records;
	unsigned int malformed;
	bool whole_table;
	int dmi_error; /* 0: read, or there is none */
	struct plan_nic nics[PLAN_MAX_NICS];
	size_t n_nics;
};

static void read_records(const struct facts_roots *roots, struct found *found)
{
	for (unsigned int i = 0; i < FACTS_MAX_DMI; i++) {
		size_t room = SMBIOS42_MAX_FOUND - found->n_records, length;
		struct smbios42 *out = found->records + found->n_records;
		_cleanup_free_ uint8_t *data = NULL;
		const char *why;
		int r = dmi_read_entry(roots, i, &data, &length, &found->whole_table);

		if (r == -EFBIG) {
			found->malformed++;
			continue;
		}
		if (r < 0) {
			found->dmi_error = r == -ENOENT && i > 0 ? 0 : r;
			return;
		}
		if (found->whole_table) {
			found->n_records =
				smbios42_walk(data, length, out, room, &found->malformed);
			return;
		}
		r = smbios42_decode_all(data, length, out, room, &why);
		if (r > 0)
			found->n_records += (size_t)r;
		else if (r == -EBADMSG)
			found->malformed++;
	}
}

static int read_line(int dir, const char *name, const char *file, char *out, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[NAME_MAX + 16];
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", name, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

/* As rtnetlink would tell; SYS/class/net may be a prepared tree. Loopback has no hardware address
 * of its own. */
static bool read_nic(
	const struct facts_roots *roots, int dir, const char *name, struct plan_nic *nic)
{
	char text[64];
	long index;

	*nic = (struct plan_nic){0};
	if (strlen(name) >= sizeof(nic->name) ||
		read_line(dir, name, "ifindex", text, sizeof(text)) < 0)
		return false;
	index = strtol(text, NULL, 10);
	if (index <= 0 || index > INT_MAX)
		return false;
	nic->ifindex = (unsigned int)index;
	strcpy(nic->name, name);
	if (read_line(dir, name, "type", text, sizeof(text)) == 0 && strcmp(text, "1") != 0)
		return false; /* not Ethernet */
	if (read_line(dir, name, "address", text, sizeof(text)) == 0)
		text_parse_hex(text, nic->mac, sizeof(nic->mac));
	return sysfs_read_nic_facts(roots, nic) == 0;
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct plan_nic *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static void read_nics(const struct facts_roots *roots, struct found *found)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (snprintf(path, sizeof(path), "%s/class/net",
		    roots->sys && roots->sys[0] ? roots->sys : "/sys") >= (int)sizeof(path))
		return;
	dir = opendir(path);
	fd = dir ? dirfd(dir) : -1;
	if (fd < 0)
		return;
	while (found->n_nics < PLAN_MAX_NICS && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
			read_nic(roots, fd, entry->d_name, &found->nics[found->n_nics]))
			found->n_nics++;
	closedir(dir);
	qsort(found->nics, found->n_nics, sizeof(found->nics[0]), compare_ifindex);
}

static json_t *smbios_to_json(const struct found *found)
{
	bool read = found->dmi_error == 0, none = found->dmi_error == -ENOENT;
	char error[160] = "";

	if (none)
		snprintf(error, sizeof(error),
			"this machine has no SMBIOS type 42 structure, or the kernel does not show "
			"it");
	else if (!read)
		snprintf(error, sizeof(error), "SMBIOS could not be read: %s%s",
			strerror(-found->dmi_error), geteuid() == 0 ? "" : "; be root");
	return json_pack("{s:b, s:s?, s:s?, s:i}", "read", read || none, "source",
		!read		     ? NULL
		: found->whole_table ? "table"
				     : "entries",
		"error", error[0] ? error : NULL, "malformed", (int)found->malformed);
}

json_t *discover_run(const struct facts_roots *roots, const struct settings *settings)
{
	_cleanup_free_ struct found *found = calloc(1, sizeof(*found));
	struct plan_facts facts = {.settings = settings};
	struct plan plan;
	json_t *result;

	if (!found)
		return NULL;
	read_records(roots, found);
	read_nics(roots, found);
	facts.records = found->records;
	facts.n_records = found->n_records;
	facts.nics = found->nics;
	facts.n_nics = found->n_nics;
	plan_make(&facts, &plan);
	result = plan_to_json(&facts, &plan);
	if (result)
		json_object_set_new(result, "smbios", smbios_to_json(found));
	return result;
}
