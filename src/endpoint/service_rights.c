/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights that are taken away end what rests on them at once. Each request is judged anew anyway; a
 * stream is one request that goes on, and a connection that keeps its place keeps others out.
 */
#include "base/log.h"
#include "endpoint/service.h"

struct review {
	struct service *service;
	const struct connection *except; /* the one that has still to be answered */
};

static bool account_has_role(const struct service *service, const struct connection_principal *p)
{
	return bootstrap_find(&service->bootstrap, p->bootstrap) &&
	       p->role == service->bootstrap.role;
}

static bool certificate_counts(const struct connection *connection, struct service *service)
{
	const struct handshake *handshake = connection_get_handshake(connection);
	const struct connection_principal *principal = connection_get_principal(connection);

	/* A client that is about to enrol has no rights that could be taken away. */
	if (!connection_get_ssl(connection) ||
		(handshake->client != HANDSHAKE_CLIENT_KNOWN && principal->role != ROLE_HOST))
		return true;
	return service_judge(&handshake->certificate, service) == TRUST_VERDICT_KNOWN;
}

bool service_has_rights(const struct service *service, const struct connection_principal *by)
{
	if (by->session && !session_find(&service->sessions, by->session))
		return false;
	if (by->bootstrap && !account_has_role(service, by))
		return false;
	return !by->password || by->password == service->password_generation;
}

static bool has_lost(const struct connection *connection, void *arg)
{
	const struct connection_principal *principal = connection_get_principal(connection);
	struct review *review = arg;
	struct service *service = review->service;

	if (connection == review->except)
		return false;
	return !service_has_rights(service, principal) || !certificate_counts(connection, service);
}

void service_review_connections(
	struct service *service, const char *reason, const struct connection *asking)
{
	struct review review = {service, asking};

	service_review_snmp(service);
	/* At the start there is no server yet. */
	if (service->server)
		server_close_matching(service->server, has_lost, reason, &review);
}
