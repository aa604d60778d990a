/* SPDX-License-Identifier: Apache-2.0 */
#include "update/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "update/connect.h"
#include "update/judge.h"
#include "update/keys.h"
#include "update/store.h"
#include "update/tools.h"

#define MODULE	     "update"
#define MAX_ATTEMPTS 5 /* of one update: each but the first after a kill */

struct installer {
	const struct install_options *options;
	struct tools tools;
	struct update_state state;
	int dir_fd;
	char *new, *back; /* paths */
	char why[UPDATE_MAX_WHY];
};

static int set_step(struct installer *in, enum update_step step, const char *why)
{
	int r = update_set_step(in->dir_fd, &in->state, step, why);

	if (r < 0)
		log_error(MODULE, "the step cannot be written down: %s", strerror(-r));
	return r;
}

static void end(struct installer *in, enum update_step step, const char *why)
{
	if (step != UPDATE_DONE)
		unlinkat(in->dir_fd, UPDATE_NEW, 0);
	set_step(in, step, why);
}

/* The package family, as the package's script noted it. */
static enum package_family read_family(int monitor_fd)
{
	json_t *mark = NULL;
	const char *name = NULL;
	enum package_family family = PACKAGE_NONE;

	if (state_read_json(monitor_fd, "installed.json", &mark) == 0)
		name = json_string_value(json_object_get(mark, "package"));
	if (name)
		family = version_find_family(name);
	json_decref(mark);
	return family;
}

static int verify_new(struct installer *in)
{
	_cleanup_close_ int fd = openat(in->dir_fd, UPDATE_NEW, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char digest[MINISIGN_DIGEST_SIZE];
	_cleanup_free_ char *text = NULL;
	struct minisign_signature signature;
	struct update_keys keys;
	const char *why = "its package or signature cannot be read";
	size_t length;
	int r = fd < 0 ? -errno : update_keys_load_all(&keys, in->options->etc);

	if (r == 0)
		r = minisign_hash_file(fd, UPDATE_MAX_SIZE, digest);
	if (r == 0)
		r = state_read_file(in->dir_fd, UPDATE_NEW_MINISIG, &text, &length);
	if (r == 0)
		r = minisign_parse_signature(text, length, &signature);
	if (r == 0)
		r = update_keys_verify(&keys, &signature, digest, &why);
	if (r < 0)
		snprintf(in->why, sizeof(in->why), "%s", why);
	return r;
}

/* NULL: there is none of what runs. Its signature was verified when it came in, with the keys of
 * that time: it runs already, and a key that was revoked since must not bar the way back. */
static const struct update_package *read_back(
	struct installer *in, const struct update_package *installed, struct update_package *back)
{
	char why[TOOLS_MAX_WHY] = "";

	if (faccessat(in->dir_fd, UPDATE_BACK, R_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		tools_read_package(&in->tools, in->back, back, why) == 0 &&
		update_judge_back(back, installed))
		return back;
	log_notice(MODULE, "no package of version %s is at hand%s%s", installed->version,
		why[0] ? ": " : "", why);
	unlinkat(in->dir_fd, UPDATE_BACK, 0);
	in->state.back[0] = '\0';
	return NULL;
}

static int judge(struct installer *in)
{
	struct update_package new, installed, back;
	struct update_facts facts = {.family = in->tools.family,
		.package = &new,
		.installed = &installed,
		.floor = in->state.floor,
		.no_way_back = in->state.no_way_back};
	const char *why;
	bool whole = false;
	int r = tools_read_package(&in->tools, in->new, &new, in->why);

	if (r == 0)
		r = tools_read_installed(&in->tools, &installed, &whole, in->why);
	if (r < 0)
		return r;
	facts.back = read_back(in, &installed, &back);
	why = update_judge(&facts);
	if (!why && strcmp(new.version, in->state.version) != 0)
		why = "it is another version than its name says";
	if (!why && !whole)
		why = "the installed package is not whole: dpkg --configure -a";
	if (why) {
		snprintf(in->why, sizeof(in->why), "%s", why);
		return -EPERM;
	}
	snprintf(in->state.from, sizeof(in->state.from), "%s", installed.version);
	return 0;
}

static bool is_installed(struct installer *in, const char *version)
{
	char why[TOOLS_MAX_WHY];
	struct update_package now;
	bool whole;

	return tools_read_installed(&in->tools, &now, &whole, why) == 0 && whole &&
	       strcmp(now.version, version) == 0;
}

/* The old package again, from whatever there is by now. */
static void put_back(struct installer *in, const char *why_not)
{
	char why[UPDATE_MAX_WHY];
	_cleanup_close_ int lock = -1;
	int r;

	snprintf(why, sizeof(why), "%s", why_not);
	if (!in->state.back[0]) {
		end(in, UPDATE_LOST, "there is no package of the old version");
		return;
	}
	if (set_step(in, UPDATE_RETURNING, why) < 0)
		return;
	lock = tools_wait_lock(&in->tools, in->options->lock_seconds, in->why);
	r = lock < 0 ? lock : tools_install(&in->tools, in->back, in->why);
	if (!is_installed(in, in->state.from)) {
		end(in, UPDATE_LOST, r < 0 ? in->why : "it is not installed as it should be");
		return;
	}
	tools_start_service(&in->tools);
	snprintf(in->state.refused, sizeof(in->state.refused), "%s", in->state.version);
	end(in, UPDATE_RETURNED, why);
}

/* It is the way back of the next update. */
static void keep(struct installer *in)
{
	const char *version = in->state.version;

	/* the package last: without it here the rest is done, see was_connected() */
	renameat(in->dir_fd, UPDATE_NEW_MINISIG, in->dir_fd, UPDATE_BACK_MINISIG);
	renameat(in->dir_fd, UPDATE_NEW, in->dir_fd, UPDATE_BACK);
	snprintf(in->state.back, sizeof(in->state.back), "%s", version);
	if (!in->state.floor[0] || version_compare(in->tools.family, version, in->state.floor) > 0)
		snprintf(in->state.floor, sizeof(in->state.floor), "%s", version);
	in->state.refused[0] = '\0';
	end(in, UPDATE_DONE, NULL);
}

/* It was connected, and what it came from is gone: only the note of that is still to be made. */
static bool was_connected(const struct installer *in)
{
	return in->state.step == UPDATE_CONNECTING &&
	       faccessat(in->dir_fd, UPDATE_NEW, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

static void wait_connected(struct installer *in)
{
	const struct timespec pause = {.tv_nsec = 250000000};
	time_t until = now() + (time_t)in->options->connect_seconds;
	char why[64];

	if (set_step(in, UPDATE_CONNECTING, NULL) < 0)
		return;
	while (!connect_is_up(in->options->runtime_dir, in->state.version)) {
		if (now() >= until) {
			snprintf(why, sizeof(why), "it was not connected within %u s",
				in->options->connect_seconds);
			put_back(in, why);
			return;
		}
		nanosleep(&pause, NULL);
	}
	keep(in);
}

/* Also what was begun before a kill: dpkg and rpm take the same package again. */
static void install(struct installer *in)
{
	_cleanup_close_ int lock = tools_wait_lock(&in->tools, in->options->lock_seconds, in->why);
	char why[UPDATE_MAX_WHY];

	if (lock < 0 && in->state.step < UPDATE_INSTALLING) {
		end(in, UPDATE_FAILED, in->why);
		return;
	}
	if (lock >= 0) {
		if (set_step(in, UPDATE_INSTALLING, NULL) < 0)
			return;
		tools_install(&in->tools, in->new, in->why);
		close(util_steal_fd(&lock));
	}
	snprintf(why, sizeof(why), "%s", in->why);
	if (is_installed(in, in->state.version))
		wait_connected(in);
	else if (is_installed(in, in->state.from))
		end(in, UPDATE_FAILED, why[0] ? why : "it was not installed");
	else
		put_back(in, why[0] ? why : "it was not installed");
}

static void check_and_install(struct installer *in)
{
	if (set_step(in, UPDATE_CHECKING, NULL) < 0)
		return;
	if (verify_new(in) < 0 || judge(in) < 0)
		end(in, UPDATE_FAILED, in->why);
	else
		install(in);
}

static void go_on(struct installer *in)
{
	bool often = ++in->state.attempts > MAX_ATTEMPTS;

	if (update_save(in->dir_fd, &in->state) < 0)
		log_warning(MODULE, "the attempt cannot be written down");
	if (in->state.attempts > 1)
		log_notice(MODULE, "going on after an interruption: %s, attempt %u",
			update_step_name(in->state.step), in->state.attempts);
	if (was_connected(in))
		keep(in);
	else if (often && in->state.step <= UPDATE_CHECKING)
		end(in, UPDATE_FAILED, "the installer was killed again and again");
	else if (often)
		put_back(in, "the installer was killed again and again");
	else if (in->state.step <= UPDATE_CHECKING)
		check_and_install(in);
	else if (in->state.step == UPDATE_INSTALLING)
		install(in);
	else if (in->state.step == UPDATE_CONNECTING)
		wait_connected(in);
	else
		put_back(in, in->state.why);
}

static int open_update(const struct install_options *options, struct installer *in)
{
	_cleanup_free_ char *folder = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&folder, "%s/monitor", options->state_dir) < 0 ||
		asprintf(&in->new, "%s/" UPDATE_DIR "/" UPDATE_NEW, folder) < 0 ||
		asprintf(&in->back, "%s/" UPDATE_DIR "/" UPDATE_BACK, folder) < 0)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	in->tools.family = read_family(fd);
	in->dir_fd = update_open(fd);
	return in->dir_fd < 0 ? in->dir_fd : 0;
}

static int run(struct installer *in)
{
	_cleanup_close_ int lock = update_lock(in->dir_fd);
	int r;

	if (lock < 0) {
		log_error(MODULE, "%s",
			lock == -EAGAIN ? "another installer is at work" : strerror(-lock));
		return EXIT_FAILURE;
	}
	r = update_load(in->dir_fd, &in->state);
	if (r == 0 && update_is_under_way(in->state.step)) {
		if (in->tools.family == PACKAGE_NONE)
			end(in, UPDATE_FAILED, "the agent was not installed by a package");
		else
			go_on(in);
	}
	/* The disk that does not take the end of it: started again, it goes on. */
	if (update_is_under_way(in->state.step))
		return EXIT_FAILURE;
	r = state_remove_file(in->dir_fd, UPDATE_REQUEST);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int install_run(const struct install_options *options)
{
	struct installer in = {
		.options = options,
		.dir_fd = -1,
		.tools = {.folder = options->tool_dir, .dpkg_dir = options->dpkg_dir}
	     };
	int r = open_update(options, &in);

	if (r < 0) {
		log_error(MODULE, "%s: %s", options->state_dir, strerror(-r));
		r = EXIT_FAILURE;
	} else {
		r = run(&in);
	}
	if (in.dir_fd >= 0)
		close(in.dir_fd);
	free(in.new);
	free(in.back);
	return r;
}
