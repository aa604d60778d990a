/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/caps.h"

#define MODULE	"monitor"
#define BACKLOG 16

#define CAP_BIT(cap) (1ULL << (cap))

static int find_ids(const struct monitor_options *options, struct prepared *prepared)
{
	const struct passwd *user = getpwnam(options->user);
	const struct group *group = getgrnam(options->group);

	if (user == NULL) {
		log_error(MODULE, "there is no user '%s' for the worker (--user)", options->user);
		return -ENOENT;
	}
	if (user->pw_uid == 0) {
		log_error(MODULE, "the worker's user must not be root (--user)");
		return -EINVAL;
	}
	if (group == NULL) {
		log_error(MODULE, "there is no group '%s' for the control socket (--group)",
			options->group);
		return -ENOENT;
	}
	prepared->uid = user->pw_uid;
	prepared->gid = user->pw_gid;
	prepared->control_gid = group->gr_gid;
	return 0;
}

/* In a user namespace with a single id there is nobody else to become: better said now than by a
 * worker that ends again and again. */
static int check_user_change(const struct prepared *prepared)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(setgroups(0, NULL) < 0 ||
			setresgid(prepared->gid, prepared->gid, prepared->gid) < 0 ||
			setresuid(prepared->uid, prepared->uid, prepared->uid) < 0);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (status == 0)
		return 0;
	log_error(MODULE,
		"cannot become user %u: run as root, or in a user namespace that maps more than "
		"one id (unshare --map-root-user --map-auto)",
		prepared->uid);
	return -EPERM;
}

static int make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = state_open_dir(path, mode);
	int r = 0;

	if (fd >= 0 && (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)) {
		r = -errno;
		close(fd);
	} else if (fd < 0) {
		r = fd;
	}
	if (r < 0) {
		log_error(MODULE, "cannot make the directory %s: %s", path, strerror(-r));
		return r;
	}
	return fd;
}

/* A directory that is removed while it is open: nothing can ever be in it. The relay, which is
 * nobody's, must be able to enter it, whatever our umask is. */
static int make_empty(int runtime_fd)
{
	int fd = -1, r = 0;

	if (mkdirat(runtime_fd, "empty", 0555) < 0 && errno != EEXIST) {
		r = -errno;
		log_error(MODULE, "cannot make an empty directory: %s", strerror(-r));
		return r;
	}
	fd = openat(runtime_fd, "empty", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 || fchmod(fd, 0555) < 0 ? -errno : 0;
	if (unlinkat(runtime_fd, "empty", AT_REMOVEDIR) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		log_error(MODULE, "cannot make an empty directory: %s", strerror(-r));
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int make_dirs(const struct monitor_options *options, struct prepared *prepared)
{
	_cleanup_free_ char *monitor = NULL;
	_cleanup_close_ int top = -1, runtime = -1, worker = -1;

	if (asprintf(&monitor, "%s/monitor", options->state_dir) < 0 ||
		asprintf(&prepared->worker_dir, "%s/worker", options->state_dir) < 0 ||
		asprintf(&prepared->control_path, "%s/control", options->runtime_dir) < 0)
		return -ENOMEM;
	top = make_dir(options->state_dir, 0755, 0, 0);
	if (top < 0)
		return top;
	runtime = make_dir(options->runtime_dir, 0755, 0, 0);
	if (runtime < 0)
		return runtime;
	prepared->empty_fd = make_empty(runtime);
	if (prepared->empty_fd < 0)
		return prepared->empty_fd;
	worker = make_dir(prepared->worker_dir, 0700, prepared->uid, prepared->gid);
	if (worker < 0)
		return worker;
	prepared->state_fd = make_dir(monitor, 0700, 0, 0);
	return prepared->state_fd < 0 ? prepared->state_fd : 0;
}

/* Is somebody listening there? A socket file that a killed monitor left answers "refused". */
static bool is_in_use(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				  errno == EAGAIN);
}

static int listen_at(const struct prepared *prepared, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = util_must(prepared->control_path);
	_cleanup_close_ int made = -1;
	mode_t old;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (is_in_use(&address))
		return -EADDRINUSE;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return -errno;
	old = umask(0177); /* for nobody until its group is set */
	r = bind(made, (const struct sockaddr *)&address, sizeof(address));
	umask(old);
	if (r < 0 || chown(path, 0, prepared->control_gid) < 0 || chmod(path, 0660) < 0 ||
		listen(made, BACKLOG) < 0)
		return -errno;
	*fd = util_steal_fd(&made);
	return 0;
}

int prepare_make(const struct monitor_options *options, struct prepared *prepared)
{
	int r;

	*prepared = (struct prepared){.state_fd = -1, .control_fd = -1, .empty_fd = -1};
	if (geteuid() != 0) {
		log_error(MODULE, "must be started as root: the monitor sets addresses and starts "
				  "an unprivileged worker");
		return -EPERM;
	}
	r = find_ids(options, prepared);
	if (r == 0)
		r = check_user_change(prepared);
	if (r == 0)
		r = make_dirs(options, prepared);
	if (r < 0)
		return r;
	r = listen_at(prepared, &prepared->control_fd);
	if (r == -EADDRINUSE)
		log_error(MODULE, "another bmclinkd runs already: %s is in use",
			prepared->control_path);
	else if (r < 0)
		log_error(MODULE, "cannot listen at %s: %s", prepared->control_path, strerror(-r));
	return r;
}

void prepare_clear(struct prepared *prepared)
{
	if (prepared->control_fd >= 0) {
		unlink(prepared->control_path);
		close(prepared->control_fd);
	}
	if (prepared->empty_fd >= 0)
		close(prepared->empty_fd);
	if (prepared->state_fd >= 0)
		close(prepared->state_fd);
	free(prepared->worker_dir);
	free(prepared->control_path);
	*prepared = (struct prepared){.state_fd = -1, .control_fd = -1, .empty_fd = -1};
}

/*
 * NET_ADMIN: addresses, sysctls, nft. NET_RAW: ARP probes, sockets bound to the NIC. AUDIT_WRITE:
 * audit records. KILL: the worker has another user. SETUID, SETGID, SETPCAP, SYS_CHROOT: what the
 * next worker drops privileges with. DAC_READ_SEARCH: state files of network managers.
 */
int prepare_drop_privileges(void)
{
	const uint64_t keep = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW) |
			      CAP_BIT(CAP_AUDIT_WRITE) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_SETUID) |
			      CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_SYS_CHROOT) |
			      CAP_BIT(CAP_DAC_READ_SEARCH);
	int r;

	r = caps_drop_bounding(keep);
	if (r == 0)
		r = caps_set(keep);
	/* nft and the worker run with what is left here, so nothing is lost by this; a set-user-id
	 * program in their way would gain nothing */
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		log_error(MODULE, "cannot drop capabilities: %s", strerror(-r));
	return r;
}
