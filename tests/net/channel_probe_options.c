/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the channel probe: most are one field of struct probe each. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "channel_probe.h"

static int set_address(struct probe *probe, const char *text)
{
	probe->target.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(probe->target.family, text,
		       probe->target.family == AF_INET6 ? (void *)&probe->target.ipv6
							: (void *)&probe->target.ipv4) == 1
		       ? 0
		       : -EINVAL;
}

static int set_ifindex(struct probe *probe, const char *value)
{
	probe->target.ifindex = if_nametoindex(value);
	return 0;
}

/* DIR: its agent.key and agent.crt */
static int set_pair(struct probe *probe, const char *dir)
{
	_cleanup_close_ int fd = state_open_dir(dir, 0700);

	return fd < 0 ? fd : cert_pair_load(fd, "agent.key", "agent.crt", &probe->pair);
}

static int set_pin(struct probe *probe, const char *value)
{
	snprintf(probe->settings.pin, sizeof(probe->settings.pin), "%s", value);
	return 0;
}

static int set_stored_pin(struct probe *probe, const char *value)
{
	probe->store.pinned = probe->store.seen_tls = true;
	return text_parse_hex(value, probe->store.pin, sizeof(probe->store.pin));
}

static int set_trust(struct probe *probe, const char *value)
{
	probe->settings.trust = strcmp(value, "pinned") == 0 ? TRUST_PINNED : TRUST_FIRST_USE;
	return 0;
}

static int set_no_tls(struct probe *probe, const char *value)
{
	probe->settings.tls = false;
	return 0;
}

static int set_min(struct probe *probe, const char *value) /* "1.2" */
{
	probe->settings.tls_min_version = TLS_1_0 + atoi(value + 2);
	return 0;
}

static int set_max(struct probe *probe, const char *value)
{
	probe->settings.tls_max_version = TLS_1_0 + atoi(value + 2);
	return 0;
}

static int add_request(struct probe *probe, const char *value)
{
	if (probe->n_requests == MAX_REQUESTS)
		return -E2BIG;
	probe->requests[probe->n_requests++] = value;
	return 0;
}

static int set_user(struct probe *probe, const char *value)
{
	snprintf(probe->settings.login_user, sizeof(probe->settings.login_user), "%s", value);
	return 0;
}

static int set_password(struct probe *probe, const char *value)
{
	probe->password = value;
	snprintf(probe->settings.login_password_file, sizeof(probe->settings.login_password_file),
		"/nowhere");
	return 0;
}

static int set_log_last(struct probe *probe, const char *value)
{
	log_cursor_init(&probe->cursor, value);
	return 0;
}

static int set_debug(struct probe *probe, const char *value)
{
	log_set_level(LOG_LEVEL_DEBUG);
	return 0;
}

enum kind { KIND_FLAG, KIND_PORT, KIND_UINT, KIND_LONG, KIND_LONG_LONG, KIND_TEXT, KIND_CALL };

/* clang-format off */
#define FIELD(name, field)                                                                         \
	{name, _Generic(((struct probe *)0)->field, bool: KIND_FLAG, uint16_t: KIND_PORT,          \
		unsigned int: KIND_UINT, long: KIND_LONG, long long: KIND_LONG_LONG,               \
		const char *: KIND_TEXT), required_argument, offsetof(struct probe, field), NULL}
#define CALL(name, argument, set) {name, KIND_CALL, argument, 0, set}

static const struct row {
	const char *name;
	enum kind kind;
	int argument; /* of a call: whether it has one */
	size_t offset;
	int (*set)(struct probe *probe, const char *value);
} rows[] = {
	CALL("address", required_argument, set_address),
	FIELD("port", target.port),
	FIELD("plain-port", target.plain_port),
	CALL("ifindex", required_argument, set_ifindex),
	CALL("pair", required_argument, set_pair),
	CALL("pin", required_argument, set_pin),
	CALL("stored-pin", required_argument, set_stored_pin),
	FIELD("window", store.window_open),
	FIELD("seen-tls", store.seen_tls),
	FIELD("damaged", store.damaged),
	CALL("trust", required_argument, set_trust),
	CALL("no-tls", no_argument, set_no_tls),
	CALL("min", required_argument, set_min),
	CALL("max", required_argument, set_max),
	FIELD("now", now),
	FIELD("build", environment.build_epoch),
	FIELD("stay", stay_ms),
	CALL("request", required_argument, add_request),
	FIELD("pushed", max_pushed),
	FIELD("keep-alive", keep_alive),
	FIELD("sandbox", sandbox),
	FIELD("sockets", max_socket_calls),
	FIELD("close-in-done", close_in_done),
	FIELD("close-in-push", close_in_push),
	CALL("user", required_argument, set_user),
	CALL("password", required_argument, set_password),
	FIELD("poll", environment.poll_ms),
	FIELD("end-session", end_session),
	FIELD("stream-ends", memory.stream_ends),
	FIELD("read-log", read_log),
	CALL("log-last", required_argument, set_log_last),
	CALL("debug", no_argument, set_debug),
};
/* clang-format on */

static int set_row(struct probe *probe, const struct row *row, const char *value)
{
	void *field = (char *)probe + row->offset;

	switch (row->kind) {
	case KIND_FLAG:
		*(bool *)field = true;
		break;
	case KIND_PORT:
		*(uint16_t *)field = (uint16_t)atoi(value);
		break;
	case KIND_UINT:
		*(unsigned int *)field = (unsigned int)atoi(value);
		break;
	case KIND_LONG:
		*(long *)field = atol(value);
		break;
	case KIND_LONG_LONG: /* time_t of some machines */
		*(long long *)field = atoll(value);
		break;
	case KIND_TEXT:
		*(const char **)field = value;
		break;
	case KIND_CALL:
		return row->set(probe, value);
	}
	return 0;
}

#define FIRST_ID 256 /* getopt's own answers are below */

int probe_parse_options(struct probe *probe, int argc, char **argv)
{
	struct option options[ARRAY_SIZE(rows) + 1] = {{0}};
	int id;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		options[i].name = rows[i].name;
		options[i].has_arg = rows[i].kind == KIND_FLAG ? no_argument : rows[i].argument;
		options[i].val = FIRST_ID + (int)i;
	}
	probe->settings.tls = true;
	probe->settings.plain = true;
	probe->settings.trust = TRUST_FIRST_USE;
	probe->settings.tls_min_version = TLS_1_1;
	probe->settings.tls_max_version = TLS_1_3;
	probe->environment.build_epoch = 1767225600;
	probe->max_socket_calls = -1;
	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (id < FIRST_ID || set_row(probe, &rows[id - FIRST_ID], optarg) < 0)
			return -EINVAL;
	}
	return probe->target.family ? 0 : -EINVAL;
}
