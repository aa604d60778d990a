/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of this service, and the one that follows it, as resources. */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define LOCATIONS     "/redfish/v1/CertificateService/CertificateLocations"
#define CERTIFICATES  "/redfish/v1/Managers/{manager}/NetworkProtocol/HTTPS/Certificates"
#define HOST	      "/redfish/v1/AccountService/Accounts/host/Certificates"
#define MANAGER(r)    ((r)->service->profile.manager_id)
#define CERTIFICATE_F "/redfish/v1/Managers/%s/NetworkProtocol/HTTPS/Certificates"

/* "1" is in use, "2" is the next one. */

static const struct cert_pair *find_pair(const struct request *request)
{
	struct service *service = request->service;

	if (strcmp(request->params[0], "1") == 0)
		return &service->identity;
	return strcmp(request->params[0], "2") == 0 && service->next.certificate ? &service->next
										 : NULL;
}

static bool certificate_exists(const struct request *request)
{
	return find_pair(request) != NULL;
}

static json_t *get_name(const struct request *request)
{
	return json_string(find_pair(request) == &request->service->identity
				   ? "Certificate of this service"
				   : "Next certificate of this service");
}

static json_t *get_pem(const struct request *request)
{
	_cleanup_free_ char *pem = NULL;

	return cert_to_pem(util_must(find_pair(request))->certificate, &pem) < 0 ? NULL
										 : json_string(pem);
}

static json_t *get_fingerprint(const struct request *request)
{
	return json_string(find_pair(request) == &request->service->identity
				   ? request->service->fingerprint
				   : request->service->next_fingerprint);
}

static json_t *get_date(const struct request *request, bool end)
{
	time_t not_before, not_after;
	char text[LOG_ENTRY_TIME_SIZE];

	if (cert_get_dates(util_must(find_pair(request))->certificate, &not_before, &not_after) < 0)
		return NULL;
	log_entry_format_time((int64_t)(end ? not_after : not_before) * 1000, text);
	return json_string(text);
}

static json_t *get_not_before(const struct request *request)
{
	return get_date(request, false);
}

static json_t *get_not_after(const struct request *request)
{
	return get_date(request, true);
}

static json_t *get_common_name(const X509_NAME *name)
{
	char raw[256] = "", text[256];
	int n = X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, raw, sizeof(raw));

	if (n <= 0)
		return NULL;
	text_make_printable(raw, strlen(raw), text, sizeof(text));
	return *text ? json_pack("{s:s}", "CommonName", text) : NULL;
}

static json_t *get_subject(const struct request *request)
{
	return get_common_name(X509_get_subject_name(util_must(find_pair(request))->certificate));
}

static json_t *get_issuer(const struct request *request)
{
	return get_common_name(X509_get_issuer_name(util_must(find_pair(request))->certificate));
}

static const struct property certificate[] = {
	P_TEXT("Id", "{0}"),
	P_CALL("Name", get_name),
	P_TEXT("CertificateType", "PEM"),
	P_CALL("CertificateString", get_pem),
	P_CALL("Fingerprint", get_fingerprint),
	P_TEXT("FingerprintHashAlgorithm", "TPM_ALG_SHA256"),
	P_CALL("ValidNotBefore", get_not_before),
	P_CALL("ValidNotAfter", get_not_after),
	P_CALL("Subject", get_subject),
	P_CALL("Issuer", get_issuer),
	P_END,
};

static long count_certificates(const struct request *request)
{
	return request->service->next.certificate ? 2 : 1;
}

static int list_certificates(const struct request *request, long skip, long top, json_t *array)
{
	for (long i = skip; i < count_certificates(request) && i < skip + top; i++)
		json_array_append_new(
			array, resource_link(CERTIFICATE_F "/%ld", MANAGER(request), i + 1));
	return 0;
}

static const struct collection certificate_collection = {count_certificates, list_certificates, 0};
static const struct property certificates_table[] = {
	P_TEXT("Name", "Certificates of this service"), P_END};

static json_t *get_locations(const struct request *request)
{
	const struct trust *trust = &request->service->trust;
	json_t *array = json_array();
	size_t n;

	list_certificates(request, 0, 2, array);
	for (unsigned int i = 0; i < trust->n_known; i++)
		json_array_append_new(array, resource_link(HOST "/%u", trust->known[i].id));
	n = json_array_size(array);
	return json_pack(
		"{s:o, s:I}", "Certificates", array, "Certificates@odata.count", (json_int_t)n);
}

static const struct property locations[] = {
	P_TEXT("Id", "CertificateLocations"),
	P_TEXT("Name", "Certificate Locations"),
	P_CALL("Links", get_locations),
	P_END,
};

const struct resource service_certificate_resources[] = {
	{.uri = LOCATIONS,
		.schema = SCHEMA_CERTIFICATE_LOCATIONS,
		.entity = ENTITY_CERTIFICATE_LOCATIONS,
		.properties = locations},
	{.uri = CERTIFICATES,
		.schema = SCHEMA_CERTIFICATES,
		.entity = ENTITY_SERVICE_CERTIFICATES,
		.properties = certificates_table,
		.collection = &certificate_collection},
	{.uri = CERTIFICATES "/{*}",
		.schema = SCHEMA_CERTIFICATE,
		.entity = ENTITY_SERVICE_CERTIFICATE,
		.properties = certificate,
		.exists = certificate_exists},
	{.uri = NULL	    },
};
