/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CertificateService: the certificate of this service, replaced and asked for. A new one is staged
 * as a renewal by ourselves is: announced to the hosts that know us, used when they have it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "endpoint/actions.h"
#include "endpoint/certificate_request.h"
#include "endpoint/service.h"

#define SERVICE	      "/redfish/v1/CertificateService"
#define LOCATIONS     SERVICE "/CertificateLocations"
#define REQUEST_KEY   "endpoint.request.key"
#define REPLACE	      "CertificateService.ReplaceCertificate"
#define GENERATE      "CertificateService.GenerateCSR"
#define MANAGER(r)    ((r)->service->profile.manager_id)
#define CERTIFICATE_F "/redfish/v1/Managers/%s/NetworkProtocol/HTTPS/Certificates"

/* --- ReplaceCertificate --- */

static const char *find_uri(const json_t *body)
{
	return json_string_value(
		json_object_get(json_object_get(body, "CertificateUri"), "@odata.id"));
}

static bool is_own_uri(const struct request *request, const char *uri)
{
	char prefix[RESOURCE_MAX_PATH];
	size_t length;

	snprintf(prefix, sizeof(prefix), CERTIFICATE_F "/", MANAGER(request));
	length = strlen(prefix);
	return strncmp(uri, prefix, length) == 0 &&
	       (strcmp(uri + length, "1") == 0 ||
		       (strcmp(uri + length, "2") == 0 && request->service->next.certificate));
}

/* False: answered. */
static bool check_replace(struct request *request, const json_t *body)
{
	static const char *const known[] = {
		"CertificateString", "CertificateType", "CertificateUri", NULL};
	const char *type = json_string_value(json_object_get(body, "CertificateType"));

	if (!actions_check_parameters(request, body, REPLACE, known))
		return false;
	for (int i = 0; known[i]; i++) {
		if (json_object_get(body, known[i]))
			continue;
		request_error(request, 400, BASE_ACTION_PARAMETER_MISSING, REPLACE, known[i]);
		return false;
	}
	if (!type || !json_is_string(json_object_get(body, "CertificateString")))
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE,
			type ? "CertificateString" : "CertificateType", REPLACE);
	else if (strcmp(type, "PEM") != 0)
		request_error(request, 400, BASE_ACTION_PARAMETER_NOT_IN_LIST, type,
			"CertificateType", REPLACE);
	else if (!find_uri(body) || !is_own_uri(request, find_uri(body)))
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, "CertificateUri", REPLACE);
	else
		return true;
	return false;
}

/* In whatever this service may be set to later: what only TLS 1.1 lets pass is too weak. */
static bool is_usable(const struct service *service, const struct cert_pair *pair)
{
	struct tls_policy policy = {
		.minimum = TLS_1_2,
		.maximum = (enum tls_version)service->settings.tls_max_version,
		.server = true,
	};
	SSL_CTX *context = NULL;
	bool usable;

	if (policy.maximum < policy.minimum)
		policy.minimum = policy.maximum;
	usable = handshake_context_new(&policy, pair, &context) == 0 &&
		 handshake_context_check(context) == 0;
	SSL_CTX_free(context);
	return usable;
}

static int read_given(
	struct service *service, const json_t *string, struct cert_pair *pair, const char **why)
{
	EVP_PKEY *candidates[2] = {service->identity.key, NULL};
	time_t not_before, not_after = 0;
	struct trust_clock clock;
	int r;

	certificate_request_load_key(service->state_fd, REQUEST_KEY, &candidates[1]);
	r = certificate_read(
		json_string_value(string), json_string_length(string), candidates, 2, pair, why);
	EVP_PKEY_free(candidates[1]);
	if (r < 0)
		return r;
	service_get_clock(&clock);
	*why = "it has expired";
	if (cert_get_dates(pair->certificate, &not_before, &not_after) == 0 &&
		(trust_clock_unset(&clock) || not_after >= clock.now)) {
		*why = "a TLS server cannot use it";
		if (is_usable(service, pair))
			return 0;
	}
	cert_pair_clear(pair);
	return -EINVAL;
}

static void replace(struct request *request, const json_t *body)
{
	struct service *service = request->service;
	struct cert_pair pair = {0};
	const char *why = "";
	int r;

	if (!check_replace(request, body))
		return;
	r = read_given(service, json_object_get(body, "CertificateString"), &pair, &why);
	if (r < 0) {
		log_warning("identity", "a certificate from %s was refused: %s",
			connection_get_peer(request->connection)->address, why);
		request_reply(request, 400,
			redfish_error_text(why, "Give a certificate that this service can use."),
			NULL);
		return;
	}
	r = service_stage_identity(service, &pair);
	if (r < 0) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	lclog_emit(service->log, MSG_ISM1076, connection_get_peer(request->connection)->address,
		service->next_fingerprint);
	state_remove_file(service->state_fd, REQUEST_KEY);
	request_reply(request, 204, NULL, NULL);
}

/* --- GenerateCSR --- */

static const char *const csr_parameters[] = {"CertificateCollection", "CommonName",
	"AlternativeNames", "Organization", "OrganizationalUnit", "City", "State", "Country",
	"Email", "KeyPairAlgorithm", "KeyCurveId", NULL};

/* Only what this service makes. False: answered. */
static bool check_choice(
	struct request *request, const json_t *body, const char *name, const char *only)
{
	const json_t *value = json_object_get(body, name);
	const char *text = json_string_value(value);

	if (!value || json_is_null(value) || (text && strcmp(text, only) == 0))
		return true;
	request_error(
		request, 400, BASE_ACTION_PARAMETER_NOT_IN_LIST, text ? text : "?", name, GENERATE);
	return false;
}

static bool check_generate(struct request *request, const json_t *body)
{
	const char *uri = json_string_value(
		json_object_get(json_object_get(body, "CertificateCollection"), "@odata.id"));
	const char *missing = NULL;
	char own[RESOURCE_MAX_PATH];

	if (!actions_check_parameters(request, body, GENERATE, csr_parameters))
		return false;
	if (!json_object_get(body, "CommonName"))
		missing = "CommonName";
	if (!json_object_get(body, "CertificateCollection"))
		missing = "CertificateCollection";
	if (missing) {
		request_error(request, 400, BASE_ACTION_PARAMETER_MISSING, GENERATE, missing);
		return false;
	}
	snprintf(own, sizeof(own), CERTIFICATE_F, MANAGER(request));
	if (!uri || strcmp(uri, own) != 0) {
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, "CertificateCollection",
			GENERATE);
		return false;
	}
	return check_choice(request, body, "KeyPairAlgorithm", "TPM_ALG_ECDSA") &&
	       check_choice(request, body, "KeyCurveId", "TPM_ECC_NIST_P256");
}

/* A text or nothing; false: something else. */
static bool take_text(const json_t *body, const char *name, const char **text)
{
	const json_t *value = json_object_get(body, name);

	*text = json_string_value(value);
	return !value || json_is_null(value) || *text;
}

static bool take_subject(const json_t *body, struct certificate_subject *s)
{
	const json_t *names = json_object_get(body, "AlternativeNames"), *one;
	size_t i;

	if (!take_text(body, "CommonName", &s->common_name) ||
		!take_text(body, "Organization", &s->organization) ||
		!take_text(body, "OrganizationalUnit", &s->unit) ||
		!take_text(body, "City", &s->city) || !take_text(body, "State", &s->state) ||
		!take_text(body, "Country", &s->country) || !take_text(body, "Email", &s->email))
		return false;
	if (names && !json_is_array(names))
		return false;
	json_array_foreach(names, i, one)
	{
		if (i == CERTIFICATE_REQUEST_MAX_NAMES || !json_is_string(one))
			return false;
		s->names[s->n_names++] = json_string_value(one);
	}
	return s->common_name != NULL;
}

static void generate(struct request *request, const json_t *body)
{
	struct certificate_subject subject = {0};
	_cleanup_free_ char *pem = NULL;
	EVP_PKEY *key = NULL;
	int r;

	if (!check_generate(request, body))
		return;
	r = take_subject(body, &subject) ? certificate_request_make(&subject, &key, &pem) : -EINVAL;
	if (r == 0)
		r = certificate_request_save_key(key, request->service->state_fd, REQUEST_KEY);
	EVP_PKEY_free(key);
	if (r == -EINVAL)
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, "CommonName", GENERATE);
	else if (r < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 200,
			json_pack("{s:s, s:o}", "CSRString", pem, "CertificateCollection",
				resource_link(CERTIFICATE_F, MANAGER(request))),
			NULL);
}

/* --- the service --- */

static json_t *get_types(const struct request *request)
{
	return json_pack("[s]", "PEM");
}

static json_t *get_algorithms(const struct request *request)
{
	return json_pack("[s]", "TPM_ALG_ECDSA");
}

static json_t *get_curves(const struct request *request)
{
	return json_pack("[s]", "TPM_ECC_NIST_P256");
}

static const struct property replace_action[] = {
	P_TEXT("target", SERVICE "/Actions/" REPLACE),
	P_CALL("CertificateType@Redfish.AllowableValues", get_types),
	P_END,
};
static const struct property generate_action[] = {
	P_TEXT("target", SERVICE "/Actions/" GENERATE),
	P_CALL("KeyPairAlgorithm@Redfish.AllowableValues", get_algorithms),
	P_CALL("KeyCurveId@Redfish.AllowableValues", get_curves),
	P_END,
};
static const struct property actions[] = {
	P_OBJECT("#" REPLACE, replace_action),
	P_OBJECT("#" GENERATE, generate_action),
	P_END,
};
static const struct property certificate_service[] = {
	P_TEXT("Id", "CertificateService"),
	P_TEXT("Name", "Certificate Service"),
	P_LINK("CertificateLocations", LOCATIONS),
	P_OBJECT("Actions", actions),
	P_END,
};

const struct resource certsvc_resources[] = {
	{.uri = SERVICE,
		.schema = SCHEMA_CERTIFICATE_SERVICE,
		.entity = ENTITY_CERTIFICATE_SERVICE,
		.properties = certificate_service},
	{.uri = SERVICE "/Actions/" REPLACE,
		.entity = ENTITY_CERTIFICATE_ACTION,
		.action = true,
		.post = replace},
	{.uri = SERVICE "/Actions/" GENERATE,
		.entity = ENTITY_CERTIFICATE_ACTION,
		.action = true,
		.post = generate},
	{.uri = NULL },
};
