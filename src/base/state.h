/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small durable files: written whole or not at all (temporary file, fsync, rename, fsync of the
 * directory), read with a bound. After a kill -9 or a power cut there is the old content or the
 * new.
 */
#ifndef BMCLINK_BASE_STATE_H
#define BMCLINK_BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#define STATE_MAX_FILE (256 * 1024)

/*
 * Was it the machine that had too little of something (descriptors, memory), for a moment? Then the
 * file is neither missing nor damaged, and what it holds must not be given up: not started, and
 * tried again, is the answer.
 */
bool state_is_passing(int error);

/*
 * All names are relative to dir_fd, without '/'. Return 0 or negative errno. A failure says that
 * the new content is not known to be durable, not that the old one is there: the last step may be
 * what failed, and which of the two a restart finds is the disk's to say. Callers are right with
 * either.
 */
int state_write_file(int dir_fd, const char *name, const void *data, size_t length, mode_t mode);
/* *data gets a NUL behind length bytes; the caller frees. -EFBIG above STATE_MAX_FILE. A reading
 * that fails (EIO) is tried once more: flash does that. */
int state_read_file(int dir_fd, const char *name, char **data, size_t *length);
int state_remove_file(int dir_fd, const char *name); /* durable; 0 when it was not there */

/* What a kill in the middle of a write left behind: nothing must stay that holds a secret. */
void state_clean_file(int dir_fd, const char *name);

/* JSON objects in such files. -EBADMSG: the file is there but is not a JSON object. */
int state_write_json(int dir_fd, const char *name, const json_t *object, mode_t mode);
int state_read_json(int dir_fd, const char *name, json_t **object);

/* Open (make, with mode, when missing) a directory for use as dir_fd: returns descriptor or
 * negative errno. */
int state_open_dir(const char *path, mode_t mode);

#endif
