/* SPDX-License-Identifier: Apache-2.0 */
#include "host/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/tls.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "host/agent.h"

#define MODULE "worker"

static int prepare(const struct worker_options *options, struct agent_environment *env)
{
	pid_t parent = getppid();
	int r;

	r = sandbox_drop_user(options->uid, options->gid);
	if (r < 0) {
		log_error(MODULE, "cannot become user %u and group %u: %s", options->uid,
			options->gid, strerror(-r));
		return r;
	}
	r = sandbox_bind_to_parent(parent);
	if (r < 0)
		return r;
	env->state_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (env->state_fd < 0) {
		r = -errno;
		log_error(MODULE, "cannot open %s: %s", options->dir, strerror(-r));
		return r;
	}
	return priv_new(WORKER_REQUEST_FD, WORKER_NOTICE_FD, &env->priv);
}

static int close_sandbox(const struct worker_options *options)
{
	int r = sandbox_close_files(options->dir, &sandbox_worker_limits);

	if (r == 0)
		r = sandbox_close_syscalls();
	if (r < 0)
		log_error(MODULE, "cannot close the sandbox: %s", strerror(-r));
	return r;
}

int worker_main(const struct worker_options *options)
{
	struct agent_environment env = {
		.control_fd = WORKER_CONTROL_FD, .state_fd = -1, .version = BMCLINK_VERSION};
	int r;

	log_open(
		"bmclinkd", options->foreground, options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, "bmclinkd-worker"); /* it was executed as /proc/self/exe */
	sandbox_ignore_signals();
	if (tls_init() < 0) {
		log_error(MODULE, "cannot start: no memory for OpenSSL");
		return EXIT_FAILURE;
	}
	if (prepare(options, &env) < 0)
		return WORKER_EXIT_SANDBOX;
	r = priv_hello(env.priv, &env.self);
	if (r == 0)
		r = agent_prepare(&env);
	if (r < 0) {
		log_error(MODULE, "cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	if (close_sandbox(options) < 0)
		return WORKER_EXIT_SANDBOX;
	r = agent_run(&env);
	log_write(r < 0 ? LOG_LEVEL_ERR : LOG_LEVEL_DEBUG, MODULE, "ended: %s", strerror(-r));
	priv_free(env.priv);
	close(env.state_fd);
#ifdef WORKER_SANITIZED
	/* The leak check at exit forks a tracer, which the sandbox forbids: it would fail each run.
	 * The monitor, the same binary, is checked. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
#endif
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
