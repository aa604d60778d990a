/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/patch.h"

#include <string.h>

static const struct patchable *find_patchable(const struct request *request, const char *name)
{
	for (const struct patchable *p = request->resource->patchables; p->name; p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

/* True: it was applied; else messages has one that says why not. */
static bool apply_one(struct request *request, const json_t *current, const char *name,
	const json_t *value, json_t *messages)
{
	const struct patchable *patchable = find_patchable(request, name);
	const char *const args[BASE_MAX_ARGS] = {name, "", ""};
	enum base_message message;
	json_t *made, *related;

	if (patchable)
		message = patchable->apply(request, value);
	else if (json_object_get(current, name))
		message = BASE_PROPERTY_NOT_WRITABLE;
	else
		message = BASE_PROPERTY_UNKNOWN;
	if (message == BASE_SUCCESS)
		return true;
	made = redfish_error_message(message, args);
	related = json_sprintf("/%s", name);
	if (made && related)
		json_object_set_new(made, "RelatedProperties", json_pack("[o]", related));
	json_array_append_new(messages, made);
	return false;
}

/* Nothing was changed: an error with all that was wrong; else the resource, annotated. */
static void answer(struct request *request, json_t *messages, unsigned int applied)
{
	json_t *json;

	if (!applied && !json_array_size(messages)) {
		request_error(request, 400, BASE_NO_OPERATION);
	} else if (!applied) {
		json = redfish_error_body(BASE_GENERAL_ERROR, NULL);
		json_object_set(json_object_get(json, "error"), "@Message.ExtendedInfo", messages);
		request_reply(request, 400, json, NULL);
	} else {
		json = resource_render(request);
		if (json && json_array_size(messages))
			json_object_set(json, "@Message.ExtendedInfo", messages);
		request_reply_resource(request, 200, json, NULL);
	}
}

void patch_apply(struct request *request, const json_t *body)
{
	json_t *current = resource_render(request);
	json_t *messages = json_array();
	unsigned int applied = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
	{
		/* Annotations come along when somebody sends back what he got. */
		if (*name != '@')
			applied += apply_one(request, current, name, value, messages);
	}
	answer(request, messages, applied);
	json_decref(messages);
	json_decref(current);
}
