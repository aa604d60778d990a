/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over the sockets between worker and monitor. Numbers are put and taken one by one, with
 * bounds; no structure of C crosses, so padding leaks nothing and no field can be read unchecked.
 * Host byte order: both ends are one binary on one machine. Addresses stay in network order.
 *
 * Request socket (SOCK_SEQPACKET, strictly one request, one answer):
 *   request: u16 act, then the act's arguments          at most WIRE_MAX_REQUEST bytes
 *   answer:  u32 status (0 or errno), then its results   at most WIRE_MAX_ANSWER bytes, and at most
 *            one descriptor
 * Notice socket (SOCK_SEQPACKET, monitor to worker only):
 *   notice:  u16 notice, then its data                   at most WIRE_MAX_NOTICE bytes
 *
 * A writer or reader that would leave its bounds sets failed and from then on does nothing; the
 * caller looks once, at the end.
 */
#ifndef BMCLINK_HOST_WIRE_H
#define BMCLINK_HOST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX_REQUEST 1024
#define WIRE_MAX_ANSWER	 (160 * 1024) /* settings: 64 KiB; a whole SMBIOS table: 128 KiB */
#define WIRE_MAX_NOTICE	 2048

struct wire_writer {
	uint8_t *data;
	size_t size, used;
	bool failed;
};

struct wire_reader {
	const uint8_t *data;
	size_t length, at;
	bool failed;
};

void wire_writer_init(struct wire_writer *writer, void *data, size_t size);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_bool(struct wire_writer *writer, bool value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_fixed(struct wire_writer *writer, const void *data, size_t length);
/* u32 length, then the bytes */
void wire_put_bytes(struct wire_writer *writer, const void *data, size_t length);
/* The string without its NUL; NULL counts as "". */
void wire_put_string(struct wire_writer *writer, const char *s);

void wire_reader_init(struct wire_reader *reader, const void *data, size_t length);
/* All return 0 (or false, or zero bytes) once the reader has failed. */
uint8_t wire_get_u8(struct wire_reader *reader);
bool wire_get_bool(struct wire_reader *reader); /* a byte other than 0 and 1 fails */
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
void wire_get_fixed(struct wire_reader *reader, void *data, size_t length);
/* Borrowed from the reader's buffer; NULL when failed. */
const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t max, size_t *length);
/* Into out with its NUL; a string that does not fit, or with a NUL inside, fails. */
void wire_get_string(struct wire_reader *reader, char *out, size_t size);
/* Everything was read and nothing failed. */
bool wire_is_done(const struct wire_reader *reader);

#endif
