/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/http.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {
	{"GET",	HTTP_GET	},
	{"HEAD",	 HTTP_HEAD	  },
	{"POST",	 HTTP_POST	  },
	{"PATCH",	  HTTP_PATCH  },
	{"PUT",	HTTP_PUT	},
	{"DELETE",  HTTP_DELETE },
	{"OPTIONS", HTTP_OPTIONS},
};

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		if (!is_token_char(*s))
			return false;
	}
	return true;
}

static int parse_method(struct http_request *request, const char *text)
{
	if (strlen(text) > HTTP_MAX_METHOD || !is_token(text))
		return 400;
	request->method = HTTP_OTHER;
	request->method_text = text;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, text) == 0)
			request->method = methods[i].method;
	}
	return 0;
}

static int parse_target(struct http_request *request, char *target)
{
	char *query;

	if (strlen(target) > HTTP_MAX_TARGET)
		return 414;
	for (const char *c = target; *c; c++) {
		unsigned char u = (unsigned char)*c;

		if (u <= ' ' || u >= 0x7f || u == '#')
			return 400;
	}
	/* The absolute form is for proxies, but a server has to take it (RFC 9112, 3.2.2). */
	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		target = strchr(strchr(target, ':') + 3, '/');
		if (!target)
			return 400;
	}
	if (target[0] != '/' && !(request->method == HTTP_OPTIONS && strcmp(target, "*") == 0))
		return 400;
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	request->path = target;
	request->query = query ? query : target + strlen(target);
	return 0;
}

static int parse_request_line(struct http_request *request, char *line)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	int status;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	status = parse_method(request, line);
	if (status)
		return status;
	if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.')
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	request->version_1_0 = version[7] == '0';
	return parse_target(request, target);
}

static int parse_field(struct http_request *request, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon) /* also an obs-fold, which begins with a space */
		return 400;
	if (request->n_fields == HTTP_MAX_FIELDS)
		return 431;
	*colon = '\0';
	if (!is_token(line))
		return 400;
	for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
		;
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	for (const char *c = value; *c; c++) {
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return 400;
	}
	request->fields[request->n_fields++] = (struct http_field){line, value};
	return 0;
}

static unsigned int count_fields(const struct http_request *request, const char *name)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < request->n_fields; i++)
		n += strcasecmp(request->fields[i].name, name) == 0;
	return n;
}

const char *http_get_field(const struct http_request *request, const char *name)
{
	for (unsigned int i = 0; i < request->n_fields; i++) {
		if (strcasecmp(request->fields[i].name, name) == 0)
			return request->fields[i].value;
	}
	return NULL;
}

static int parse_length(struct http_request *request, const char *value)
{
	size_t length = 0, digit;

	if (!*value || strlen(value) > 15)
		return 400;
	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return 400;
		digit = (size_t)(*value - '0');
		/* A size_t of 32 bits: too long for everything, and not short again. */
		length = length > (SIZE_MAX - digit) / 10 ? SIZE_MAX : length * 10 + digit;
	}
	request->has_length = true;
	request->content_length = length;
	return 0;
}

/* How the body is delimited. Whatever leaves room for two opinions ends here (RFC 9112, 6.3). */
static int find_framing(struct http_request *request)
{
	const char *coding = http_get_field(request, "Transfer-Encoding");
	const char *length = http_get_field(request, "Content-Length");

	if (count_fields(request, "Content-Length") > 1 ||
		count_fields(request, "Transfer-Encoding") > 1 || (coding && length))
		return 400;
	if (coding && request->version_1_0)
		return 400;
	if (coding && strcasecmp(coding, "chunked") != 0)
		return 501;
	request->chunked = coding != NULL;
	return length ? parse_length(request, length) : 0;
}

/* Is this token in a comma-separated list? */
static bool list_has(const char *list, const char *token)
{
	size_t n = strlen(token);

	while (list && *list) {
		size_t item;

		list += strspn(list, " \t,");
		item = strcspn(list, " \t,");
		if (item == n && strncasecmp(list, token, n) == 0)
			return true;
		list += item;
	}
	return false;
}

static int find_connection(struct http_request *request)
{
	const char *connection = http_get_field(request, "Connection");
	const char *expect = http_get_field(request, "Expect");
	unsigned int hosts = count_fields(request, "Host");

	if (hosts > 1 || (hosts == 0 && !request->version_1_0))
		return 400;
	request->keep_alive = request->version_1_0 ? list_has(connection, "keep-alive")
						   : !list_has(connection, "close");
	if (expect && strcasecmp(expect, "100-continue") != 0)
		return 417;
	request->expect_continue = expect && !request->version_1_0;
	return 0;
}

/* Cut the next line at its CRLF; NULL when there is none, or a bare CR or LF or a NUL in it. */
static char *take_line(char **rest, char *end)
{
	char *line = *rest;
	char *cr = memchr(line, '\r', (size_t)(end - line));

	if (!cr || cr + 1 >= end || cr[1] != '\n')
		return NULL;
	if (memchr(line, '\n', (size_t)(cr - line)) || memchr(line, '\0', (size_t)(cr - line)))
		return NULL;
	*cr = '\0';
	*rest = cr + 2;
	return line;
}

int http_parse_head(char *head, size_t length, struct http_request *request)
{
	char *end = head + length, *rest = head, *line;
	int status;

	memset(request, 0, sizeof(*request));
	if (length > HTTP_MAX_HEAD)
		return 431;
	line = take_line(&rest, end);
	if (!line)
		return 400;
	status = parse_request_line(request, line);
	while (status == 0) {
		line = take_line(&rest, end);
		if (!line)
			return 400;
		if (!*line)
			break;
		status = parse_field(request, line);
	}
	if (status == 0)
		status = find_framing(request);
	if (status == 0)
		status = find_connection(request);
	return status;
}

bool http_decode_path(char *path)
{
	char *out = path;

	for (const char *in = path; *in; in++) {
		int high, low, c;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = text_hex_digit(in[1]);
		low = high < 0 ? -1 : text_hex_digit(in[2]);
		if (low < 0)
			return false;
		c = high * 16 + low;
		if (c < ' ' || c == 0x7f || c == '/')
			return false;
		*out++ = (char)c;
		in += 2;
	}
	*out = '\0';
	return true;
}

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"			     },
		{201, "Created"			       },
		{204, "No Content"			  },
		{206, "Partial Content"		       },
		{304, "Not Modified"		    },
		{400, "Bad Request"			   },
		{401, "Unauthorized"		    },
		{403, "Forbidden"			 },
		{404, "Not Found"			 },
		{405, "Method Not Allowed"		  },
		{406, "Not Acceptable"		      },
		{408, "Request Timeout"		       },
		{409, "Conflict"			},
		{411, "Length Required"		       },
		{412, "Precondition Failed"		   },
		{413, "Content Too Large"		 },
		{414, "URI Too Long"		    },
		{415, "Unsupported Media Type"	      },
		{416, "Range Not Satisfiable"	     },
		{417, "Expectation Failed"		  },
		{426, "Upgrade Required"		},
		{429, "Too Many Requests"		 },
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"	     },
		{501, "Not Implemented"		       },
		{503, "Service Unavailable"		   },
		{505, "HTTP Version Not Supported"	  },
		{507, "Insufficient Storage"	    },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].status == status)
			return texts[i].text;
	}
	return "Unknown";
}
