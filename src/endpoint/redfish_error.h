/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers: {"error": {"code", "message", "@Message.ExtendedInfo": [...]}} with messages of
 * the DMTF's Base registry (DSP0266, clause "Error responses"). */
#ifndef BMCLINK_ENDPOINT_REDFISH_ERROR_H
#define BMCLINK_ENDPOINT_REDFISH_ERROR_H

#include <jansson.h>

#define REDFISH_BASE_VERSION "Base.1.18" /* as in MessageId */
#define REDFISH_BASE_ERRATUM ".1"

enum base_message {
	BASE_SUCCESS,
	BASE_GENERAL_ERROR,
	BASE_INTERNAL_ERROR,
	BASE_RESOURCE_MISSING, /* 1: URI */
	BASE_UNAUTHORIZED,     /* 2: URI, error */
	BASE_INSUFFICIENT_PRIVILEGE,
	BASE_OPERATION_NOT_ALLOWED,
	BASE_MALFORMED_JSON,
	BASE_UNRECOGNIZED_BODY,
	BASE_PROPERTY_MISSING,	    /* 1: property */
	BASE_PROPERTY_VALUE,	    /* 2: property, value */
	BASE_PROPERTY_NOT_IN_LIST,  /* 2: value, property */
	BASE_PROPERTY_UNKNOWN,	    /* 1: property */
	BASE_PROPERTY_NOT_WRITABLE, /* 1: property */
	BASE_PROPERTY_VALUE_ERROR,  /* 1: property */
	BASE_NO_OPERATION,
	BASE_ALREADY_EXISTS, /* 3: type, property, value */
	BASE_PRECONDITION_FAILED,
	BASE_ACTION_PARAMETER_UNKNOWN,	   /* 2: action, parameter */
	BASE_ACTION_PARAMETER_MISSING,	   /* 2: action, parameter */
	BASE_ACTION_PARAMETER_VALUE,	   /* 2: parameter, action */
	BASE_ACTION_PARAMETER_NOT_IN_LIST, /* 3: value, parameter, action */
	BASE_QUERY_NOT_SUPPORTED,
	BASE_QUERY_NOT_ON_RESOURCE,
	BASE_QUERY_FORMAT, /* 2: value, parameter */
	BASE_QUERY_RANGE,  /* 3: value, parameter, range */
	BASE_SUBSCRIPTION_LIMIT,
	BASE_UNAVAILABLE, /* 1: seconds */
	BASE_EVENT_BUFFER_EXCEEDED,
	BASE_HEADER_INVALID, /* 1: field */
	BASE_COUNT,
};

#define BASE_MAX_ARGS 3

int redfish_error_arg_count(enum base_message message);

/* One Message object; as many args as the message has. New reference. */
json_t *redfish_error_message(enum base_message message, const char *const *args);
json_t *redfish_error_body(enum base_message message, const char *const *args);
const char *redfish_error_id(enum base_message message); /* "Base.1.18.GeneralError" */

/* As above with a text of our own as Message: for what the Base registry has only GeneralError. */
json_t *redfish_error_text(const char *text, const char *resolution);

#endif
