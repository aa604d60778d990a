/* SPDX-License-Identifier: Apache-2.0 */
/* The report's sections about files: our directories, and the block in /etc/hosts. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/util.h"
#include "ctl/report.h"

#define MAX_DEPTH   4
#define MAX_ENTRIES 512
#define MAX_LINE    1024

struct walk {
	struct report *report;
	unsigned int entries;
};

static bool is_secret(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".key") == 0;
}

/* What no file of ours may have; "" when it is as it should be. */
static const char *complain_mode(const char *name, const struct stat *st)
{
	if (is_secret(name) && (st->st_mode & 077) != 0)
		return "a private key that others can read";
	if (!S_ISSOCK(st->st_mode) && (st->st_mode & S_IWOTH) != 0)
		return "anybody can write it";
	return "";
}

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "directory";
	if (S_ISSOCK(mode))
		return "socket";
	if (S_ISLNK(mode))
		return "link";
	return S_ISREG(mode) ? "file" : "special file";
}

static void report_entry(
	struct walk *walk, const char *path, const char *name, const struct stat *st)
{
	const char *trouble = complain_mode(name, st);
	char size[32] = "", printable[PATH_MAX];

	if (S_ISREG(st->st_mode))
		snprintf(size, sizeof(size), ", %lld bytes", (long long)st->st_size);
	text_make_printable(path, strlen(path), printable, sizeof(printable));
	report_add(walk->report, *trouble ? REPORT_CHANGED : REPORT_AS_RECORDED, trouble,
		"%s (%s, mode %04o, owner %u:%u%s)", printable, kind_of(st->st_mode),
		(unsigned int)st->st_mode & 07777, (unsigned int)st->st_uid,
		(unsigned int)st->st_gid, size);
}

static void walk_directory(
	struct walk *walk, int parent, const char *name, const char *path, unsigned int depth);

static void walk_entry(
	struct walk *walk, int dir, const char *path, const char *name, unsigned int depth)
{
	char full[PATH_MAX];
	struct stat st;

	if (snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full) ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (++walk->entries > MAX_ENTRIES)
		return;
	report_entry(walk, full, name, &st);
	if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
		walk_directory(walk, dir, name, full, depth + 1);
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of their names: two reports are to be compared. */
static void walk_directory(
	struct walk *walk, int parent, const char *name, const char *path, unsigned int depth)
{
	_cleanup_close_ int dir =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent **entries = NULL;
	int n = -1;

	if (dir >= 0)
		n = scandirat(dir, ".", &entries, NULL, compare_entries);
	if (n < 0) {
		report_add_unread(walk->report, "%s: %s", path, strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
			walk_entry(walk, dir, path, entries[i]->d_name, depth);
		free(entries[i]);
	}
	free(entries);
}

static void report_directory(struct walk *walk, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0) {
		report_entry(walk, path, path, &st);
		if (S_ISDIR(st.st_mode))
			walk_directory(walk, AT_FDCWD, path, path, 1);
	} else if (errno != ENOENT) {
		report_add_unread(walk->report, "%s: %s", path, strerror(errno));
	}
}

void report_files_directories(struct report *report)
{
	struct walk walk = {.report = report};
	char config[PATH_MAX], *slash;

	snprintf(config, sizeof(config), "%s", report->ctl->config);
	slash = strrchr(config, '/');
	if (slash && slash != config) {
		*slash = '\0';
		report_directory(&walk, config);
	}
	report_directory(&walk, report->ctl->state_dir);
	report_directory(&walk, report->ctl->runtime_dir);
	if (walk.entries > MAX_ENTRIES)
		report_add_unread(report, "%u more entries", walk.entries - MAX_ENTRIES);
	if (json_array_size(json_object_get(report->now, "items")) == 0)
		report_add_none(report, "none of our directories is there");
}

/* The marks of hosts_text.c; other lines that name a BMC are shown, for they come before ours. */
void report_files_hosts(struct report *report)
{
	char path[PATH_MAX], line[MAX_LINE], printable[MAX_LINE];
	unsigned int found = 0, number = 0;
	bool ours = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/hosts", report_etc_root(report->ctl));
	file = fopen(path, "re");
	if (!file) {
		if (errno == ENOENT)
			report_add_none(report, "there is no %s", path);
		else
			report_add_unread(report, "%s: %s", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		bool end = strncmp(line, "# END bmclink", 13) == 0;

		number++;
		ours |= strncmp(line, "# BEGIN bmclink", 15) == 0;
		if (!ours && !end && !strstr(line, "bmclink") && !strstr(line, "idrac.local"))
			continue;
		found++;
		line[strcspn(line, "\n")] = '\0';
		text_make_printable(line, strlen(line), printable, sizeof(printable));
		report_add(report, ours ? REPORT_AS_RECORDED : REPORT_FOREIGN, "", "line %u: %s",
			number, printable);
		ours &= !end;
	}
	fclose(file);
	if (found == 0)
		report_add_none(report, "no line of ours");
}
