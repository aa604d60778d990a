/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bmclinkctl report`: what bmclink changed on this host. Told from the monitor's own records
 * (profile.json, care.json), each held against the live system; nothing is believed because it
 * should be so. The daemon need not run; what cannot be read is said.
 *
 * A section is one function and one row in report.c's table.
 */
#ifndef BMCLINK_CTL_REPORT_H
#define BMCLINK_CTL_REPORT_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "ctl/ctl.h"
#include "host/monitor/profile.h"

enum report_state {
	REPORT_AS_RECORDED,
	REPORT_CHANGED, /* there, but not as we left it */
	REPORT_MISSING, /* recorded, and not there */
	REPORT_FOREIGN, /* there, but not ours: for completeness */
	REPORT_UNKNOWN, /* recorded, could not be looked at */
};

struct report {
	const struct ctl *ctl;
	json_t *sections, *now; /* now: the section that is being written, borrowed */
	unsigned int differences, unread;

	/* the monitor's records */
	int monitor_fd;	 /* <state-dir>/monitor; -1: not read, with *_error as errno */
	int state_error; /* why not */
	int profile_error;
	struct profile profile;
	json_t *care; /* NULL: there is none, or care_error */
	int care_error;
	char boot_id[PROFILE_MAX_ID];
	pid_t daemon; /* the monitor's process; 0: not running, or not to be seen */
};

/* A line of the section: what it is, and what is to be said of it ("" for nothing). */
void report_add(struct report *report, enum report_state state, const char *note,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Nothing of ours, and why. */
void report_add_none(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A part of the section could not be read. */
void report_add_unread(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The monitor's directory cannot be read: says so, once a section. True: it can. */
bool report_has_records(struct report *report);

/* All of it as one object, or NULL (no memory). */
json_t *report_make(const struct ctl *ctl);

void report_nic_addresses(struct report *report);
void report_nic_sysctls(struct report *report);
void report_nic_firewall(struct report *report);
void report_files_hosts(struct report *report);
void report_snmp(struct report *report);
void report_update(struct report *report);
void report_files_directories(struct report *report);
void report_system_sockets(struct report *report);
void report_system_units(struct report *report);
void report_system_package(struct report *report);

/* Roots of ctl with their defaults. */
const char *report_proc_root(const struct ctl *ctl);
const char *report_etc_root(const struct ctl *ctl);

#endif
