/* SPDX-License-Identifier: Apache-2.0 */
/* What a local user writes into bmclinkd's control socket. The first byte: who it is. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "host/control.h"

#define ROUNDS 64

static struct event_base *base;
static struct event_log *events;
static uid_t uid;
static unsigned int status_count;

static enum control_exit run_status(const json_t *request, json_t **result, char *error, void *arg)
{
	*result = json_pack("{s:i}", "count", (int)status_count);
	return CONTROL_DONE;
}

static enum control_exit run_root(const json_t *request, json_t **result, char *error, void *arg)
{
	FUZZ_CHECK(uid == 0);
	return CONTROL_DONE;
}

static enum control_exit run_echo(const json_t *request, json_t **result, char *error, void *arg)
{
	*result = json_deep_copy(request); /* as long as the request: may be too long an answer */
	return CONTROL_DONE;
}

static enum control_exit run_fail(const json_t *request, json_t **result, char *error, void *arg)
{
	strcpy(error, "it fails");
	return CONTROL_UNAVAILABLE;
}

static const struct control_command commands[] = {
	{"status",	   false, run_status},
	{"reconfigure", true,  run_root  },
	{"discover",    false, run_echo  },
	{"fail",	 false, run_fail	},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	FUZZ_CHECK(base && event_log_new(&events) == 0);
	for (int i = 0; i < 40; i++) /* with others between: repeats would be one entry */
		event_emit(events, i % 2 ? MSG_ISM1031 : MSG_ISM1030, "1.0", "TLS required");
	return 0;
}

static void check_line(const char *line, size_t length)
{
	json_t *object = json_loadb(line, length, 0, NULL);

	FUZZ_CHECK(json_is_object(object) && json_object_size(object) == 1);
	FUZZ_CHECK(length < CONTROL_MAX_LINE);
	json_decref(object);
}

/* Whole lines of JSON come back; the last one may be cut by the end of the connection. */
static void take_answers(int fd)
{
	static char lines[2 * CONTROL_MAX_BACKLOG];
	static size_t used;
	char *end;
	ssize_t n;

	if (fd < 0) {
		used = 0;
		return;
	}
	while ((n = recv(fd, lines + used, sizeof(lines) - used, MSG_DONTWAIT)) > 0) {
		used += (size_t)n;
		while ((end = memchr(lines, '\n', used)) != NULL) {
			check_line(lines, (size_t)(end - lines));
			used -= (size_t)(end + 1 - lines);
			memmove(lines, end + 1, used);
		}
	}
}

static void converse(struct control *control, int fd, struct fuzz_input *in, uint32_t seed)
{
	uint8_t *piece;
	size_t length;

	while ((piece = fuzz_take_piece(in, &seed, &length)) != NULL) {
		bool sent = send(fd, piece, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;

		free(piece);
		event_base_loop(base, EVLOOP_NONBLOCK);
		take_answers(fd);
		if (!sent)
			break;
		status_count++;
		control_publish_status(control);
		event_emit(events, MSG_ISM1030);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < ROUNDS && control_count(control) > 0; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		take_answers(fd);
	}
	take_answers(-1);
	close(fd);
	for (int i = 0; i < ROUNDS && control_count(control) > 0; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	FUZZ_CHECK(control_count(control) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_environment environment = {.base = base,
		.commands = commands,
		.n_commands = sizeof(commands) / sizeof(commands[0]),
		.events = events};
	struct fuzz_input in = {data, size};
	struct control *control;
	uint32_t seed;
	int fd[2];

	uid = fuzz_take_byte(&in) % 2 ? 1000 : 0;
	seed = fuzz_take_byte(&in);
	status_count = 0;
	FUZZ_CHECK(control_new(&environment, -1, &control) == 0);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	FUZZ_CHECK(control_adopt(control, fd[0], uid) == 0);
	converse(control, fd[1], &in, seed);
	control_free(control);
	return 0;
}
