/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipart/form-data (RFC 7578, RFC 2046 clause 5.1), taken apart as it comes: nothing of a part
 * is kept. Strict: the body begins with the boundary, each part has a name, nothing follows the
 * last. Pure.
 */
#ifndef BMCLINK_ENDPOINT_MULTIPART_H
#define BMCLINK_ENDPOINT_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_MAX_BOUNDARY 70
#define MULTIPART_MAX_HEAD     2048 /* bytes of a part's fields */
#define MULTIPART_MAX_NAME     128
#define MULTIPART_MAX_PARTS    8

struct multipart_part {
	char name[MULTIPART_MAX_NAME];
	char file[MULTIPART_MAX_NAME]; /* "": none was given */
};

struct multipart_handlers { /* each returns 0, or what multipart_take() is to return: above 0 */
	int (*begin)(const struct multipart_part *part, void *arg);
	int (*data)(const char *data, size_t length, void *arg);
	int (*end)(void *arg);
	void *arg;
};

enum multipart_state {
	MULTIPART_DELIMITER, /* its first, at the very beginning */
	MULTIPART_AFTER,     /* two bytes say whether another part follows */
	MULTIPART_HEAD,
	MULTIPART_DATA,
	MULTIPART_DONE,
	MULTIPART_BROKEN,
};

struct multipart {
	struct multipart_handlers handlers;
	char delimiter[MULTIPART_MAX_BOUNDARY + 5]; /* CR LF - - boundary */
	size_t delimiter_length, matched;
	enum multipart_state state;
	char after[2];
	size_t after_length;
	char head[MULTIPART_MAX_HEAD];
	size_t head_length;
	unsigned int parts;
};

/* content_type: the field's whole value. -EINVAL: not multipart/form-data with a good boundary. */
int multipart_init(struct multipart *multipart, const char *content_type,
	const struct multipart_handlers *handlers);
/* 0, -EBADMSG when it is no such body, or what a handler returned. Nothing more is to be taken
 * then.
 */
int multipart_take(struct multipart *multipart, const char *data, size_t length);
bool multipart_is_done(const struct multipart *multipart);

#endif
