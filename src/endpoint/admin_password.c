/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint passwd`: of the one account that has a password. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

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

static json_t *read_password(void)
{
	char text[PASSWORD_MAX + 3] = "";
	struct password password;
	json_t *request = NULL;
	int r;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "New password of '" ACCOUNTS_ADMIN "': ");
	if (!fgets(text, sizeof(text), stdin))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	r = password_make(text, &password);
	OPENSSL_cleanse(text, sizeof(text));
	if (r == 0)
		request = json_pack(
			"{s:s, s:o}", "command", "passwd", "password", password_to_json(&password));
	else
		fprintf(stderr, "expected a password of %d to %d bytes\n", PASSWORD_MIN,
			PASSWORD_MAX);
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
