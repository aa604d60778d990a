/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's table of acts against requests that our own worker would never send. Nothing may
 * happen: no claim, no state file, no notice, no descriptor, and the answer is always well formed.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "host/agent.h"
#include "host/monitor/acts.h"

#define RANDOM_MESSAGES 100000
#define SEED		20260101U

struct harness {
	struct acts_environment environment;
	struct acts acts;
	char path[64];
	unsigned int notices, events, hellos, reloads;
	uint8_t answer[WIRE_MAX_ANSWER];
};

/* The library of the processes wants an agent; this program has none. */
int agent_prepare(struct agent_environment *env)
{
	return -ENOSYS;
}

int agent_run(struct agent_environment *env)
{
	return -ENOSYS;
}

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	((struct harness *)arg)->notices++;
}

static void on_event(const struct priv_event *event, void *arg)
{
	((struct harness *)arg)->events++;
}

static void on_hello(void *arg)
{
	((struct harness *)arg)->hellos++;
}

static int on_reload(void *arg)
{
	((struct harness *)arg)->reloads++;
	return -EINVAL;
}

static int set_up(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));

	log_open("test_acts", true, LOG_LEVEL_ERR);
	strcpy(h->path, "/tmp/test_acts.XXXXXX");
	assert_non_null(mkdtemp(h->path));
	/* empty trees for /sys and the others: no NIC may be claimed, whatever this machine has */
	h->environment = (struct acts_environment){
		.base = event_base_new(),
		.roots = {h->path, h->path, h->path, h->path, h->path},
		.state_fd = state_open_dir(h->path, 0700),
		.notify = on_notice,
		.emit = on_event,
		.hello = on_hello,
		.reload = on_reload,
		.arg = h
	};
	assert_int_equal(acts_init(&h->acts, &h->environment), 0);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct harness *h = *state;

	acts_close(&h->acts);
	event_base_free(h->environment.base);
	close(h->environment.state_fd);
	assert_int_equal(rmdir(h->path), 0); /* empty: no act left a file */
	free(h);
	return 0;
}

/* The status of the answer, 0 or errno. */
static uint32_t run(struct harness *h, const void *request, size_t length)
{
	struct wire_writer out;
	struct wire_reader in;
	uint32_t status;
	int fd;

	wire_writer_init(&out, h->answer, sizeof(h->answer));
	acts_run(&h->acts, request, length, &out, &fd);
	assert_false(out.failed);
	assert_int_equal(fd, -1);
	wire_reader_init(&in, h->answer, out.used);
	status = wire_get_u32(&in);
	assert_false(in.failed);
	if (status != 0)
		assert_true(wire_is_done(&in));
	return status;
}

static uint32_t run_act(struct harness *h, uint16_t number, const void *data, size_t length)
{
	uint8_t request[WIRE_MAX_REQUEST + 2];

	memcpy(request, &number, sizeof(number));
	if (length > 0)
		memcpy(request + sizeof(number), data, length);
	return run(h, request, sizeof(number) + length);
}

static void test_too_short_for_a_number(void **state)
{
	assert_int_equal(run(*state, "", 0), EPERM);
	assert_int_equal(run(*state, "\1", 1), EPERM);
}

static void test_unknown_numbers(void **state)
{
	uint32_t number;

	for (number = 0; number <= UINT16_MAX; number++)
		if (number < ACT_HELLO || (number > ACT_ACCESS_GET && number != ACT_UPDATE_INFO &&
						  number != ACT_SNMP_STOP))
			assert_int_equal(run_act(*state, (uint16_t)number, NULL, 0), EPERM);
}

/* Every act with every length: only its own may be taken, and none works without a claim. */
static void test_lengths(void **state)
{
	static const struct {
		uint16_t number;
		size_t length; /* the one that fits; nothing is claimed, so it is refused later */
	} rows[] = {
		{ACT_GET_NIC_FACTS,  4 },
		{ACT_GET_DMI,	      4 },
		{ACT_CLAIM_NIC,	4 },
		{ACT_IS_MANAGED,	 0 },
		{ACT_OPEN_TCP,       1 },
		{ACT_GET_PROFILE,	  0 },
		{ACT_CONFIGURE,	43},
		{ACT_SPEND,	    0 },
		{ACT_REARM,	    0 },
		{ACT_CARE,	   1 },
		{ACT_PROBE_ARP,	4 },
		{ACT_OPEN_NEIGHBOUR, 0 },
		{ACT_GET_PASSWORD,   0 },
		{ACT_IPMI,	   2 },
		{ACT_ACCESS_START,   6 },
		{ACT_UPDATE_PIECE,   0 },
		{ACT_UPDATE_COMMIT,  0 },
	};
	static const uint8_t zeros[WIRE_MAX_REQUEST];
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (length = 0; length < WIRE_MAX_REQUEST; length++) {
			uint32_t status = run_act(*state, rows[i].number, zeros, length);

			assert_int_not_equal(status, 0);
			if (length != rows[i].length)
				assert_int_equal(status, EPERM);
		}
	}
}

/* Two requests and no other go to the BMC; asked of the act itself, as if a NIC were claimed. */
static void test_ipmi_requests(void **state)
{
	static const struct {
		uint8_t command, argument;
		int trust; /* enum settings_trust */
	} refused[] = {
		{0x00, 0x01, TRUST_AUTO     },
		{0x01, 0x00, TRUST_AUTO     }, /* certificates count from 1 */
		{0x02, 0x00, TRUST_AUTO     }, /* credentials, and nobody after us */
		{0x02, 0xa4, TRUST_AUTO     },
		{0x03, 0xa5, TRUST_AUTO     },
		{0xff, 0xff, TRUST_AUTO     },
		{0x01, 0x01, TRUST_FIRST_USE}, /* who trusts otherwise does not ask */
		{0x02, 0xa5, TRUST_FIRST_USE},
		{0x01, 0x01, TRUST_PINNED	 },
		{0x02, 0xa5, TRUST_PINNED	 },
	};
	struct harness *h = *state;
	struct wire_writer out;
	struct wire_reader in;
	uint8_t bytes[3] = {0x01, 0x01, 0x00};
	size_t i;
	int fd = -1;

	wire_writer_init(&out, h->answer, sizeof(h->answer));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		bytes[0] = refused[i].command;
		bytes[1] = refused[i].argument;
		h->acts.settings.trust = refused[i].trust;
		wire_reader_init(&in, bytes, 2);
		assert_int_equal(act_ipmi(&h->acts, &in, &out, &fd), -EPERM);
	}
	h->acts.settings.trust = TRUST_AUTO;
	bytes[0] = bytes[1] = 1;
	for (i = 0; i <= 3; i += i == 1 ? 2 : 1) { /* shorter and longer than two bytes */
		wire_reader_init(&in, bytes, i);
		assert_int_equal(act_ipmi(&h->acts, &in, &out, &fd), -EPERM);
	}
	h->acts.ipmi.waiting = true; /* one at a time */
	wire_reader_init(&in, bytes, 2);
	assert_int_equal(act_ipmi(&h->acts, &in, &out, &fd), -EBUSY);
	h->acts.ipmi.waiting = false;
	assert_null(h->acts.ipmi.event);
	assert_int_equal(h->notices, 0);
}

static void test_reload(void **state)
{
	struct harness *h = *state;

	assert_int_equal(run_act(h, ACT_RELOAD, "x", 1), EPERM);
	assert_int_equal(h->reloads, 0);
	assert_int_equal(run_act(h, ACT_RELOAD, NULL, 0), EINVAL); /* as the monitor's end says */
	assert_int_equal(h->reloads, 1);
}

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

/* Something behind a good request makes it a bad one. */
static void test_trailing_bytes(void **state)
{
	struct harness *h = *state;

	assert_int_equal(run_act(h, ACT_HELLO, NULL, 0), 0);
	assert_int_equal(h->hellos, 1);
	assert_int_equal(run_act(h, ACT_HELLO, "x", 1), EPERM);
	assert_int_equal(h->hellos, 1);
	assert_int_equal(run_act(h, ACT_GET_SETTINGS, NULL, 0), 0);
	assert_int_equal(run_act(h, ACT_GET_SETTINGS, "x", 1), EPERM);
	assert_int_equal(run_act(h, ACT_ACCESS_STOP, NULL, 0), 0); /* nothing is open: done */
	assert_int_equal(run_act(h, ACT_ACCESS_STOP, "x", 1), EPERM);
	assert_int_equal(run_act(h, ACT_ACCESS_GET, NULL, 0), 0);
	assert_int_equal(run_act(h, ACT_ACCESS_GET, "x", 1), EPERM);
}

static size_t put_audit(
	uint8_t *out, uint8_t kind, uint8_t family, uint8_t success, uint32_t claimed, size_t there)
{
	struct wire_writer w;
	char filler[256];

	memset(filler, 'a', sizeof(filler));
	wire_writer_init(&w, out, WIRE_MAX_REQUEST);
	wire_put_u8(&w, kind);
	wire_put_u8(&w, family);
	wire_put_u8(&w, success);
	wire_put_string(&w, "x");
	wire_put_string(&w, "y");
	wire_put_u32(&w, claimed);
	wire_put_fixed(&w, filler, there);
	return w.used;
}

static void test_audit_fields(void **state)
{
	static const struct {
		uint8_t kind, family, success;
		uint32_t claimed;
		size_t there;
		uint32_t status;
	} rows[] = {
		{0,   4, 1, 3,	     3,	0	 },
		{0,   4, 1, 64,	      64,  0	   },
		{0,   4, 1, 65,	      65,  EPERM},
		{0,   4, 1, 200,	       200, EPERM},
		{0,   4, 1, 4,	     3,	EPERM},
		{0,   4, 1, 2,	     3,	EPERM},
		{0,   4, 1, UINT32_MAX, 3,	 EPERM},
		{0,   5, 1, 3,	     3,	EPERM},
		{0,   4, 2, 3,	     3,	EPERM},
		{5,   4, 1, 3,	     3,	EPERM},
		{255, 6, 1, 3,	       3,	  EPERM},
	};
	uint8_t data[WIRE_MAX_REQUEST];
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		length = put_audit(data, rows[i].kind, rows[i].family, rows[i].success,
			rows[i].claimed, rows[i].there);
		if (run_act(*state, ACT_AUDIT, data, length) != rows[i].status)
			fail_msg("row %zu", i);
	}
}

/* xorshift: the same messages in every run. */
static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void test_random_messages(void **state)
{
	struct harness *h = *state;
	uint8_t request[WIRE_MAX_REQUEST + 1];
	uint32_t x = SEED, status;
	unsigned int i, done = 0;
	size_t length, k;

	for (i = 0; i < RANDOM_MESSAGES; i++) {
		/* mostly short, as the true ones are, some as long as can be received */
		length = next_random(&x) % (i % 16 == 0 ? sizeof(request) + 1 : 64);
		for (k = 0; k < length; k++)
			request[k] = (uint8_t)next_random(&x);
		/* mostly a known act, or the table's first line would catch them all */
		if (length >= 2 && i % 8 != 0) {
			request[0] = (uint8_t)(1 + next_random(&x) % ACT_ACCESS_GET);
			request[1] = 0;
		}
		status = run(h, request, length);
		done += status == 0;
	}
	/* hello and get-settings have no arguments, so some of those are good ones */
	assert_true(done < RANDOM_MESSAGES / 8);
	assert_int_equal(h->acts.ifindex, 0);
	assert_int_equal(h->notices, 0);
	assert_null(h->acts.care);
	assert_false(h->acts.profile.spent);
}

static void test_over_the_socket(void **state)
{
	struct harness *h = *state;
	uint8_t big[4 * WIRE_MAX_REQUEST] = {ACT_HELLO};
	uint32_t status = 0;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(acts_serve(&h->acts, pair[0]), 0); /* nothing there: no harm */
	/* longer than the longest, with a good start */
	assert_int_equal(send(pair[1], big, sizeof(big), 0), sizeof(big));
	assert_int_equal(acts_serve(&h->acts, pair[0]), 0);
	assert_int_equal(recv(pair[1], &status, sizeof(status), MSG_TRUNC), sizeof(status));
	assert_int_equal(status, EPERM);
	/* strictly one request, one answer: a sender that never reads is cut off, not waited for */
	int r = 0;
	unsigned int i;
	for (i = 0; i < 100000 && r == 0; i++) {
		if (send(pair[1], big, 2, MSG_DONTWAIT) < 0)
			break;
		r = acts_serve(&h->acts, pair[0]);
	}
	assert_int_equal(r, -EPROTO);
	close(pair[1]);
	while ((r = acts_serve(&h->acts, pair[0])) == 0)
		;
	assert_true(r < 0);
	close(pair[0]);
}

/* A descriptor that a worker slips in is not kept. */
static void test_passed_descriptors_are_dropped(void **state)
{
	struct harness *h = *state;
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.buffer = {0}};
	uint16_t number = ACT_HELLO;
	struct iovec iov = {&number, sizeof(number)};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int pair[2], before, after, passed = STDERR_FILENO;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &passed, sizeof(passed));
	before = dup(0);
	close(before);
	assert_int_equal(sendmsg(pair[1], &message, 0), 2);
	assert_int_equal(acts_serve(&h->acts, pair[0]), 0);
	after = dup(0);
	close(after);
	assert_int_equal(before, after); /* the lowest free number is the same */
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_too_short_for_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lengths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ipmi_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reload, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snmp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_names_are_not_changed_without_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trailing_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_audit_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_over_the_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_passed_descriptors_are_dropped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
