/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/authenticate.h"

#include <string.h>

#include <openssl/crypto.h>

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
		/* The window is open for the host, not for whoever it relays. */
		return connection_get_peer(connection)->relayed ? ROLE_NONE : ROLE_ENROLLING;
	default:
		return ROLE_NONE;
	}
}

/* The id of the bootstrap account that these open; 0: none does. */
static unsigned int find_bootstrap(const struct service *service, const char *authorization)
{
	char credential[ACCOUNTS_CREDENTIAL];
	const struct bootstrap_account *account = NULL;
	char *colon;

	if (accounts_decode_basic(authorization, credential)) {
		colon = strchr(credential, ':');
		if (colon) {
			*colon = '\0';
			account = bootstrap_check(&service->bootstrap, credential, colon + 1);
		}
	}
	OPENSSL_cleanse(credential, sizeof(credential));
	return account ? account->id : 0;
}

/*
 * By token or password; a status as authenticate_request(). by: what gives the right; the role is
 * the caller's business. Without an account in it: the administrator. Such an account comes first:
 * its password cannot be guessed, and who guesses the administrator's must not lock out a host that
 * makes itself known.
 */
static int try_credentials(struct service *service, const struct connection *connection,
	const struct http_request *http, struct connection_principal *by)
{
	const char *authorization = http_get_field(http, "Authorization");
	const char *token = http_get_field(http, "X-Auth-Token");
	int64_t now = service_get_mono_ms();
	enum accounts_result result;

	*by = (struct connection_principal){0};
	if (!connection_get_ssl(connection))
		return 401;
	if (token) {
		const struct session *session = session_use(&service->sessions, token, now);

		if (!session)
			return 401;
		by->session = session->id;
		by->bootstrap = session->account;
		return 0;
	}
	by->bootstrap = find_bootstrap(service, authorization);
	if (by->bootstrap)
		return 0;
	by->password = service->password_generation;
	result = accounts_check_basic(&service->accounts, authorization,
		connection_get_peer(connection)->source,
		connection_get_principal(connection)->password == by->password, now);
	if (result == ACCOUNTS_LOCKED)
		return 429;
	return result == ACCOUNTS_OK ? 0 : 401;
}

/* Asked at the head of a request and again when it is whole: what was wrong is wrong once. */
static int check_credentials(struct service *service, struct connection *connection,
	const struct http_request *http, struct connection_principal *by)
{
	int status = connection_get_refusal(connection);

	*by = (struct connection_principal){0};
	if (!status)
		status = try_credentials(service, connection, http, by);
	connection_set_refusal(connection, status);
	return status;
}

static bool has_credentials(const struct http_request *http)
{
	return http_get_field(http, "Authorization") || http_get_field(http, "X-Auth-Token");
}

static int authenticate(struct request *request, struct connection_principal *by)
{
	int status;

	*by = (struct connection_principal){0};
	request->role = find_connection_role(request->service, request->connection);
	if (request->role == ROLE_HOST) {
		service_note_use(request->service,
			&connection_get_handshake(request->connection)->certificate);
		/* Also one that has become known since its handshake. */
		connection_set_trusted(request->connection);
	}
	if (!has_credentials(request->http))
		return 0;
	status = check_credentials(request->service, request->connection, request->http, by);
	if (status)
		return status;
	request->bootstrap = by->bootstrap;
	request->role = request->bootstrap ? request->service->bootstrap.role : ROLE_ADMINISTRATOR;
	connection_set_trusted(request->connection);
	return 0;
}

int authenticate_request(struct request *request)
{
	struct connection_principal by;
	int status = authenticate(request, &by);

	if (status)
		by = (struct connection_principal){0};
	else
		by.role = request->role;
	connection_set_principal(request->connection, &by);
	return status;
}

bool authenticate_is_administrator(
	struct service *service, struct connection *connection, const struct http_request *http)
{
	struct connection_principal by;

	return has_credentials(http) && check_credentials(service, connection, http, &by) == 0 &&
	       !by.bootstrap;
}

bool authenticate_head(struct service *service, struct connection *connection,
	const struct http_request *http, bool is_long)
{
	struct connection_principal by;

	if (find_connection_role(service, connection) == ROLE_HOST)
		return true;
	/* The password is looked at only where it matters: it costs, and counts when wrong. */
	return is_long && has_credentials(http) &&
	       check_credentials(service, connection, http, &by) == 0 && !by.bootstrap;
}
