/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/acts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/access.h"
#include "host/monitor/machine.h"
#include "host/monitor/snmp_text.h"

#define MODULE "acts"

#define IP4	   4U
#define IP6	   16U
#define SNMP_BYTES (SNMP_MAX_WORD + 2 * SNMP_MAX_KEY + SNMP_MAX_ENGINE)

/* clang-format off */
static const struct act table[] = {
	/* name          number             min           max           claim  function */
	{"hello",         ACT_HELLO,         0,            0,            false, act_hello},
	{"get-settings",  ACT_GET_SETTINGS,  0,            0,            false, act_get_settings},
	{"get-nic-facts", ACT_GET_NIC_FACTS, 4,            4,            false, act_get_nic_facts},
	{"get-dmi",       ACT_GET_DMI,       4,            4,            false, act_get_dmi},
	{"claim-nic",     ACT_CLAIM_NIC,     4,            4,            false, act_claim_nic},
	{"is-managed",    ACT_IS_MANAGED,    0,            0,            true,  act_is_managed},
	{"open-tcp",      ACT_OPEN_TCP,      1,            1,            true,  act_open_tcp},
	{"get-profile",   ACT_GET_PROFILE,   0,            0,            true,  act_get_profile},
	{"configure",     ACT_CONFIGURE,     3+2*IP4+2*IP6, 3+2*IP4+2*IP6, true, act_configure},
	{"spend",         ACT_SPEND,         0,            0,            true,  act_spend},
	{"rearm",         ACT_REARM,         0,            0,            true,  act_rearm},
	{"care",          ACT_CARE,          1,            1,            true,  act_care},
	{"probe-arp",     ACT_PROBE_ARP,     IP4,          IP4,          true,  act_probe_arp},
	{"open-neighbour", ACT_OPEN_NEIGHBOUR, 0,          0,            true,  act_open_neighbour},
	{"audit",         ACT_AUDIT,         3+3*4,        3+3*(4+ACTS_MAX_AUDIT_FIELD),  false, act_audit},
	{"get-password",  ACT_GET_PASSWORD,  0,            0,            true,  act_get_password},
	{"ipmi",          ACT_IPMI,          2,            2,            true,  act_ipmi},
	{"reload",        ACT_RELOAD,        0,            0,            false, act_reload},
	{"names",         ACT_NAMES,         1+IP4,        1+IP4,        false, act_names},
	{"access-start",  ACT_ACCESS_START,  IP4+2,        IP4+2,        true,  act_access_start},
	{"access-stop",   ACT_ACCESS_STOP,   0,            0,            false, act_access_stop},
	{"access-get",    ACT_ACCESS_GET,    0,            0,            false, act_access_get},
	{"update-info",   ACT_UPDATE_INFO,   0,            0,            false, act_update_info},
	{"update-begin",  ACT_UPDATE_BEGIN,  1+8+4+1,      1+8+4+VERSION_MAX-1, false, act_update_begin},
	{"update-piece",  ACT_UPDATE_PIECE,  0,            0,            false, act_update_piece},
	{"update-commit", ACT_UPDATE_COMMIT, 0,            0,            false, act_update_commit},
	{"snmp-start",    ACT_SNMP_START,    IP4+4+4*4,    IP4+4+4*4+SNMP_BYTES, true, act_snmp_start},
	{"snmp-stop",     ACT_SNMP_STOP,     0,            0,            false, act_snmp_stop},
};
/* clang-format on */

int acts_init(struct acts *acts, const struct acts_environment *environment)
{
	int r;

	*acts = (struct acts){.environment = environment, .audit_fd = -1};
	r = settings_init(&acts->settings);
	if (r < 0)
		return r;
	r = machine_read(&environment->roots, &acts->machine);
	if (r < 0) {
		log_error(MODULE, "machine-id or the system UUID cannot be read: %s", strerror(-r));
		return r;
	}
	r = package_read_mark(environment->state_fd, &acts->installed);
	if (r < 0 && r != -ENOENT)
		log_warning(MODULE, "%s cannot be read: %s", PACKAGE_MARK, strerror(-r));
	if (state_is_passing(r))
		return r; /* without the mark the version is another one, as after an upgrade */
	r = profile_load(environment->state_fd, &acts->profile);
	if (r == -EBADMSG)
		log_error(MODULE,
			"%s is damaged: the one-time configuration counts as spent until "
			"'bmclinkctl reconfigure'",
			PROFILE_FILE);
	else if (r < 0)
		return r;
	else if (acts->profile.spent &&
		 !profile_same_machine(&acts->profile.machine, &acts->machine))
		acts_emit(acts, MSG_ISM1028, "machine-id or system UUID differ");
	return 0;
}

void acts_close(struct acts *acts)
{
	acts_forget_worker(acts);
	access_free(acts->access);
	acts->access = NULL;
	if (acts->care == NULL) { /* a killed predecessor's, that no worker asked for again */
		char boot_id[PROFILE_MAX_ID];

		if (machine_read_boot_id(&acts->environment->roots, boot_id) == 0)
			care_recover(acts->environment->state_fd, acts->environment->roots.proc,
				boot_id);
	}
	act_care_stop(acts);
	if (acts->audit_fd >= 0)
		close(acts->audit_fd);
	acts->audit_fd = -1;
}

void acts_forget_worker(struct acts *acts)
{
	act_arp_stop(acts);
	act_ipmi_stop(acts);
	access_stop(acts->access); /* nobody tells any more whether the BMC is there */
	act_update_stop(acts);
	act_snmp_end(acts);
}

void acts_emit(struct acts *acts, enum message_id id, ...)
{
	struct priv_event event = {.id = id, .n_args = message_get(id)->n_args};
	unsigned int i;
	va_list args;

	va_start(args, id);
	for (i = 0; i < event.n_args; i++)
		snprintf(event.args[i], MESSAGE_MAX_ARG, "%s", va_arg(args, const char *));
	va_end(args);
	acts->environment->emit(&event, acts->environment->arg);
}

enum priv_once acts_get_once(const struct acts *acts)
{
	return profile_decide(&acts->profile, &acts->machine, acts->nic_id, &acts->birth);
}

static const struct act *find(uint16_t number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

/* What is refused here was not asked by our own code, or our own code is wrong. */
static int dispatch(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	uint16_t number = wire_get_u16(in);
	const struct act *act = in->failed ? NULL : find(number);
	size_t length = in->length - in->at;
	int r;

	if (act == NULL || length < act->min || length > act->max) {
		log_warning(MODULE, "refused a request: %s, %zu bytes",
			act == NULL ? "unknown act" : act->name, length);
		return -EPERM;
	}
	if (act->needs_claim && acts->ifindex == 0) {
		log_warning(MODULE, "refused %s: no NIC is claimed", act->name);
		return -EPERM;
	}
	r = act->run(acts, in, out, fd);
	if (in->failed) /* the acts look themselves; this is the second lock */
		r = -EPERM;
	log_write(r == -EPERM ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, MODULE, "%s: %s", act->name,
		r < 0 ? strerror(-r) : "done");
	return r;
}

void acts_run(
	struct acts *acts, const void *request, size_t length, struct wire_writer *out, int *fd)
{
	size_t start = out->used;
	struct wire_reader in;
	int r;

	*fd = -1;
	wire_reader_init(&in, request, length);
	wire_put_u32(out, 0);
	r = dispatch(acts, &in, out, fd);
	if (r >= 0 && out->failed)
		r = -EFBIG;
	if (r >= 0)
		return;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	out->used = start;
	out->failed = false;
	wire_put_u32(out, (uint32_t)-r);
}

static int answer(int request_fd, const struct wire_writer *out, int fd)
{
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.buffer = {0}};
	struct iovec iov = {.iov_base = out->data, .iov_len = out->used};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control.buffer;
		message.msg_controllen = sizeof(control.buffer);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	/* a worker that does not read its answers must not hold up the monitor */
	if (sendmsg(request_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -EPROTO : -errno;
	return 0;
}

int acts_serve(struct acts *acts, int request_fd)
{
	_cleanup_free_ uint8_t *buffer = malloc(WIRE_MAX_ANSWER);
	_cleanup_close_ int fd = -1;
	uint8_t request[WIRE_MAX_REQUEST + 1];
	struct wire_writer out;
	ssize_t n;
	int r;

	if (buffer == NULL)
		return -ENOMEM;
	/* no control buffer: descriptors that a worker tries to pass are dropped by the kernel */
	n = recv(request_fd, request, sizeof(request), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	wire_writer_init(&out, buffer, WIRE_MAX_ANSWER);
	/* one byte more than the longest was room for: an over-long request is seen as such */
	acts_run(acts, request, (size_t)n, &out, &fd);
	r = answer(request_fd, &out, fd);
	explicit_bzero(buffer, out.used); /* it may have held a password */
	return r;
}
