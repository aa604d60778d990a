/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "plan_facts.h"
#include "smbios_sample.h"

/* Only what the plan looks at; the key table is settings.c's business. */
struct settings make_settings(void)
{
	struct settings settings = {.ipv4 = true, .ipv6 = true, .configure = CONFIGURE_ONCE};

	strcpy(settings.interface, "auto");
	return settings;
}

struct in_addr ip4(const char *text)
{
	struct in_addr address = {0};

	if (text)
		assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return address;
}

struct smbios42_address make_address(
	enum smbios42_assignment assignment, const char *text, unsigned int prefix)
{
	struct smbios42_address a = {.assignment = assignment, .prefix = prefix};

	if (!text)
		return a;
	a.present = true;
	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(
		inet_pton(a.family, text, a.family == AF_INET ? (void *)&a.ipv4 : (void *)&a.ipv6),
		1);
	return a;
}

void load_sample(const char *name, struct smbios42 *record)
{
	uint8_t data[512];
	size_t n = smbios_sample_read(name, data, sizeof(data));
	const char *why;

	assert_int_equal(smbios42_decode(data, n, record, &why), 0);
}
