/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/wire.h"

#include <string.h>

void wire_writer_init(struct wire_writer *writer, void *data, size_t size)
{
	*writer = (struct wire_writer){.data = data, .size = size};
}

void wire_put_fixed(struct wire_writer *writer, const void *data, size_t length)
{
	if (writer->failed || length > writer->size - writer->used) {
		writer->failed = true;
		return;
	}
	if (length > 0)
		memcpy(writer->data + writer->used, data, length);
	writer->used += length;
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
	wire_put_fixed(writer, &value, sizeof(value));
}

void wire_put_bool(struct wire_writer *writer, bool value)
{
	wire_put_u8(writer, value ? 1 : 0);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
	wire_put_fixed(writer, &value, sizeof(value));
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
	wire_put_fixed(writer, &value, sizeof(value));
}

void wire_put_bytes(struct wire_writer *writer, const void *data, size_t length)
{
	if (length > UINT32_MAX) {
		writer->failed = true;
		return;
	}
	wire_put_u32(writer, (uint32_t)length);
	wire_put_fixed(writer, data, length);
}

void wire_put_string(struct wire_writer *writer, const char *s)
{
	wire_put_bytes(writer, s, s == NULL ? 0 : strlen(s));
}

void wire_reader_init(struct wire_reader *reader, const void *data, size_t length)
{
	*reader = (struct wire_reader){.data = data, .length = length};
}

void wire_get_fixed(struct wire_reader *reader, void *data, size_t length)
{
	if (reader->failed || length > reader->length - reader->at) {
		reader->failed = true;
		memset(data, 0, length);
		return;
	}
	memcpy(data, reader->data + reader->at, length);
	reader->at += length;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
	uint8_t value;

	wire_get_fixed(reader, &value, sizeof(value));
	return value;
}

bool wire_get_bool(struct wire_reader *reader)
{
	uint8_t value = wire_get_u8(reader);

	if (value > 1)
		reader->failed = true;
	return value == 1;
}

uint16_t wire_get_u16(struct wire_reader *reader)
{
	uint16_t value;

	wire_get_fixed(reader, &value, sizeof(value));
	return value;
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
	uint32_t value;

	wire_get_fixed(reader, &value, sizeof(value));
	return value;
}

const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t max, size_t *length)
{
	uint32_t n = wire_get_u32(reader);
	const uint8_t *at = reader->data + reader->at;

	if (reader->failed || n > max || n > reader->length - reader->at) {
		reader->failed = true;
		*length = 0;
		return NULL;
	}
	reader->at += n;
	*length = n;
	return at;
}

void wire_get_string(struct wire_reader *reader, char *out, size_t size)
{
	size_t length;
	const uint8_t *at = wire_get_bytes(reader, size - 1, &length);

	out[0] = '\0';
	if (at == NULL)
		return;
	if (memchr(at, '\0', length) != NULL) {
		reader->failed = true;
		return;
	}
	memcpy(out, at, length);
	out[length] = '\0';
}

bool wire_is_done(const struct wire_reader *reader)
{
	return !reader->failed && reader->at == reader->length;
}
