/* SPDX-License-Identifier: Apache-2.0 */
/* SessionService: log-in by password, over TLS only; the administrator, and bootstrap accounts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define SESSIONS "/redfish/v1/SessionService/Sessions"

static const struct property status[] = {
	P_TEXT("State", "Enabled"),
	P_TEXT("Health", "OK"),
	P_END,
};
static const struct property session_service[] = {
	P_TEXT("Id", "SessionService"),
	P_TEXT("Name", "Session Service"),
	P_FLAG("ServiceEnabled", true),
	P_NUMBER("SessionTimeout", SESSION_TIMEOUT),
	P_OBJECT("Status", status),
	P_LINK("Sessions", SESSIONS),
	P_END,
};

static const struct session *find_session(const struct request *request)
{
	char canonical[24];
	unsigned long id = strtoul(request->params[0], NULL, 10);

	snprintf(canonical, sizeof(canonical), "%lu", id);
	if (id > UINT32_MAX || strcmp(canonical, request->params[0]) != 0)
		return NULL;
	return session_find(&request->service->sessions, (unsigned int)id);
}

/* The administrator sees all, a bootstrap account its own; others need not know how many. */
static bool is_visible(const struct request *request, const struct session *session)
{
	if (request->bootstrap)
		return session->account == request->bootstrap;
	return request->role == ROLE_ADMINISTRATOR;
}

static bool session_exists(const struct request *request)
{
	const struct session *session;

	session_expire(&request->service->sessions, service_get_mono_ms());
	session = find_session(request);
	return session && is_visible(request, session);
}

static json_t *get_user(const struct request *request)
{
	const struct bootstrap_account *account = bootstrap_find(
		&request->service->bootstrap, util_must(find_session(request))->account);

	return json_string(account ? account->user : ACCOUNTS_ADMIN);
}

static json_t *get_client(const struct request *request)
{
	return json_string(util_must(find_session(request))->client);
}

static json_t *get_created(const struct request *request)
{
	char text[LOG_ENTRY_TIME_SIZE];

	log_entry_format_time((int64_t)util_must(find_session(request))->created * 1000, text);
	return json_string(text);
}

static json_t *get_null(const struct request *request)
{
	return json_null();
}

static const struct property session[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "Session {0}"),
	P_CALL("UserName", get_user),
	P_CALL("Password", get_null),
	P_TEXT("SessionType", "Redfish"),
	P_CALL("ClientOriginIPAddress", get_client),
	P_CALL("CreatedTime", get_created),
	P_END,
};

static long count_sessions(const struct request *request)
{
	const struct sessions *sessions = &request->service->sessions;
	long n = 0;

	session_expire(&request->service->sessions, service_get_mono_ms());
	for (unsigned int i = 0; i < sessions->n; i++)
		n += is_visible(request, &sessions->list[i]);
	return n;
}

static int list_sessions(const struct request *request, long skip, long top, json_t *array)
{
	const struct sessions *sessions = &request->service->sessions;

	long n = 0;

	for (unsigned int i = 0; i < sessions->n; i++) {
		if (!is_visible(request, &sessions->list[i]) || n++ < skip || n > skip + top)
			continue;
		json_array_append_new(array, resource_link(SESSIONS "/%u", sessions->list[i].id));
	}
	return 0;
}

static const struct collection session_collection = {count_sessions, list_sessions, 0};
static const struct property sessions_table[] = {P_TEXT("Name", "Sessions"), P_END};

/* bootstrap: id of the account, or 0: the administrator. */
static void log_in(struct request *request, unsigned int bootstrap)
{
	char fields[RESOURCE_MAX_PATH], token[SESSION_TOKEN_SIZE];
	const char *client = connection_get_peer(request->connection)->address;
	unsigned int id;

	if (session_create(&request->service->sessions, bootstrap, client, time(NULL),
		    service_get_mono_ms(), token, &id) < 0) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	log_info("session", "%s: logged in, session %u", client, id);
	service_review_connections(
		request->service, "its session made room for another", request->connection);
	connection_set_trusted(request->connection);
	request->bootstrap = bootstrap;
	request->role = bootstrap ? request->service->bootstrap.role : ROLE_ADMINISTRATOR;
	snprintf(request->params[0], RESOURCE_MAX_PARAM, "%u", id);
	snprintf(request->path, sizeof(request->path), SESSIONS "/%u", id);
	snprintf(fields, sizeof(fields), "X-Auth-Token: %s\r\nLocation: " SESSIONS "/%u\r\n", token,
		id);
	request->resource++; /* the next row is the session's */
	request_reply_resource(request, 201, resource_render(request), fields);
}

static void post_session(struct request *request, const json_t *body)
{
	const char *user = json_string_value(json_object_get(body, "UserName"));
	const char *password = json_string_value(json_object_get(body, "Password"));
	const struct bootstrap_account *account;

	if (!user || !password) {
		request_error(request, 400, BASE_PROPERTY_MISSING, user ? "Password" : "UserName");
		return;
	}
	if (!connection_get_ssl(request->connection)) {
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
		return;
	}
	account = bootstrap_check(&request->service->bootstrap, user, password);
	if (account) {
		log_in(request, account->id);
		return;
	}
	switch (accounts_check_login(&request->service->accounts, user, password,
		connection_get_peer(request->connection)->source, service_get_mono_ms())) {
	case ACCOUNTS_OK:
		log_in(request, 0);
		break;
	case ACCOUNTS_LOCKED:
		request_error(request, 429, BASE_UNAVAILABLE, "60");
		break;
	case ACCOUNTS_WRONG:
		request_error(request, 401, BASE_UNAUTHORIZED, request->path, "wrong credentials");
	}
}

static void delete_session(struct request *request)
{
	unsigned int id = util_must(find_session(request))->id;

	if (connection_get_principal(request->connection)->session == id)
		connection_close_after_reply(request->connection);
	session_end(&request->service->sessions, id);
	log_info("session", "session %u ended by the client", id);
	service_review_connections(request->service, "its session was ended", request->connection);
	request_reply(request, 204, NULL, NULL);
}

const struct resource session_resources[] = {
	{.uri = "/redfish/v1/SessionService",
		.schema = SCHEMA_SESSION_SERVICE,
		.entity = ENTITY_SESSION_SERVICE,
		.properties = session_service},
	{.uri = SESSIONS,
		.schema = SCHEMA_SESSIONS,
		.entity = ENTITY_SESSIONS,
		.properties = sessions_table,
		.collection = &session_collection,
		.post = post_session},
	{.uri = SESSIONS "/{*}",
		.schema = SCHEMA_SESSION,
		.entity = ENTITY_SESSION,
		.properties = session,
		.exists = session_exists,
		.delete = delete_session},
	{.uri = NULL	    },
};
