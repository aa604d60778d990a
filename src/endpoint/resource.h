/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources as tables: a resource is a row with its URI, schema, entity (for privileges), a table
 * of properties, and functions for what cannot be said in a table. JSON is made from them in one
 * place, resource_render(). docs/endpoint.md tells how to add one.
 */
#ifndef BMCLINK_ENDPOINT_RESOURCE_H
#define BMCLINK_ENDPOINT_RESOURCE_H

#include <jansson.h>

#include "endpoint/connection.h"
#include "endpoint/lclog.h"
#include "endpoint/privilege.h"
#include "endpoint/redfish_error.h"

#define RESOURCE_MAX_PARAMS 2
#define RESOURCE_MAX_PARAM  64
#define RESOURCE_MAX_PATH   256

struct service;
struct resource;

struct request { /* one request on its way to a resource */
	struct service *service;
	struct connection *connection;
	const struct http_request *http;
	const char *body;
	size_t body_length;
	enum role role;
	unsigned int bootstrap; /* id of the bootstrap account that asks; 0: somebody else */

	const struct resource *resource;
	char path[RESOURCE_MAX_PATH];			      /* canonical @odata.id */
	char params[RESOURCE_MAX_PARAMS][RESOURCE_MAX_PARAM]; /* what stood for {*} */
	long top, skip;					      /* of the query; -1: not given */
};

enum property_kind {
	PROPERTY_TEXT,
	PROPERTY_FLAG,
	PROPERTY_NUMBER,
	PROPERTY_LINK,	 /* {"@odata.id": text} */
	PROPERTY_LINKS,	 /* an array with that one */
	PROPERTY_OBJECT, /* with the properties at object */
	PROPERTY_CALL,	 /* get() makes the value */
};

struct property {
	const char *name; /* NULL ends a table */
	enum property_kind kind;
	const char
		*text; /* "{manager}" and "{system}" become their ids, "{0}" the first parameter */
	long number;
	const struct property *object;
	json_t *(*get)(const struct request *request); /* new reference; NULL leaves it out */
};

#define P_TEXT(n, t)                                                                               \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_TEXT, .text = (t)                                    \
	}
#define P_FLAG(n, v)                                                                               \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_FLAG, .number = (v)                                  \
	}
#define P_NUMBER(n, v)                                                                             \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_NUMBER, .number = (v)                                \
	}
#define P_LINK(n, t)                                                                               \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_LINK, .text = (t)                                    \
	}
#define P_LINKS(n, t)                                                                              \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_LINKS, .text = (t)                                   \
	}
#define P_OBJECT(n, o)                                                                             \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_OBJECT, .object = (o)                                \
	}
#define P_CALL(n, f)                                                                               \
	{                                                                                          \
		.name = (n), .kind = PROPERTY_CALL, .get = (f)                                     \
	}
#define P_END                                                                                      \
	{                                                                                          \
		.name = NULL                                                                       \
	}

struct collection { /* in addition, for a resource that is one */
	long (*count)(const struct request *request);
	/* Append the members from skip on, at most top. Negative errno on failure. */
	int (*members)(const struct request *request, long skip, long top, json_t *array);
	long page; /* members in an answer unless $top says fewer; 0: all */
};

extern const struct collection resource_collection_of_one;

enum schema { /* versions are in schema.c, nowhere else */
	SCHEMA_NONE,
	SCHEMA_SERVICE_ROOT,
	SCHEMA_ACCOUNT_SERVICE,
	SCHEMA_ACCOUNTS,
	SCHEMA_ACCOUNT,
	SCHEMA_CERTIFICATES,
	SCHEMA_CERTIFICATE,
	SCHEMA_CERTIFICATE_SERVICE,
	SCHEMA_CERTIFICATE_LOCATIONS,
	SCHEMA_ROLES,
	SCHEMA_ROLE,
	SCHEMA_SESSION_SERVICE,
	SCHEMA_SESSIONS,
	SCHEMA_SESSION,
	SCHEMA_MANAGERS,
	SCHEMA_MANAGER,
	SCHEMA_HOST_INTERFACES,
	SCHEMA_HOST_INTERFACE,
	SCHEMA_NETWORK_PROTOCOL,
	SCHEMA_SYSTEMS,
	SCHEMA_SYSTEM,
	SCHEMA_ALL_CHASSIS,
	SCHEMA_CHASSIS,
	SCHEMA_LOG_SERVICES,
	SCHEMA_LOG_SERVICE,
	SCHEMA_LOG_ENTRIES,
	SCHEMA_LOG_ENTRY,
	SCHEMA_EVENT_SERVICE,
	SCHEMA_EVENT,
	SCHEMA_SUBSCRIPTIONS,
	SCHEMA_SUBSCRIPTION,
	SCHEMA_ACTION_INFO,
	SCHEMA_JSON_SCHEMAS,
	SCHEMA_JSON_SCHEMA_FILE,
	SCHEMA_MESSAGE,
	SCHEMA_MESSAGE_REGISTRY, /* as data/messages.json has it */
	SCHEMA_REGISTRIES,
	SCHEMA_REGISTRY_FILE,
	SCHEMA_UPDATE_SERVICE,
	SCHEMA_SOFTWARE_INVENTORIES,
	SCHEMA_SOFTWARE_INVENTORY,
	SCHEMA_OEM_SERVICE_ROOT,
	SCHEMA_OEM_MANAGER,
	SCHEMA_SERVICE_MODULE,
	SCHEMA_OEM_SOFTWARE_INVENTORY,
	SCHEMA_OEM_SNMP,
	SCHEMA_COUNT,
};
const char *schema_get_type(enum schema schema); /* "#Manager.v1_19_0.Manager" */

struct patchable {	  /* a property that PATCH may change */
	const char *name; /* NULL ends a table */
	/* BASE_SUCCESS, or a message with the property's name as its only argument. */
	enum base_message (*apply)(struct request *request, const json_t *value);
};

struct resource {
	const char *uri; /* "/redfish/v1/Managers/{manager}"; {*} is a parameter */
	enum schema schema;
	enum entity entity;
	const struct property *properties;
	const struct collection *collection;
	const char *only_member;			/* of resource_collection_of_one: its URI */
	bool (*exists)(const struct request *request);	/* NULL: always; false: the next row */
	json_t *(*make)(const struct request *request); /* its JSON, instead of a table */
	void (*get)(struct request *request);		/* what is not JSON, or a stream */
	const char *type;				/* of what get() answers; NULL: JSON */
	bool action;					/* only POST, with or without a body */
	void (*post)(struct request *request, const json_t *body); /* body: an object */
	const struct patchable *patchables;			   /* NULL: no PATCH */
	void (*delete)(struct request *request);
	void (*upload)(struct request *request); /* instead of post: its body went into a sink */
};

/* The resource at request->http->path; fills resource, path and params. False: there is none. */
bool resource_find(struct request *request);
/* HTTP methods that it has, as HTTP_* bits. */
unsigned int resource_get_methods(const struct resource *resource);
/* Its JSON; new reference, NULL on failure. */
json_t *resource_render(const struct request *request);
/* A table's JSON without @odata properties. */
json_t *resource_render_table(const struct request *request, const struct property *table);
/* {"@odata.id": ...}; new reference. */
json_t *resource_link(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Answers. request_reply() takes the JSON. */
void request_reply(struct request *request, int status, json_t *json, const char *fields);
/* The same with the resource's ETag, Allow and Link; extra may be NULL. json NULL: 500. */
void request_reply_resource(struct request *request, int status, json_t *json, const char *extra);
void request_error(struct request *request, int status, enum base_message message, ...);

/* The rows, one array a file of resources; NULL ends. */
extern const struct resource *const resource_tables[];
extern const struct resource root_resources[], account_resources[], certificate_resources[],
	manager_resources[], log_resources[], event_resources[], registry_resources[],
	session_resources[], metadata_resources[], system_resources[], network_resources[],
	action_resources[], schema_resources[], reset_resources[], certsvc_resources[],
	service_certificate_resources[], subscription_resources[], feature_resources[],
	update_resources[], page_resources[], snmp_resources[];

#endif
