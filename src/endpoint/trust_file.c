/* SPDX-License-Identifier: Apache-2.0 */
/* The durable part of trust.h: {"Version": 1, "NextId": n, "WasPlain": false, "Hosts": [{Id, Added,
 * Replaces, Certificate}]}. */
#include <errno.h>
#include <string.h>

#include <jansson.h>
#include <openssl/x509.h>

#include "base/state.h"
#include "base/util.h"
#include "endpoint/trust.h"

#define TRUST_FILE_VERSION 1

static void json_decref_ptr(json_t **json)
{
	json_decref(*json);
}

#define _cleanup_json_ _cleanup_(json_decref_ptr)

int trust_read_pem(
	const char *pem, size_t length, struct trust_certificate *certificate, char **canonical)
{
	struct trust_certificate found;
	X509 *x = NULL;
	time_t not_before;
	int r;

	if (length > TRUST_MAX_PEM)
		return -EINVAL;
	if (cert_from_pem(pem, length, &x) < 0)
		return -EINVAL;
	r = cert_get_fingerprint(x, found.fingerprint);
	if (r == 0)
		r = cert_get_dates(x, &not_before, &found.not_after);
	if (r == 0 && canonical)
		r = cert_to_pem(x, canonical);
	X509_free(x);
	if (r < 0)
		return -EINVAL;
	*certificate = found;
	return 0;
}

static int load_host(struct trust *trust, const json_t *host)
{
	const char *pem = json_string_value(json_object_get(host, "Certificate"));
	json_int_t id = json_integer_value(json_object_get(host, "Id"));
	struct trust_known *known = &trust->known[trust->n_known];

	if (!pem || id < 1 || id >= trust->next_id || trust_find_id(trust, (unsigned int)id))
		return -EBADMSG;
	if (trust->n_known == TRUST_MAX_ALL)
		return -EBADMSG;
	/* The file holds the certificate, not its fingerprint: the two can never disagree. */
	if (trust_read_pem(pem, strlen(pem), &known->certificate, &known->pem) < 0)
		return -EBADMSG;
	known->id = (unsigned int)id;
	known->added = (time_t)json_integer_value(json_object_get(host, "Added"));
	/* Absent in files of earlier versions: 0. */
	known->replaces = (unsigned int)json_integer_value(json_object_get(host, "Replaces"));
	trust->n_known++;
	return 0;
}

int trust_load(struct trust *trust, int dir_fd)
{
	_cleanup_json_ json_t *object = NULL;
	const json_t *hosts;
	json_int_t next;
	size_t i;
	json_t *host;
	int r;

	*trust = (struct trust){.next_id = 1, .window_minutes = trust->window_minutes};
	r = state_read_json(dir_fd, TRUST_FILE, &object);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	next = json_integer_value(json_object_get(object, "NextId"));
	if (json_integer_value(json_object_get(object, "Version")) != TRUST_FILE_VERSION ||
		next < 1 || next > INT32_MAX)
		return -EBADMSG;
	/* What has lost its hosts is damaged, not empty: that would open the window. */
	hosts = json_object_get(object, "Hosts");
	if (!json_is_array(hosts))
		return -EBADMSG;
	trust->next_id = (unsigned int)next;
	/* Absent in files of earlier versions: false. Beside hosts it says nothing. */
	trust->was_plain =
		json_is_true(json_object_get(object, "WasPlain")) && json_array_size(hosts) == 0;
	json_array_foreach(hosts, i, host)
	{
		r = load_host(trust, host);
		if (r < 0) {
			trust_clear(trust);
			return r;
		}
	}
	return 0;
}

int trust_save(const struct trust *trust, int dir_fd)
{
	_cleanup_json_ json_t *object = NULL;
	json_t *hosts = json_array();

	for (unsigned int i = 0; i < trust->n_known; i++) {
		const struct trust_known *known = &trust->known[i];

		json_array_append_new(
			hosts, json_pack("{s:I, s:I, s:I, s:s}", "Id", (json_int_t)known->id,
				       "Added", (json_int_t)known->added, "Replaces",
				       (json_int_t)known->replaces, "Certificate", known->pem));
	}
	object = json_pack("{s:i, s:I, s:b, s:o}", "Version", TRUST_FILE_VERSION, "NextId",
		(json_int_t)trust->next_id, "WasPlain", trust->was_plain, "Hosts", hosts);
	if (!object)
		return -ENOMEM;
	if (json_array_size(json_object_get(object, "Hosts")) != trust->n_known)
		return -ENOMEM;
	return state_write_json(dir_fd, TRUST_FILE, object, 0600);
}
