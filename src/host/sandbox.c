/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "host/monitor/caps.h"
#include "host/worker.h"

#define MAX_FILES      256
#define MAX_FILE_BYTES (16 * 1024 * 1024) /* of one file; the state is a few kilobytes */
#define MAX_DATA_BYTES (256 * 1024 * 1024)

int sandbox_drop_user(uid_t uid, gid_t gid)
{
	int r;

	r = caps_drop_bounding(CAPS_NONE);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 ||
		setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return caps_set(1ULL << CAP_SYS_CHROOT);
}

static int set_limit(__rlimit_resource_t what, rlim_t value)
{
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t value;
	} limits[] = {
		{RLIMIT_NOFILE,	MAX_FILES	 },
		{RLIMIT_NPROC,   0		}, /* no further process or thread */
		{RLIMIT_CORE,    0	       }, /* keys do not go to disk in a core */
		{RLIMIT_FSIZE,   MAX_FILE_BYTES},
		{RLIMIT_MEMLOCK, 0		  },
		{RLIMIT_DATA,    MAX_DATA_BYTES},
	};
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(limits) && r == 0; i++) {
#ifdef WORKER_SANITIZED /* its shadow memory counts as data */
		if (limits[i].what == RLIMIT_DATA)
			continue;
#endif
		r = set_limit(limits[i].what, limits[i].value);
	}
	return r;
}

int sandbox_close_files(const char *dir)
{
	int r;

	if (chdir(dir) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	r = caps_set(CAPS_NONE);
	if (r == 0)
		r = set_limits();
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}
