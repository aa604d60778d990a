/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/redfish_error.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/resource.h"

#define PREFIX REDFISH_BASE_VERSION "."

struct row {
	const char *id;
	unsigned int n_args;
	const char *severity, *text, *resolution;
};

/* Texts as in the registry, letter for letter: clients compare them. */
#define ROW(message, id, n_args, severity, text, resolution)                                       \
	[message] = {PREFIX id, n_args, severity, text, resolution},

/* clang-format off */
static const struct row rows[BASE_COUNT] = {
	ROW(BASE_SUCCESS, "Success", 0, "OK",
		"The request completed successfully.",
		"None.")
	ROW(BASE_GENERAL_ERROR, "GeneralError", 0, "Critical",
		"A general error has occurred.  See Resolution for information on how to "
		"resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
		"None.")
	ROW(BASE_INTERNAL_ERROR, "InternalError", 0, "Critical",
		"The request failed due to an internal service error.  The service is still "
		"operational.",
		"Resubmit the request.  If the problem persists, consider resetting the "
		"service.")
	ROW(BASE_RESOURCE_MISSING, "ResourceMissingAtURI", 1, "Critical",
		"The resource at the URI '%1' was not found.",
		"Place a valid resource at the URI or correct the URI and resubmit the request.")
	ROW(BASE_UNAUTHORIZED, "ResourceAtUriUnauthorized", 2, "Critical",
		"While accessing the resource at '%1', the service received an authorization "
		"error '%2'.",
		"Ensure that the appropriate access is provided for the service in order for it"
		" to access the URI.")
	ROW(BASE_INSUFFICIENT_PRIVILEGE, "InsufficientPrivilege", 0, "Critical",
		"There are insufficient privileges for the account or credentials associated "
		"with the current session to perform the requested operation.",
		"Either abandon the operation or change the associated access rights and "
		"resubmit the request if the operation failed.")
	ROW(BASE_OPERATION_NOT_ALLOWED, "OperationNotAllowed", 0, "Critical",
		"The HTTP method is not allowed on this resource.",
		"None.")
	ROW(BASE_MALFORMED_JSON, "MalformedJSON", 0, "Critical",
		"The request body submitted was malformed JSON and could not be parsed by the "
		"receiving service.",
		"Ensure that the request body is valid JSON and resubmit the request.")
	ROW(BASE_UNRECOGNIZED_BODY, "UnrecognizedRequestBody", 0, "Warning",
		"The service detected a malformed request body that it was unable to interpret.",
		"Correct the request body and resubmit the request if it failed.")
	ROW(BASE_PROPERTY_MISSING, "PropertyMissing", 1, "Warning",
		"The property %1 is a required property and must be included in the request.",
		"Ensure that the property is in the request body and has a valid value and "
		"resubmit the request if the operation failed.")
	ROW(BASE_PROPERTY_VALUE, "PropertyValueIncorrect", 2, "Warning",
		"The property '%1' with the requested value of '%2' could not be written "
		"because the value does not meet the constraints of the implementation.",
		"None.")
	ROW(BASE_PROPERTY_NOT_IN_LIST, "PropertyValueNotInList", 2, "Warning",
		"The value '%1' for the property %2 is not in the list of acceptable values.",
		"Choose a value from the enumeration list that the implementation can support "
		"and resubmit the request if the operation failed.")
	ROW(BASE_PROPERTY_UNKNOWN, "PropertyUnknown", 1, "Warning",
		"The property %1 is not in the list of valid properties for the resource.",
		"Remove the unknown property from the request body and resubmit the request if "
		"the operation failed.")
	ROW(BASE_PROPERTY_NOT_WRITABLE, "PropertyNotWritable", 1, "Warning",
		"The property %1 is a read-only property and cannot be assigned a value.",
		"Remove the property from the request body and resubmit the request if the "
		"operation failed.")
	ROW(BASE_PROPERTY_VALUE_ERROR, "PropertyValueError", 1, "Warning",
		"The value provided for the property %1 is not valid.",
		"Correct the value for the property in the request body and resubmit the "
		"request if the operation failed.")
	ROW(BASE_NO_OPERATION, "NoOperation", 0, "Warning",
		"The request body submitted contain no data to act upon and no changes to the "
		"resource took place.",
		"Add properties in the JSON object and resubmit the request.")
	ROW(BASE_ALREADY_EXISTS, "ResourceAlreadyExists", 3, "Critical",
		"The requested resource of type %1 with the property %2 with the value '%3' "
		"already exists.",
		"Do not repeat the create operation as the resource was already created.")
	ROW(BASE_PRECONDITION_FAILED, "PreconditionFailed", 0, "Critical",
		"The ETag supplied did not match the ETag required to change this resource.",
		"Try the operation again using the appropriate ETag.")
	ROW(BASE_ACTION_PARAMETER_UNKNOWN, "ActionParameterUnknown", 2, "Warning",
		"The action %1 was submitted with the invalid parameter %2.",
		"Correct the invalid action parameter and resubmit the request if the operation"
		" failed.")
	ROW(BASE_ACTION_PARAMETER_MISSING, "ActionParameterMissing", 2, "Critical",
		"The action %1 requires the parameter %2 to be present in the request body.",
		"Supply the action with the required parameter in the request body when the "
		"request is resubmitted.")
	ROW(BASE_ACTION_PARAMETER_VALUE, "ActionParameterValueError", 2, "Warning",
		"The value for the parameter %1 in the action %2 is invalid.",
		"Correct the value for the parameter in the request body and resubmit the "
		"request if the operation failed.")
	ROW(BASE_ACTION_PARAMETER_NOT_IN_LIST, "ActionParameterValueNotInList", 3, "Warning",
		"The value '%1' for the parameter %2 in the action %3 is not in the list of "
		"acceptable values.",
		"Choose a value from the enumeration list that the implementation can support "
		"and resubmit the request if the operation failed.")
	ROW(BASE_QUERY_NOT_SUPPORTED, "QueryNotSupported", 0, "Warning",
		"Querying is not supported by the implementation.",
		"Remove the query parameters and resubmit the request if the operation failed.")
	ROW(BASE_QUERY_NOT_ON_RESOURCE, "QueryNotSupportedOnResource", 0, "Warning",
		"Querying is not supported on the requested resource.",
		"Remove the query parameters and resubmit the request if the operation failed.")
	ROW(BASE_QUERY_FORMAT, "QueryParameterValueFormatError", 2, "Warning",
		"The value '%1' for the parameter %2 is not a format that the parameter can "
		"accept.",
		"Correct the value for the query parameter in the request and resubmit the "
		"request if the operation failed.")
	ROW(BASE_QUERY_RANGE, "QueryParameterOutOfRange", 3, "Warning",
		"The value '%1' for the query parameter %2 is out of range %3.",
		"Reduce the value for the query parameter to a value that is within range, such"
		" as a start or count value that is within bounds of the number of resources in"
		" a collection or a page number that is within the range of valid pages.")
	ROW(BASE_SUBSCRIPTION_LIMIT, "EventSubscriptionLimitExceeded", 0, "Critical",
		"The event subscription failed due to the number of simultaneous subscriptions "
		"exceeding the limit of the implementation.",
		"Reduce the number of other subscriptions before trying to establish the event "
		"subscription or increase the limit of simultaneous subscriptions, if "
		"supported.")
	ROW(BASE_UNAVAILABLE, "ServiceTemporarilyUnavailable", 1, "Critical",
		"The service is temporarily unavailable.  Retry in %1 seconds.",
		"Wait for the indicated retry duration and retry the operation.")
	ROW(BASE_EVENT_BUFFER_EXCEEDED, "EventBufferExceeded", 0, "Warning",
		"Undelivered events may have been lost due to exceeding the event buffer.",
		"None.")
	ROW(BASE_HEADER_INVALID, "HeaderInvalid", 1, "Critical",
		"Header '%1' is invalid.",
		"Resubmit the request with a valid request header.")
};
/* clang-format on */

int redfish_error_arg_count(enum base_message message)
{
	return (int)rows[message].n_args;
}

const char *redfish_error_id(enum base_message message)
{
	return rows[message].id;
}

/* %1 .. %3 put in. */
static void format(const struct row *row, const char *const *args, char *out, size_t size)
{
	size_t used = 0;

	for (const char *t = row->text; *t && used + 1 < size; t++) {
		unsigned int n = t[0] == '%' ? (unsigned int)(t[1] - '0') : 0;

		if (n < 1 || n > row->n_args) {
			out[used++] = *t;
			continue;
		}
		used += (size_t)snprintf(out + used, size - used, "%s", args[n - 1]);
		if (used >= size)
			used = size - 1;
		t++;
	}
	out[used] = '\0';
}

static json_t *make(const char *id, const char *text, const char *severity, const char *resolution,
	json_t *args)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "@odata.type",
		schema_get_type(SCHEMA_MESSAGE), "MessageId", id, "Message", text, "MessageArgs",
		args, "MessageSeverity", severity, "Resolution", resolution);
}

static json_t *make_message(enum base_message message, const char *const *args)
{
	const struct row *row = &rows[message];
	json_t *array = json_array();
	char text[2048];

	/* Arguments may hold text of the client; jansson refuses what is not UTF-8. */
	for (unsigned int i = 0; i < row->n_args; i++)
		json_array_append_new(array, json_string(args[i]) ?: json_string("?"));
	format(row, args, text, sizeof(text));
	return make(row->id, text, row->severity, row->resolution, array);
}

json_t *redfish_error_message(enum base_message message, const char *const *args)
{
	static const char *const none[BASE_MAX_ARGS] = {"?", "?", "?"};
	json_t *made = make_message(message, args);

	/* The client's text was not UTF-8, or was cut within a character: the message without it.
	 */
	return made ? made : make_message(message, none);
}

static json_t *wrap(const char *id, json_t *info)
{
	const char *text = json_string_value(json_object_get(info, "Message"));

	return json_pack("{s:{s:s, s:s, s:[o]}}", "error", "code", id, "message", text ? text : "?",
		"@Message.ExtendedInfo", info);
}

json_t *redfish_error_body(enum base_message message, const char *const *args)
{
	return wrap(rows[message].id, redfish_error_message(message, args));
}

json_t *redfish_error_text(const char *text, const char *resolution)
{
	const char *id = rows[BASE_GENERAL_ERROR].id;

	return wrap(id, make(id, text, "Critical", resolution, json_array()));
}
