/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/snmp_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "base/state.h"
#include "base/util.h"
#include "host/monitor/snmp_text.h"

#define CONFIG	 "snmpd.conf"
#define FOLDER	 "snmpd.conf.d"
#define DROP_IN	 "60-bmclink.conf"
#define LOCAL	 "snmpd.local.conf"
#define MAX_READ 64 /* files of the folder */

static int open_dir(const struct acts_roots *roots, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/snmp%s%s", roots->etc, name[0] != '\0' ? "/" : "", name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

static bool file_has(int dir_fd, const char *name, const char *communities)
{
	_cleanup_free_ char *text = NULL;
	size_t length;

	return state_read_file(dir_fd, name, &text, &length) == 0 && !snmp_text_is_ours(text) &&
	       snmp_text_has_community(text, communities);
}

static bool folder_has(int dir_fd, const char *communities)
{
	int fd = openat(dir_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (int i = 0; !found && i < MAX_READ && (entry = readdir(dir)) != NULL; i++)
		found = has_suffix(entry->d_name) && file_has(fd, entry->d_name, communities);
	closedir(dir);
	return found;
}

/* After a reload snmpd, which has given up root by then, must be able to read what it has. */
static int check_readable(int dir_fd, const struct snmpd *snmpd)
{
	struct stat st;
	mode_t bit;

	if (snmpd->uid == 0 || fstatat(dir_fd, CONFIG, &st, 0) < 0)
		return 0;
	bit = st.st_uid == snmpd->uid ? S_IRUSR : st.st_gid == snmpd->gid ? S_IRGRP : S_IROTH;
	return (st.st_mode & bit) != 0 ? 0 : -EKEYREJECTED;
}

struct place {
	int dir_fd;
	const char *name;
};

static bool reads_default(const struct acts_roots *roots, const struct snmpd *snmpd)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/snmp/" CONFIG, roots->etc);
	return !snmpd->own_config || strstr(snmpd->command, path) != NULL;
}

static int choose_place(
	const struct acts_roots *roots, const struct snmpd *snmpd, int dir_fd, struct place *place)
{
	_cleanup_free_ char *text = NULL, *local = NULL;
	char folder[PATH_MAX];
	size_t length;
	int fd;

	if (!reads_default(roots, snmpd) || state_read_file(dir_fd, CONFIG, &text, &length) < 0)
		return -EOPNOTSUPP;
	snprintf(folder, sizeof(folder), "%s/snmp/" FOLDER, roots->etc);
	fd = snmp_text_includes(text, folder) ? open_dir(roots, FOLDER) : -ENOENT;
	if (fd >= 0) {
		*place = (struct place){fd, DROP_IN};
		return 0;
	}
	/* With -C snmpd reads only what it was told to. */
	if (snmpd->own_config ||
		(state_read_file(dir_fd, LOCAL, &local, &length) == 0 && !snmp_text_is_ours(local)))
		return -EOPNOTSUPP;
	fd = open_dir(roots, "");
	if (fd < 0)
		return fd;
	*place = (struct place){fd, LOCAL};
	return 0;
}

/* The right to change a file's group is given up by now; a new file has the group of its maker. */
static int write_for(const struct place *place, const struct snmpd *snmpd, const char *text)
{
	bool shared = snmpd->uid != 0;
	int r, before = 0;

	if (shared)
		before = setfsgid(snmpd->gid);
	r = state_write_file(place->dir_fd, place->name, text, strlen(text), shared ? 0640 : 0600);
	if (shared)
		setfsgid((gid_t)before);
	return r;
}

int snmp_file_write(const struct acts_roots *roots, const struct snmpd *snmpd, const char *text,
	const char *communities)
{
	_cleanup_close_ int dir_fd = open_dir(roots, "");
	struct place place = {.dir_fd = -1};
	int r;

	if (dir_fd < 0)
		return -EOPNOTSUPP;
	if (file_has(dir_fd, CONFIG, communities) || file_has(dir_fd, LOCAL, communities) ||
		folder_has(dir_fd, communities))
		return -EEXIST;
	r = check_readable(dir_fd, snmpd);
	if (r == 0)
		r = choose_place(roots, snmpd, dir_fd, &place);
	if (r < 0)
		return r;
	r = write_for(&place, snmpd, text);
	close(place.dir_fd);
	return r;
}

static bool one_is(
	const struct acts_roots *roots, const char *folder, const char *name, const char *wanted)
{
	_cleanup_close_ int fd = open_dir(roots, folder);
	char *text = NULL;
	size_t length;
	bool same = fd >= 0 && state_read_file(fd, name, &text, &length) == 0 &&
		    strcmp(text, wanted) == 0;

	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	return same;
}

bool snmp_file_is(const struct acts_roots *roots, const char *text)
{
	return one_is(roots, FOLDER, DROP_IN, text) || one_is(roots, "", LOCAL, text);
}

/* What cannot be looked at just now may well be there; what never can be is not ours. */
static int unless_passing(int r)
{
	return r == -EIO || state_is_passing(r) ? r : 0;
}

static int remove_one(const struct acts_roots *roots, const char *folder, const char *name)
{
	_cleanup_close_ int fd = open_dir(roots, folder);
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	if (fd < 0)
		return unless_passing(fd);
	state_clean_file(fd, name);
	r = state_read_file(fd, name, &text, &length);
	if (r < 0 || !snmp_text_is_ours(text))
		return unless_passing(r);
	r = state_remove_file(fd, name);
	return r < 0 ? r : 1;
}

int snmp_file_remove(const struct acts_roots *roots)
{
	int a = remove_one(roots, FOLDER, DROP_IN), b = remove_one(roots, "", LOCAL);

	return a < 0 ? a : b < 0 ? b : a | b;
}
