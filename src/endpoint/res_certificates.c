/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates of the host's account. POST makes trust: by an enrolling host for the very
 * certificate that this connection proved to have the key of, by a host that has an account from
 * IPMI, by a known host for its next one (renewal), or by the administrator for any.
 * DELETE by a host is "forget me", for its own certificate only.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/text.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define CERTIFICATES "/redfish/v1/AccountService/Accounts/host/Certificates"

static const struct trust_known *find_certificate(const struct request *request)
{
	char *end;
	unsigned long id = strtoul(request->params[0], &end, 10);
	char canonical[24];

	snprintf(canonical, sizeof(canonical), "%lu", id);
	if (*end || id > UINT32_MAX || strcmp(canonical, request->params[0]) != 0)
		return NULL;
	return trust_find_id(&request->service->trust, (unsigned int)id);
}

/* The certificate that the client of this connection has shown. */
static bool is_own(const struct request *request, const struct trust_certificate *certificate)
{
	const struct handshake *handshake = connection_get_handshake(request->connection);

	return connection_get_ssl(request->connection) &&
	       handshake->client != HANDSHAKE_CLIENT_NONE &&
	       memcmp(handshake->certificate.fingerprint, certificate->fingerprint,
		       CERT_FINGERPRINT_SIZE) == 0;
}

/* A host with two systems: neither sees the other's. */
static bool certificate_exists(const struct request *request)
{
	const struct trust_known *known = find_certificate(request);

	return known &&
	       (request->role == ROLE_ADMINISTRATOR || is_own(request, &known->certificate));
}

static json_t *get_pem(const struct request *request)
{
	return json_string(util_must(find_certificate(request))->pem);
}

static json_t *get_fingerprint(const struct request *request)
{
	char hex[3 * CERT_FINGERPRINT_SIZE];

	text_make_hex(util_must(find_certificate(request))->certificate.fingerprint,
		CERT_FINGERPRINT_SIZE, ':', hex);
	return json_string(hex);
}

static json_t *get_not_after(const struct request *request)
{
	char text[LOG_ENTRY_TIME_SIZE];

	log_entry_format_time(
		(int64_t)util_must(find_certificate(request))->certificate.not_after * 1000, text);
	return json_string(text);
}

static const struct property certificate[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "Certificate of the host"),
	P_TEXT("CertificateType", "PEM"),
	P_CALL("CertificateString", get_pem),
	P_CALL("Fingerprint", get_fingerprint),
	P_TEXT("FingerprintHashAlgorithm", "TPM_ALG_SHA256"),
	P_CALL("ValidNotAfter", get_not_after),
	P_END,
};

static bool is_visible(const struct request *request, const struct trust_known *known)
{
	return request->role == ROLE_ADMINISTRATOR || is_own(request, &known->certificate);
}

static long count_certificates(const struct request *request)
{
	const struct trust *trust = &request->service->trust;
	long n = 0;

	for (unsigned int i = 0; i < trust->n_known; i++)
		n += is_visible(request, &trust->known[i]);
	return n;
}

static int list_certificates(const struct request *request, long skip, long top, json_t *array)
{
	const struct trust *trust = &request->service->trust;
	long n = 0;

	for (unsigned int i = 0; i < trust->n_known; i++) {
		if (!is_visible(request, &trust->known[i]) || n++ < skip || n > skip + top)
			continue;
		json_array_append_new(array, resource_link(CERTIFICATES "/%u", trust->known[i].id));
	}
	return 0;
}

static const struct collection certificate_collection = {count_certificates, list_certificates, 0};
static const struct property certificates_table[] = {
	P_TEXT("Name", "Certificates of the host"), P_END};

/*
 * A known host names its next certificate. That it is the host's word is what counts: whoever has
 * the host's key can speak for it anyway. The signature only keeps out what is no certificate of
 * its own key: a mistake, or somebody else's.
 */
static bool is_self_signed(const char *pem)
{
	X509 *x = NULL;
	bool ok;

	if (cert_from_pem(pem, strlen(pem), &x) < 0)
		return false;
	ok = X509_verify(x, X509_get0_pubkey(x)) == 1;
	ERR_clear_error();
	X509_free(x);
	return ok;
}

static bool may_post(
	const struct request *request, const struct trust_certificate *given, const char *pem)
{
	if (request->role == ROLE_ADMINISTRATOR || is_own(request, given))
		return true;
	/* The binding: nobody enrols what another has the key of. Who has come over IPMI cannot
	 * show its certificate in the handshake: one that is not known fails there. */
	return (request->role == ROLE_HOST || request->role == ROLE_BOOTSTRAP) &&
	       is_self_signed(pem);
}

/*
 * Each makes a record and writes to the disk. What takes trust away is not bounded: there is no
 * more of it than was made, and whoever wants to be forgotten must not have to wait.
 */
static bool may_enrol_now(struct request *request)
{
	struct service *service = request->service;

	if (request->role == ROLE_ADMINISTRATOR ||
		limiter_take_turn(&service->enrolments, service_get_mono_ms()))
		return true;
	refusals_count(service->refusals, REFUSALS_ENROLMENTS);
	request_error(request, 429, BASE_UNAVAILABLE, "60");
	return false;
}

static void enrol(struct request *request, const char *pem)
{
	char fields[RESOURCE_MAX_PATH];
	unsigned int id;
	int r = request->role == ROLE_HOST ? service_renew(request->service, pem, strlen(pem),
						     request->connection, &id)
					   : service_enrol(request->service, pem, strlen(pem),
						     request->connection, &id);

	if (r < 0) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
	} else {
		/* What follows is said to the now known host. */
		if (request->role == ROLE_ENROLLING)
			request->role = ROLE_HOST;
		snprintf(request->params[0], RESOURCE_MAX_PARAM, "%u", id);
		snprintf(request->path, sizeof(request->path), CERTIFICATES "/%u", id);
		snprintf(fields, sizeof(fields), "Location: " CERTIFICATES "/%u\r\n", id);
		request->resource++; /* the next row is the certificate's */
		request_reply_resource(request, 201, resource_render(request), fields);
	}
}

static void post_certificate(struct request *request, const json_t *body)
{
	const json_t *string = json_object_get(body, "CertificateString");
	const json_t *type = json_object_get(body, "CertificateType");
	struct trust_certificate given;
	struct trust_clock clock;

	if (!json_is_string(string) || !json_is_string(type)) {
		request_error(request, 400, BASE_PROPERTY_MISSING,
			json_is_string(string) ? "CertificateType" : "CertificateString");
		return;
	}
	if (strcmp(json_string_value(type), "PEM") != 0) {
		request_error(request, 400, BASE_PROPERTY_NOT_IN_LIST, json_string_value(type),
			"CertificateType");
		return;
	}
	if (trust_read_pem(json_string_value(string), json_string_length(string), &given, NULL) <
		0) {
		request_error(request, 400, BASE_PROPERTY_VALUE, "CertificateString", "...");
		return;
	}
	if (!may_post(request, &given, json_string_value(string))) {
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
		return;
	}
	service_get_clock(&clock);
	if (!trust_clock_unset(&clock) && given.not_after < clock.now) {
		request_error(request, 400, BASE_PROPERTY_VALUE, "CertificateString", "expired");
		return;
	}
	if (trust_find(&request->service->trust, given.fingerprint))
		request_error(request, 409, BASE_ALREADY_EXISTS, "Certificate", "CertificateString",
			"PEM");
	else if (may_enrol_now(request))
		enrol(request, json_string_value(string));
}

static void delete_certificate(struct request *request)
{
	const struct trust_known *known = util_must(find_certificate(request));
	const char *by = request->role == ROLE_ADMINISTRATOR ? "by the administrator"
							     : "at the wish of the host";
	int r;

	connection_close_after_reply(request->connection);
	r = service_remove_certificate(request->service, known->id, by, request->connection,
		request->role != ROLE_ADMINISTRATOR);
	if (r < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 204, NULL, NULL);
}

const struct resource certificate_resources[] = {
	{.uri = CERTIFICATES,
		.schema = SCHEMA_CERTIFICATES,
		.entity = ENTITY_HOST_CERTIFICATES,
		.properties = certificates_table,
		.collection = &certificate_collection,
		.post = post_certificate},
	{.uri = CERTIFICATES "/{*}",
		.schema = SCHEMA_CERTIFICATE,
		.entity = ENTITY_HOST_CERTIFICATE,
		.properties = certificate,
		.exists = certificate_exists,
		.delete = delete_certificate},
	{.uri = NULL},
};
