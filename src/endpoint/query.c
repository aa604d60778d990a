/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/query.h"

#include <string.h>

#define MAX_SKIP 1000000000L

/* The number behind "$skip=" and such; false when it is not one. */
static bool parse_number(const char *value, size_t length, long *number)
{
	long long n = 0; /* ten digits are too many for a long of 32 bits */

	if (!length || length > 10)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		n = n * 10 + (value[i] - '0');
	}
	*number = n > MAX_SKIP ? MAX_SKIP : (long)n;
	return true;
}

/* $top and $skip; another parameter with '$' is not supported, one without is ignored (DSP0266). */
bool query_parse(struct request *request)
{
	const char *query = request->http->query;

	request->top = request->skip = -1;
	while (*query) {
		size_t length = strcspn(query, "&");
		long *target = NULL;
		size_t name = 0;

		if (strncmp(query, "$top=", 5) == 0 || strncmp(query, "$skip=", 6) == 0) {
			name = query[1] == 't' ? 5 : 6;
			target = query[1] == 't' ? &request->top : &request->skip;
		}
		if (target && !request->resource->collection) {
			request_error(request, 400, BASE_QUERY_NOT_ON_RESOURCE);
			return false;
		}
		if (target && !parse_number(query + name, length - name, target)) {
			request_error(request, 400, BASE_QUERY_FORMAT, query + name,
				name == 5 ? "$top" : "$skip");
			return false;
		}
		if (!target && (*query == '$' || strncmp(query, "%24", 3) == 0)) {
			request_error(request, 501, BASE_QUERY_NOT_SUPPORTED);
			return false;
		}
		query += length;
		query += *query == '&';
	}
	return true;
}
