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
		return ROLE_ENROLLING;
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
 * By token or password; a status as authenticate_request(). *bootstrap: the id of a bootstrap
 * account, or 0: the administrator. Such an account comes first: its password cannot be guessed,
 * and who guesses the administrator's must not lock out a host that makes itself known.
 */
static int check_credentials(struct service *service, const struct connection *connection,
	const struct http_request *http, unsigned int *bootstrap)
{
	const char *authorization = http_get_field(http, "Authorization");
	const char *token = http_get_field(http, "X-Auth-Token");
	int64_t now = service_get_mono_ms();
	enum accounts_result result;

	*bootstrap = 0;
	if (!connection_get_ssl(connection))
		return 401;
	if (token) {
		const struct session *session = session_use(&service->sessions, token, now);

		*bootstrap = session ? session->account : 0;
		return session ? 0 : 401;
	}
	*bootstrap = find_bootstrap(service, authorization);
	if (*bootstrap)
		return 0;
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
	status = check_credentials(
		request->service, request->connection, request->http, &request->bootstrap);
	if (status)
		return status;
	request->role = request->bootstrap ? request->service->bootstrap.role : ROLE_ADMINISTRATOR;
	connection_set_trusted(request->connection);
	return 0;
}

bool authenticate_head(struct service *service, struct connection *connection,
	const struct http_request *http, bool is_long)
{
	unsigned int bootstrap;

	if (find_connection_role(service, connection) == ROLE_HOST)
		return true;
	/* The password is looked at only where it matters: it costs, and counts when wrong. */
	return is_long && has_credentials(http) &&
	       check_credentials(service, connection, http, &bootstrap) == 0 && !bootstrap;
}
