/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type 42 decoder against what is not well formed: every truncation and single-byte change of
 * published structures, whole tables with damage, and random bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "smbios42_build.h"
#include "smbios_sample.h"

static void test_not_well_formed(void **state)
{
	static const struct {
		uint8_t data[16];
		size_t length;
		int result;
	} rows[] = {
		{{0},				    0,	 -EBADMSG},
		{{42, 9, 0, 0, 0x40, 1, 2},		    7,  -EBADMSG},
		{{41, 9, 0, 0, 0x40, 1, 2, 0, 0},	  9,  -EBADMSG},
		{{42, 5, 0, 0, 0x40, 0, 0, 0, 0},	  9,  -EBADMSG},
		{{42, 9, 0, 0, 0x40, 0, 0, 0, 0},	  9,  -EBADMSG}, /* no device type */
		{{42, 9, 0, 0, 0x40, 4, 2, 0, 0},	  9,  -EBADMSG}, /* data beyond the end */
		{{42, 9, 0, 0, 0x40, 3, 2, 0, 0},	  9,  -EBADMSG}, /* no room for ids */
		{{42, 9, 0, 0, 0x40, 1, 6, 1, 2},	  9,  -EBADMSG}, /* half a record */
		{{42, 11, 0, 0, 0x40, 1, 6, 1, 2, 2, 0}, 11, -EBADMSG}, /* record too long */
		{{42, 16, 0, 0, 0xf0, 255, 1},	       16, -ENOTSUP},
		{{42, 9, 0, 0, 0x02, 3, 1, 2, 3},	  9,  -ENOTSUP},
		{{42, 7, 0, 0, 0x40, 1, 6},		    7,  0	}, /* no count of records */
		{{42, 9, 0, 0, 0x40, 1, 6, 0, 0},	  9,  0	      },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smbios42 out, before;
		const char *why = NULL;

		memset(&out, 0x5a, sizeof(out));
		before = out;
		assert_int_equal(
			decode_exact(rows[i].data, rows[i].length, &out, &why), rows[i].result);
		assert_non_null(why);
		if (rows[i].result)
			assert_memory_equal(&out, &before, sizeof(out));
		if (rows[i].result == -EBADMSG)
			assert_true(why[0]);
	}
}

static void check_sane(const struct smbios42 *r)
{
	assert_true(memchr(r->serial, 0, sizeof(r->serial)) != NULL);
	assert_true(memchr(r->hostname, 0, sizeof(r->hostname)) != NULL);
	assert_true(text_is_printable(r->hostname, sizeof(r->hostname)));
	assert_true(text_is_printable(r->serial, sizeof(r->serial)));
	assert_true(r->host.assignment <= SMBIOS42_ASSIGN_HOST_SELECTED);
	assert_true(r->host.prefix <= 128 && r->service.prefix <= 128);
	assert_true(!r->host.present || r->host.family != AF_UNSPEC);
	assert_true(!r->service.present || r->service.family != AF_UNSPEC);
	assert_true(r->vlan != UINT32_MAX);
	assert_false(r->has_mac && (r->mac[0] & 1));
}

static void test_truncations(void **state)
{
	for (size_t i = 0; i < SMBIOS_SAMPLES; i++) {
		uint8_t data[512];
		struct smbios42 r;
		const char *why;
		size_t n = smbios_sample_read(smbios_samples[i], data, sizeof(data));

		for (size_t cut = 0; cut <= n; cut++) {
			int answer = decode_exact(data, cut, &r, &why);

			assert_int_equal(answer, cut < data[1] ? -EBADMSG : 0);
			if (answer == 0)
				check_sane(&r);
		}
		for (size_t cut = 0; cut < data[1]; cut++) { /* the length field shrinks as well */
			uint8_t saved = data[1];

			data[1] = (uint8_t)cut;
			if (decode_exact(data, cut, &r, &why) == 0)
				check_sane(&r);
			data[1] = saved;
		}
	}
}

static void test_changed_bytes(void **state)
{
	for (size_t i = 0; i < SMBIOS_SAMPLES; i++) {
		uint8_t data[512];
		size_t n = smbios_sample_read(smbios_samples[i], data, sizeof(data));

		for (size_t at = 0; at < n; at++) {
			uint8_t saved = data[at];

			for (unsigned int value = 0; value < 256; value++) {
				struct smbios42 r;
				const char *why = NULL;
				int answer;

				data[at] = (uint8_t)value;
				answer = decode_exact(data, n, &r, &why);
				assert_true(
					answer == 0 || answer == -EBADMSG || answer == -ENOTSUP);
				if (answer == 0)
					check_sane(&r);
			}
			data[at] = saved;
		}
	}
}

/* --- whole tables --- */

static size_t append(uint8_t *table, size_t at, const void *bytes, size_t length)
{
	memcpy(table + at, bytes, length);
	return at + length;
}

static size_t walk_exact(
	const uint8_t *table, size_t length, struct smbios42 *out, size_t max, unsigned int *bad)
{
	uint8_t *exact = malloc(length ? length : 1);
	size_t n;

	memcpy(exact, table, length);
	n = smbios42_walk(length ? exact : exact + 1, length, out, max, bad);
	free(exact);
	return n;
}

static size_t make_table(uint8_t *table)
{
	static const uint8_t first[] = {0, 6, 0, 0, 1, 2, 'v', 'e', 'n', 0, 'x', 0, 0};
	static const uint8_t oem[] = {42, 16, 1, 0, 0xf0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t broken[] = {42, 9, 2, 0, 0x40, 200, 2, 3, 4, 0, 0};
	static const uint8_t end[] = {127, 4, 9, 0, 0, 0};
	uint8_t data[512];
	size_t n;

	n = append(table, 0, first, sizeof(first));
	n = append(table, n, oem, sizeof(oem));
	n = append(table, n, data, smbios_sample_read("dell_r740", data, sizeof(data)));
	n = append(table, n, broken, sizeof(broken));
	n = append(table, n, data, smbios_sample_read("usbv2_v13", data, sizeof(data)));
	n = append(table, n, end, sizeof(end));
	return append(table, n, data, smbios_sample_read("lenovo_xcc", data, sizeof(data)));
}

static void test_walk(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	uint8_t table[2048];
	unsigned int bad;
	size_t n = make_table(table);

	assert_int_equal(walk_exact(table, n, found, SMBIOS42_MAX_FOUND, &bad), 2);
	assert_int_equal(bad, 1);
	assert_int_equal(found[0].vendor, 0x413c);
	assert_int_equal(found[1].vendor, 0x0d28);
	assert_int_equal(walk_exact(table, n, found, 1, &bad), 1);
	assert_int_equal(walk_exact(table, 0, found, 1, &bad), 0);
}

static void test_walk_hostile(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	uint8_t table[2048];
	unsigned int bad;
	size_t n = make_table(table);

	for (size_t cut = 0; cut <= n; cut++)
		assert_true(walk_exact(table, cut, found, SMBIOS42_MAX_FOUND, &bad) <= 2);
	for (size_t at = 0; at < n; at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			size_t kept;

			table[at] ^= (uint8_t)(1u << bit);
			kept = walk_exact(table, n, found, SMBIOS42_MAX_FOUND, &bad);
			assert_true(kept <= SMBIOS42_MAX_FOUND);
			for (size_t i = 0; i < kept; i++)
				check_sane(&found[i]);
			table[at] ^= (uint8_t)(1u << bit);
		}
	}
}

static void test_random(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	unsigned int bad;

	srand(42);
	for (int round = 0; round < 20000; round++) {
		uint8_t data[256];
		size_t n = (size_t)(rand() % (int)sizeof(data));
		size_t kept;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(rand() % 3 ? rand() % 12 : rand());
		if (n > 6) {
			data[0] = 42;
			data[4] = 0x40;
		}
		kept = walk_exact(data, n, found, SMBIOS42_MAX_FOUND, &bad);
		for (size_t i = 0; i < kept; i++)
			check_sane(&found[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_well_formed),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_changed_bytes),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_hostile),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
