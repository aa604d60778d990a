/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of the monitor, as the worker reads them. Records of the input are datagrams. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "host/monitor/wire.h"
#include "host/priv.h"

static void check_event(const struct priv_event *event)
{
	FUZZ_CHECK(event->id < MSG_COUNT && event->n_args <= MESSAGE_MAX_ARGS);
	for (unsigned int i = 0; i < MESSAGE_MAX_ARGS; i++)
		FUZZ_CHECK(memchr(event->args[i], '\0', MESSAGE_MAX_ARG) != NULL);
}

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	switch (notice) {
	case PRIV_NOTICE_STOP:
	case PRIV_NOTICE_RELOAD:
	case PRIV_NOTICE_ACCESS:
	case PRIV_NOTICE_SNMP:
		FUZZ_CHECK(data == NULL && length == 0);
		break;
	case PRIV_NOTICE_ARP:
		FUZZ_CHECK(length == sizeof(struct in_addr));
		break;
	case PRIV_NOTICE_EVENT:
		FUZZ_CHECK(length == sizeof(struct priv_event));
		check_event(data);
		break;
	case PRIV_NOTICE_CARE:
		FUZZ_CHECK(length > 0 && length <= PRIV_MAX_CARE);
		FUZZ_CHECK(strlen(data) == length - 1);
		break;
	case PRIV_NOTICE_IPMI:
		FUZZ_CHECK(length == sizeof(struct priv_ipmi));
		FUZZ_CHECK(((const struct priv_ipmi *)data)->length <= PRIV_MAX_IPMI);
		break;
	default:
		FUZZ_CHECK(false);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int notice[2], request[2];
	static struct priv *priv;
	struct fuzz_input in = {data, size}, record;

	if (!priv) {
		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, notice) == 0);
		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, request) == 0);
		FUZZ_CHECK(priv_new(request[0], notice[0], &priv) == 0);
	}
	while (fuzz_take_record(&in, &record)) {
		if (record.left == 0 || record.left > WIRE_MAX_NOTICE)
			continue;
		FUZZ_CHECK(send(notice[1], record.data, record.left, MSG_DONTWAIT) > 0);
		FUZZ_CHECK(priv_read_notices(priv, on_notice, NULL) == 0);
	}
	return 0;
}
