/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/hook_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int hook_output_open(struct hook_output *output, struct event_base *base, size_t maximum,
	event_callback_fn fn, void *arg, int *writing_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*writing_end = fds[1];
	*output = (struct hook_output){
		.fd = fds[0], .data = malloc(maximum + 1), .size = maximum + 1};
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	output->event = event_new(base, fds[0], EV_READ | EV_PERSIST, fn, arg);
	if (!output->data || !output->event || event_add(output->event, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int hook_output_drain(struct hook_output *output)
{
	char rest[512];
	ssize_t n;

	while (output->fd >= 0 && !output->flooded) {
		size_t room = output->size - 1 - output->length;

		if (room)
			n = read(output->fd, output->data + output->length, room);
		else
			n = read(output->fd, rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			event_del(output->event);
			return 0;
		}
		if (room) {
			output->length += (size_t)n;
			continue;
		}
		output->flooded = true;
		event_del(output->event);
		return -EFBIG;
	}
	return 0;
}

void hook_output_close(struct hook_output *output)
{
	if (output->event)
		event_free(output->event);
	if (output->fd >= 0)
		close(output->fd);
	free(output->data);
	*output = (struct hook_output){.fd = -1};
}
