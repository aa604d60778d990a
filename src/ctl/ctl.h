/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bmclinkctl: a table of commands (main.c), each of which asks bmclinkd over its control socket
 * (client.c) and prints for people (print.h) or, with --json, hands on the daemon's object.
 */
#ifndef BMCLINK_CTL_H
#define BMCLINK_CTL_H

#include <stdbool.h>

#include <jansson.h>

enum ctl_exit {
	CTL_DONE = 0, /* or connected */
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_CONNECTED = 3,
	CTL_NO_DAEMON = 4,
	CTL_UNAVAILABLE = 5,
};

enum ctl_option { /* which a command takes */
	CTL_JSON = 1 << 0,
	CTL_WATCH = 1 << 1,
	CTL_FOLLOW = 1 << 2,
	CTL_ROOTS = 1 << 3,
	CTL_REPORT = 1 << 4,
	CTL_LINES = 1 << 5,
	CTL_ACCESS = 1 << 6, /* --port, --allow and the words behind it */
	CTL_PROGRAMS = 1 << 7,
	CTL_SNMP = 1 << 8,
};

#define CTL_MAX_ALLOW 33 /* one more than may be */

struct ctl_roots { /* what stands for /sys, /sys/firmware/dmi, /run, /proc, /etc; NULL: these */
	const char *sys, *dmi, *run, *proc, *etc;
};

#define CTL_MAX_NAMES 7 /* of --community, and of --user */

struct ctl {
	const char *runtime_dir, *config, *state_dir;
	bool config_given;
	bool json, watch, follow;
	unsigned int lines; /* 0: not given */
	bool asks_bmc;	    /* the answer takes as long as the BMC does */
	struct ctl_roots roots;
	const char *program_dir; /* where programs are looked for first, or NULL */
	const char *bundle;	 /* the file to make, or NULL */
	bool keep_identifiers;
	const char *port; /* NULL: not given */
	const char *allow[CTL_MAX_ALLOW];
	unsigned int n_allow;
	const char *communities[CTL_MAX_NAMES], *users[CTL_MAX_NAMES]; /* of snmp enable */
	unsigned int n_communities, n_users;
	const char *subtree;  /* or NULL */
	const char *argument; /* of the command, or NULL */
};

struct ctl_command {
	const char *verb, *action; /* action NULL: of the verb alone */
	const char *argument;	   /* name of its argument, "[...]" when optional; NULL: none */
	unsigned int options;	   /* enum ctl_option */
	enum ctl_exit (*run)(const struct ctl *ctl, const struct ctl_command *self);
	const char *summary;
};

/*
 * Ask and wait for the answer. CTL_DONE: *result is a new reference. Else the reason has been
 * printed.
 */
enum ctl_exit ctl_ask(const struct ctl *ctl, json_t *request, json_t **result);

/*
 * The same for answers of several lines: fn gets each line's object, and sets *code, until it
 * returns false. request is taken, here and above.
 */
typedef bool (*ctl_line_fn)(const json_t *line, enum ctl_exit *code, void *arg);
enum ctl_exit ctl_stream(const struct ctl *ctl, json_t *request, ctl_line_fn fn, void *arg);
/* Is there a socket, at whose other end somebody listens? */
bool ctl_daemon_runs(const struct ctl *ctl);

/* The daemon's error object: printed, and its exit code. */
enum ctl_exit ctl_report_error(const json_t *error);
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum ctl_exit ctl_run_status(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_events(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_log(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_discover(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_trust_show(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_trust_reset(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_trust_forget(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_trust_pin(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_certificate_show(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_certificate_renew(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_reconfigure(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_report(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_check_config(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_feature_show(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_snmp_enable(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_feature_switch(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_access_enable(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_update_check(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_update_install(const struct ctl *ctl, const struct ctl_command *self);
enum ctl_exit ctl_run_update_mode(const struct ctl *ctl, const struct ctl_command *self);
void ctl_update_print(const json_t *feature);

#endif
