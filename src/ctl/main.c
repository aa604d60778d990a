/* SPDX-License-Identifier: Apache-2.0 */
/* bmclinkctl: the command line. bmclinkctl(1) is the specification. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "bmclink-build.h"
#include "ctl/ctl.h"

/* clang-format off */
static const struct ctl_command commands[] = {
	{"status", NULL, NULL, CTL_JSON | CTL_WATCH, ctl_run_status, "state of the link"},
	{"events", NULL, NULL, CTL_JSON | CTL_FOLLOW, ctl_run_events, "what has happened; -f: and what happens"},
	{"log", NULL, NULL, CTL_JSON | CTL_FOLLOW | CTL_LINES, ctl_run_log, "the BMC's log, over the link; -f: and what comes"},
	{"discover", NULL, NULL, CTL_JSON | CTL_ROOTS, ctl_run_discover, "the NIC and its addresses, and how they are known"},
	{"trust", "show", NULL, CTL_JSON, ctl_run_trust_show, "which BMC is trusted"},
	{"trust", "reset", NULL, 0, ctl_run_trust_reset, "forget the BMC; trust the next one on first use"},
	{"trust", "forget", NULL, 0, ctl_run_trust_forget, "ask the BMC to forget this host"},
	{"trust", "pin", "FINGERPRINT|FILE", 0, ctl_run_trust_pin, "trust this certificate of a BMC only"},
	{"certificate", "show", NULL, CTL_JSON, ctl_run_certificate_show, "the host's own certificate"},
	{"certificate", "renew", NULL, 0, ctl_run_certificate_renew, "make a new one over the trusted channel"},
	{"reconfigure", NULL, NULL, 0, ctl_run_reconfigure, "arm the one-time configuration of the NIC again"},
	{"report", NULL, NULL, CTL_JSON | CTL_ROOTS | CTL_REPORT | CTL_PROGRAMS, ctl_run_report, "what bmclink changed here; --bundle: for support"},
	{"check-config", NULL, "[FILE]", 0, ctl_run_check_config, "check bmclinkd.conf and its drop-ins"},
	{"access", NULL, NULL, CTL_JSON | CTL_PROGRAMS, ctl_run_feature_show, "in-band access to the BMC (inband-access)"},
	{"access", "status", NULL, CTL_JSON | CTL_PROGRAMS, ctl_run_feature_show, NULL},
	{"access", "enable", NULL, CTL_ACCESS | CTL_PROGRAMS, ctl_run_access_enable, NULL},
	{"access", "disable", NULL, 0, ctl_run_feature_switch, NULL},
	{"snmp", NULL, NULL, CTL_JSON, ctl_run_feature_show, "BMC values in the host SNMP agent (snmp-get)"},
	{"snmp", "enable", NULL, CTL_SNMP, ctl_run_snmp_enable, NULL},
	{"snmp", "disable", NULL, 0, ctl_run_feature_switch, NULL},
	{"names", NULL, NULL, CTL_JSON, ctl_run_feature_show, "idrac.local and drac.local (local-names)"},
	{"names", "enable", NULL, 0, ctl_run_feature_switch, NULL},
	{"names", "disable", NULL, 0, ctl_run_feature_switch, NULL},
	{"update", NULL, NULL, CTL_JSON, ctl_run_feature_show, "updates of the agent from the BMC (auto-update)"},
	{"update", "status", NULL, CTL_JSON, ctl_run_feature_show, NULL},
	{"update", "check", NULL, 0, ctl_run_update_check, NULL},
	{"update", "install", "[no-way-back]", 0, ctl_run_update_install, NULL},
	{"update", "mode", "off|notify|install", 0, ctl_run_update_mode, NULL},
};

enum option_number { OPTION_RUNTIME_DIR = 256, OPTION_STATE_DIR, OPTION_CONFIG, OPTION_JSON,
	OPTION_WATCH, OPTION_SYS_ROOT, OPTION_DMI_ROOT, OPTION_RUN_ROOT,
	OPTION_PROC_ROOT, OPTION_ETC_ROOT, OPTION_PROGRAM_DIR, OPTION_BUNDLE, OPTION_KEEP,
	OPTION_PORT, OPTION_ALLOW, OPTION_VERSION,
	OPTION_COMMUNITY, OPTION_USER, OPTION_SUBTREE };

static const struct option long_options[] = {
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"json", no_argument, NULL, OPTION_JSON},
	{"watch", no_argument, NULL, OPTION_WATCH},
	{"follow", no_argument, NULL, 'f'},
	{"lines", required_argument, NULL, 'n'},
	{"sys-root", required_argument, NULL, OPTION_SYS_ROOT},
	{"dmi-root", required_argument, NULL, OPTION_DMI_ROOT},
	{"run-root", required_argument, NULL, OPTION_RUN_ROOT},
	{"proc-root", required_argument, NULL, OPTION_PROC_ROOT},
	{"etc-root", required_argument, NULL, OPTION_ETC_ROOT},
	{"program-dir", required_argument, NULL, OPTION_PROGRAM_DIR},
	{"bundle", required_argument, NULL, OPTION_BUNDLE},
	{"keep-identifiers", no_argument, NULL, OPTION_KEEP},
	{"port", required_argument, NULL, OPTION_PORT},
	{"allow", required_argument, NULL, OPTION_ALLOW},
	{"community", required_argument, NULL, OPTION_COMMUNITY},
	{"user", required_argument, NULL, OPTION_USER},
	{"subtree", required_argument, NULL, OPTION_SUBTREE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

static void print_help(void)
{
	puts("Usage: bmclinkctl [OPTION]... COMMAND\n"
	     "Ask bmclinkd about the link to the BMC, and tell it what to do.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct ctl_command *c = &commands[i];
		char words[64], actions[64] = "";

		if (!c->summary)
			continue;
		for (size_t k = i + 1; k < ARRAY_SIZE(commands) && !commands[k].summary; k++)
			snprintf(actions + strlen(actions), sizeof(actions) - strlen(actions),
				"%s%s", *actions ? "|" : " [", commands[k].action);
		snprintf(words, sizeof(words), "%s%s%s%s%s%s%s", c->verb, c->action ? " " : "",
			c->action ? c->action : "", c->argument ? " " : "",
			c->argument ? c->argument : "", actions, *actions ? "]" : "");
		if (strlen(words) > 24)
			printf("  %s\n  %-24s  %s\n", words, "", c->summary);
		else
			printf("  %-24s  %s\n", words, c->summary);
	}
	puts("\n  --json             print the object of the daemon\n"
	     "  --watch            status: print each change\n"
	     "  -f, --follow       events, log: go on with what happens\n"
	     "  -n, --lines N      log: the newest N (1 to 1000; default 20)\n"
	     "  --bundle FILE      report: write a redacted archive (.tar.gz) for support\n"
	     "  --keep-identifiers ... in which serial numbers, names and addresses stay\n"
	     "  --allow NETWORK... access enable: networks that clients may come from\n"
	     "  --port PORT        ... and the TCP port (default 1266)\n"
	     "  --community NAME   snmp enable: a community that may ask\n"
	     "  --user NAME        ... and an SNMPv3 user\n"
	     "  --subtree OID      ... and what is read\n"
	     "  --runtime-dir DIR  where the daemon's socket is (default " BMCLINK_RUNDIR ")\n"
	     "  --config FILE      the file (default " BMCLINK_SYSCONFDIR "/bmclinkd.conf)\n"
	     "  --state-dir DIR    report: the records (default " BMCLINK_STATEDIR ")\n"
	     "  -h, --help         print this\n"
	     "  --version          print the version\n\n"
	     "Exit codes: 0 done or connected, 1 failed, 2 usage, 3 not connected,\n"
	     "4 daemon not running, 5 feature unavailable. See bmclinkctl(1).");
}

static enum ctl_exit complain_usage(const char *what, const char *which)
{
	ctl_complain("%s%s%s%s; 'bmclinkctl --help' lists what there is", what, which ? " '" : "",
		which ? which : "", which ? "'" : "");
	return CTL_USAGE;
}

struct command_line {
	struct ctl ctl;
	unsigned int options; /* that were given, of enum ctl_option */
	bool done;	      /* help or version was printed */
};

static bool take_snmp_option(int option, struct command_line *line)
{
	struct ctl *ctl = &line->ctl;

	line->options |= CTL_SNMP;
	if (option == OPTION_SUBTREE)
		ctl->subtree = optarg;
	else if (option == OPTION_COMMUNITY && ctl->n_communities < CTL_MAX_NAMES)
		ctl->communities[ctl->n_communities++] = optarg;
	else if (option == OPTION_USER && ctl->n_users < CTL_MAX_NAMES)
		ctl->users[ctl->n_users++] = optarg;
	else
		return false;
	return true;
}

/* Those of one command, or of tests. */
static bool take_report_option(int option, struct command_line *line)
{
	struct ctl *ctl = &line->ctl;

	line->options |= CTL_REPORT;
	switch (option) {
	case OPTION_PROC_ROOT:
		ctl->roots.proc = optarg;
		return true;
	case OPTION_ETC_ROOT:
		ctl->roots.etc = optarg;
		return true;
	case OPTION_BUNDLE:
		ctl->bundle = optarg;
		return true;
	case OPTION_KEEP:
		ctl->keep_identifiers = true;
		return true;
	default:
		return false;
	}
}

static bool parse_lines(const char *text, unsigned int *lines)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > 1000) {
		ctl_complain("--lines: expected a number from 1 to 1000, found '%s'", text);
		return false;
	}
	*lines = (unsigned int)n;
	return true;
}

/* One too many is told from the rest by the command. */
static void add_allow(struct ctl *ctl, const char *network)
{
	if (ctl->n_allow < CTL_MAX_ALLOW)
		ctl->allow[ctl->n_allow++] = network;
}

static bool take_option(int option, struct command_line *line)
{
	struct ctl *ctl = &line->ctl;

	switch (option) {
	case OPTION_RUNTIME_DIR:
		ctl->runtime_dir = optarg;
		return true;
	case OPTION_STATE_DIR:
		ctl->state_dir = optarg;
		return true;
	case OPTION_CONFIG:
		ctl->config = optarg;
		ctl->config_given = true;
		return true;
	case OPTION_JSON:
		ctl->json = true;
		line->options |= CTL_JSON;
		return true;
	case OPTION_WATCH:
		ctl->watch = true;
		line->options |= CTL_WATCH;
		return true;
	case 'f':
		ctl->follow = true;
		line->options |= CTL_FOLLOW;
		return true;
	case 'n':
		line->options |= CTL_LINES;
		return parse_lines(optarg, &ctl->lines);
	case OPTION_SYS_ROOT:
		ctl->roots.sys = optarg;
		line->options |= CTL_ROOTS;
		return true;
	case OPTION_DMI_ROOT:
		ctl->roots.dmi = optarg;
		line->options |= CTL_ROOTS;
		return true;
	case OPTION_RUN_ROOT:
		ctl->roots.run = optarg;
		line->options |= CTL_ROOTS;
		return true;
	case OPTION_PROGRAM_DIR:
		ctl->program_dir = optarg;
		line->options |= CTL_PROGRAMS;
		return true;
	case OPTION_PORT:
		ctl->port = optarg;
		line->options |= CTL_ACCESS;
		return true;
	case OPTION_ALLOW:
		line->options |= CTL_ACCESS;
		add_allow(ctl, optarg);
		return true;
	case 'h':
		print_help();
		line->done = true;
		return true;
	case OPTION_VERSION:
		puts("bmclinkctl " BMCLINK_VERSION);
		line->done = true;
		return true;
	case OPTION_COMMUNITY:
	case OPTION_USER:
	case OPTION_SUBTREE:
		return take_snmp_option(option, line);
	default:
		return take_report_option(option, line);
	}
}

static const struct ctl_command *find_command(const char *verb, const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct ctl_command *c = &commands[i];

		if (strcmp(c->verb, verb) != 0)
			continue;
		if (action ? c->action && strcmp(c->action, action) == 0 : !c->action)
			return c;
	}
	return NULL;
}

static bool verb_exists(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].verb, verb) == 0)
			return true;
	return false;
}

/* words: "status", or "trust" "pin" "FILE"; verbs have an action or an argument, never both ways.
 */
static enum ctl_exit run_words(struct command_line *line, char **words, int n)
{
	const struct ctl_command *command;
	int used = 1;

	if (n == 0)
		return complain_usage("a command is missing", NULL);
	if (!verb_exists(words[0]))
		return complain_usage("there is no command", words[0]);
	command = n > 1 ? find_command(words[0], words[1]) : NULL;
	if (command)
		used = 2;
	else
		command = find_command(words[0], NULL);
	if (!command)
		return complain_usage(n > 1 ? "there is no such action:" : "an action is missing:",
			n > 1 ? words[1] : words[0]);
	if (command->argument && used < n)
		line->ctl.argument = words[used++];
	else if (command->argument && command->argument[0] != '[')
		return complain_usage("an argument is missing:", command->argument);
	while (used < n && line->ctl.n_allow > 0 && (command->options & CTL_ACCESS) != 0)
		add_allow(&line->ctl, words[used++]); /* --allow NETWORK NETWORK */
	if (used < n)
		return complain_usage("one word too many:", words[used]);
	if (line->options & ~command->options)
		return complain_usage("one of the options is not for the command", words[0]);
	return command->run(&line->ctl, command);
}

int main(int argc, char **argv)
{
	struct command_line line = {
		.ctl = {.runtime_dir = BMCLINK_RUNDIR,
			.state_dir = BMCLINK_STATEDIR,
			.config = BMCLINK_SYSCONFDIR "/bmclinkd.conf"},
	};
	enum ctl_exit code;
	int option;

	tzset();
	while ((option = getopt_long(argc, argv, "fhn:", long_options, NULL)) != -1) {
		if (!take_option(option, &line))
			return CTL_USAGE; /* getopt has said why */
		if (line.done)
			return CTL_DONE;
	}
	code = run_words(&line, argv + optind, argc - optind);
	/* A full disk behind a pipe: what was asked for did not arrive. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		ctl_complain("the output could not be written");
		return code == CTL_DONE ? CTL_FAILED : (int)code;
	}
	return (int)code;
}
