/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 2046, "bchars"; a blank would have to be quoted, and nobody needs one. */
static bool is_boundary_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("'()+_,-./:=?", c));
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* A parameter's value, quoted or not, into out. The place behind it; NULL: it does not fit. */
static const char *take_value(const char *text, char *out, size_t size)
{
	bool quoted = *text == '"';
	size_t used = 0;

	text += quoted;
	while (quoted ? *text != '"' : *text && !strchr("; \t", *text)) {
		if (quoted && *text == '\\')
			text++;
		if (!*text || used + 1 >= size)
			return NULL;
		out[used++] = *text++;
	}
	out[used] = '\0';
	return text + quoted;
}

/*
 * The value of the parameter name in text, which stands behind the first ';' of a field. 0,
 * -ENOENT, -EINVAL: broken, too long, or there twice.
 */
static int find_parameter(const char *text, const char *name, char *out, size_t size)
{
	char value[256];
	int r = -ENOENT;

	while (*(text = skip_blanks(text)) == ';') {
		size_t length;
		bool wanted;

		text = skip_blanks(text + 1);
		length = strcspn(text, "=; \t\"");
		if (!length || text[length] != '=')
			return -EINVAL;
		wanted = length == strlen(name) && strncasecmp(text, name, length) == 0;
		if (wanted && r == 0)
			return -EINVAL;
		text = wanted ? take_value(text + length + 1, out, size)
			      : take_value(text + length + 1, value, sizeof(value));
		if (!text)
			return -EINVAL;
		if (wanted)
			r = 0;
	}
	return *text ? -EINVAL : r;
}

int multipart_init(struct multipart *multipart, const char *content_type,
	const struct multipart_handlers *handlers)
{
	static const char type[] = "multipart/form-data";
	char boundary[MULTIPART_MAX_BOUNDARY + 1];
	size_t length;

	if (!content_type || strncasecmp(content_type, type, strlen(type)) != 0 ||
		find_parameter(
			content_type + strlen(type), "boundary", boundary, sizeof(boundary)) < 0)
		return -EINVAL;
	length = strlen(boundary);
	for (size_t i = 0; i < length; i++) {
		if (!is_boundary_char(boundary[i]))
			return -EINVAL;
	}
	if (!length)
		return -EINVAL;
	*multipart = (struct multipart){.handlers = *handlers};
	snprintf(multipart->delimiter, sizeof(multipart->delimiter), "\r\n--%s", boundary);
	multipart->delimiter_length = length + 4;
	multipart->matched = 2; /* as if a line had ended before the first */
	return 0;
}

/* One field of a part's head; only what the part is called matters to us. */
static int take_field(const char *line, struct multipart_part *part, bool *found)
{
	static const char disposition[] = "Content-Disposition:", data[] = "form-data";
	const char *value;
	int r;

	if (strncasecmp(line, disposition, strlen(disposition)) != 0)
		return 0;
	value = skip_blanks(line + strlen(disposition));
	if (*found || strncasecmp(value, data, strlen(data)) != 0)
		return -EBADMSG;
	value += strlen(data);
	if (find_parameter(value, "name", part->name, sizeof(part->name)) < 0)
		return -EBADMSG;
	r = find_parameter(value, "filename", part->file, sizeof(part->file));
	if (r == -ENOENT)
		part->file[0] = '\0';
	*found = true;
	return r == -EINVAL ? -EBADMSG : 0;
}

/* The head is whole, with the empty line behind it. */
static int take_head(struct multipart *m)
{
	struct multipart_part part = {""};
	char *line = m->head, *end;
	bool found = false;

	m->head[m->head_length - 2] = '\0';
	if (strlen(m->head) != m->head_length - 2)
		return -EBADMSG;
	for (; *line; line = end + 2) {
		end = strstr(line, "\r\n");
		if (!end)
			return -EBADMSG;
		*end = '\0';
		if (take_field(line, &part, &found) < 0)
			return -EBADMSG;
	}
	if (!found || !part.name[0] || ++m->parts > MULTIPART_MAX_PARTS)
		return -EBADMSG;
	m->state = MULTIPART_DATA;
	m->matched = 0;
	return m->handlers.begin(&part, m->handlers.arg);
}

static int take_head_byte(struct multipart *m, char c)
{
	if (m->head_length == sizeof(m->head))
		return -EBADMSG;
	m->head[m->head_length++] = c;
	if (m->head_length == 2 && memcmp(m->head, "\r\n", 2) == 0)
		return -EBADMSG; /* no field at all */
	if (m->head_length >= 4 && memcmp(m->head + m->head_length - 4, "\r\n\r\n", 4) == 0)
		return take_head(m);
	return 0;
}

static int take_after(struct multipart *m, char c)
{
	m->after[m->after_length++] = c;
	if (m->after_length < sizeof(m->after))
		return 0;
	m->after_length = 0;
	m->head_length = 0;
	if (memcmp(m->after, "\r\n", 2) == 0)
		m->state = MULTIPART_HEAD;
	else if (memcmp(m->after, "--", 2) == 0)
		m->state = MULTIPART_DONE;
	else
		return -EBADMSG;
	return 0;
}

static int take_first(struct multipart *m, char c)
{
	if (c != m->delimiter[m->matched])
		return -EBADMSG;
	if (++m->matched == m->delimiter_length)
		m->state = MULTIPART_AFTER;
	return 0;
}

/*
 * Data up to the next delimiter, of which the end of the last piece may have had a part: matched
 * bytes. No byte of it but the first is a CR, so what did not become one cannot hold the beginning
 * of another. *eaten: of data.
 */
static int take_data(struct multipart *m, const char *data, size_t length, size_t *eaten)
{
	const char *begin = data, *end = data + length, *cr;
	int r;

	*eaten = 0;
	while (m->matched && begin < end && *begin == m->delimiter[m->matched]) {
		begin++;
		(*eaten)++;
		if (++m->matched == m->delimiter_length) {
			m->state = MULTIPART_AFTER;
			return m->handlers.end(m->handlers.arg);
		}
	}
	if (begin == end)
		return 0;
	if (m->matched) {
		r = m->handlers.data(m->delimiter, m->matched, m->handlers.arg);
		m->matched = 0;
		return r;
	}
	cr = memchr(begin, '\r', (size_t)(end - begin));
	if (!cr)
		cr = end;
	*eaten = (size_t)(cr - data);
	r = cr > begin ? m->handlers.data(begin, (size_t)(cr - begin), m->handlers.arg) : 0;
	if (r == 0 && cr < end) {
		m->matched = 1;
		(*eaten)++;
	}
	return r;
}

static int take_piece(struct multipart *m, const char *data, size_t length, size_t *eaten)
{
	*eaten = 1;
	switch (m->state) {
	case MULTIPART_DELIMITER:
		return take_first(m, *data);
	case MULTIPART_AFTER:
		return take_after(m, *data);
	case MULTIPART_HEAD:
		return take_head_byte(m, *data);
	case MULTIPART_DATA:
		return take_data(m, data, length, eaten);
	case MULTIPART_DONE:
		return *data == '\r' || *data == '\n' ? 0 : -EBADMSG;
	case MULTIPART_BROKEN:
		break;
	}
	return -EBADMSG;
}

int multipart_take(struct multipart *multipart, const char *data, size_t length)
{
	while (length) {
		size_t eaten;
		int r = take_piece(multipart, data, length, &eaten);

		if (r) {
			multipart->state = MULTIPART_BROKEN;
			return r;
		}
		data += eaten;
		length -= eaten;
	}
	return 0;
}

bool multipart_is_done(const struct multipart *multipart)
{
	return multipart->state == MULTIPART_DONE;
}
