/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that does what a test says: linked with main.c, monitor and worker it is a bmclinkd
 * (monitor_probe) whose worker, in its real sandbox, takes commands over the control socket: one
 * JSON object a line, {"do": NAME, ...}, answered by {"r": 0 or negative errno, ...}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <jansson.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "host/agent.h"
#include "host/worker.h"
#include "hostile.h"

#define MAX_LINE 262144

struct probe {
	struct agent_environment *env;
	json_t *notices;
	bool stop;
};

static struct probe probe; /* one worker, one probe */

static const char *get_text(const json_t *command, const char *key)
{
	const char *s = json_string_value(json_object_get(command, key));

	return s == NULL ? "" : s;
}

static unsigned int get_number(const json_t *command, const char *key)
{
	return (unsigned int)json_integer_value(json_object_get(command, key));
}

static json_t *plain(int r)
{
	return json_pack("{s:i}", "r", r);
}

static json_t *do_claim(const json_t *command)
{
	return plain(priv_claim_nic(probe.env->priv, get_number(command, "ifindex")));
}

static json_t *do_facts(const json_t *command)
{
	struct plan_nic nic = {0};
	int r = priv_get_nic_facts(probe.env->priv, get_number(command, "ifindex"), &nic);

	return json_pack("{s:i, s:i, s:i, s:i, s:b}", "r", r, "bus", (int)nic.bus, "vendor",
		nic.vendor, "product", nic.product, "ready", nic.udev_ready);
}

static json_t *do_dmi(const json_t *command)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ char *hex = NULL;
	size_t length = 0;
	bool whole = false;
	int r = priv_get_dmi(probe.env->priv, get_number(command, "index"), &data, &length, &whole);

	hex = calloc(1, length * 3 + 1);
	if (r == 0)
		text_make_hex(data, length, 0, hex);
	return json_pack("{s:i, s:s, s:b}", "r", r, "data", hex, "whole", whole);
}

static json_t *do_managed(const json_t *command)
{
	bool managed = false, disabled = false;
	int r = priv_is_managed(probe.env->priv, &managed, &disabled);

	return json_pack("{s:i, s:b, s:b}", "r", r, "managed", managed, "ipv4_disabled", disabled);
}

static json_t *profile_to_json(int r, const struct priv_profile *p)
{
	char h4[INET_ADDRSTRLEN], b4[INET_ADDRSTRLEN], h6[INET6_ADDRSTRLEN], b6[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET, &p->host_ipv4, h4, sizeof(h4));
	inet_ntop(AF_INET, &p->bmc_ipv4, b4, sizeof(b4));
	inet_ntop(AF_INET6, &p->host_ipv6, h6, sizeof(h6));
	inet_ntop(AF_INET6, &p->bmc_ipv6, b6, sizeof(b6));
	return json_pack("{s:i, s:i, s:b, s:s, s:s, s:b, s:s, s:s, s:i}", "r", r, "once",
		(int)p->once, "has_ipv4", p->has_ipv4, "host4", h4, "bmc4", b4, "has_ipv6",
		p->has_ipv6, "host6", h6, "bmc6", b6, "prefix", p->ipv6_prefix);
}

static json_t *do_profile(const json_t *command)
{
	struct priv_profile profile = {0};
	int r = priv_get_profile(probe.env->priv, &profile);

	return profile_to_json(r, &profile);
}

static json_t *do_configure(const json_t *command)
{
	struct priv_profile wanted = {.ipv6_prefix = (uint8_t)get_number(command, "prefix")};

	wanted.has_ipv4 = inet_pton(AF_INET, get_text(command, "host4"), &wanted.host_ipv4) == 1;
	inet_pton(AF_INET, get_text(command, "bmc4"), &wanted.bmc_ipv4);
	wanted.has_ipv6 = inet_pton(AF_INET6, get_text(command, "host6"), &wanted.host_ipv6) == 1;
	inet_pton(AF_INET6, get_text(command, "bmc6"), &wanted.bmc_ipv6);
	return plain(priv_configure(probe.env->priv, &wanted));
}

static json_t *do_spend(const json_t *command)
{
	return plain(priv_spend(probe.env->priv));
}

static json_t *do_rearm(const json_t *command)
{
	return plain(priv_rearm(probe.env->priv));
}

static json_t *do_care(const json_t *command)
{
	return plain(priv_care(probe.env->priv, json_is_true(json_object_get(command, "on"))));
}

static json_t *do_arp(const json_t *command)
{
	struct in_addr target = {0};

	inet_pton(AF_INET, get_text(command, "target"), &target);
	return plain(priv_probe_arp(probe.env->priv, target));
}

static json_t *do_audit(const json_t *command)
{
	return plain(priv_write_audit(probe.env->priv, (enum priv_audit)get_number(command, "kind"),
		AF_INET, get_text(command, "address"), get_text(command, "tls"),
		get_text(command, "reason"), true));
}

static json_t *do_settings(const json_t *command)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r = priv_get_settings(probe.env->priv, &text, &length);

	return json_pack("{s:i, s:s}", "r", r, "text", text == NULL ? "" : text);
}

static json_t *do_password(const json_t *command)
{
	char password[PRIV_MAX_PASSWORD + 1] = "";
	int r = priv_get_password(probe.env->priv, password);

	return json_pack("{s:i, s:s}", "r", r, "password", password);
}

static json_t *do_machine(const json_t *command)
{
	return json_pack("{s:i, s:s}", "r", 0, "machine", probe.env->self.machine);
}

static int connect_to(int fd, const json_t *command)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *address = get_text(command, "address");
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint16_t port = htons((uint16_t)get_number(command, "port"));
	socklen_t size = sizeof(int);
	int error = 0, r;

	v4.sin_port = v6.sin6_port = port;
	v6.sin6_scope_id = get_number(command, "scope");
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		r = connect(fd, (const struct sockaddr *)&v4, sizeof(v4));
	else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
		r = connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	else
		return 0;
	if (r < 0 && errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, 2000) != 1)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

static json_t *do_tcp(const json_t *command)
{
	_cleanup_close_ int fd = -1;
	char device[64] = "", echo[16] = "";
	socklen_t size = sizeof(device);
	int r, connected = 0;

	r = priv_open_tcp(probe.env->priv,
		(int)get_number(command, "family") == 6	  ? AF_INET6
		: (int)get_number(command, "family") == 4 ? AF_INET
							  : AF_UNIX,
		&fd);
	if (r == 0) {
		getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size);
		connected = connect_to(fd, command);
	}
	if (r == 0 && connected == 0 && json_is_true(json_object_get(command, "echo"))) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (send(fd, "ping", 4, MSG_NOSIGNAL) == 4 && poll(&p, 1, 2000) == 1)
			(void)!read(fd, echo, sizeof(echo) - 1);
	}
	return json_pack("{s:i, s:i, s:s, s:s}", "r", r, "connect", connected, "device", device,
		"echo", echo);
}

/* A request as bytes, past priv.c: what a worker that was taken over would send. */
static json_t *do_raw(const json_t *command)
{
	const char *hex = get_text(command, "hex");
	uint8_t request[8192], answer[64];
	size_t length = strlen(hex) / 2;
	uint32_t status = 0;
	ssize_t n;

	if (length > sizeof(request) || text_parse_hex(hex, request, length) < 0)
		return plain(-EINVAL);
	if (send(WORKER_REQUEST_FD, request, length, MSG_NOSIGNAL) < 0)
		return plain(-errno);
	n = recv(WORKER_REQUEST_FD, answer, sizeof(answer), 0);
	if (n < (ssize_t)sizeof(status))
		return plain(n < 0 ? -errno : -EPIPE);
	memcpy(&status, answer, sizeof(status));
	return json_pack("{s:i, s:I}", "r", -(int)status, "length", (json_int_t)n);
}

static json_t *do_hostile(const json_t *command)
{
	struct hostile_victim victim = {
		.monitor = getppid(), .file = get_text(command, "file"), .tcp_fd = -1};
	int tcp = priv_open_tcp(probe.env->priv, AF_INET, &victim.tcp_fd), r;

	if (tcp < 0) /* without the link's socket some attempts are none */
		return json_pack("{s:i, s:i}", "r", 0, "tcp", tcp);
	r = hostile_try(get_text(command, "name"), &victim);
	close(victim.tcp_fd);
	return json_pack("{s:i, s:i}", "r", r, "tcp", 0);
}

static json_t *do_names(const json_t *command)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; hostile_get_name(i) != NULL; i++)
		json_array_append_new(names, json_string(hostile_get_name(i)));
	return json_pack("{s:i, s:o}", "r", 0, "names", names);
}

static json_t *do_notices(const json_t *command)
{
	json_t *taken = probe.notices;

	probe.notices = json_array();
	return json_pack("{s:i, s:o}", "r", 0, "notices", taken);
}

static json_t *do_abort(const json_t *command)
{
	abort();
}

static const struct {
	const char *name;
	json_t *(*run)(const json_t *);
} commands[] = {
	{"claim",	  do_claim	  },
	{"facts",	  do_facts	  },
	{"dmi",	do_dmi      },
	{"managed",   do_managed  },
	{"profile",   do_profile  },
	{"configure", do_configure},
	{"spend",	  do_spend	  },
	{"rearm",	  do_rearm	  },
	{"care",	 do_care	},
	{"arp",	do_arp      },
	{"audit",	  do_audit	  },
	{"settings",  do_settings },
	{"password",  do_password },
	{"machine",   do_machine  },
	{"tcp",	do_tcp      },
	{"raw",	do_raw      },
	{"hostile",   do_hostile  },
	{"names",	  do_names	  },
	{"notices",   do_notices  },
	{"abort",	  do_abort	  },
};

static json_t *run(const json_t *command)
{
	const char *name = get_text(command, "do");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(command);
	return plain(-ENOSYS);
}

static void answer(int fd, const json_t *object)
{
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT);
	size_t length = text == NULL ? 0 : strlen(text), at = 0;
	ssize_t n;

	while (text != NULL && at < length) {
		n = send(fd, text + at, length - at, MSG_NOSIGNAL);
		if (n < 0)
			return;
		at += (size_t)n;
	}
	(void)!send(fd, "\n", 1, MSG_NOSIGNAL);
}

/* One command a connection. */
static void serve(int control_fd)
{
	_cleanup_close_ int fd = accept4(control_fd, NULL, NULL, SOCK_CLOEXEC);
	_cleanup_free_ char *line = calloc(1, MAX_LINE);
	json_t *command, *result;
	size_t used = 0;
	ssize_t n;

	if (fd < 0 || line == NULL)
		return;
	while (used < MAX_LINE - 1 && memchr(line, '\n', used) == NULL) {
		n = read(fd, line + used, MAX_LINE - 1 - used);
		if (n <= 0)
			return;
		used += (size_t)n;
	}
	command = json_loads(line, 0, NULL);
	result = command == NULL ? plain(-EBADMSG) : run(command);
	answer(fd, result);
	json_decref(command);
	json_decref(result);
}

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	const struct priv_event *event = data;
	char address[INET_ADDRSTRLEN] = "";
	json_t *entry;

	if (notice == PRIV_NOTICE_ARP)
		inet_ntop(AF_INET, data, address, sizeof(address));
	entry = json_pack("{s:i, s:s}", "notice", (int)notice, "address", address);
	if (notice == PRIV_NOTICE_EVENT) {
		json_object_set_new(entry, "id", json_string(message_get(event->id)->id));
		json_object_set_new(entry, "arg", json_string(event->args[0]));
	}
	json_array_append_new(probe.notices, entry);
	if (notice == PRIV_NOTICE_STOP)
		probe.stop = true;
}

int agent_prepare(struct agent_environment *env)
{
	probe.env = env;
	probe.notices = json_array();
	return 0;
}

int agent_run(struct agent_environment *env)
{
	struct pollfd p[] = {
		{.fd = env->control_fd,		.events = POLLIN},
		{.fd = priv_notice_fd(env->priv), .events = POLLIN}
	   };

	while (!probe.stop) {
		if (poll(p, 2, -1) < 0)
			return -errno;
		if (p[1].revents != 0 && priv_read_notices(env->priv, on_notice, NULL) < 0)
			break;
		if (p[0].revents != 0)
			serve(env->control_fd);
	}
	json_decref(probe.notices);
	return 0;
}
