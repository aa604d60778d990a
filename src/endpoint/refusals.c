/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/refusals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "endpoint/limiter.h"

struct row { /* of attempts of one sort */
	struct refusals *refusals;
	struct limiter limiter;
	struct event *timer;
	void (*record)(struct row *row);
	char address[INET6_ADDRSTRLEN]; /* of the last one */
	const char *family;
	enum trust_verdict verdict;
};

enum { ROW_WITHOUT_TLS, ROW_UNKNOWN, ROW_EXPIRED, N_ROWS };

struct refusals {
	struct lclog *log;
	struct row rows[N_ROWS];
	struct event *sum_timer;
	unsigned int counts[REFUSALS_N_KINDS];
};

static void record_without_tls(struct row *row)
{
	char attempt[24];

	snprintf(attempt, sizeof(attempt), "%llu", (unsigned long long)row->limiter.attempts);
	lclog_emit(row->refusals->log, MSG_ISM0050, row->address, attempt, row->family);
}

static void record_certificate(struct row *row)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "%s (attempt %llu)", trust_verdict_text(row->verdict),
		(unsigned long long)row->limiter.attempts);
	lclog_emit(row->refusals->log, MSG_ISM1016, row->address, row->family, reason);
}

static void arm(struct row *row)
{
	int64_t wait = limiter_wait_ms(&row->limiter, clock_get_ms(CLOCK_BOOTTIME));
	struct timeval tv = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000};

	if (wait >= 0 && !evtimer_pending(row->timer, NULL))
		evtimer_add(row->timer, &tv);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct row *row = arg;

	if (limiter_flush(&row->limiter, clock_get_ms(CLOCK_BOOTTIME)))
		row->record(row);
	arm(row);
}

static void add(struct row *row, const struct connection *connection)
{
	snprintf(
		row->address, sizeof(row->address), "%s", connection_get_peer(connection)->address);
	row->family = connection_family_name(connection);
	if (limiter_attempt(&row->limiter, clock_get_ms(CLOCK_BOOTTIME)))
		row->record(row);
	arm(row);
}

void refusals_add_without_tls(struct refusals *refusals, const struct connection *connection)
{
	add(&refusals->rows[ROW_WITHOUT_TLS], connection);
}

void refusals_add_certificate(struct refusals *refusals, const struct connection *connection)
{
	enum trust_verdict verdict = connection_get_handshake(connection)->verdict;
	struct row *row =
		&refusals->rows[verdict == TRUST_VERDICT_EXPIRED ? ROW_EXPIRED : ROW_UNKNOWN];

	row->verdict = verdict;
	add(row, connection);
}

static void record_sum(struct refusals *refusals)
{
	static const char *const names[REFUSALS_N_KINDS] = {
		[REFUSALS_RIGHTS] = "for want of rights",
		[REFUSALS_PROTOCOL] = "malformed, too long or too slow",
		[REFUSALS_CONNECTIONS] = "too many connections",
		[REFUSALS_ENROLMENTS] = "too many certificates of hosts",
	};
	char sum[24], text[256] = "";
	unsigned int total = 0;
	size_t used = 0;

	for (int i = 0; i < REFUSALS_N_KINDS; i++) {
		if (!refusals->counts[i])
			continue;
		total += refusals->counts[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u %s",
			used ? ", " : "", refusals->counts[i], names[i]);
		refusals->counts[i] = 0;
	}
	if (!total)
		return;
	snprintf(sum, sizeof(sum), "%u", total);
	lclog_emit(refusals->log, MSG_ISM1034, sum, text);
}

static void on_sum(evutil_socket_t fd, short what, void *arg)
{
	record_sum(arg);
}

void refusals_count(struct refusals *refusals, enum refusals_kind kind)
{
	struct timeval tv = {60, 0};

	if (refusals->counts[kind] < UINT32_MAX / 4)
		refusals->counts[kind]++;
	if (!evtimer_pending(refusals->sum_timer, NULL))
		evtimer_add(refusals->sum_timer, &tv);
}

int refusals_new(struct event_base *base, struct lclog *log, struct refusals **refusals)
{
	struct refusals *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->log = log;
	made->sum_timer = evtimer_new(base, on_sum, made);
	for (int i = 0; i < N_ROWS; i++) {
		made->rows[i].refusals = made;
		made->rows[i].record =
			i == ROW_WITHOUT_TLS ? record_without_tls : record_certificate;
		made->rows[i].timer = evtimer_new(base, on_due, &made->rows[i]);
		if (!made->rows[i].timer || !made->sum_timer) {
			refusals_free(made);
			return -ENOMEM;
		}
	}
	*refusals = made;
	return 0;
}

void refusals_free(struct refusals *refusals)
{
	if (!refusals)
		return;
	for (int i = 0; i < N_ROWS; i++) {
		struct row *row = &refusals->rows[i];

		if (row->limiter.unrecorded)
			row->record(row);
		if (row->timer)
			event_free(row->timer);
	}
	record_sum(refusals);
	if (refusals->sum_timer)
		event_free(refusals->sum_timer);
	free(refusals);
}
