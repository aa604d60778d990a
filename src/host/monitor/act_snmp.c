/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BMC's subtree in the host's snmpd. Who may ask, and for which subtree, is the monitor's
 * configuration's business; the worker brings how the BMC is asked, which must be an address on the
 * link of the claimed NIC: a worker that was taken over can have itself asked, and nobody else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/nl.h"
#include "host/monitor/snmp_file.h"
#include "host/monitor/snmp_text.h"
#include "host/monitor/snmpd.h"

#define MODULE "snmp"

static bool may_change(struct acts_snmp *snmp)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (snmp->hour == 0 || now.tv_sec - snmp->hour >= 3600) {
		snmp->hour = now.tv_sec;
		snmp->changes = 0;
	}
	return snmp->changes < ACTS_SNMP_PER_HOUR;
}

static void unwatch(struct acts_snmp *snmp)
{
	if (snmp->event == NULL)
		return;
	event_free(snmp->event);
	close(snmp->pidfd);
	snmp->event = NULL;
}

/* What there is of ours goes, and the snmpd that runs, if any, is told. 0 or negative errno. */
static int take_away(struct acts *acts)
{
	struct acts_snmp *snmp = &acts->snmp;
	struct snmpd snmpd;
	int removed, r;

	unwatch(snmp);
	removed = snmp_file_remove(&acts->environment->roots);
	if (removed < 0) {
		log_error(MODULE, "the drop-in of snmpd cannot be removed: %s", strerror(-removed));
		snmp->stale = true; /* tried again at the end of the worker, if not before */
		return removed;
	}
	if (removed == 0 && !snmp->stale)
		return 0;
	snmp->stale = false;
	r = snmpd_find(&acts->environment->roots, &snmpd);
	/* Not ready: it is starting, and reads its files after this. */
	if (r == 0 && snmpd.ready)
		r = snmpd_reload(&acts->environment->roots, &snmpd, NULL);
	log_info(MODULE, "the drop-in of snmpd is gone%s", r == 0 ? ", snmpd was told" : "");
	return 0;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct acts *acts = arg;

	log_notice(MODULE, "snmpd ended");
	unwatch(&acts->snmp);
	/* The next one may have read the file before it was removed. */
	acts->snmp.stale = snmp_file_remove(&acts->environment->roots) != 0;
	acts->environment->notify(PRIV_NOTICE_SNMP, NULL, 0, acts->environment->arg);
}

static int watch(struct acts *acts, int pidfd)
{
	struct acts_snmp *snmp = &acts->snmp;

	unwatch(snmp);
	snmp->event = event_new(acts->environment->base, pidfd, EV_READ, on_end, acts);
	if (snmp->event == NULL || event_add(snmp->event, NULL) < 0) {
		if (snmp->event != NULL)
			event_free(snmp->event);
		snmp->event = NULL;
		close(pidfd);
		return -ENOMEM;
	}
	snmp->pidfd = pidfd;
	return 0;
}

static int install(struct acts *acts, const struct snmpd *snmpd, const char *text)
{
	struct acts_snmp *snmp = &acts->snmp;
	int pidfd, r;

	if (!may_change(snmp))
		return -EDQUOT;
	snmp->changes++;
	r = snmp_file_write(
		&acts->environment->roots, snmpd, text, acts->settings.snmp_communities);
	if (r == 0)
		r = snmpd_reload(&acts->environment->roots, snmpd, &pidfd);
	if (r == 0)
		r = watch(acts, pidfd);
	if (r < 0) {
		take_away(acts);
		return r;
	}
	snmp->pid = snmpd->pid;
	snmp->stale = false;
	log_info(MODULE, "snmpd (%d) has the drop-in", (int)snmpd->pid);
	return 0;
}

/* 0 or negative errno, all of which are answers. */
static int start(struct acts *acts, const struct snmp_access *access, bool idrac)
{
	struct acts_snmp *snmp = &acts->snmp;
	const struct settings *settings = &acts->settings;
	struct snmp_clients clients = {.subtree = settings->snmp_subtree[0] != '\0'
							  ? settings->snmp_subtree
						  : idrac ? SNMP_IDRAC
							  : SNMP_OWN,
		.communities = settings->snmp_communities,
		.users = settings->snmp_users};
	struct snmpd snmpd;
	char *text;
	int r = snmpd_find(&acts->environment->roots, &snmpd);

	if (r == 0 && !snmpd.ready)
		r = -EAGAIN;
	if (r < 0)
		return r;
	text = snmp_text_make(access, &clients);
	if (text == NULL)
		return -EPERM;
	/* as it should be already? Each change is a reload of somebody else's program */
	if (snmp->event == NULL || snmp->pid != snmpd.pid ||
		!snmp_file_is(&acts->environment->roots, text))
		r = install(acts, &snmpd, text);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

static void get_access(struct wire_reader *in, struct snmp_access *access)
{
	const uint8_t *engine;

	wire_get_fixed(in, &access->bmc, sizeof(access->bmc));
	access->port = wire_get_u16(in);
	access->sha1 = wire_get_bool(in);
	wire_get_string(in, access->user, sizeof(access->user));
	wire_get_string(in, access->auth_key, sizeof(access->auth_key));
	wire_get_string(in, access->priv_key, sizeof(access->priv_key));
	engine = wire_get_bytes(in, sizeof(access->engine), &access->engine_length);
	if (engine != NULL)
		memcpy(access->engine, engine, access->engine_length);
}

int act_snmp_start(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct snmp_access access = {.port = 0};
	bool idrac;
	int r = 0;

	get_access(in, &access);
	idrac = wire_get_bool(in);
	if (!wire_is_done(in) || !acts->settings.snmp_get || !snmp_text_is_access(&access) ||
		!nl_is_on_link(acts->ifindex, access.bmc))
		r = -EPERM;
	if (r == 0) {
		r = start(acts, &access, idrac);
		wire_put_u32(out, (uint32_t)-r);
		r = 0;
	}
	explicit_bzero(&access, sizeof(access));
	return r;
}

int act_snmp_stop(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	if (!wire_is_done(in))
		return -EPERM;
	return take_away(acts);
}

void act_snmp_end(struct acts *acts)
{
	if (acts->snmp.event != NULL || acts->snmp.stale)
		take_away(acts);
}

void act_snmp_cleanup(struct acts *acts)
{
	take_away(acts);
}
