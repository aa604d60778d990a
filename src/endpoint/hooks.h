/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of the hooks folder: the one way in which the platform's facts come in and the
 * platform's acts go out (docs/bmc-teams.md is the contract). Each is run without a shell, with a
 * fixed environment, one at a time, until it ends or its time is up; its output has a maximum.
 * What is known of the platform from them is platform.h's.
 */
#ifndef BMCLINK_ENDPOINT_HOOKS_H
#define BMCLINK_ENDPOINT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#define HOOKS_MAX_QUEUED 8     /* calls that wait; the next one is refused and counted */
#define HOOKS_MAX_OUTPUT 65536 /* bytes of standard output */
#define HOOKS_MAX_ERROR	 4096  /* bytes of standard error, of which the first line is told */
#define HOOKS_MAX_ARG	 32

struct hooks;

struct hook_result {
	bool ok;	    /* it ended with 0 within its time and its bounds */
	bool cancelled;	    /* hooks_free() came first; then not ok */
	const char *reason; /* why not, printable; "" when ok */
	const char *output; /* of standard output, with a NUL behind it; not printable yet */
	size_t length;
};

struct hook_call {
	const char *name;    /* file in the folder */
	const char *args[2]; /* NULL: not given; shorter than HOOKS_MAX_ARG */
	/* Called once: from the loop, never from within hooks_run(), or by hooks_free(). */
	void (*done)(const struct hook_result *result, void *arg);
	void *arg;
	/* Asked when its turn comes: false: it is not run, and not ok. NULL: it always is. */
	bool (*wanted)(void *arg);
};

int hooks_new(struct event_base *base, struct hooks **hooks);
/* Kills what runs, cancels it and what waits. Safe with NULL. */
void hooks_free(struct hooks *hooks);
/* folder "": no hooks. Holds for calls made from now on, and those that wait. */
void hooks_set_folder(struct hooks *hooks, const char *folder, unsigned int seconds);

/*
 * May it be run? 0, -ENOENT: there is none, or -EPERM with *why (static text): folder and program
 * must be root's and nobody else's to write, and the program a plain file that can be run.
 */
int hooks_check(const struct hooks *hooks, const char *name, const char **why);
/* 0: it will be run. As hooks_check(), and -ENOBUFS: too many wait. */
int hooks_run(struct hooks *hooks, const struct hook_call *call);
unsigned long hooks_get_refused(const struct hooks *hooks); /* calls refused with -ENOBUFS */

#endif
