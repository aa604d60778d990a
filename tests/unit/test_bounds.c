/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses the monitor sets, as a table: what a hostile type 42 record or a taken-over
 * worker would like to have is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/util.h"
#include "host/monitor/bounds.h"
#include "host/monitor/child.h"

#define NIC 5U

static struct nl_address host_addresses[] = {
	{.ifindex = 1,   .family = AF_INET,  .prefix = 8 },
	{.ifindex = 2,   .family = AF_INET,  .prefix = 24},
	{.ifindex = 3,   .family = AF_INET6, .prefix = 64},
	{.ifindex = 3,   .family = AF_INET6, .prefix = 64},
	{.ifindex = NIC, .family = AF_INET,  .prefix = 24},
};

static int set_up(void **state)
{
	static const char *const text[] = {
		"127.0.0.1", "192.168.7.9", "fd00:7::9", "fe80::9", "10.5.0.9"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(host_addresses); i++) {
		inet_pton(host_addresses[i].family, text[i], &host_addresses[i].local);
		host_addresses[i].peer = host_addresses[i].local;
	}
	return 0;
}

static int check4_on(const struct settings *settings, const char *host, const char *bmc,
	uint16_t usb_vendor, uint16_t usb_product)
{
	struct bounds bounds = {.settings = settings,
		.addresses = host_addresses,
		.n_addresses = ARRAY_SIZE(host_addresses),
		.ifindex = NIC,
		.usb_vendor = usb_vendor,
		.usb_product = usb_product};
	struct priv_profile wanted = {.has_ipv4 = true};
	const char *why = NULL;
	int r;

	inet_pton(AF_INET, host, &wanted.host_ipv4);
	inet_pton(AF_INET, bmc, &wanted.bmc_ipv4);
	r = bounds_check(&bounds, &wanted, &why);
	assert_non_null(why);
	return r;
}

static int check4(const struct settings *settings, const char *host, const char *bmc)
{
	return check4_on(settings, host, bmc, 0, 0);
}

static int check6(
	const struct settings *settings, const char *host, const char *bmc, uint8_t prefix)
{
	struct bounds bounds = {.settings = settings,
		.addresses = host_addresses,
		.n_addresses = ARRAY_SIZE(host_addresses),
		.ifindex = NIC};
	struct priv_profile wanted = {.has_ipv6 = true, .ipv6_prefix = prefix};
	const char *why = NULL;

	inet_pton(AF_INET6, host, &wanted.host_ipv6);
	inet_pton(AF_INET6, bmc, &wanted.bmc_ipv6);
	return bounds_check(&bounds, &wanted, &why);
}

static void test_ipv4(void **state)
{
	static const struct {
		const char *host, *bmc;
		int expected;
	} rows[] = {
		{"169.254.1.2",	"169.254.1.1",     0		},
		{"169.254.0.2",	"169.254.0.1",     0		},
		{"10.255.0.2",      "10.255.0.1",	     0	      },
		{"172.16.0.2",      "172.16.0.1",	     0	      },
		{"172.32.0.2",      "172.32.0.1",	     -EPERM	   },
		{"192.168.8.2",	"192.168.8.1",     0		},
 /* of others */
		{"8.8.8.9",	    "8.8.8.8",	       -EPERM     },
		{"169.254.1.2",	"8.8.8.8",	   -EPERM	 },
		{"8.8.8.9",	    "169.254.1.1",	   -EPERM	 },
		{"16.1.15.5",	      "16.1.15.1",	   -EPERM	 },
 /* metadata services */
		{"169.254.1.2",	"169.254.169.254", -EPERM	 },
		{"169.254.169.253", "169.254.1.1",	   -EPERM	 },
		{"169.254.1.2",	"169.254.170.2",	 -EPERM     },
		{"169.254.170.23",  "169.254.1.1",	  -EPERM	},
		{"169.254.1.2",	"169.254.255.255", -EPERM	 },
 /* nonsense */
		{"0.0.0.0",	    "169.254.1.1",	   -EPERM	 },
		{"169.254.1.2",	"0.0.0.1",	   -EPERM	 },
		{"127.0.0.2",	      "127.0.0.3",	   -EPERM	 },
		{"224.0.0.1",	      "169.254.1.1",     -EPERM	   },
		{"255.255.255.255", "169.254.1.1",	   -EPERM	 },
		{"169.254.1.1",	"169.254.1.1",     -EPERM     },
 /* in use */
		{"192.168.7.9",	"169.254.1.1",     -EADDRINUSE},
		{"169.254.1.2",	"192.168.7.9",     -EADDRINUSE},
		{"169.254.1.2",	"192.168.7.77",	-EADDRINUSE},
		{"169.254.1.2",	"10.5.0.9",	    -EADDRINUSE},
 /* the NIC's own subnet is no conflict */
		{"10.5.0.10",	      "10.5.0.1",	  0	   },
	};
	struct settings settings;
	size_t i;

	settings_init(&settings);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (check4(&settings, rows[i].host, rows[i].bmc) != rows[i].expected)
			fail_msg("%s peer %s", rows[i].host, rows[i].bmc);
}

/* A vendor's own public net, on that vendor's NIC only. */
static void test_vendor_net(void **state)
{
	struct settings settings;

	settings_init(&settings);
	assert_int_equal(check4_on(&settings, "16.1.15.2", "16.1.15.1", 0x03f0, 0x2927), 0);
	assert_int_equal(check4_on(&settings, "16.1.15.2", "16.1.15.1", 0x413c, 0xa102), -EPERM);
	assert_int_equal(check4_on(&settings, "16.1.15.2", "16.1.15.1", 0, 0), -EPERM);
	assert_int_equal(check4_on(&settings, "16.1.15.5", "16.1.15.1", 0x03f0, 0x2927), -EPERM);
	/* a cloud's metadata service over IPv6 */
	assert_int_equal(check6(&settings, "fd00:ec2::253", "fd00:ec2::254", 128), -EPERM);
	assert_int_equal(check6(&settings, "fd00:ec3::253", "fd00:ec3::254", 128), 0);
}

static void test_what_the_administrator_named(void **state)
{
	struct settings settings;

	settings_init(&settings);
	inet_pton(AF_INET, "203.0.113.2", &settings.host_ipv4);
	assert_int_equal(check4(&settings, "203.0.113.2", "203.0.113.1"), -EPERM);
	inet_pton(AF_INET, "203.0.113.1", &settings.bmc_ipv4);
	assert_int_equal(check4(&settings, "203.0.113.2", "203.0.113.1"), 0);
	inet_pton(AF_INET, "224.0.0.1", &settings.host_ipv4);
	assert_int_equal(check4(&settings, "224.0.0.1", "203.0.113.1"), -EPERM);
	settings.ipv4 = false;
	assert_int_equal(check4(&settings, "169.254.1.2", "169.254.1.1"), -EPERM);
	assert_int_equal(check6(&settings, "2001:db8::2", "2001:db8::1", 128), -EPERM);
	inet_pton(AF_INET6, "2001:db8::2", &settings.host_ipv6);
	inet_pton(AF_INET6, "2001:db8::1", &settings.bmc_ipv6);
	assert_int_equal(check6(&settings, "2001:db8::2", "2001:db8::1", 128), 0);
}

static void test_ipv6(void **state)
{
	static const struct {
		const char *host, *bmc;
		uint8_t prefix;
		int expected;
	} rows[] = {
		{"fde1::2",	    "fde1::1",     128, 0	     },
		{"fde1::2",	    "::",	  64,  0	       },
		{"fde1::2",	    "::",	  63,  -EPERM	    },
		{"fde1::2",	    "::",	  0,   -EPERM	   },
		{"fde1::2",	    "::",	  129, -EPERM     },
		{"fde1::2",	    "fde1::1",     64,  -EPERM	 },
		{"fde1::2",	    "fde1::2",     128, -EPERM	  },
		{"2001:db8::2",	"2001:db8::1", 128, -EPERM	  },
		{"fde1::2",	    "2001:db8::1", 128, -EPERM     },
		{"fe80::2",	    "::",	  64,  -EPERM	    },
		{"ff02::2",	    "::",	  64,  -EPERM	    },
		{"::1",		"fde1::1",	   128, -EPERM     },
		{"::",	       "fde1::1",	  128, -EPERM     },
		{"::ffff:1.2.3.4", "fde1::1",     128, -EPERM	 },
 /* of another interface: its address, its prefix, and a prefix that holds it */
		{"fd00:7::9",      "fde1::1",	 128, -EADDRINUSE},
		{"fde1::2",	    "fd00:7::77",  128, -EADDRINUSE},
		{"fd00:7::2",      "::",	    64,	-EADDRINUSE},
		{"fde1::2",	    "fd00:7::9",	 128, -EADDRINUSE},
	};
	struct settings settings;
	size_t i;

	settings_init(&settings);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (check6(&settings, rows[i].host, rows[i].bmc, rows[i].prefix) !=
			rows[i].expected)
			fail_msg("%s peer %s/%u", rows[i].host, rows[i].bmc, rows[i].prefix);
}

/* IPv6 by link-local address needs no more than a NIC that is up. */
static void test_no_address_at_all(void **state)
{
	struct settings settings;
	struct bounds bounds = {.settings = &settings, .ifindex = NIC};
	struct priv_profile wanted = {0};
	const char *why;

	settings_init(&settings);
	assert_int_equal(bounds_check(&bounds, &wanted, &why), 0);
}

static void test_back_off_of_the_worker(void **state)
{
	static const unsigned int expected[] = {
		100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct child child;
	uint64_t now = 1000000;
	size_t i;

	child_init(&child);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		child.started_ms = now;
		now += 59999; /* of life: a millisecond short of a long one */
		assert_int_equal(child_get_wait(&child, now), expected[i]);
	}
	child.started_ms = now;
	assert_int_equal(child_get_wait(&child, now + 60000), 100);
	child.started_ms = now;
	assert_int_equal(child_get_wait(&child, now + 1), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_vendor_net),
		cmocka_unit_test(test_what_the_administrator_named),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_no_address_at_all),
		cmocka_unit_test(test_back_off_of_the_worker),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
