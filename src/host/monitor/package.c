/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "host/monitor/monitor.h"

#define MODULE	  "package"
#define MAX_DEPTH 4 /* of the state directory's tree */

int package_read_mark(int state_fd, struct package_mark *mark)
{
	const char *version = NULL, *family = "";
	json_int_t count = 0;
	json_t *object = NULL;
	int r = state_read_json(state_fd, PACKAGE_MARK, &object);

	if (r == 0 && (json_unpack(object, "{s:s, s:I, s?s}", "version", &version, "count", &count,
			       "package", &family) < 0 ||
			      strlen(version) >= PACKAGE_MAX_VERSION || version[0] == '\0' ||
			      !text_is_printable(version, strlen(version)) || count < 1 ||
			      count > UINT32_MAX))
		r = -EBADMSG;
	if (r == 0) {
		*mark = (struct package_mark){
			.count = (uint32_t)count, .family = version_find_family(family)};
		strcpy(mark->version, version);
	}
	json_decref(object);
	return r;
}

static int open_monitor_dir(const struct monitor_options *options)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int top = state_open_dir(options->state_dir, 0755);

	if (top < 0)
		return top;
	if (asprintf(&path, "%s/monitor", options->state_dir) < 0)
		return -ENOMEM;
	return state_open_dir(path, 0700);
}

static int write_mark(int state_fd, const char *version, enum package_family family)
{
	struct package_mark before = {.count = 0};
	json_t *object;
	int r = package_read_mark(state_fd, &before);

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	object = json_pack("{s:s, s:I}", "version", version, "count",
		(json_int_t)before.count % UINT32_MAX + 1);
	if (object == NULL)
		return -ENOMEM;
	if (family != PACKAGE_NONE)
		json_object_set_new(
			object, "package", json_string(version_get_family_name(family)));
	r = state_write_json(state_fd, PACKAGE_MARK, object, 0600);
	json_decref(object);
	return r;
}

int package_note_installed(
	const struct monitor_options *options, const char *version, enum package_family family)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (version[0] == '\0' || strlen(version) >= PACKAGE_MAX_VERSION ||
		!text_is_printable(version, strlen(version))) {
		log_error(MODULE, "'%s' is no version", version);
		return EXIT_FAILURE;
	}
	fd = open_monitor_dir(options);
	r = fd < 0 ? fd : write_mark(fd, version, family);
	if (r < 0)
		log_error(MODULE, "cannot note the installation in %s: %s", options->state_dir,
			strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The worker's user owns a part of this tree: no link of his leads out of it. */
static int empty_dir(int parent_fd, const char *name, unsigned int depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* ours from here on, so that no right to override modes is needed (AppArmor gives none) */
	if (fchown(fd, geteuid(), (gid_t)-1) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		if (errno != EISDIR || depth == MAX_DEPTH)
			r = -errno;
		else
			r = empty_dir(fd, entry->d_name, depth + 1);
	}
	closedir(dir);
	if (r == 0 && unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

static int remove_state(const struct monitor_options *options)
{
	static const char *const parts[] = {"worker", "monitor"};
	_cleanup_close_ int top = open(options->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;
	int r = 0, part;

	if (top < 0)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		part = empty_dir(top, parts[i], 0);
		if (r == 0)
			r = part;
	}
	/* not ours alone: the endpoint's state may be beside */
	if (r == 0 && rmdir(options->state_dir) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		r = -errno;
	return r;
}

static void ignore_event(const struct priv_event *event, void *arg)
{
}

static int restore_nic(const struct monitor_options *options)
{
	struct acts_environment environment = {.roots = options->roots, .emit = ignore_event};
	_cleanup_close_ int fd = open_monitor_dir(options);
	struct acts acts;
	int r;

	if (fd < 0)
		return fd;
	environment.state_fd = fd;
	r = acts_init(&acts, &environment);
	return r < 0 ? r : acts_cleanup(&acts);
}

int package_cleanup(const struct monitor_options *options)
{
	int r = restore_nic(options);
	int removed;

	if (r < 0)
		log_error(MODULE, "cannot put the NIC back: %s", strerror(-r));
	/* also then: keys must not stay */
	removed = remove_state(options);
	if (removed < 0)
		log_error(MODULE, "cannot remove the state in %s: %s", options->state_dir,
			strerror(-removed));
	return r < 0 || removed < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
