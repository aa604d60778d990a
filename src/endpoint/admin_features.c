/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint features [NAME on|off]`, for a running endpoint and for one that does not run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/feature_switches.h"
#include "endpoint/service.h"

static json_t *make_list(const struct features *features)
{
	json_t *list = json_object();

	for (int i = 0; i < FEATURES_COUNT; i++)
		json_object_set_new(list, features_names[i].name, json_boolean(!features->off[i]));
	return json_pack("{s:{s:o}}", "result", "features", list);
}

/* What is asked for; -ENODATA: only to be shown. */
static int read_wish(const json_t *request, bool *on)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	const json_t *wish = json_object_get(request, "on");

	if (!name)
		return -ENODATA;
	if (!json_is_boolean(wish))
		return -EINVAL;
	*on = json_is_true(wish);
	return features_find(name);
}

static json_t *complain(int r)
{
	if (r == -ENOENT || r == -EINVAL)
		return control_make_error(CONTROL_EXIT_USAGE,
			"expected inband-access, snmp-get, local-names or auto-update, and on or "
			"off");
	return control_make_error(CONTROL_EXIT_FAILED, strerror(-r));
}

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	bool on = false;
	int r = read_wish(request, &on);

	if (r >= 0)
		r = service_set_feature(service, r, on, "the administrator");
	if (r < 0 && r != -ENODATA)
		return complain(r);
	return make_list(&service->features);
}

static json_t *act(int state_fd, const char *command, const json_t *request)
{
	struct features features;
	bool on = false;
	int number = read_wish(request, &on), r = features_load(&features, state_fd);

	if (number < 0 && number != -ENODATA)
		return complain(number);
	if (number == -ENODATA)
		return r < 0 ? complain(r) : make_list(&features);
	features.off[number] = !on; /* of a damaged file the others stay off */
	r = features_save(&features, state_fd);
	return r < 0 ? complain(r) : make_list(&features);
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	bool on;

	if (n == 1)
		return admin_make_request("features");
	on = n == 3 && strcmp(a[2], "on") == 0;
	if (n != 3 || (!on && strcmp(a[2], "off") != 0))
		return admin_say_usage(exit_code);
	return json_pack("{s:s, s:o, s:b}", "command", "features", "name",
		json_string(a[1]) ?: json_string(""), "on", on);
}

static void print(const json_t *result)
{
	const char *name;
	json_t *on;

	json_object_foreach(json_object_get(result, "features"), name, on)
		printf("%-15s %s\n", name, json_is_true(on) ? "on" : "off");
}

const struct admin_family admin_features = {
	.word = "features",
	.make_request = make_request,
	.answer = answer,
	.act = act,
	.print = print,
};
