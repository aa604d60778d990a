/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's life: what it opens before the sandbox closes, its loop, reload and stop. */
#include "host/agent.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bmclink-build.h"
#include "host/agent_private.h"
#include "host/feature/inband_access.h"

#define MODULE "agent"

uint64_t agent_now(void)
{
	return (uint64_t)clock_get_ms(CLOCK_BOOTTIME);
}

void agent_schedule(struct agent *agent, bool evaluate)
{
	agent->evaluate |= evaluate;
	if (!agent->stopping)
		event_active(agent->step, EV_TIMEOUT, 0);
}

static void arm_ladder_timer(struct agent *agent, uint64_t until)
{
	uint64_t now = agent_now(), wait = until > now ? until - now : 0;

	if (until == LADDER_NEVER)
		evtimer_del(agent->ladder_timer);
	else
		clock_set_timer(agent->ladder_timer, wait);
}

/* Everything that happens ends here: facts in, actions out, people told. */
static void step(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	struct ladder_action action;

	agent_forget_run(agent);
	if (agent->evaluate) {
		agent->evaluate = false;
		agent_nic_evaluate(agent);
	}
	while ((action = ladder_next(&agent->ladder, agent_now())).type != LADDER_WAIT) {
		switch (action.type) {
		case LADDER_CONFIGURE:
			agent_nic_configure(agent);
			break;
		case LADDER_SPEND:
			agent_nic_spend(agent);
			break;
		case LADDER_TRY:
			agent_try_begin(agent, action.protocol);
			break;
		case LADDER_CLOSE:
			agent_try_drop(agent, action.protocol);
			break;
		case LADDER_WAIT:
			break;
		}
		if (agent->evaluate) { /* what was done changed the facts: look before the next
					  action */
			agent->evaluate = false;
			agent_nic_evaluate(agent);
		}
	}
	arm_ladder_timer(agent, action.until);
	agent_features_run(agent);
	agent_report_progress(agent);
}

static void on_arp_timeout(evutil_socket_t fd, short what, void *arg)
{
	agent_nic_arp_timeout(arg);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	agent_nic_look(arg);
}

static void on_neighbour_timeout(evutil_socket_t fd, short what, void *arg)
{
	agent_neighbour_timeout(arg);
}

static void on_no_interface(evutil_socket_t fd, short what, void *arg)
{
	agent_report_no_interface(arg);
}

static void arm_counts(struct agent *agent)
{
	struct timeval tv = {.tv_sec = (time_t)event_log_flush_due(agent->events)};

	if (tv.tv_sec > 0)
		evtimer_add(agent->counts, &tv);
}

static void on_counts(evutil_socket_t fd, short what, void *arg)
{
	arm_counts(arg);
}

/* Repeats are told of a minute later, also when nothing else happens any more. */
static void on_event(const struct event *event, void *arg)
{
	struct agent *agent = arg;

	if (event->count > 1 && !evtimer_pending(agent->counts, NULL))
		arm_counts(agent);
}

static int load_settings(struct agent *agent, struct settings *settings)
{
	_cleanup_free_ char *text = NULL, *error = NULL;
	size_t length;
	int r = priv_get_settings(agent->priv, &text, &length);

	if (r < 0) {
		log_error(MODULE, "no settings from the monitor: %s", strerror(-r));
		return r;
	}
	r = settings_parse(text, length, "settings", settings, &error);
	if (r < 0)
		log_error(MODULE, "settings: %s", error);
	return r;
}

/* Does a connection depend on what changed? The filter and the switches of features do not touch
 * it. */
static bool link_differs(const struct settings *old, const struct settings *new)
{
	const size_t link = offsetof(struct settings, SETTINGS_FIRST_OF_FEATURES);
	struct settings same = *old;

	same.nic_filter = new->nic_filter;
	same.renewal = new->renewal;
	memcpy((char *)&same + link, (const char *)new + link, sizeof(same) - link);
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): made from zeros */
	return memcmp(&same, new, sizeof(same)) != 0;
}

/* New settings: what a connection was made with may be gone, so it is made again where it matters.
 */
int agent_reload(struct agent *agent)
{
	struct settings settings;
	int r = load_settings(agent, &settings);

	if (r < 0) {
		event_emit(agent->events, MSG_ISM1029, "the new settings could not be taken over");
		return r;
	}
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): made from zeros */
	if (memcmp(&settings, &agent->settings, sizeof(settings)) != 0) {
		bool link_changed = link_differs(&agent->settings, &settings);

		if (strcmp(settings.interface, agent->settings.interface) != 0)
			agent->nic.claimed =
				0; /* as the monitor gives its claim up, or lets it move */
		agent->nic.ask_managed = true;

		agent->settings = settings;
		agent_nic_forget(agent, 0);
		agent->nic.candidate_known = false;
		if (link_changed)
			agent_try_restart(agent);
		if (agent->nic.claimed != 0)
			agent_nic_care(agent);
		agent_renewal_run(agent);
	}
	/* Another password may be in the file: an administrator has looked at it. */
	if (agent->memory.hold.refused > 0) {
		agent->memory.hold = (struct login_hold){0};
		agent_try_restart(agent);
	}
	agent->memory.stream_ends = 0;
	agent->report.said_stream = false;
	agent_features_reloaded(agent);
	agent_schedule(agent, true);
	return 0;
}

static void stop(struct agent *agent)
{
	if (agent->stopping)
		return;
	agent->stopping = true;
	ladder_stop(&agent->ladder);
	agent_features_end(agent);
	agent_try_leave_all(agent);
	event_emit(agent->events, MSG_ISM1022);
	if (!agent_try_is_leaving(agent))
		event_base_loopbreak(agent->base);
}

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	struct agent *agent = arg;
	struct in_addr address;

	switch (notice) {
	case PRIV_NOTICE_STOP:
		stop(agent);
		break;
	case PRIV_NOTICE_RELOAD:
		agent_reload(agent);
		break;
	case PRIV_NOTICE_ARP:
		if (length == sizeof(address)) {
			memcpy(&address, data, sizeof(address));
			agent_nic_arp_answered(agent, address);
		}
		break;
	case PRIV_NOTICE_IPMI:
		if (length == sizeof(struct priv_ipmi))
			agent_kcs_answered(agent, data);
		break;
	case PRIV_NOTICE_ACCESS:
		inband_access_changed(&agent->features.all[FEATURE_INBAND_ACCESS].context);
		break;
	case PRIV_NOTICE_SNMP:
		agent_features_noticed(agent, FEATURE_SNMP_GET);
		break;
	case PRIV_NOTICE_CARE:
		agent_nic_care_told(agent, data);
		break;
	case PRIV_NOTICE_EVENT:
		if (length == sizeof(struct priv_event))
			agent_report_monitor_event(agent, data);
		break;
	}
}

static void on_notices(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	int r = priv_read_notices(agent->priv, on_notice, agent);

	if (r < 0 && r != -EAGAIN) {
		log_error(MODULE, "the monitor is gone: ending");
		stop(agent);
	}
}

static int open_socket(int family, void *arg)
{
	struct agent *agent = arg;
	int fd, r = priv_open_tcp(agent->priv, family, &fd);

	return r < 0 ? r : fd;
}

static time_t wall_clock(void *arg)
{
	return time(NULL);
}

int agent_prepare(struct agent_environment *env)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (agent == NULL)
		return -ENOMEM;
	env->data = agent;
	agent->environment = env;
	agent->priv = env->priv;
	agent->base = event_base_new();
	if (agent->base == NULL)
		return -ENOMEM;
	r = channel_init_library();
	if (r < 0)
		return r;
	r = event_log_new(&agent->events);
	if (r < 0)
		return r;
	agent->step = event_new(agent->base, -1, 0, step, agent);
	agent->ladder_timer = evtimer_new(agent->base, step, agent);
	agent->interface_timer = evtimer_new(agent->base, on_no_interface, agent);
	agent->arp_timer = evtimer_new(agent->base, on_arp_timeout, agent);
	agent->neighbour_timer = evtimer_new(agent->base, on_neighbour_timeout, agent);
	agent->look_timer = evtimer_new(agent->base, on_look, agent);
	agent->counts = evtimer_new(agent->base, on_counts, agent);
	agent->notices = event_new(
		agent->base, priv_notice_fd(agent->priv), EV_READ | EV_PERSIST, on_notices, agent);
	if (agent->step == NULL || agent->ladder_timer == NULL || agent->interface_timer == NULL ||
		agent->arp_timer == NULL || agent->neighbour_timer == NULL ||
		agent->notices == NULL || agent->counts == NULL || agent->look_timer == NULL)
		return -ENOMEM;
	event_log_listen(agent->events, on_event, agent);
	r = agent_renewal_start(agent);
	if (r < 0)
		return r;
	r = udev_watch_new(agent->base, agent_nic_udev_hint, agent, &agent->udev);
	if (r < 0)
		return r;
	return nic_watch_new(agent->base, agent_nic_changed, agent, &agent->watch);
}

static int start(struct agent *agent)
{
	int r = load_settings(agent, &agent->settings);

	if (r < 0)
		return r;
	r = agent_trust_start(agent);
	if (r < 0)
		return r;
	agent->channels = (struct channel_environment){.base = agent->base,
		.settings = &agent->settings,
		.store = &agent->trust,
		.pair = &agent->identity.pair,
		.build_epoch = BMCLINK_BUILD_EPOCH,
		.open_socket = open_socket,
		.get_password = agent_bmc_get_password,
		.memory = &agent->memory,
		.now = wall_clock,
		.arg = agent};
	r = agent_kcs_start(agent);
	if (r < 0)
		return r;
	ladder_init(&agent->ladder, (uint32_t)(agent_now() ^ (uint64_t)getpid() << 16));
	agent->report.since = time(NULL);
	r = agent_control_start(agent);
	if (r < 0)
		return r;
	r = agent_log_start(agent);
	if (r < 0)
		return r;
	r = agent_features_start(agent);
	if (r < 0)
		return r;
	event_add(agent->notices, NULL);
	agent_nic_load_records(agent);
	return 0;
}

static void clear(struct agent *agent)
{
	agent_features_end(agent);
	agent_try_drop_all(agent);
	agent_features_free(agent);
	agent_kcs_free(agent);
	agent_renewal_stop(agent);
	agent_log_clear(agent);
	control_free(agent->control);
	nic_watch_free(agent->watch);
	udev_watch_free(agent->udev);
	event_free(agent->step);
	event_free(agent->ladder_timer);
	event_free(agent->interface_timer);
	event_free(agent->arp_timer);
	event_free(agent->neighbour_timer);
	event_free(agent->look_timer);
	event_free(agent->notices);
	event_log_forget(agent->events, on_event, agent);
	event_free(agent->counts);
	identity_clear(&agent->identity);
	event_log_free(agent->events);
	event_base_free(agent->base);
	free(agent);
}

int agent_run(struct agent_environment *env)
{
	struct agent *agent = env->data;
	int r = start(agent);

	if (r == 0) {
		event_emit(agent->events, MSG_ISM1021, env->version);
		agent_schedule(agent, true);
		if (event_base_dispatch(agent->base) < 0)
			r = -EIO;
		else if (agent->n_local >= AGENT_MAX_LOCAL)
			r = -ENOMEM;
	}
	clear(agent);
	return r;
}
