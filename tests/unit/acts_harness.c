/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "acts_harness.h"
#include "base/log.h"
#include "base/state.h"

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	((struct harness *)arg)->notices++;
}

static void on_event(const struct priv_event *event, void *arg)
{
	((struct harness *)arg)->events++;
}

static void on_hello(void *arg)
{
	((struct harness *)arg)->hellos++;
}

static int on_reload(void *arg)
{
	((struct harness *)arg)->reloads++;
	return -EINVAL;
}

int set_up(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));

	log_open("test_acts", true, LOG_LEVEL_ERR);
	strcpy(h->path, "/tmp/test_acts.XXXXXX");
	assert_non_null(mkdtemp(h->path));
	/* empty trees for /sys and the others: no NIC may be claimed, whatever this machine has */
	h->environment = (struct acts_environment){
		.base = event_base_new(),
		.roots = {h->path, h->path, h->path, h->path, h->path},
		.state_fd = state_open_dir(h->path, 0700),
		.notify = on_notice,
		.emit = on_event,
		.hello = on_hello,
		.reload = on_reload,
		.arg = h
	};
	assert_int_equal(acts_init(&h->acts, &h->environment), 0);
	*state = h;
	return 0;
}

int tear_down(void **state)
{
	struct harness *h = *state;

	acts_close(&h->acts);
	event_base_free(h->environment.base);
	close(h->environment.state_fd);
	assert_int_equal(rmdir(h->path), 0); /* empty: no act left a file */
	free(h);
	return 0;
}

/* The status of the answer, 0 or errno. */
uint32_t run(struct harness *h, const void *request, size_t length)
{
	struct wire_writer out;
	struct wire_reader in;
	uint32_t status;
	int fd;

	wire_writer_init(&out, h->answer, sizeof(h->answer));
	acts_run(&h->acts, request, length, &out, &fd);
	assert_false(out.failed);
	assert_int_equal(fd, -1);
	wire_reader_init(&in, h->answer, out.used);
	status = wire_get_u32(&in);
	assert_false(in.failed);
	if (status != 0)
		assert_true(wire_is_done(&in));
	return status;
}

uint32_t run_act(struct harness *h, uint16_t number, const void *data, size_t length)
{
	uint8_t request[WIRE_MAX_REQUEST + 2];

	memcpy(request, &number, sizeof(number));
	if (length > 0)
		memcpy(request + sizeof(number), data, length);
	return run(h, request, sizeof(number) + length);
}
