/* SPDX-License-Identifier: Apache-2.0 */
#include "host/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/priv_private.h"

struct priv {
	int request_fd, notice_fd;
	uint8_t *answer; /* WIRE_MAX_ANSWER bytes */
	char machine[ACTS_MAX_MACHINE];
	char package_version[PACKAGE_MAX_VERSION];
};

int priv_new(int request_fd, int notice_fd, struct priv **priv)
{
	_cleanup_free_ struct priv *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return -ENOMEM;
	made->answer = malloc(WIRE_MAX_ANSWER);
	if (made->answer == NULL)
		return -ENOMEM;
	made->request_fd = request_fd;
	made->notice_fd = notice_fd;
	*priv = util_steal_ptr(made);
	return 0;
}

void priv_free(struct priv *priv)
{
	if (priv == NULL)
		return;
	close(priv->request_fd);
	close(priv->notice_fd);
	free(priv->answer);
	free(priv);
}

int priv_notice_fd(const struct priv *priv)
{
	return priv->notice_fd;
}

void priv_begin(struct priv_call *call, struct priv *priv, enum act_number number)
{
	call->priv = priv;
	call->fd = -1;
	wire_writer_init(&call->out, call->request, sizeof(call->request));
	wire_put_u16(&call->out, (uint16_t)number);
}

static int receive(struct priv_call *call)
{
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = call->priv->answer, .iov_len = WIRE_MAX_ANSWER};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer)};
	struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(call->priv->request_fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? -EPIPE : -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(&call->fd, CMSG_DATA(header), sizeof(call->fd));
	wire_reader_init(&call->in, call->priv->answer, (size_t)n);
	return (message.msg_flags & MSG_TRUNC) != 0 ? -EPROTO : 0;
}

int priv_finish(struct priv_call *call)
{
	uint32_t status;
	int r;

	if (call->out.failed)
		return -EINVAL;
	if (send(call->priv->request_fd, call->request, call->out.used, MSG_NOSIGNAL) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	r = receive(call);
	if (r < 0)
		return r;
	status = wire_get_u32(&call->in);
	if (call->in.failed || status > 4095)
		return -EPROTO;
	return -(int)status;
}

int priv_end(const struct priv_call *call)
{
	return wire_is_done(&call->in) ? 0 : -EPROTO;
}

int priv_ask(struct priv *priv, enum act_number number)
{
	struct priv_call call;

	priv_begin(&call, priv, number);
	return priv_finish(&call);
}

int priv_hello(struct priv *priv, struct priv_self *self)
{
	struct priv_call call;
	int r;

	priv_begin(&call, priv, ACT_HELLO);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	wire_get_string(&call.in, priv->machine, sizeof(priv->machine));
	wire_get_string(&call.in, priv->package_version, sizeof(priv->package_version));
	*self = (struct priv_self){.machine = priv->machine,
		.package_version = priv->package_version,
		.package_count = wire_get_u32(&call.in)};
	return priv_end(&call);
}

int priv_get_settings(struct priv *priv, char **text, size_t *length)
{
	struct priv_call call;
	const uint8_t *data;
	size_t n;
	char *copy;
	int r;

	priv_begin(&call, priv, ACT_GET_SETTINGS);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	data = wire_get_bytes(&call.in, WIRE_MAX_ANSWER, &n);
	if (data == NULL || priv_end(&call) < 0)
		return -EPROTO;
	copy = malloc(n + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, data, n);
	copy[n] = '\0';
	*text = copy;
	*length = n;
	return 0;
}

int priv_get_dmi(
	struct priv *priv, unsigned int index, uint8_t **data, size_t *length, bool *whole_table)
{
	struct priv_call call;
	const uint8_t *bytes;
	uint8_t *copy;
	bool whole;
	size_t n;
	int r;

	priv_begin(&call, priv, ACT_GET_DMI);
	wire_put_u32(&call.out, index);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	whole = wire_get_bool(&call.in);
	bytes = wire_get_bytes(&call.in, WIRE_MAX_ANSWER, &n);
	if (bytes == NULL || priv_end(&call) < 0)
		return -EPROTO;
	copy = malloc(n + 1); /* never of size 0 */
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, n);
	*data = copy;
	*length = n;
	*whole_table = whole;
	return 0;
}

int priv_set_names(struct priv *priv, bool on, struct in_addr bmc, struct priv_names *names)
{
	struct priv_call call;
	int r;

	priv_begin(&call, priv, ACT_NAMES);
	wire_put_bool(&call.out, on);
	wire_put_fixed(&call.out, &bmc, sizeof(bmc));
	r = priv_finish(&call);
	if (r < 0)
		return r;
	wire_get_string(&call.in, names->why, sizeof(names->why));
	names->changed = wire_get_bool(&call.in);
	wire_get_string(&call.in, names->written, sizeof(names->written));
	wire_get_string(&call.in, names->taken, sizeof(names->taken));
	return priv_end(&call);
}

int priv_reload(struct priv *priv)
{
	return priv_ask(priv, ACT_RELOAD);
}

int priv_get_password(struct priv *priv, char password[PRIV_MAX_PASSWORD + 1])
{
	struct priv_call call;
	int r;

	priv_begin(&call, priv, ACT_GET_PASSWORD);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	wire_get_string(&call.in, password, PRIV_MAX_PASSWORD + 1);
	r = priv_end(&call);
	explicit_bzero(priv->answer, call.in.length);
	if (r < 0)
		explicit_bzero(password, PRIV_MAX_PASSWORD + 1);
	return r;
}

int priv_ask_ipmi(struct priv *priv, uint8_t command, uint8_t argument)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_IPMI);
	wire_put_u8(&call.out, command);
	wire_put_u8(&call.out, argument);
	return priv_finish(&call);
}

/* Cut to what the act takes: a record with a shorter address is better than none. */
static void put_field(struct wire_writer *out, const char *s)
{
	wire_put_bytes(out, s, s == NULL ? 0 : strnlen(s, ACTS_MAX_AUDIT_FIELD));
}

int priv_write_audit(struct priv *priv, enum priv_audit kind, int family, const char *bmc_address,
	const char *tls, const char *reason, bool success)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_AUDIT);
	wire_put_u8(&call.out, (uint8_t)kind);
	wire_put_u8(&call.out, family == AF_INET ? 4 : 6);
	wire_put_bool(&call.out, success);
	put_field(&call.out, bmc_address);
	put_field(&call.out, tls);
	put_field(&call.out, reason);
	return priv_finish(&call);
}
