/* SPDX-License-Identifier: Apache-2.0 */
/* When the BMC's log is read, and what became of it. One request at a time is on its way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "host/agent_private.h"

#define MODULE "log"

/* --- when --- */

static uint64_t get_retry(struct agent_log *log)
{
	uint64_t wait = AGENT_LOG_RETRY_MS;

	for (unsigned int i = 1; i < log->failures && wait < AGENT_LOG_MAX_RETRY_MS; i++)
		wait *= 2;
	if (wait > AGENT_LOG_MAX_RETRY_MS)
		wait = AGENT_LOG_MAX_RETRY_MS;
	return backoff_shorten(&log->backoff, wait);
}

/* Of news: soon, and not at once after the reading before. */
static uint64_t get_gap(const struct agent_log *log)
{
	uint64_t now = agent_now(), next = log->read_ms + AGENT_LOG_GAP_MS;

	if (log->read_ms == 0 || next <= now + AGENT_LOG_BELL_MS)
		return AGENT_LOG_BELL_MS;
	return next - now;
}

/* 0: the stream tells of every record. */
static uint64_t get_interval(struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);

	if (info->events != CHANNEL_EVENTS_STREAM)
		return backoff_shorten(&agent->log.backoff, AGENT_LOG_POLL_MS);
	return info->ours ? 0 : backoff_shorten(&agent->log.backoff, AGENT_LOG_CARE_MS);
}

static void schedule(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	uint64_t wait;

	evtimer_del(log->timer);
	if (agent->current.channel == NULL || log->job != AGENT_LOG_IDLE)
		return;
	if (log->failures > 0)
		wait = get_retry(log);
	else if (log->rung || log->unread)
		wait = get_gap(log);
	else
		wait = get_interval(agent);
	if (wait > 0)
		clock_set_timer(agent->log.timer, wait);
}

/* --- what --- */

static void on_walked(void *arg);

static const char *take_find(void *core, int status, const json_t *body)
{
	return log_find_take(core, status, body);
}

static const char *take_page(void *core, int status, const json_t *body)
{
	return log_cursor_take(core, status == 200 ? body : NULL);
}

static const char *take_tail(void *core, int status, const json_t *body)
{
	return log_tail_take(core, status == 200 ? body : NULL);
}

static void walk(struct agent *agent, enum agent_log_job job, void *core,
	const char *(*take)(void *core, int status, const json_t *body), const char *path)
{
	struct agent_log *log = &agent->log;

	log->job = job;
	log->channel = agent->current.channel;
	log->walk = (struct log_walk){
		.core = core, .take = take, .done = on_walked, .arg = agent, .status = -1};
	if (log_walk_start(&log->walk, agent->current.channel, path) < 0) {
		take(core, 0, NULL);
		on_walked(agent);
	}
}

static void start_find(struct agent *agent)
{
	struct channel_links links = channel_get_links(agent->current.channel);
	struct agent_log *log = &agent->log;

	walk(agent, AGENT_LOG_FINDS, &log->find, take_find,
		log_find_begin(&log->find, channel_get_manager_path(agent->current.channel),
			links.systems));
}

static void start_read(struct agent *agent)
{
	struct agent_log *log = &agent->log;

	log->rung = false;
	log->cursor.top_skip = channel_get_links(agent->current.channel).top_skip;
	walk(agent, AGENT_LOG_READS, &log->cursor, take_page,
		log_cursor_begin(&log->cursor, log->cursor.entries));
}

static void start_list(struct agent *agent)
{
	struct agent_log *log = &agent->log;

	walk(agent, AGENT_LOG_LISTS, &log->tail, take_tail,
		log_tail_begin(&log->tail, log->cursor.entries, log->lists[0].lines,
			channel_get_links(agent->current.channel).top_skip));
}

/* Those who wait come first. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	struct agent_log *log = &agent->log;

	if (agent->current.channel == NULL || log->job != AGENT_LOG_IDLE)
		return;
	if (!log->found)
		start_find(agent);
	else if (log->n_lists > 0)
		start_list(agent);
	else
		start_read(agent);
}

/* --- what became of it --- */

static void save(struct agent *agent)
{
	int r = log_store_save(agent->environment->state_fd, &agent->log.store, &agent->log.cursor);

	if (r < 0)
		log_warning(
			MODULE, "the place in the BMC's log could not be saved: %s", strerror(-r));
}

static bool is_current(const struct agent *agent)
{
	return agent->current.channel != NULL && agent->log.channel == agent->current.channel;
}

static void fail(struct agent *agent, const char *reason)
{
	struct agent_log *log = &agent->log;

	if (!is_current(agent))
		return; /* the connection is gone: that says nothing about the log */
	log->failures++;
	if (strcmp(log->reason, reason) != 0)
		log_info(MODULE, "the BMC's log cannot be read: %s", reason);
	snprintf(log->reason, sizeof(log->reason), "%s", reason);
}

static void explain(const struct log_walk *walk, const char *path, char *out, size_t size)
{
	char printable[100];

	text_make_printable(path, strlen(path), printable, sizeof(printable));
	if (walk->status == 200)
		snprintf(out, size, "%s is no collection of log entries", printable);
	else if (walk->status > 0)
		snprintf(out, size, "%s answered %d", printable, walk->status);
	else if (walk->status == 0)
		snprintf(out, size, "%s could not be read within its bounds", printable);
	else
		snprintf(out, size, "it leads to a page that is none of its service");
}

static void end_find(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	char reason[sizeof(log->reason)];

	if (log->find.entries[0] == '\0') {
		text_make_printable(
			log->find.reason, strlen(log->find.reason), reason, sizeof(reason));
		fail(agent, reason);
		if (is_current(agent))
			agent_log_refuse_lists(agent, CONTROL_UNAVAILABLE, reason);
		return;
	}
	log->found = log->unread = true;
	if (strcmp(log->cursor.entries, log->find.entries) != 0)
		log->cursor = (struct log_cursor){0};
	snprintf(log->cursor.entries, sizeof(log->cursor.entries), "%s", log->find.entries);
	snprintf(log->store.service, sizeof(log->store.service), "%s", log->find.service);
	log_info(MODULE, "the BMC's log is %s", log->store.service);
}

static void hand_over(const json_t *entry, void *arg)
{
	struct agent *agent = arg;
	struct log_record record;

	log_record_read(entry, &record);
	agent->log.records++;
	agent_log_hand_over(agent, &record);
}

/* Did anything move that a restart must know? */
static bool has_moved(const struct log_cursor *before, const struct log_cursor *now)
{
	return strcmp(before->last, now->last) != 0 || strcmp(before->resume, now->resume) != 0 ||
	       before->begun != now->begun || before->order != now->order ||
	       strcmp(before->created, now->created) != 0;
}

static void end_read(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	struct log_cursor *cursor = &log->cursor, before = *cursor;
	char reason[sizeof(log->reason)];

	if (cursor->cleared)
		agent_log_begin_feeds_anew(agent);
	if (log_cursor_end(cursor, hand_over, agent) < 0) {
		explain(&log->walk, cursor->page[0] ? cursor->page : cursor->entries, reason,
			sizeof(reason));
		/* It may have moved: the next time it is looked for. */
		log->found = log->found && !is_current(agent);
		fail(agent, reason);
		return;
	}
	log->failures = 0;
	log->reason[0] = '\0';
	log->unread = false;
	log->read_ms = agent_now();
	log->read_at = time(NULL);
	log->lost += cursor->lost;
	log->cleared += cursor->cleared;
	log->rung |= cursor->cut;
	if (cursor->cleared)
		log_notice(MODULE, "the BMC's log was cleared, or its Ids began anew");
	if (has_moved(&before, cursor))
		save(agent);
}

static void end_list(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	char reason[sizeof(log->reason)];

	if (log->tail.done) {
		agent_log_answer_list(agent);
		return;
	}
	log_tail_clear(&log->tail);
	explain(&log->walk, log->tail.page[0] ? log->tail.page : log->tail.entries, reason,
		sizeof(reason));
	if (is_current(agent))
		agent_log_refuse_lists(agent, CONTROL_FAILED, reason);
}

static void on_walked(void *arg)
{
	struct agent *agent = arg;
	struct agent_log *log = &agent->log;
	enum agent_log_job job = log->job;

	log->job = AGENT_LOG_IDLE;
	switch (job) {
	case AGENT_LOG_FINDS:
		end_find(agent);
		break;
	case AGENT_LOG_READS:
		end_read(agent);
		break;
	case AGENT_LOG_LISTS:
		end_list(agent);
		break;
	case AGENT_LOG_IDLE:
		break;
	}
	control_publish_status(agent->control);
	if (agent->current.channel == NULL)
		return;
	/* From the loop: this may be within channel_close(). */
	if (log->n_lists > 0 || (job == AGENT_LOG_FINDS && log->found))
		clock_set_timer(agent->log.timer, 0);
	else
		schedule(agent);
}

/* --- life --- */

void agent_log_ring(struct agent *agent)
{
	struct agent_log *log = &agent->log;

	if (log->rung)
		return;
	log->rung = true;
	if (log->failures == 0)
		schedule(agent);
}

void agent_log_connected(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	const struct channel_info *info = channel_get_info(agent->current.channel);

	if (strcmp(log->store.bmc, info->uuid) != 0) {
		log->cursor = (struct log_cursor){0};
		log->store = (struct log_store){0};
		snprintf(log->store.bmc, sizeof(log->store.bmc), "%s", info->uuid);
	}
	log->found = log->store.service[0] != '\0' && log->cursor.entries[0] != '\0';
	log->unread = true;
	log->failures = 0;
	log->reason[0] = '\0';
	schedule(agent);
}

void agent_log_disconnected(struct agent *agent)
{
	if (agent->log.timer == NULL)
		return;
	evtimer_del(agent->log.timer);
	agent_log_refuse_lists(agent, CONTROL_NOT_CONNECTED, "the connection to the BMC was lost");
}

void agent_log_forget(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	int r = log_store_forget(agent->environment->state_fd);

	if (r < 0)
		log_warning(MODULE, "the place in the BMC's log could not be forgotten: %s",
			strerror(-r));
	log_cursor_clear(&log->cursor);
	log->cursor = (struct log_cursor){0};
	log->store = (struct log_store){0};
	log->found = false;
}

int agent_log_start(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	int r = log_store_load(agent->environment->state_fd, &log->store, &log->cursor);

	if (state_is_passing(r))
		return r;
	if (r < 0 && r != -ENOENT)
		log_warning(MODULE, "%s cannot be used (%s): the BMC's log is read from its end on",
			LOG_STORE_FILE, strerror(-r));
	backoff_init(&log->backoff, (uint32_t)(agent_now() ^ (uint64_t)getpid() << 12));
	log->timer = evtimer_new(agent->base, on_timer, agent);
	return log->timer == NULL ? -ENOMEM : 0;
}

void agent_log_clear(struct agent *agent)
{
	if (agent->log.timer != NULL)
		event_free(agent->log.timer);
	log_cursor_clear(&agent->log.cursor);
	log_tail_clear(&agent->log.tail);
}
