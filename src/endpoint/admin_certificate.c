/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint certificate ...`: the BMC's own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

static json_t *show(struct service *service)
{
	time_t not_before, not_after = 0;
	struct trust_clock clock;
	bool hosts;

	service_get_clock(&clock);
	hosts = service->trust.n_known > 0 && !trust_all_expired(&service->trust, &clock);
	service->identity_unseen = false;
	cert_get_dates(service->identity.certificate, &not_before, &not_after);
	return admin_make_result(
		json_pack("{s:s, s:I, s:s, s:I, s:b}", "fingerprint", service->fingerprint,
			"not_after", (json_int_t)not_after, "next", service->next_fingerprint,
			"deadline", (json_int_t)service_get_deadline(service), "hosts", hosts));
}

static json_t *renew(struct service *service)
{
	int r = service_renew_identity(service);

	if (r == -EALREADY)
		return control_make_error(CONTROL_EXIT_FAILED,
			"the next certificate has been made already: see 'certificate show'");
	return r < 0 ? admin_make_outcome(r) : show(service);
}

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	if (strcmp(command, "certificate-show") == 0)
		return show(service);
	if (strcmp(command, "certificate-renew") == 0)
		return renew(service);
	return admin_refuse_command();
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	if (n == 2 && strcmp(a[1], "show") == 0)
		return admin_make_request("certificate-show");
	if (n == 2 && strcmp(a[1], "renew") == 0)
		return admin_make_request("certificate-renew");
	return admin_say_usage(exit_code);
}

static void print(const json_t *result)
{
	const char *next = json_string_value(json_object_get(result, "next"));
	time_t until = (time_t)json_integer_value(json_object_get(result, "not_after"));
	time_t deadline = (time_t)json_integer_value(json_object_get(result, "deadline"));
	char date[32] = "";
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&until, &tm));
	printf("this BMC        %s, valid until %s\n",
		json_string_value(json_object_get(result, "fingerprint")), date);
	if (!next || !*next)
		return;
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&deadline, &tm));
	printf("next            %s, used when %s, on %s at the latest\n", next,
		json_is_true(json_object_get(result, "hosts"))
			? "every known host has it"
			: "a host is known and has it, which none is yet",
		date);
}

const struct admin_family admin_certificate = {
	.word = "certificate",
	.has_verbs = true,
	.make_request = make_request,
	.answer = answer,
	.print = print,
};
