/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/util.h"

#define SCHEMAS "https://redfish.dmtf.org/schemas/v1/"

void fields_make_etag(const json_t *json, char etag[NEGOTIATE_ETAG_SIZE])
{
	json_t *copy = json_copy((json_t *)json); /* shallow: it is not changed */
	bool weak = copy && json_object_del(copy, "DateTime") == 0;
	_cleanup_free_ char *text = NULL;
	union {
		unsigned char bytes[32];
		uint64_t tag;
	} hash = {{0}};

	/* What a PATCH could not apply is said in its answer, and is not of the resource. */
	if (copy)
		json_object_del(copy, "@Message.ExtendedInfo");
	text = copy ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(copy);
	if (text)
		EVP_Digest(text, strlen(text), hash.bytes, NULL, EVP_sha256(), NULL);
	snprintf(etag, NEGOTIATE_ETAG_SIZE, "%s\"%016" PRIx64 "\"", weak ? "W/" : "", hash.tag);
}

size_t fields_add_allow(const struct resource *resource, char *out, size_t size)
{
	static const struct {
		enum http_method method;
		const char *name;
	} names[] = {
		{HTTP_GET,	   "GET"	},
		{HTTP_HEAD,   "HEAD"  },
		{HTTP_POST,   "POST"  },
		{HTTP_PATCH,  "PATCH" },
		{HTTP_DELETE, "DELETE"},
	};
	unsigned int methods = resource_get_methods(resource);
	const char *separator = "";
	size_t n = (size_t)snprintf(out, size, "Allow: ");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(methods & names[i].method))
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s%s", separator, names[i].name);
		separator = ", ";
	}
	return n + (size_t)snprintf(out + n, size - n, "\r\n");
}

/* "#Manager.v1_19_0.Manager" is described by Manager.v1_19_0.json. */
static size_t add_link(const json_t *json, char *out, size_t size)
{
	const char *type = json_string_value(json_object_get(json, "@odata.type"));
	const char *end = type ? strrchr(type, '.') : NULL;

	if (!end || *type != '#')
		return 0;
	return (size_t)snprintf(out, size, "Link: <" SCHEMAS "%.*s.json>; rel=describedby\r\n",
		(int)(end - type - 1), type + 1);
}

void fields_make(const struct request *request, const json_t *json, const char *etag,
	const char *extra, char *out, size_t size)
{
	size_t n = fields_add_allow(request->resource, out, size);

	n += (size_t)snprintf(out + n, size - n, "ETag: %s\r\n", etag);
	n += add_link(json, out + n, size - n);
	if (extra)
		snprintf(out + n, size - n, "%s", extra);
}
