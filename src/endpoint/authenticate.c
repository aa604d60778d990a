/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/authenticate.h"

#include "endpoint/service.h"

/* The role that the connection itself gives. */
static enum role find_connection_role(struct service *service, struct connection *connection)
{
	const struct handshake *handshake = connection_get_handshake(connection);

	if (!connection_get_ssl(connection))
		return ROLE_AUTH_NONE;
	if (handshake->client == HANDSHAKE_CLIENT_NONE)
		return ROLE_NONE;
	/* Asked anew with each request: trust may have been taken away, or just been made. */
	switch (service_judge(&handshake->certificate, service)) {
	case TRUST_VERDICT_KNOWN:
		return ROLE_HOST;
	case TRUST_VERDICT_ENROLLING:
		return ROLE_ENROLLING;
	default:
		return ROLE_NONE;
	}
}

/* The administrator, by token or password; a status as authenticate_request(). */
static int check_credentials(struct service *service, const struct connection *connection,
	const struct http_request *http)
{
	const char *authorization = http_get_field(http, "Authorization");
	const char *token = http_get_field(http, "X-Auth-Token");
	int64_t now = service_get_mono_ms();
	enum accounts_result result;

	if (!connection_get_ssl(connection))
		return 401;
	if (token)
		return session_use(&service->sessions, token, now) ? 0 : 401;
	result = accounts_check_basic(
		&service->accounts, authorization, connection_get_peer(connection)->source, now);
	if (result == ACCOUNTS_LOCKED)
		return 429;
	return result == ACCOUNTS_OK ? 0 : 401;
}

static bool has_credentials(const struct http_request *http)
{
	return http_get_field(http, "Authorization") || http_get_field(http, "X-Auth-Token");
}

int authenticate_request(struct request *request)
{
	int status;

	request->role = find_connection_role(request->service, request->connection);
	if (request->role == ROLE_HOST)
		service_note_use(request->service,
			&connection_get_handshake(request->connection)->certificate);
	if (!has_credentials(request->http))
		return 0;
	status = check_credentials(request->service, request->connection, request->http);
	if (status)
		return status;
	request->role = ROLE_ADMINISTRATOR;
	connection_set_trusted(request->connection);
	return 0;
}

bool authenticate_head(struct service *service, struct connection *connection,
	const struct http_request *http, bool is_long)
{
	if (find_connection_role(service, connection) == ROLE_HOST)
		return true;
	/* The password is looked at only where it matters: it costs, and counts when wrong. */
	return is_long && has_credentials(http) &&
	       check_credentials(service, connection, http) == 0;
}
