/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command goes to the running endpoint, which acts; where none runs, the state is changed here,
 * under the lock that keeps an endpoint from starting meanwhile.
 */
#include "endpoint/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/state.h"
#include "base/util.h"
#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

static const char usage[] =
	"usage: bmclink-endpoint [options] trust list | add FILE | forget | open\n"
	"       bmclink-endpoint [options] certificate show | renew\n"
	"       bmclink-endpoint [options] features [NAME on | off]\n"
	"       bmclink-endpoint [options] passwd          (reads the password from stdin)\n"
	"       bmclink-endpoint [options] notice host-reset | power STATE | inventory\n"
	"       bmclink-endpoint [options] ipmi NETFN COMMAND DATA... (hex bytes)\n"
	"       bmclink-endpoint [options] package add FILE [SIGNATURE] | list | remove ID\n";

static const struct admin_family *const families[] = {
	&admin_trust,
	&admin_certificate,
	&admin_features,
	&admin_password,
	&admin_notice,
	&admin_ipmi,
	&admin_package,
};

/* Of a word of the command line, or of a command: "trust" and "trust-list". NULL: none. */
static const struct admin_family *find_family(const char *command)
{
	size_t length = strcspn(command, "-");

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (strlen(families[i]->word) == length &&
			strncmp(families[i]->word, command, length) == 0)
			return command[length] && !families[i]->has_verbs ? NULL : families[i];
	}
	return NULL;
}

static const char *get_command(const json_t *request)
{
	return json_string_value(json_object_get(request, "command")) ?: "";
}

json_t *admin_say_usage(int *exit_code)
{
	fputs(usage, stderr);
	*exit_code = CONTROL_EXIT_USAGE;
	return NULL;
}

json_t *admin_make_request(const char *command)
{
	return json_pack("{s:s}", "command", command);
}

json_t *admin_make_result(json_t *result)
{
	return json_pack("{s:o}", "result", result ? result : json_object());
}

json_t *admin_make_outcome(int r)
{
	if (r < 0)
		return control_make_error(CONTROL_EXIT_FAILED, strerror(-r));
	return admin_make_result(NULL);
}

json_t *admin_refuse_command(void)
{
	return control_make_error(CONTROL_EXIT_USAGE, "no such command");
}

int admin_lock(int state_fd)
{
	_cleanup_close_ int fd = openat(state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return util_steal_fd(&fd);
}

/* Where an endpoint runs. */

json_t *admin_answer(const json_t *request, void *arg)
{
	struct service *service = arg;
	const char *command = get_command(request);
	const struct admin_family *family = find_family(command);
	json_t *answer;

	if (strcmp(command, "snmp-values") == 0) /* the sub-agent's, not a command of people */
		answer = admin_make_result(service_get_snmp_values(service));
	else
		answer =
			family ? family->answer(service, command, request) : admin_refuse_command();
	lclog_flush(service->log);
	return answer;
}

/* Where no endpoint runs. */

/*
 * Root's command on the state of a service that has a user of its own: what is written now must be
 * readable by the service later.
 */
static int become_owner(int state_fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(state_fd, &st) < 0)
		return -errno;
	if (st.st_uid == 0)
		return 0;
	return setgroups(0, NULL) < 0 || setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0 ? -errno
											  : 0;
}

static json_t *act_offline(const struct admin_place *place, const json_t *request)
{
	const char *command = get_command(request);
	const struct admin_family *family = find_family(command);
	_cleanup_close_ int state_fd = state_open_dir(place->state_dir, 0700);
	int r = state_fd < 0 ? state_fd : become_owner(state_fd);
	_cleanup_close_ int lock = r < 0 ? r : admin_lock(state_fd);
	json_t *answer = NULL;

	if (lock < 0)
		return control_make_error(CONTROL_EXIT_FAILED,
			lock == -EAGAIN
				? "the endpoint runs, but its control socket is not in this "
				  "runtime directory"
				: strerror(-lock));
	if (family && family->act)
		answer = family->act(state_fd, command, request);
	return answer
		       ?: control_make_error(CONTROL_EXIT_NOT_RUNNING,
				  "the endpoint does not run, and this needs it to");
}

/* Takes both. Returns the exit code. */
static int report(const struct admin_family *family, json_t *request, json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	int exit_code = error ? (int)json_integer_value(json_object_get(error, "exit")) : 0;

	if (error)
		fprintf(stderr, "bmclink-endpoint: %s\n",
			json_string_value(json_object_get(error, "text")));
	else if (family->print)
		family->print(json_object_get(answer, "result"));
	json_decref(answer);
	json_decref(request);
	return exit_code;
}

static json_t *explain(int r)
{
	char text[160];

	if (r == -EACCES || r == -ENAMETOOLONG || r == -ENOMEM)
		snprintf(text, sizeof(text), "the service cannot be asked: %s", strerror(-r));
	else
		snprintf(text, sizeof(text),
			"the service did not answer as it should: %s. Whether it did what was "
			"asked is "
			"not known.",
			r == -EBADMSG ? "no JSON" : strerror(-r));
	return control_make_error(CONTROL_EXIT_FAILED, text);
}

int admin_run(const struct admin_place *place, int n, char **arguments)
{
	const struct admin_family *family = find_family(arguments[0]);
	json_t *request, *answer = NULL;
	int exit_code, r;

	if (!family || strcmp(family->word, arguments[0]) != 0) {
		admin_say_usage(&exit_code);
		return exit_code;
	}
	request = family->make_request(n, arguments, &exit_code);
	if (!request)
		return exit_code;
	if (family->prepare)
		answer = family->prepare(place, request);
	if (answer)
		return report(family, request, answer);
	r = control_ask(place->runtime_dir, request, &answer);
	if (r == -ENOENT || r == -ECONNREFUSED)
		answer = act_offline(place, request);
	else if (r < 0)
		answer = explain(r);
	return report(family, request, answer);
}
