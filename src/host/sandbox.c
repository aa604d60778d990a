/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "host/monitor/caps.h"
#include "host/worker.h"
#include "update/store.h"

const struct sandbox_limits sandbox_worker_limits = {
	.files = 256,
	.file_bytes = UPDATE_MAX_SIZE, /* the state is a few kilobytes, a package of ours more */
	.data_bytes = 256 * 1024 * 1024,
};

void sandbox_ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

int sandbox_bind_to_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

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
	struct rlimit limit;

	if (getrlimit(what, &limit) < 0)
		return -errno;
	if (value > limit.rlim_max) /* more is not to be had without a privilege */
		value = limit.rlim_max;
	limit = (struct rlimit){.rlim_cur = value, .rlim_max = value};
	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox_limits *wanted)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t value;
	} limits[] = {
		{RLIMIT_NOFILE,	wanted->files     },
		{RLIMIT_NPROC,   0			}, /* no further process or thread */
		{RLIMIT_CORE,    0		       }, /* keys do not go to disk in a core */
		{RLIMIT_FSIZE,   wanted->file_bytes},
		{RLIMIT_MEMLOCK, 0		  },
		{RLIMIT_DATA,    wanted->data_bytes},
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

int sandbox_close_files(const char *dir, const struct sandbox_limits *limits)
{
	int r;

	if ((dir != NULL && chdir(dir) < 0) || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	r = caps_set(CAPS_NONE);
	if (r == 0)
		r = set_limits(limits);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}
