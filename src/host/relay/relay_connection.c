/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: the client says its first bytes (first), a socket to the BMC is asked for and
 * connects (connect), bytes go both ways (open). The BMC is asked for only when there is something
 * to say to it: it has few places.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/relay/relay_private.h"

#define TLS_HANDSHAKE 0x16 /* the first byte of a client that speaks TLS (RFC 8446, 5.1) */
#define EVENTS	      (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

static unsigned int get_place(const struct relay *relay, const struct connection *c)
{
	return (unsigned int)(c - relay->places);
}

static int watch(struct relay *relay, const struct connection *c, const struct flow_end *end)
{
	uint64_t tag = RELAY_TAG_CONNECTIONS + 2 * get_place(relay, c) + (end == &c->bmc);

	return relay_watch(relay, end->fd, EVENTS, tag);
}

static void set_phase(struct relay *relay, struct connection *c, enum relay_phase phase)
{
	c->times.phase = phase;
	c->times.since_ms = c->times.progress_ms = relay->now_ms;
	relay_set_sweep(relay, relay_get_deadline(&c->times, &relay->rules));
}

void connection_refuse(int fd)
{
	const struct linger linger = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void count(struct relay *relay, enum relay_end end)
{
	if (end < RELAY_END_SILENT)
		return;
	relay->counts->refused++;
	if (end == RELAY_END_NOT_ALLOWED)
		relay->counts->not_allowed++;
}

static void tell(struct relay *relay, const struct connection *c, enum relay_end end)
{
	struct relay_report report = {.end = end,
		.ms = relay->now_ms - c->accepted_ms,
		.to_bmc = c->up.bytes,
		.from_bmc = c->down.bytes};

	count(relay, end);
	memcpy(report.address, c->address, RELAY_ADDRESS);
	relay_report(&report);
}

static struct connection *find_place(struct relay *relay)
{
	for (unsigned int i = 0; i < relay->rules.max; i++) {
		if (!relay->places[i].used && !relay->places[i].queued)
			return &relay->places[i];
	}
	return NULL;
}

static void turn_away(
	struct relay *relay, int fd, const uint8_t address[RELAY_ADDRESS], enum relay_end end)
{
	struct connection refused = {.accepted_ms = relay->now_ms};

	memcpy(refused.address, address, RELAY_ADDRESS);
	connection_refuse(fd);
	tell(relay, &refused, end);
}

void connection_accept(struct relay *relay, int fd, const uint8_t address[RELAY_ADDRESS])
{
	static const enum relay_end ends[ADMISSION_VERDICTS] = {
		[ADMISSION_NOT_ALLOWED] = RELAY_END_NOT_ALLOWED,
		[ADMISSION_FULL] = RELAY_END_FULL,
		[ADMISSION_SOURCE_FULL] = RELAY_END_SOURCE_FULL,
	};
	enum admission_verdict verdict = admission_take(&relay->admission, address);
	struct connection *c;
	uint32_t id;

	if (verdict != ADMISSION_OK) {
		turn_away(relay, fd, address, ends[verdict]);
		return;
	}
	c = find_place(relay);
	if (c == NULL) { /* one that has ended is still in the queue */
		admission_give_back(&relay->admission, address);
		turn_away(relay, fd, address, RELAY_END_FULL);
		return;
	}
	id = c->id;
	*c = (struct connection){.used = true,
		.id = id + RELAY_MAX_CONNECTIONS,
		.accepted_ms = relay->now_ms,
		.client = {.fd = fd},
		.bmc = {.fd = -1}};
	if (id == 0)
		c->id += get_place(relay, c);
	memcpy(c->address, address, RELAY_ADDRESS);
	flow_init(&c->up);
	flow_init(&c->down);
	relay->counts->now = relay->admission.now;
	set_phase(relay, c, RELAY_PHASE_FIRST);
	if (watch(relay, c, &c->client) < 0)
		connection_end(relay, c, RELAY_END_LIMIT);
}

void connection_end(struct relay *relay, struct connection *c, enum relay_end end)
{
	if (!c->used)
		return;
	c->used = false;
	if (end == RELAY_END_CLOSED) {
		close(c->client.fd);
		close(c->bmc.fd);
	} else {
		connection_refuse(c->client.fd);
		if (c->bmc.fd >= 0)
			connection_refuse(c->bmc.fd);
	}
	flow_stop(&c->up, &relay->pipes);
	flow_stop(&c->down, &relay->pipes);
	admission_give_back(&relay->admission, c->address);
	relay->counts->now = relay->admission.now;
	tell(relay, c, end);
	if (relay->paused)
		relay_set_paused(relay, false);
}

/* The first byte only: the rest is between the client and the BMC. A client without TLS would look
 * to the BMC like a host without it. */
static void look_at_first_byte(struct relay *relay, struct connection *c)
{
	unsigned char byte;
	ssize_t n = recv(c->client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		connection_end(relay, c, RELAY_END_SILENT);
	else if (byte != TLS_HANDSHAKE)
		connection_end(relay, c, RELAY_END_NOT_TLS);
	else if (relay_ask(c->id) < 0)
		connection_end(relay, c, RELAY_END_LIMIT);
	else
		set_phase(relay, c, RELAY_PHASE_CONNECT);
}

void connection_take_socket(struct relay *relay, uint32_t id, int fd)
{
	struct connection *c = &relay->places[id % RELAY_MAX_CONNECTIONS];

	if (!c->used || c->id != id || c->times.phase != RELAY_PHASE_CONNECT || c->bmc.fd >= 0) {
		if (fd >= 0) /* its client has gone meanwhile */
			connection_refuse(fd);
		return;
	}
	if (fd < 0) {
		connection_end(relay, c, RELAY_END_NO_BMC);
		return;
	}
	c->bmc.fd = fd;
	if (watch(relay, c, &c->bmc) < 0)
		connection_end(relay, c, RELAY_END_LIMIT);
}

static void finish_connect(struct relay *relay, struct connection *c)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(c->bmc.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) {
		connection_end(relay, c, RELAY_END_NO_BMC);
		return;
	}
	relay->counts->total++;
	set_phase(relay, c, RELAY_PHASE_OPEN);
}

static bool is_one_way_lost(enum flow_result up, enum flow_result down, enum relay_end *end)
{
	if (up == FLOW_LIMIT || down == FLOW_LIMIT)
		*end = RELAY_END_LIMIT;
	else if (up == FLOW_SENDER_LOST || down == FLOW_TAKER_LOST)
		*end = RELAY_END_CLIENT;
	else if (up == FLOW_TAKER_LOST || down == FLOW_SENDER_LOST)
		*end = RELAY_END_BMC;
	else
		return false;
	return true;
}

void connection_run(struct relay *relay, struct connection *c)
{
	uint64_t to_bmc = c->up.bytes, from_bmc = c->down.bytes;
	enum flow_result up, down;
	enum relay_end end;

	if (!c->used || c->times.phase != RELAY_PHASE_OPEN)
		return;
	up = flow_run(&c->up, &c->client, &c->bmc, &relay->pipes);
	down = flow_run(&c->down, &c->bmc, &c->client, &relay->pipes);
	if (c->up.bytes != to_bmc || c->down.bytes != from_bmc) {
		c->times.progress_ms = relay->now_ms;
		relay->counts->to_bmc += c->up.bytes - to_bmc;
		relay->counts->from_bmc += c->down.bytes - from_bmc;
	}
	if (is_one_way_lost(up, down, &end)) {
		connection_end(relay, c, end);
		return;
	}
	if (c->up.closed && c->down.closed) {
		connection_end(relay, c, RELAY_END_CLOSED);
		return;
	}
	c->times.stalled = c->up.held > 0 || c->down.held > 0 || c->up.closed || c->down.closed;
	if (c->times.stalled)
		relay_set_sweep(relay, relay_get_deadline(&c->times, &relay->rules));
	if (up == FLOW_MORE || down == FLOW_MORE)
		relay_enqueue(relay, c);
}

void connection_event(struct relay *relay, struct connection *c, bool is_bmc, uint32_t events)
{
	struct flow_end *end = is_bmc ? &c->bmc : &c->client;

	if (!c->used)
		return;
	/* an error is found by whoever reads or writes next */
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		end->readable = true;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		end->writable = true;
	if (c->times.phase == RELAY_PHASE_FIRST && end->readable)
		look_at_first_byte(relay, c);
	else if (c->times.phase == RELAY_PHASE_CONNECT && c->bmc.fd >= 0 && c->bmc.writable)
		finish_connect(relay, c);
	connection_run(relay, c);
}

uint64_t connection_check_time(struct relay *relay, struct connection *c)
{
	static const enum relay_end ends[] = {
		[RELAY_PHASE_FIRST] = RELAY_END_SILENT,
		[RELAY_PHASE_CONNECT] = RELAY_END_NO_BMC,
		[RELAY_PHASE_OPEN] = RELAY_END_IDLE,
	};
	uint64_t deadline = relay_get_deadline(&c->times, &relay->rules);
	enum relay_end end = ends[c->times.phase];

	if (relay->now_ms < deadline)
		return deadline;
	if (c->times.phase == RELAY_PHASE_OPEN && c->times.stalled)
		end = RELAY_END_STALLED;
	connection_end(relay, c, end);
	return UINT64_MAX;
}
