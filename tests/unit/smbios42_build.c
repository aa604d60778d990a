/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smbios42_build.h"

/* Decode from a buffer that ends where the data ends. */
int decode_exact(const uint8_t *data, size_t length, struct smbios42 *out, const char **why)
{
	uint8_t *exact = malloc(length ? length : 1);
	int r;

	memcpy(exact, data, length);
	r = smbios42_decode(length ? exact : exact + 1, length, out, why);
	free(exact);
	return r;
}

void check_address(const struct smbios42_address *address, enum smbios42_assignment assignment,
	const char *text, unsigned int prefix)
{
	char found[INET6_ADDRSTRLEN] = "";

	assert_int_equal(address->assignment, assignment);
	assert_int_equal(address->present, text != NULL);
	if (!text)
		return;
	inet_ntop(address->family,
		address->family == AF_INET ? (const void *)&address->ipv4
					   : (const void *)&address->ipv6,
		found, sizeof(found));
	assert_string_equal(found, text);
	assert_int_equal(address->prefix, prefix);
}

void add(struct build *b, const void *bytes, size_t length)
{
	assert_true(b->length + length <= sizeof(b->data));
	memcpy(b->data + b->length, bytes, length);
	b->length += length;
}

void begin(struct build *b, const void *device, size_t length, uint8_t n_records)
{
	const uint8_t head[] = {42, 0, 0x34, 0x12, 0x40, (uint8_t)length};

	b->length = 0;
	add(b, head, sizeof(head));
	add(b, device, length);
	add(b, &n_records, 1);
}

static void put_address(uint8_t *data, const struct address *address)
{
	int family = address->format == 2 ? AF_INET6 : AF_INET;

	data[0] = address->assignment;
	data[1] = address->format;
	if (address->text)
		assert_int_equal(inet_pton(family, address->text, data + 2), 1);
	if (address->mask)
		assert_int_equal(inet_pton(family, address->mask, data + 18), 1);
}

void add_redfish(struct build *b, const struct address *host, const struct address *service,
	uint16_t port, uint32_t vlan, const char *name)
{
	uint8_t record[2 + 91] = {4, (uint8_t)(91 + strlen(name))};

	put_address(record + 2 + 16, host);
	put_address(record + 2 + 50, service);
	record[2 + 84] = (uint8_t)port;
	record[2 + 85] = (uint8_t)(port >> 8);
	for (int i = 0; i < 4; i++)
		record[2 + 86 + i] = (uint8_t)(vlan >> 8 * i);
	record[2 + 90] = (uint8_t)strlen(name);
	add(b, record, sizeof(record));
	add(b, name, strlen(name));
}

/* Formatted area ends; strings is what follows, with its NULs. */
void finish(struct build *b, const char *strings, size_t length)
{
	assert_true(b->length < 256);
	b->data[1] = (uint8_t)b->length;
	add(b, strings, length);
}

const uint8_t usb_v1[] = {2, 0x3c, 0x41, 0x02, 0xa1, 2, 3};
const struct address host4 = {1, 1, "169.254.1.2", "255.255.255.0"};
const struct address service4 = {1, 1, "169.254.1.1", "255.255.255.0"};

void decode_build(const struct build *b, struct smbios42 *out)
{
	const char *why = "";
	int r = decode_exact(b->data, b->length, out, &why);

	if (r)
		fail_msg("%d: %s", r, why);
}
