/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint passwd`: of the one account that has a password. */
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

/* A line; on a terminal with this prompt, and not shown: whoever interrupts it finds the terminal
 * as it was. */
static void read_line(const char *prompt, char line[LINE_SIZE])
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
	struct sigaction action = {.sa_handler = on_signal}, before[ARRAY_SIZE(signals)];
	struct termios old, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &old) == 0;

	if (terminal) {
		for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
			sigaction(signals[i], &action, &before[i]);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fputs(prompt, stderr);
	}
	if (!fgets(line, LINE_SIZE, stdin))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!terminal)
		return;
	fputc('\n', stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
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
