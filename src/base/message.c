/* SPDX-License-Identifier: Apache-2.0 */
#include "base/message.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static const struct message messages[MSG_COUNT] = {MESSAGE_TABLE};

const struct message *message_get(enum message_id id)
{
	return &messages[id];
}

int message_find(const char *id, enum message_id *found)
{
	for (int i = 0; i < MSG_COUNT; i++) {
		if (strcmp(messages[i].id, id) == 0) {
			*found = (enum message_id)i;
			return 0;
		}
	}
	return -ENOENT;
}
