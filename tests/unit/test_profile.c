/* SPDX-License-Identifier: Apache-2.0 */
/* What "once" means (docs/mandate.md, S4), as a table; and the file that it is kept in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/state.h"
#include "base/util.h"
#include "host/monitor/profile.h"

static struct priv_profile pair4(const char *host, const char *bmc)
{
	struct priv_profile p = {.has_ipv4 = true};

	inet_pton(AF_INET, host, &p.host_ipv4);
	inet_pton(AF_INET, bmc, &p.bmc_ipv4);
	return p;
}

static const struct profile_machine here = {"m1", "u1"};
static const struct profile_birth birth = {"boot1", 5};

struct row {
	const char *what;
	bool spent, addresses;
	struct profile_machine made_on;
	const char *made_for;
	struct profile_birth made_in;
	enum priv_once expected;
};

static void test_decide(void **state)
{
	static const struct row rows[] = {
		{"nothing was done yet",		 false, false, {"", ""},	 "",	     {"", 0},      PRIV_ONCE_ARMED  },
		{"done in this life of the NIC",	 true,  true,  {"m1", "u1"}, "usb:1:2", {"boot1", 5},
			PRIV_ONCE_SPENT											      },
		{"the NIC was pulled and put in again", true,  true,  {"m1", "u1"}, "usb:1:2",
			{"boot1", 4},									       PRIV_ONCE_REAPPLY},
		{"the host was booted",			true,  true,  {"m1", "u1"}, "usb:1:2", {"boot0", 5},
			PRIV_ONCE_REAPPLY											    },
		{"complete when spent, same life",	   true,	 false, {"m1", "u1"}, "usb:1:2",
			{"boot1", 5},									       PRIV_ONCE_SPENT  },
		{"complete when spent, booted since",   true,  false, {"m1", "u1"}, "usb:1:2",
			{"boot0", 5},									       PRIV_ONCE_SPENT  },
		{"cloned: other machine-id",	     true,  true,	 {"m2", "u1"}, "usb:1:2", {"boot1", 5},
			PRIV_ONCE_ARMED											      },
		{"cloned: other system UUID",	      true,  true,  {"m1", "u2"}, "usb:1:2", {"boot1", 5},
			PRIV_ONCE_ARMED											      },
		{"system UUID was not readable then",   true,  true,  {"m1", ""},   "usb:1:2",
			{"boot1", 5},									       PRIV_ONCE_SPENT  },
		{"machine-id was not readable then",    true,  true,	 {"", "u1"},   "usb:1:2",
			{"boot1", 5},									       PRIV_ONCE_SPENT  },
		{"another NIC",				true,  true,  {"m1", "u1"}, "usb:1:3", {"boot1", 5}, PRIV_ONCE_ARMED  },
		{"damaged file",			 true,  false, {"", ""},	"",	    {"", 0},	     PRIV_ONCE_SPENT  },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile p = {.spent = rows[i].spent,
			.machine = rows[i].made_on,
			.birth = rows[i].made_in};

		snprintf(p.nic_id, sizeof(p.nic_id), "%s", rows[i].made_for);
		p.by_us = rows[i].addresses;
		if (rows[i].addresses)
			p.addresses = pair4("169.254.1.2", "169.254.1.1");
		if (profile_decide(&p, &here, "usb:1:2", &birth) != rows[i].expected)
			fail_msg("%s", rows[i].what);
	}
}

static const struct profile_now now = {.machine = &here, .nic_id = "usb:1:2", .birth = &birth};

static void test_configure_marks_then_refuses(void **state)
{
	const struct priv_profile wanted = pair4("169.254.1.2", "169.254.1.1");
	struct profile empty = {0}, marked, again = {0};

	assert_int_equal(profile_plan_configure(&empty, &now, &wanted, &marked), 0);
	assert_true(marked.spent);
	assert_int_equal(marked.addresses.host_ipv4.s_addr, wanted.host_ipv4.s_addr);
	assert_int_equal(profile_decide(&marked, &here, "usb:1:2", &birth), PRIV_ONCE_SPENT);
	assert_int_equal(profile_plan_configure(&marked, &now, &wanted, &again), -EPERM);
	assert_false(again.spent);
}

static void test_reapply_takes_the_same_addresses_only(void **state)
{
	const struct priv_profile wanted = pair4("169.254.1.2", "169.254.1.1");
	const struct profile_birth later = {"boot1", 9};
	const struct profile_now reborn = {.machine = &here, .nic_id = "usb:1:2", .birth = &later};
	struct priv_profile other;
	struct profile empty = {0}, marked, again;

	assert_int_equal(profile_plan_configure(&empty, &now, &wanted, &marked), 0);
	other = pair4("169.254.1.3", "169.254.1.1");
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	other = pair4("169.254.1.2", "169.254.1.4");
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	other = wanted;
	other.has_ipv6 = true;
	other.host_ipv6 = in6addr_loopback;
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	assert_int_equal(profile_plan_configure(&marked, &reborn, &wanted, &again), 0);
	assert_int_equal(profile_decide(&again, &here, "usb:1:2", &later), PRIV_ONCE_SPENT);
}

static void test_spend(void **state)
{
	const struct profile_birth later = {"boot2", 5};
	const struct profile_now reborn = {.machine = &here, .nic_id = "usb:1:2", .birth = &later};
	const struct priv_profile wanted = pair4("169.254.1.2", "169.254.1.1");
	struct profile empty = {0}, marked, again;

	profile_plan_spend(&empty, &now, &marked);
	assert_true(marked.spent);
	assert_false(marked.addresses.has_ipv4);
	/* an administrator was quicker in this birth: ours stay for the next one */
	assert_int_equal(profile_plan_configure(&empty, &now, &wanted, &marked), 0);
	profile_plan_spend(&marked, &reborn, &again);
	assert_int_equal(profile_decide(&again, &here, "usb:1:2", &later), PRIV_ONCE_SPENT);
	assert_int_equal(profile_decide(&again, &here, "usb:1:2", &birth), PRIV_ONCE_REAPPLY);
	assert_true(again.addresses.has_ipv4);
}

/* IPv6 by link-local address asks for nothing but a NIC that is up: that, too, dies with a birth.
 */
static void test_brought_up_without_address(void **state)
{
	const struct profile_birth later = {"boot2", 5};
	const struct priv_profile wanted = {0};
	struct profile empty = {0}, marked;

	assert_int_equal(profile_plan_configure(&empty, &now, &wanted, &marked), 0);
	assert_int_equal(profile_decide(&marked, &here, "usb:1:2", &birth), PRIV_ONCE_SPENT);
	assert_int_equal(profile_decide(&marked, &here, "usb:1:2", &later), PRIV_ONCE_REAPPLY);
	profile_plan_spend(&empty, &now, &marked); /* found complete: nothing to do again */
	assert_int_equal(profile_decide(&marked, &here, "usb:1:2", &later), PRIV_ONCE_SPENT);
}

static int open_temporary(char *path)
{
	strcpy(path, "/tmp/test_profile.XXXXXX");
	assert_non_null(mkdtemp(path));
	return state_open_dir(path, 0700);
}

static void close_temporary(int fd, const char *path)
{
	assert_int_equal(state_remove_file(fd, PROFILE_FILE), 0);
	close(fd);
	assert_int_equal(rmdir(path), 0);
}

/* Who found it down is not forgotten by what comes after, within this birth. */
static void test_raised(void **state)
{
	const struct profile_birth later = {"boot1", 9};
	const struct profile_now reborn = {.machine = &here, .nic_id = "usb:1:2", .birth = &later};
	const struct priv_profile wanted = pair4("169.254.1.2", "169.254.1.1");
	struct profile empty = {0}, raised, marked, again;
	char path[64];
	int fd = open_temporary(path);

	assert_int_equal(profile_plan_raise(&empty, &now, &raised), 0);
	assert_true(raised.raised && !raised.spent);
	assert_int_equal(profile_store(fd, &raised), 0); /* a kill here: the next life reads it */
	assert_int_equal(profile_load(fd, &raised), 0);
	assert_true(raised.raised && !raised.spent);
	close_temporary(fd, path);
	assert_int_equal(profile_decide(&raised, &here, "usb:1:2", &birth), PRIV_ONCE_ARMED);
	profile_plan_spend(&raised, &now, &marked);
	assert_true(marked.raised && marked.spent);
	assert_int_equal(profile_plan_configure(&raised, &now, &wanted, &marked), 0);
	assert_true(marked.raised && marked.spent);
	assert_int_equal(profile_plan_raise(&marked, &now, &again), -ENETDOWN);
	assert_int_equal(profile_plan_raise(&marked, &reborn, &again), -ENETDOWN);
	assert_true(profile_plan_rearm(&marked, &now, &again));
	assert_true(again.raised && !again.spent && !again.addresses.has_ipv4);
	/* another birth is another matter */
	assert_false(profile_plan_rearm(&marked, &reborn, &again));
	assert_int_equal(profile_plan_configure(&marked, &reborn, &wanted, &again), 0);
	assert_false(again.raised);
	assert_false(profile_plan_rearm(&empty, &now, &again));
}

/* Who asks for another IPv6 address in a later birth gets none; and what is spent stays as it is.
 */
static void test_reapply_ipv6_and_spend_again(void **state)
{
	const struct profile_birth later = {"boot2", 5};
	const struct profile_now reborn = {&here, "usb:1:2", &later};
	struct priv_profile wanted = {.has_ipv6 = true, .ipv6_prefix = 128}, other;
	struct profile empty = {0}, marked, again;

	inet_pton(AF_INET6, "fde1::2", &wanted.host_ipv6);
	inet_pton(AF_INET6, "fde1::1", &wanted.bmc_ipv6);
	assert_int_equal(profile_plan_configure(&empty, &now, &wanted, &marked), 0);
	other = wanted;
	other.ipv6_prefix = 64;
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	other = wanted;
	inet_pton(AF_INET6, "fde1::3", &other.host_ipv6);
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	other = wanted;
	inet_pton(AF_INET6, "fde1::3", &other.bmc_ipv6);
	assert_int_equal(profile_plan_configure(&marked, &reborn, &other, &again), -EPERM);
	assert_int_equal(profile_plan_configure(&marked, &reborn, &wanted, &again), 0);
	profile_plan_spend(&again, &reborn, &marked);
	assert_memory_equal(&marked, &again, sizeof(marked));
}

static void test_nic_id(void **state)
{
	struct plan_nic nic = {
		.bus = PLAN_BUS_USB,
		.vendor = 0x413c,
		.product = 0xa102,
		.mac = {2, 0, 0, 0, 0, 1}
	 };
	char id[PROFILE_MAX_NIC_ID];

	profile_make_nic_id(&nic, id);
	assert_string_equal(id, "usb:413c:a102");
	nic.bus = PLAN_BUS_PCI;
	profile_make_nic_id(&nic, id);
	assert_string_equal(id, "pci:413c:a102:02:00:00:00:00:01");
	nic.bus = PLAN_BUS_OTHER;
	profile_make_nic_id(&nic, id);
	assert_string_equal(id, "mac:02:00:00:00:00:01");
}

static void test_file(void **state)
{
	struct profile made = {.spent = true, .machine = here, .nic_id = "usb:1:2", .birth = birth};
	struct profile read;
	char path[64];
	int fd = open_temporary(path);
	struct stat st;

	assert_int_equal(profile_load(fd, &read), 0);
	assert_false(read.spent);
	made.addresses = pair4("169.254.1.2", "169.254.1.1");
	made.addresses.has_ipv6 = true;
	made.addresses.ipv6_prefix = 128;
	inet_pton(AF_INET6, "fde1::2", &made.addresses.host_ipv6);
	inet_pton(AF_INET6, "fde1::1", &made.addresses.bmc_ipv6);
	assert_int_equal(profile_store(fd, &made), 0);
	assert_int_equal(fstatat(fd, PROFILE_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(profile_load(fd, &read), 0);
	assert_memory_equal(&read.addresses.host_ipv6, &made.addresses.host_ipv6, 16);
	assert_memory_equal(&read.addresses.bmc_ipv6, &made.addresses.bmc_ipv6, 16);
	assert_int_equal(read.addresses.host_ipv4.s_addr, made.addresses.host_ipv4.s_addr);
	assert_int_equal(read.addresses.ipv6_prefix, 128);
	assert_int_equal(profile_decide(&read, &here, "usb:1:2", &birth), PRIV_ONCE_SPENT);
	close_temporary(fd, path);
}

static void test_damaged_files_are_spent(void **state)
{
	static const char *const contents[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"format\": 2, \"by_us\": true}",
		"{\"format\": 1, \"by_us\": true, \"machine\": {\"machine_id\": \"m1\", "
		"\"system_uuid\": \"u1\"}, "
		"\"nic\": \"\", \"birth\": {\"boot_id\": \"b\", \"ifindex\": 1}}",
		"{\"format\": 1, \"by_us\": true, \"machine\": {\"machine_id\": \"m1\", "
		"\"system_uuid\": \"u1\"}, "
		"\"nic\": \"usb:1:2\", \"birth\": {\"boot_id\": \"b\", \"ifindex\": -1}}",
		"{\"format\": 1, \"by_us\": true, \"machine\": {\"machine_id\": \"m1\", "
		"\"system_uuid\": \"u1\"}, "
		"\"nic\": \"usb:1:2\", \"birth\": {\"boot_id\": \"b\", \"ifindex\": 1}, "
		"\"ipv4\": {\"host\": \"169.254.1\"}}",
	};
	struct profile read;
	char path[64];
	int fd = open_temporary(path);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(contents); i++) {
		assert_int_equal(
			state_write_file(fd, PROFILE_FILE, contents[i], strlen(contents[i]), 0600),
			0);
		assert_int_equal(profile_load(fd, &read), -EBADMSG);
		if (profile_decide(&read, &here, "usb:1:2", &birth) != PRIV_ONCE_SPENT)
			fail_msg("%s", contents[i]);
	}
	close_temporary(fd, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_configure_marks_then_refuses),
		cmocka_unit_test(test_reapply_takes_the_same_addresses_only),
		cmocka_unit_test(test_spend),
		cmocka_unit_test(test_raised),
		cmocka_unit_test(test_brought_up_without_address),
		cmocka_unit_test(test_reapply_ipv6_and_spend_again),
		cmocka_unit_test(test_nic_id),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_damaged_files_are_spent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
