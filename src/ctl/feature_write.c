/* SPDX-License-Identifier: Apache-2.0 */
/* The drop-in with the host's switches: read, changed, checked as a whole, written atomically. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/state.h"
#include "base/util.h"
#include "ctl/feature.h"
#include "host/settings.h"

#define MARK "# Written by bmclinkctl"

struct dropin {
	char dir[PATH_MAX], name[64];
	int dir_fd;
	mode_t mode;
	char *old;  /* NULL: there is none */
	char *text; /* the new one */
	size_t length;
};

static enum ctl_exit complain(const struct dropin *dropin, const char *why)
{
	ctl_complain("%s/%s: %s. Nothing was changed.", dropin->dir, dropin->name, why);
	return CTL_FAILED;
}

static void clear_dropin(struct dropin *dropin)
{
	if (dropin->dir_fd >= 0)
		close(dropin->dir_fd);
	free(dropin->old);
	free(dropin->text);
}

static enum ctl_exit open_dropin(
	const struct ctl *ctl, const struct ctl_feature_change *change, struct dropin *dropin)
{
	struct stat st;
	size_t length;
	int r;

	snprintf(dropin->dir, sizeof(dropin->dir), "%s.d", ctl->config);
	snprintf(dropin->name, sizeof(dropin->name), "60-%s.conf", change->feature);
	dropin->mode = change->mode != 0 ? change->mode : 0644;
	r = state_open_dir(dropin->dir, 0755);
	if (r < 0)
		return complain(dropin, strerror(-r));
	dropin->dir_fd = r;
	if (fstatat(r, dropin->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? CTL_DONE : complain(dropin, strerror(errno));
	dropin->mode = st.st_mode & 0777;
	r = state_read_file(dropin->dir_fd, dropin->name, &dropin->old, &length);
	if (r == 0 && strncmp(dropin->old, MARK, strlen(MARK)) == 0)
		return CTL_DONE;
	return complain(dropin, "it was not written by bmclinkctl: an administrator's own file is "
				"not touched. Change it there, or rename it");
}

static const struct ctl_feature_key *find_key(
	const struct ctl_feature_change *change, const char *line, size_t length)
{
	for (size_t i = 0; i < change->n_keys; i++) {
		size_t n = strlen(change->keys[i].name);

		if (length > n && strncmp(line, change->keys[i].name, n) == 0 &&
			(line[n] == ' ' || line[n] == '='))
			return &change->keys[i];
	}
	return NULL;
}

/* The lines "key = value" of the old file that stay. */
static void keep_lines(const struct ctl_feature_change *change, const char *old, FILE *f)
{
	while (old != NULL && *old != '\0') {
		size_t length = strcspn(old, "\n");

		if (length > 0 && *old != '#' && *old != '[' &&
			find_key(change, old, length) == NULL)
			fprintf(f, "%.*s\n", (int)length, old);
		old += length + (old[length] == '\n' ? 1 : 0);
	}
}

static int make_text(const struct ctl_feature_change *change, struct dropin *dropin)
{
	FILE *f = open_memstream(&dropin->text, &dropin->length);

	if (f == NULL)
		return -ENOMEM;
	fprintf(f,
		MARK ", which writes it again: changes belong into a file of another name.\n"
		     "[%s]\n",
		change->section);
	keep_lines(change, dropin->old, f);
	for (size_t i = 0; i < change->n_keys; i++) {
		if (change->keys[i].value != NULL)
			fprintf(f, "%s = %s\n", change->keys[i].name, change->keys[i].value);
	}
	return fclose(f) == 0 && dropin->text ? 0 : -ENOMEM;
}

static enum ctl_exit print_error(const char *error)
{
	fprintf(stderr, "%s\n", error != NULL ? error : "no memory"); /* FILE:LINE: ... */
	ctl_complain("the configuration would not be valid: nothing was changed");
	return CTL_FAILED;
}

/* The whole configuration with the new text; and does the new text count in it? */
static enum ctl_exit check(
	const struct ctl *ctl, const struct ctl_feature_change *change, const struct dropin *dropin)
{
	const struct config_candidate candidate = {dropin->name, dropin->text, dropin->length};
	_cleanup_free_ char *error = NULL, *own_error = NULL;
	struct settings all, own;

	if (settings_load_with(ctl->config, !ctl->config_given, &candidate, &all, &error) < 0)
		return print_error(error);
	if (settings_parse(dropin->text, dropin->length, dropin->name, &own, &own_error) < 0)
		return CTL_DONE; /* right in the whole only: it contradicts a default */
	for (size_t i = 0; i < change->n_keys; i++) {
		const struct ctl_feature_key *key = &change->keys[i];

		if (key->value == NULL ||
			settings_are_equal(&all, &own, change->section, key->name))
			continue;
		ctl_complain("'%s' in [%s] is set again by a later file in %s, which would win: "
			     "change it there. Nothing was changed.",
			key->name, change->section, dropin->dir);
		return CTL_FAILED;
	}
	return CTL_DONE;
}

static enum ctl_exit write_dropin(const struct dropin *dropin)
{
	int r;

	if (dropin->old != NULL && strcmp(dropin->old, dropin->text) == 0)
		return CTL_DONE;
	r = state_write_file(
		dropin->dir_fd, dropin->name, dropin->text, dropin->length, dropin->mode);
	return r < 0 ? complain(dropin, strerror(-r)) : CTL_DONE;
}

enum ctl_exit ctl_feature_write(const struct ctl *ctl, const struct ctl_feature_change *change)
{
	struct dropin dropin = {.dir_fd = -1};
	enum ctl_exit code;

	if (geteuid() != 0) {
		ctl_complain("only root may switch a feature. Nothing was changed.");
		return CTL_FAILED;
	}
	code = open_dropin(ctl, change, &dropin);
	if (code == CTL_DONE && make_text(change, &dropin) < 0)
		code = complain(&dropin, "no memory");
	if (code == CTL_DONE)
		code = check(ctl, change, &dropin);
	if (code == CTL_DONE)
		code = write_dropin(&dropin);
	clear_dropin(&dropin);
	return code;
}
