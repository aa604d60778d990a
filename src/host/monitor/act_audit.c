/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the kernel's audit log (AUDIT_TRUSTED_APP). A container or a kernel without audit is
 * no fault: counted, said once at debug level. Fields are typed and made safe here again: a record
 * is a line of key=value, and what is inside came from the worker.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libaudit.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "host/monitor/acts.h"

#define MODULE	  "audit"
#define MAX_FIELD (ACTS_MAX_AUDIT_FIELD + 1)

struct record {
	const char *kind;
	const char *protocol;
	char address[MAX_FIELD], tls[MAX_FIELD], reason[MAX_FIELD];
	bool success;
	bool trust; /* about trust, not about the link */
};

/* A worker that was taken over must not be able to drown the log. */
static bool is_too_many(struct acts *acts, bool trust)
{
	struct timespec now;
	long minute;

	clock_gettime(CLOCK_MONOTONIC, &now);
	minute = now.tv_sec / 60;
	if (minute != acts->audit_minute) {
		acts->audit_minute = minute;
		acts->audit_count = acts->audit_trust_count = 0;
	}
	if (trust)
		return ++acts->audit_trust_count > ACTS_AUDIT_TRUST_PER_MINUTE;
	return ++acts->audit_count > ACTS_AUDIT_PER_MINUTE;
}

static void get_field(struct wire_reader *in, char out[MAX_FIELD])
{
	char raw[MAX_FIELD];

	wire_get_string(in, raw, sizeof(raw));
	if (text_make_audit_value(raw, strlen(raw), out, MAX_FIELD) == 0)
		snprintf(out, MAX_FIELD, "?");
}

static int read_record(struct wire_reader *in, struct record *record)
{
	static const char *const kinds[] = {
		[PRIV_AUDIT_CONNECTED] = "bmc-link-connected",
		[PRIV_AUDIT_CHANGED] = "bmc-link-protocol-changed",
		[PRIV_AUDIT_LOST] = "bmc-link-lost",
		[PRIV_AUDIT_REFUSED] = "bmc-link-refused",
		[PRIV_AUDIT_EXPIRED] = "bmc-link-certificate-expired",
	};
	uint8_t kind = wire_get_u8(in), family = wire_get_u8(in);

	record->success = wire_get_bool(in);
	get_field(in, record->address);
	get_field(in, record->tls);
	get_field(in, record->reason);
	if (!wire_is_done(in) || kind >= ARRAY_SIZE(kinds) || (family != 4 && family != 6))
		return -EPERM;
	record->kind = kinds[kind];
	record->trust = kind == PRIV_AUDIT_REFUSED || kind == PRIV_AUDIT_EXPIRED;
	record->protocol = family == 4 ? "IPv4" : "IPv6";
	return 0;
}

static int write_record(struct acts *acts, const struct record *record)
{
	char text[512];

	if (acts->audit_fd < 0)
		acts->audit_fd = audit_open();
	if (acts->audit_fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "op=%s proto=%s tls=%s reason=%s", record->kind,
		record->protocol, record->tls, record->reason);
	if (audit_log_user_message(acts->audit_fd, AUDIT_TRUSTED_APP, text, NULL, record->address,
		    NULL, record->success ? 1 : 0) <= 0)
		return errno > 0 ? -errno : -EIO;
	log_debug(MODULE, "record written: %s", text);
	return 0;
}

int act_audit(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct record record;
	int r = read_record(in, &record);

	if (r < 0)
		return r;
	r = is_too_many(acts, record.trust) ? -EAGAIN : write_record(acts, &record);
	if (r < 0) {
		acts->audit_lost++;
		log_debug(MODULE, "record of %s not written (%u lost by now): %s", record.kind,
			acts->audit_lost, strerror(-r));
	}
	/* no audit on this host is not a refusal of the act */
	return r == -EAGAIN ? r : 0;
}
