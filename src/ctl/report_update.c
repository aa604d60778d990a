/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report's section about updates: how the last one ended, and the packages that are kept for
 * the next one, each held against what the record says of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "ctl/report.h"
#include "host/priv.h"
#include "update/store.h"

/* The record is root's own, and yet printed with care: the versions in it came from file names. */
static void report_last(struct report *report, const struct update_state *state)
{
	char text[256], why[UPDATE_MAX_WHY], printable[sizeof(text)], at[CLOCK_TEXT];

	if (state->step == UPDATE_NONE)
		return;
	clock_format((time_t)state->at, at);
	snprintf(text, sizeof(text), "%s -> %s: %s, %s", state->from[0] ? state->from : "?",
		state->version, update_step_name(state->step), at[0] ? at : "?");
	text_make_printable(text, strlen(text), printable, sizeof(printable));
	text_make_printable(state->why, strlen(state->why), why, sizeof(why));
	report_add(report, state->step == UPDATE_LOST ? REPORT_CHANGED : REPORT_AS_RECORDED, why,
		"last update: %s", printable);
}

/* What the host holds itself to, also when the BMC offers something else. */
static void report_limits(struct report *report, const struct update_state *state)
{
	char printable[VERSION_MAX];

	if (state->floor[0]) {
		text_make_printable(
			state->floor, strlen(state->floor), printable, sizeof(printable));
		report_add(
			report, REPORT_AS_RECORDED, "", "nothing below %s is installed", printable);
	}
	if (state->refused[0]) {
		text_make_printable(
			state->refused, strlen(state->refused), printable, sizeof(printable));
		report_add(report, REPORT_AS_RECORDED, "",
			"%s was put back, and is not installed by itself again", printable);
	}
}

/* wanted: NULL: no record speaks of this file, and wrong says what that means. */
static void report_package(struct report *report, int dir_fd, const char *name, const char *what,
	const char *wanted, const char *wrong)
{
	char version[VERSION_MAX];
	struct stat st;
	bool there = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (!there && errno != ENOENT) {
		report_add_unread(report, "%s: %s", name, strerror(errno));
		return;
	}
	if (!there && !wanted)
		return;
	text_make_printable(
		wanted ? wanted : "", wanted ? strlen(wanted) : 0, version, sizeof(version));
	if (!there)
		report_add(report, REPORT_MISSING, "", "%s: %s, %s", name, what, version);
	else
		report_add(report, wanted ? REPORT_AS_RECORDED : REPORT_CHANGED,
			wanted ? "" : wrong, "%s: %s%s%s, %lld bytes", name, what,
			wanted ? ", " : "", version, (long long)st.st_size);
}

static void report_packages(struct report *report, int dir_fd, const struct update_state *state)
{
	bool under_way = update_is_under_way(state->step);
	struct stat st;

	report_package(report, dir_fd, UPDATE_BACK, "the way back",
		state->back[0] ? state->back : NULL, "no record says of which version it is");
	report_package(report, dir_fd, UPDATE_NEW, "to be installed",
		under_way ? state->version : NULL, "left of an update that is over");
	if (fstatat(dir_fd, UPDATE_REQUEST, &st, AT_SYMLINK_NOFOLLOW) == 0)
		report_add(report, under_way ? REPORT_AS_RECORDED : REPORT_CHANGED,
			under_way ? "" : "nothing is under way",
			UPDATE_REQUEST ": bmclink-update.path starts the installer for it");
}

/* Not of the record: the worker's bytes, and what the monitor copies of them, are nobody's yet. */
static void report_fetched(struct report *report, int dir_fd)
{
	static const struct {
		const char *name, *what;
	} files[] = {
		{UPDATE_INCOMING,		  "being copied by the monitor, not verified"},
		{"../../worker/" PRIV_UPDATE_FILE, "fetched from the BMC, not verified"       },
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fstatat(dir_fd, files[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			report_add(report, REPORT_AS_RECORDED, "", "%s: %s, %lld bytes",
				strrchr(files[i].name, '/') ? PRIV_UPDATE_FILE : files[i].name,
				files[i].what, (long long)st.st_size);
}

void report_update(struct report *report)
{
	struct update_state state;
	_cleanup_close_ int dir_fd = -1;
	int r;

	if (!report_has_records(report))
		return;
	dir_fd = openat(
		report->monitor_fd, UPDATE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0 && errno != ENOENT) {
		report_add_unread(report, UPDATE_DIR ": %s", strerror(errno));
		return;
	}
	if (dir_fd >= 0) {
		r = update_load(dir_fd, &state);
		if (r < 0)
			report_add_unread(report, UPDATE_STATE ": %s", strerror(-r));
		report_last(report, &state);
		report_limits(report, &state);
		if (r == 0)
			report_packages(report, dir_fd, &state);
		report_fetched(report, dir_fd);
	}
	if (json_array_size(json_object_get(report->now, "items")) == 0)
		report_add_none(report, "there was none, and no package is kept");
}
