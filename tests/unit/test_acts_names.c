/* SPDX-License-Identifier: Apache-2.0 */
/* The acts that publish the BMC's address on the host: names in a hosts file, and SNMP. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "acts_harness.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/snmp_text.h"

static uint32_t run_names(struct harness *h, bool on, const char *address)
{
	struct in_addr bmc;
	uint8_t data[5] = {on};

	assert_int_equal(inet_pton(AF_INET, address, &bmc), 1);
	memcpy(data + 1, &bmc, sizeof(bmc));
	return run_act(h, ACT_NAMES, data, sizeof(data));
}

static void read_hosts(struct harness *h, char *text, size_t size)
{
	_cleanup_free_ char *data = NULL;
	size_t length;

	text[0] = '\0';
	if (state_read_file(h->environment.state_fd, "hosts", &data, &length) == 0)
		snprintf(text, size, "%s", data);
}

/* The loopback stands for the NIC: 127.0.0.0/8 is on its link. */
static void test_names(void **state)
{
	struct harness *h = *state;
	char text[1024];

	assert_int_equal(run_names(h, true, "127.0.0.9"), EPERM); /* no NIC is claimed */
	h->acts.ifindex = 1;
	assert_int_equal(run_names(h, true, "127.0.0.1"), EPERM); /* this host's own */
	assert_int_equal(run_names(h, true, "192.0.2.1"), EPERM); /* somewhere else */
	assert_int_equal(run_names(h, true, "0.0.0.0"), EPERM);
	h->acts.settings.local_names = false;
	assert_int_equal(run_names(h, true, "127.0.0.9"), EPERM); /* off is the host's word */
	read_hosts(h, text, sizeof(text));
	assert_string_equal(text, "");
	h->acts.settings.local_names = true;
	assert_int_equal(run_names(h, true, "127.0.0.9"), 0);
	read_hosts(h, text, sizeof(text));
	assert_non_null(strstr(text, "\n127.0.0.9 idrac.local drac.local bmc.local # bmclink\n"));
	h->acts.settings.local_names = false; /* away it can go at any time */
	h->acts.ifindex = 0;
	assert_int_equal(run_names(h, false, "0.0.0.0"), 0);
	read_hosts(h, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(unlinkat(h->environment.state_fd, "hosts", 0), 0);
}

static uint32_t run_snmp(struct harness *h, const char *bmc, const char *user, const char *key)
{
	uint8_t request[512];
	struct wire_writer out;
	struct in_addr address;

	assert_int_equal(inet_pton(AF_INET, bmc, &address), 1);
	wire_writer_init(&out, request, sizeof(request));
	wire_put_fixed(&out, &address, sizeof(address));
	wire_put_u16(&out, 161);
	wire_put_bool(&out, false);
	wire_put_string(&out, user);
	wire_put_string(&out, key);
	wire_put_string(&out, key);
	wire_put_bytes(&out, "\x80\x00\x1f\x88\x05x", 6);
	wire_put_bool(&out, false);
	assert_false(out.failed);
	return run_act(h, ACT_SNMP_START, request, out.used);
}

/* What is asked for is looked at before it is looked for snmpd, which these roots do not have. */
static void test_snmp(void **state)
{
	static const char key[] = "0123456789abcdefghij";
	struct harness *h = *state;

	h->acts.settings.snmp_get = true;
	assert_int_equal(run_snmp(h, "127.0.0.9", "bmclink-x", key), EPERM); /* no NIC is claimed */
	h->acts.ifindex = 1;
	assert_int_equal(run_snmp(h, "127.0.0.9", "bmclink-x", key), 0);
	assert_int_equal(run_snmp(h, "127.0.0.1", "bmclink-x", key), EPERM); /* this host's own */
	assert_int_equal(run_snmp(h, "192.0.2.1", "bmclink-x", key), EPERM); /* somewhere else */
	assert_int_equal(run_snmp(h, "127.0.0.9", "a b", key), EPERM);
	assert_int_equal(run_snmp(h, "127.0.0.9", "a\nrwuser b", key), EPERM);
	assert_int_equal(run_snmp(h, "127.0.0.9", "-v", key), EPERM);
	assert_int_equal(run_snmp(h, "127.0.0.9", "bmclink-x", "short"), EPERM);
	assert_int_equal(run_snmp(h, "127.0.0.9", "bmclink-x", "0123456789abcdef\n"), EPERM);
	h->acts.settings.snmp_get = false; /* off is the host's word */
	assert_int_equal(run_snmp(h, "127.0.0.9", "bmclink-x", key), EPERM);
	h->acts.ifindex = 0; /* away it can go at any time */
	assert_int_equal(run_act(h, ACT_SNMP_STOP, NULL, 0), 0);
}

/* The number that the next descriptor has. */
static int get_next_file(void)
{
	int next = dup(STDIN_FILENO);

	assert_true(next >= 0);
	close(next);
	return next;
}

static void set_files(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Without a descriptor for the folder, and for the file in it, nothing is known of what is there.
 */
static void test_a_drop_in_is_there_until_it_is_gone(void **state)
{
	static const char name[] = "snmp/snmpd.local.conf";
	struct harness *h = *state;
	int dir = h->environment.state_fd, fd;

	assert_int_equal(mkdirat(dir, "snmp", 0700), 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && dprintf(fd, SNMP_TEXT_MARK "\n") > 0);
	close(fd);
	for (int more = 0; more < 2; more++) {
		set_files((rlim_t)(get_next_file() + more));
		assert_int_equal(run_act(h, ACT_SNMP_STOP, NULL, 0), EMFILE);
		set_files(256);
		assert_int_equal(faccessat(dir, name, F_OK, 0), 0);
	}
	assert_int_equal(run_act(h, ACT_SNMP_STOP, NULL, 0), 0);
	assert_int_equal(faccessat(dir, name, F_OK, 0), -1);
	assert_int_equal(unlinkat(dir, "snmp", AT_REMOVEDIR), 0);
}

/* A worker that was taken over does not wear out the disk. */
static void test_names_are_not_changed_without_end(void **state)
{
	struct harness *h = *state;
	char before[1024], after[1024];
	const char *why;

	h->acts.ifindex = 1;
	for (unsigned int i = 0; i <= ACTS_NAMES_PER_HOUR; i++)
		assert_int_equal(run_names(h, i % 2 == 0, "127.0.0.9"), 0);
	assert_int_equal(h->acts.names_changes, ACTS_NAMES_PER_HOUR);
	read_hosts(h, before, sizeof(before));
	assert_int_equal(run_names(h, true, "127.0.0.8"), 0);
	read_hosts(h, after, sizeof(after));
	assert_string_equal(before, after);
	why = (const char *)h->answer + 8; /* status, length, text */
	assert_memory_equal(why, "it was changed too often", 24);
	assert_int_equal(unlinkat(h->environment.state_fd, "hosts", 0), 0);
	h->acts.ifindex = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snmp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_drop_in_is_there_until_it_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_names_are_not_changed_without_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
