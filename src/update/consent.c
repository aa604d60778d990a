/* SPDX-License-Identifier: Apache-2.0 */
#include "update/consent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/state.h"
#include "base/util.h"
#include "base/version.h"

#define NO_WAY_BACK "no-way-back" /* behind the version and a space */
#define MAX_TEXT    (VERSION_MAX + sizeof(" " NO_WAY_BACK "\n"))

int update_consent_give(int runtime_fd, const char *version, bool no_way_back)
{
	char text[MAX_TEXT];
	int n;

	if (!version_is_valid(PACKAGE_DEB, version) && !version_is_valid(PACKAGE_RPM, version))
		return -EINVAL;
	n = snprintf(text, sizeof(text), "%s%s\n", version, no_way_back ? " " NO_WAY_BACK : "");
	return state_write_file(runtime_fd, UPDATE_CONSENT, text, (size_t)n, 0600);
}

/* Not from the future either: the clock was set back since, and nobody knows how old it is. */
static bool is_ours_and_fresh(int fd)
{
	struct stat st;
	time_t now = time(NULL);

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 022) == 0 && st.st_mtime <= now &&
	       now - st.st_mtime <= UPDATE_CONSENT_SECS;
}

bool update_consent_take(int runtime_fd, const char *version, bool *no_way_back)
{
	_cleanup_close_ int fd =
		openat(runtime_fd, UPDATE_CONSENT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[MAX_TEXT + 1];
	ssize_t n;
	char *rest;

	*no_way_back = false;
	if (fd < 0 || !is_ours_and_fresh(fd))
		return false;
	n = io_read_all(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	rest = strchr(text, ' ');
	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(text, version) != 0)
		return false;
	*no_way_back = rest != NULL && strcmp(rest, NO_WAY_BACK) == 0;
	unlinkat(runtime_fd, UPDATE_CONSENT, 0);
	return true;
}
