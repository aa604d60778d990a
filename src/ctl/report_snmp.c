/* SPDX-License-Identifier: Apache-2.0 */
/* The report's section about the drop-in for snmpd: whether it is there, never what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "ctl/report.h"

/* As snmp_text.c of the monitor begins its files. */
#define MARK "# Made by bmclinkd"

static bool is_ours(int fd)
{
	char begin[sizeof(MARK)] = "";

	return read(fd, begin, sizeof(MARK) - 1) == (ssize_t)sizeof(MARK) - 1 &&
	       strcmp(begin, MARK) == 0;
}

static void report_one(struct report *report, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool exposed;
	struct stat st;

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		report_add_unread(report, "%s: %s", path, strerror(errno));
	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(fd))
		return;
	exposed = (st.st_mode & 027) != 0;
	report_add(report, exposed ? REPORT_CHANGED : REPORT_AS_RECORDED,
		exposed ? "its keys can be read by others" : "", "%s (mode %04o, owner %u:%u)",
		path, (unsigned int)st.st_mode & 07777, (unsigned int)st.st_uid,
		(unsigned int)st.st_gid);
}

void report_snmp(struct report *report)
{
	static const char *const names[] = {
		"snmp/snmpd.conf.d/60-bmclink.conf", "snmp/snmpd.local.conf"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", report_etc_root(report->ctl), names[i]);
		report_one(report, path);
	}
	if (json_array_size(json_object_get(report->now, "items")) == 0)
		report_add_none(report, "none is there");
}
