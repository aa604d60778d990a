/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint trust ...`: which hosts this BMC knows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

static json_t *make_outcome(int r)
{
	if (r == -EEXIST)
		return control_make_error(CONTROL_EXIT_FAILED, "this certificate is known already");
	if (r == -EINVAL)
		return control_make_error(CONTROL_EXIT_FAILED, "not a certificate in PEM form");
	return admin_make_outcome(r);
}

static json_t *list_trust(const struct trust *trust)
{
	json_t *hosts = json_array();

	for (unsigned int i = 0; i < trust->n_known; i++) {
		const struct trust_known *k = &trust->known[i];
		char hex[3 * CERT_FINGERPRINT_SIZE];

		text_make_hex(k->certificate.fingerprint, CERT_FINGERPRINT_SIZE, ':', hex);
		json_array_append_new(
			hosts, json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)k->id,
				       "fingerprint", hex, "added", (json_int_t)k->added,
				       "not_after", (json_int_t)k->certificate.not_after));
	}
	return hosts;
}

static json_t *answer_list(struct service *service)
{
	return admin_make_result(
		json_pack("{s:o, s:b, s:s}", "hosts", list_trust(&service->trust), "window_open",
			service_window_is_open(service), "own_fingerprint", service->fingerprint));
}

static json_t *answer_add(struct service *service, const json_t *request)
{
	const char *pem = json_string_value(json_object_get(request, "certificate"));
	unsigned int id;

	return make_outcome(pem ? service_enrol(service, pem, strlen(pem), NULL, &id) : -EINVAL);
}

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	if (strcmp(command, "trust-list") == 0)
		return answer_list(service);
	if (strcmp(command, "trust-add") == 0)
		return answer_add(service, request);
	if (strcmp(command, "trust-forget") == 0)
		return make_outcome(service_forget_hosts(service, "by the administrator"));
	if (strcmp(command, "trust-open") == 0) {
		service_open_window(service, TRUST_REASON_ADMINISTRATOR);
		return admin_make_result(NULL);
	}
	return admin_refuse_command();
}

static json_t *act(int state_fd, const char *command, const json_t *request)
{
	const char *pem = json_string_value(json_object_get(request, "certificate"));
	_cleanup_free_ char *canonical = NULL;
	struct trust_certificate certificate;
	struct trust trust = {.window_minutes = 1};
	struct trust_clock clock;
	json_t *answer;
	int r;

	if (strcmp(command, "trust-list") != 0 && strcmp(command, "trust-add") != 0 &&
		strcmp(command, "trust-forget") != 0)
		return NULL;
	r = trust_load(&trust, state_fd);
	service_get_clock(&clock);
	if (r < 0 && strcmp(command, "trust-forget") != 0)
		return make_outcome(r);
	if (strcmp(command, "trust-list") == 0) {
		answer = admin_make_result(
			json_pack("{s:o, s:b}", "hosts", list_trust(&trust), "window_open", 0));
		trust_clear(&trust);
		return answer;
	}
	if (strcmp(command, "trust-add") == 0) {
		r = pem ? trust_read_pem(pem, strlen(pem), &certificate, &canonical) : -EINVAL;
		if (r == 0)
			r = trust_add(&trust, &certificate, canonical, &clock);
	} else {
		trust_clear(&trust);
		r = 0;
	}
	if (r == 0)
		r = trust_save(&trust, state_fd);
	trust_clear(&trust);
	return make_outcome(r);
}

static json_t *read_certificate(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char pem[TRUST_MAX_PEM + 1];
	ssize_t n = fd < 0 ? -errno : io_read_all(fd, pem, sizeof(pem));

	if (n <= 0 || n > TRUST_MAX_PEM) {
		fprintf(stderr, "%s: %s\n", path, n < 0 ? strerror((int)-n) : "not a certificate");
		return NULL;
	}
	return json_pack("{s:s, s:o}", "command", "trust-add", "certificate",
		json_stringn(pem, (size_t)n) ?: json_string(""));
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	*exit_code = CONTROL_EXIT_FAILED;
	if (n == 3 && strcmp(a[1], "add") == 0)
		return read_certificate(a[2]);
	if (n == 2 && strcmp(a[1], "list") == 0)
		return admin_make_request("trust-list");
	if (n == 2 && strcmp(a[1], "forget") == 0)
		return admin_make_request("trust-forget");
	if (n == 2 && strcmp(a[1], "open") == 0)
		return admin_make_request("trust-open");
	return admin_say_usage(exit_code);
}

static void print(const json_t *result)
{
	const char *own = json_string_value(json_object_get(result, "own_fingerprint"));
	size_t i;
	json_t *host;

	if (!json_object_get(result, "hosts")) /* only a list has something to show */
		return;
	if (own)
		printf("this BMC        %s\n", own);
	printf("enrolment       %s\n",
		json_is_true(json_object_get(result, "window_open")) ? "open" : "closed");
	json_array_foreach(json_object_get(result, "hosts"), i, host)
	{
		time_t t = (time_t)json_integer_value(json_object_get(host, "not_after"));
		char date[32] = "";
		struct tm tm;

		strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&t, &tm));
		printf("host %-10lld %s, valid until %s\n",
			(long long)json_integer_value(json_object_get(host, "id")),
			json_string_value(json_object_get(host, "fingerprint")), date);
	}
}

const struct admin_family admin_trust = {
	.word = "trust",
	.has_verbs = true,
	.make_request = make_request,
	.answer = answer,
	.act = act,
	.print = print,
};
