/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's table of acts against requests that our own worker would never send. Nothing may
 * happen: no claim, no state file, no notice, no descriptor, and the answer is always well formed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <libaudit.h>

#include "acts_harness.h"
#include "base/util.h"

#define RANDOM_MESSAGES 100000
#define SEED		20260101U

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

#define NONE SIZE_MAX

/* Every act with every length: only its own may be taken, and few do anything without a claim. */
static void test_lengths(void **state)
{
	static const struct {
		uint16_t number;
		size_t length;	 /* the one that fits; NONE: zeros are never a good one */
		uint32_t status; /* of that one; mostly refused, as nothing is claimed */
	} rows[] = {
		{ACT_GET_NIC_FACTS,  4,    EPERM },
		{ACT_GET_DMI,	      4,	 ENOENT},
		{ACT_CLAIM_NIC,	4,	   EPERM },
		{ACT_IS_MANAGED,	 0,    EPERM },
		{ACT_OPEN_TCP,       1,	  EPERM },
		{ACT_GET_PROFILE,	  0,    EPERM },
		{ACT_CONFIGURE,	43,   EPERM },
		{ACT_SPEND,	    0,    EPERM },
		{ACT_REARM,	    0,    EPERM },
		{ACT_CARE,	   1,    EPERM },
		{ACT_PROBE_ARP,	4,	   EPERM },
		{ACT_OPEN_NEIGHBOUR, 0,	EPERM },
		{ACT_GET_PASSWORD,   0,    EPERM },
		{ACT_IPMI,	   2,    EPERM },
		{ACT_ACCESS_START,   6,    EPERM },
		{ACT_AUDIT,	    NONE, EPERM },
		{ACT_RELOAD,	     0,	EINVAL},
		{ACT_NAMES,	    5,    0	},
		{ACT_ACCESS_STOP,	  0,    0     },
		{ACT_ACCESS_GET,	 0,    0     },
		{ACT_SNMP_START,	 NONE, EPERM },
		{ACT_SNMP_STOP,	0,	   0	    },
		{ACT_UPDATE_INFO,	  0,    0     },
		{ACT_UPDATE_BEGIN,   NONE, EPERM },
		{ACT_UPDATE_PIECE,   0,    EPERM },
		{ACT_UPDATE_COMMIT,  0,    EPERM },
	};
	static const uint8_t zeros[WIRE_MAX_REQUEST];
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (length = 0; length < WIRE_MAX_REQUEST; length++) {
			uint32_t status = run_act(*state, rows[i].number, zeros, length);

			if (status != (length == rows[i].length ? rows[i].status : EPERM))
				fail_msg("act %u with %zu bytes: %u", rows[i].number, length,
					status);
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

/* In-band access as far as it is refused; one that is not would start a relay. */
static void test_access_is_roots(void **state)
{
	static const struct {
		bool on;
		const char *allow;
		uint8_t request[6]; /* address, port */
	} rows[] = {
		{false, "192.0.2.0/24", {169, 254, 1, 1, 0xbb, 1}}, /* off is the host's word */
		{true,  "",		   {169, 254, 1, 1, 0xbb, 1}},
		{true,  "192.0.2.0/24", {127, 0, 0, 9, 0xbb, 1}  },
		{true,  "192.0.2.0/24", {0, 0, 0, 0, 0xbb, 1}    },
		{true,  "192.0.2.0/24", {224, 0, 0, 1, 0xbb, 1}  },
		{true,  "192.0.2.0/24", {169, 254, 1, 1, 0, 0}   },
		{true,  "192.0.2.0/24", {169, 254, 1, 1, 80, 0}  }, /* not the plain port */
	};
	struct harness *h = *state;

	h->acts.ifindex = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		h->acts.settings.inband_access = rows[i].on;
		strcpy(h->acts.settings.access_allow, rows[i].allow);
		if (run_act(h, ACT_ACCESS_START, rows[i].request, 6) != EPERM)
			fail_msg("row %zu", i);
	}
	h->acts.ifindex = 0;
}

static void test_reload(void **state)
{
	struct harness *h = *state;

	assert_int_equal(run_act(h, ACT_RELOAD, "x", 1), EPERM);
	assert_int_equal(h->reloads, 0);
	assert_int_equal(run_act(h, ACT_RELOAD, NULL, 0), EINVAL); /* as the monitor's end says */
	assert_int_equal(h->reloads, 1);
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

static char audit_text[512], audit_address[128];

/* In the place of libaudit's: no record goes to this machine's log. */
int audit_open(void)
{
	return dup(STDIN_FILENO);
}

int audit_log_user_message(int fd, int type, const char *message, const char *hostname,
	const char *address, const char *tty, int result)
{
	snprintf(audit_text, sizeof(audit_text), "%s", message);
	snprintf(audit_address, sizeof(audit_address), "%s", address);
	return 1;
}

/* A record is a line of key=value: nothing within a value looks like another key, or a line. */
static void test_audit_text(void **state)
{
	static const char bad[] = "a b=c\n\"'\x1b[2J\x7f\xc2\x85 op=forged";
	uint8_t data[WIRE_MAX_REQUEST];
	struct wire_writer w;

	wire_writer_init(&w, data, sizeof(data));
	wire_put_u8(&w, PRIV_AUDIT_CONNECTED);
	wire_put_u8(&w, 4);
	wire_put_u8(&w, 1);
	wire_put_string(&w, bad);
	wire_put_string(&w, "TLS 1.3");
	wire_put_string(&w, bad);
	assert_int_equal(run_act(*state, ACT_AUDIT, data, w.used), 0);
	assert_string_equal(audit_address, "a_b_c_____2J____op_forged");
	assert_string_equal(audit_text, "op=bmc-link-connected proto=IPv4 tls=TLS_1.3 "
					"reason=a_b_c_____2J____op_forged");
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
			request[0] = (uint8_t)(1 + next_random(&x) % (ACT_UPDATE_COMMIT + 3));
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
		cmocka_unit_test_setup_teardown(test_access_is_roots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reload, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trailing_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_audit_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_audit_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_over_the_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_passed_descriptors_are_dropped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
