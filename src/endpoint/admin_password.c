/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint passwd`: of the one account that has a password. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/util.h"
#include "endpoint/accounts.h"
#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	struct password password;
	int r = password_from_json(json_object_get(request, "password"), &password);

	if (r == 0)
		r = service_set_password(service, &password, NULL);
	return admin_make_outcome(r);
}

static json_t *act(int state_fd, const char *command, const json_t *request)
{
	struct accounts accounts = {0};
	struct password password;
	int r = password_from_json(json_object_get(request, "password"), &password);

	if (r == 0)
		r = accounts_set_password(&accounts, &password, state_fd);
	return admin_make_outcome(r);
}

#define LINE_SIZE (PASSWORD_MAX + 3) /* one that is too long is seen to be, with its line end */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* What is typed until the line's end, or a signal that is not in `heard`. The signals are blocked
 * but while it waits: one that came between a look at `interrupted` and a read() would be lost. */
static void read_typed(char line[LINE_SIZE], const sigset_t *heard)
{
	struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t length = 0;
	ssize_t n;

	while (!interrupted && length < LINE_SIZE - 1 && !memchr(line, '\n', length)) {
		if (ppoll(&keyboard, 1, NULL, heard) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		n = read(STDIN_FILENO, line + length, LINE_SIZE - 1 - length);
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	line[length] = '\0';
}

/* With a prompt, and not shown: whoever interrupts it finds the terminal as it was. */
static void ask(const char *prompt, const struct termios *old, char line[LINE_SIZE])
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
	struct sigaction action = {.sa_handler = on_signal}, before[ARRAY_SIZE(signals)];
	struct termios quiet = *old;
	sigset_t ours, heard;

	sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&ours, signals[i]);
	sigprocmask(SIG_BLOCK, &ours, &heard);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], &action, &before[i]);
		if (before[i].sa_handler == SIG_IGN)
			sigaction(signals[i], &before[i], NULL);
	}
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(prompt, stderr);
	read_typed(line, &heard);
	fputc('\n', stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, old);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &heard, NULL);
}

static void read_line(const char *prompt, char line[LINE_SIZE])
{
	struct termios old;

	if (tcgetattr(STDIN_FILENO, &old) < 0) {
		if (!fgets(line, LINE_SIZE, stdin))
			line[0] = '\0';
	} else {
		do { /* again for one who stopped it and came back */
			interrupted = 0;
			ask(prompt, &old, line);
			if (interrupted)
				raise(interrupted);
		} while (interrupted == SIGTSTP);
	}
	line[strcspn(line, "\n")] = '\0';
}

static json_t *make_request_for(const char *text)
{
	struct password password;

	if (password_make(text, &password) == 0)
		return json_pack(
			"{s:s, s:o}", "command", "passwd", "password", password_to_json(&password));
	fprintf(stderr, "expected a password of %d to %d bytes\n", PASSWORD_MIN, PASSWORD_MAX);
	return NULL;
}

static json_t *read_password(void)
{
	char text[LINE_SIZE] = "", again[LINE_SIZE] = "";
	json_t *request = NULL;

	read_line("New password of '" ACCOUNTS_ADMIN "': ", text);
	/* What was typed unseen is typed twice. */
	if (isatty(STDIN_FILENO))
		read_line("Once more: ", again);
	else
		memcpy(again, text, sizeof(again));
	if (strcmp(text, again) == 0)
		request = make_request_for(text);
	else
		fputs("the two are not the same: nothing was changed\n", stderr);
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(again, sizeof(again));
	return request;
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	if (n != 1)
		return admin_say_usage(exit_code);
	*exit_code = CONTROL_EXIT_FAILED;
	return read_password();
}

const struct admin_family admin_password = {
	.word = "passwd",
	.make_request = make_request,
	.answer = answer,
	.act = act,
};
