/* SPDX-License-Identifier: Apache-2.0 */
/* A control socket with a few commands of its own, and clients that speak to it. */
#ifndef BMCLINK_TESTS_CONTROL_FIXTURE_H
#define BMCLINK_TESTS_CONTROL_FIXTURE_H

#include "host/control.h"

#define USER 1234

extern struct event_base *base;
extern struct event_log *events;
extern struct control *control;
extern struct control_environment environment;
extern int status_number;  /* what "status" answers: {"n":NUMBER} */
extern bool status_padded; /* ... and 20 kB more */
extern unsigned int acted; /* times that "act" was run */
extern uint64_t waiting;   /* the client of the last "later" */

int set_up(void **state);
int tear_down(void **state);

/* The client's end, -1 when it was not taken. */
int connect_as(uid_t uid);
/* Everything that can be done without waiting. */
void run_loop(void);
void say(int fd, const char *text);
/* One line, "" when there is none, "EOF" at the end; valid to the next call. */
const char *hear(int fd);

#define USAGE(text) "{\"error\":{\"exit\":2,\"text\":\"" text "\"}}"

#define CONTROL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
