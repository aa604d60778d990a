/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bmclinkd that was taken over answers to bmclinkctl, often on root's terminal. The first
 * byte is the command and its options, the rest are the lines that come back.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/firewall.h"
#include "fuzz.h"

/* The machine's own firewall is not looked at here. */
enum firewall_answer firewall_look(
	const char *program_dir, unsigned int port, char *text, size_t size)
{
	snprintf(text, size, "closed");
	return FIREWALL_CLOSED;
}

static const struct ctl_command commands[] = {
	{"status",	   NULL,	 NULL, 0, ctl_run_status,		  ""},
	{"events",	   NULL,	 NULL, 0, ctl_run_events,		  ""},
	{"discover",    NULL,	   NULL, 0, ctl_run_discover,	      ""},
	{"trust",	  "show",  NULL, 0, ctl_run_trust_show,       ""},
	{"trust",	  "reset", NULL, 0, ctl_run_trust_reset,	 ""},
	{"certificate", "show",	NULL, 0, ctl_run_certificate_show, ""},
	{"names",	  NULL,	NULL, 0, ctl_run_feature_show,     ""},
	{"log",		NULL,    NULL, 0, ctl_run_log,		    ""},
	{"access",	   NULL,	 NULL, 0, ctl_run_feature_show,	""},
	{"snmp",	 NULL,    NULL, 0, ctl_run_feature_show,     ""},
	{"update",	   NULL,	 NULL, 0, ctl_run_feature_show,	""},
};

static struct fuzz_input answer;

int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

/* The daemon's socket, with all that it will ever say. */
int __wrap_socket(int family, int type, int protocol)
{
	int fd[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	FUZZ_CHECK(send(fd[1], answer.data, answer.left, MSG_DONTWAIT) == (ssize_t)answer.left);
	shutdown(fd[1], SHUT_WR);
	dup2(fd[1], 200); /* stays open, so that the request can be written */
	close(fd[1]);
	return fd[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setenv("TZ", "UTC", 1);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Nothing but printable lines reaches a terminal (which this is not: no colours). */
static void check_output(char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		FUZZ_CHECK(text_is_printable(line, strlen(line)));
	free(text);
}

static void run(const struct ctl *ctl, const struct ctl_command *command)
{
	FILE *out = stdout, *err = stderr;
	size_t n_out, n_err;
	char *text, *complaint;

	stdout = open_memstream(&text, &n_out);
	stderr = open_memstream(&complaint, &n_err);
	FUZZ_CHECK(stdout && stderr);
	command->run(ctl, command);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	check_output(text);
	check_output(complaint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl ctl = {.runtime_dir = "/nowhere", .config = "/nowhere", .state_dir = "/nowhere"};
	uint8_t what;

	answer = (struct fuzz_input){data, size};
	what = fuzz_take_byte(&answer);
	if (answer.left > 65536)
		return 0;
	ctl.json = what & 8;
	ctl.watch = ctl.follow = what & 16;
	run(&ctl, &commands[what % 8]);
	return 0;
}
