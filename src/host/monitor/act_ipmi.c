/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of two IPMI requests to this machine's BMC over its system interface (DSP0270: fingerprint of
 * a certificate, bootstrap credentials), by the kernel's driver. The bytes of the answer go to the
 * worker as they came. Nothing here waits: a KCS that stalls costs the request its time, and what
 * comes after that is dropped.
 */
#include <errno.h>
#include <linux/ipmi.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/ipmi.h"
#include "base/log.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/ipmi_device.h"

#define MODULE		 "ipmi"
#define FINGERPRINT_MS	 5000
#define CREDENTIALS_MS	 15000 /* it makes an account: that may take its time */
#define LATE_MS		 60000 /* so long an answer that came too late is waited for, and dropped */
#define RESPONSE_NETFN	 (IPMI_NETFN_GROUP | 1)
#define SECONDS_AN_HOUR	 3600
#define MAX_ANSWERS	 8 /* taken at one wake-up */
#define MAX_FINGERPRINTS (sizeof(((struct acts_ipmi *)0)->fingerprints) / sizeof(time_t))
#define MAX_CREDENTIALS	 (sizeof(((struct acts_ipmi *)0)->credentials) / sizeof(time_t))

static time_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

void act_ipmi_stop(struct acts *acts)
{
	struct acts_ipmi *ipmi = &acts->ipmi;

	if (ipmi->event == NULL)
		return;
	event_free(ipmi->event);
	close(ipmi->fd);
	ipmi->event = NULL;
	ipmi->waiting = false;
}

static int wait_for(struct acts_ipmi *ipmi, unsigned int ms)
{
	return clock_set_timer(ipmi->event, ms) < 0 ? -EIO : 0;
}

static void pass_on(struct acts *acts, int error, const uint8_t *bytes, size_t length)
{
	uint8_t buffer[PRIV_MAX_IPMI + 16];
	struct wire_writer out;

	acts->ipmi.waiting = false;
	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u8(&out, acts->ipmi.command);
	wire_put_u8(&out, acts->ipmi.argument);
	wire_put_u32(&out, (uint32_t)error);
	wire_put_bytes(&out, bytes, length);
	if (!out.failed)
		acts->environment->notify(
			PRIV_NOTICE_IPMI, buffer, out.used, acts->environment->arg);
	explicit_bzero(buffer, sizeof(buffer)); /* a password, perhaps */
}

/* There is no answer: error is a positive errno. */
static void tell(struct acts *acts, int error)
{
	static const uint8_t nothing[1];

	pass_on(acts, error, nothing, 0);
}

/* One message of the driver. True: it was the answer, and the worker has it. */
static bool take(struct acts *acts, int *error)
{
	uint8_t bytes[PRIV_MAX_IPMI] = {0};
	struct ipmi_addr address;
	struct ipmi_recv received = {
		.addr = (unsigned char *)&address,
		.addr_len = sizeof(address),
		.msg = {.data = bytes, .data_len = sizeof(bytes)}
	 };
	struct acts_ipmi *ipmi = &acts->ipmi;
	bool fits = true, ours;

	*error = 0;
	if (ioctl(ipmi->fd, IPMICTL_RECEIVE_MSG_TRUNC, &received) < 0) {
		if (errno != EMSGSIZE) {
			*error = errno;
			return false;
		}
		fits = false;
	}
	ours = ipmi->waiting && received.recv_type == IPMI_RESPONSE_RECV_TYPE &&
	       received.msgid == (long)ipmi->msgid && received.msg.netfn == RESPONSE_NETFN &&
	       received.msg.cmd == ipmi->command;
	if (!ours)
		log_debug(MODULE, "dropped a message (type %d, id %ld)", received.recv_type,
			received.msgid);
	else if (!fits || received.msg.data_len > sizeof(bytes))
		tell(acts, EMSGSIZE);
	else
		pass_on(acts, 0, bytes, received.msg.data_len);
	explicit_bzero(bytes, sizeof(bytes));
	return ours;
}

static void on_readable(struct acts *acts)
{
	int error = 0;

	for (int i = 0; i < MAX_ANSWERS && error == 0; i++) {
		if (take(acts, &error)) {
			act_ipmi_stop(acts);
			return;
		}
	}
	if (error == 0 || error == EAGAIN || error == EINTR)
		return;
	log_warning(MODULE, "the driver fails: %s", strerror(error));
	if (acts->ipmi.waiting)
		tell(acts, error);
	act_ipmi_stop(acts);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct acts *acts = arg;
	struct acts_ipmi *ipmi = &acts->ipmi;

	if ((what & EV_READ) != 0) {
		on_readable(acts);
	} else if (ipmi->waiting) {
		log_warning(MODULE, "no answer from the BMC to command %02xh", ipmi->command);
		tell(acts, ETIMEDOUT);
		if (wait_for(ipmi, LATE_MS) < 0)
			act_ipmi_stop(acts);
	} else {
		act_ipmi_stop(acts);
	}
}

/* The oldest of the last n is an hour old: there is room for one more, which is noted. */
static int spend(time_t *times, size_t n)
{
	time_t now = now_seconds();

	if (times[0] != 0 && now - times[0] < SECONDS_AN_HOUR)
		return -EDQUOT;
	memmove(times, times + 1, (n - 1) * sizeof(*times));
	times[n - 1] = now;
	return 0;
}

static int send_request(struct acts_ipmi *ipmi)
{
	struct ipmi_system_interface_addr address = {
		.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE, .channel = IPMI_BMC_CHANNEL};
	unsigned char data[2] = {IPMI_GROUP_REDFISH, ipmi->argument};
	struct ipmi_req request = {
		.addr = (unsigned char *)&address,
		.addr_len = sizeof(address),
		.msgid = (long)ipmi->msgid,
		.msg = {.netfn = IPMI_NETFN_GROUP,
			.cmd = ipmi->command,
			.data_len = sizeof(data),
			.data = data}
	     };

	return ioctl(ipmi->fd, IPMICTL_SEND_COMMAND, &request) < 0 ? -errno : 0;
}

/* The device of before is used again while an answer may still come: its msgid tells. */
static int prepare(struct acts *acts)
{
	struct acts_ipmi *ipmi = &acts->ipmi;
	int fd;

	if (ipmi->event != NULL)
		return 0;
	fd = ipmi_device_open(&acts->environment->roots);
	if (fd < 0)
		return fd;
	ipmi->event = event_new(acts->environment->base, fd, EV_READ | EV_PERSIST, on_event, acts);
	if (ipmi->event == NULL) {
		close(fd);
		return -ENOMEM;
	}
	ipmi->fd = fd;
	return 0;
}

int act_ipmi(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct acts_ipmi *ipmi = &acts->ipmi;
	uint8_t command = wire_get_u8(in), argument = wire_get_u8(in);
	bool credentials = command == IPMI_CMD_CREDENTIALS;
	int r;

	/* Credentials are asked for in one way only: those who come later shall have theirs, too.
	 */
	if (!wire_is_done(in) || (credentials && argument != IPMI_KEEP_ENABLED) ||
		(!credentials && (command != IPMI_CMD_FINGERPRINT || argument == 0)))
		return -EPERM;
	if (acts->settings.trust == TRUST_FIRST_USE || acts->settings.trust == TRUST_PINNED)
		return -EPERM;
	if (ipmi->waiting)
		return -EBUSY;
	r = prepare(acts);
	if (r < 0)
		return r;
	r = credentials ? spend(ipmi->credentials, MAX_CREDENTIALS)
			: spend(ipmi->fingerprints, MAX_FINGERPRINTS);
	if (r < 0)
		return r;
	ipmi->command = command;
	ipmi->argument = argument;
	ipmi->msgid++;
	r = wait_for(ipmi, credentials ? CREDENTIALS_MS : FINGERPRINT_MS);
	if (r == 0)
		r = send_request(ipmi);
	if (r < 0)
		act_ipmi_stop(acts);
	ipmi->waiting = r == 0;
	return r;
}
