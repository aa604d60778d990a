/* SPDX-License-Identifier: Apache-2.0 */
/* bmclink-update: the command line of the installer. docs/updates.md. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bmclink-build.h"
#include "update/install.h"

#define EXIT_USAGE	2
#define CONNECT_SECONDS 120
#define LOCK_SECONDS	600

static const char help[] =
	"Usage: bmclink-update [OPTION]...\n"
	"Install the update of the agent that bmclinkd has verified and asked for. Started by\n"
	"bmclink-update.path; does nothing when nothing was asked for.\n\n"
	"  --state-dir DIR        where the package is (default " BMCLINK_STATEDIR ")\n"
	"  --runtime-dir DIR      control socket of the agent (default " BMCLINK_RUNDIR ")\n"
	"  --connect-seconds N    time for the new agent to connect (default 120)\n"
	"  --lock-seconds N       wait for the package database (default 600)\n"
	"  --version, --help\n\n"
	"For tests, what stands for /etc, /usr/bin and /var/lib/dpkg:\n"
	"  --etc-root DIR, --tool-dir DIR, --dpkg-dir DIR\n";

static int parse_number(const char *text, unsigned int *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value > 3600)
		return -EINVAL;
	*number = (unsigned int)value;
	return 0;
}

static int take(int option, struct install_options *options)
{
	switch (option) {
	case 's':
		options->state_dir = optarg;
		return 0;
	case 'r':
		options->runtime_dir = optarg;
		return 0;
	case 'e':
		options->etc = optarg;
		return 0;
	case 't':
		options->tool_dir = optarg;
		return 0;
	case 'd':
		options->dpkg_dir = optarg;
		return 0;
	case 'c':
		return parse_number(optarg, &options->connect_seconds);
	case 'l':
		return parse_number(optarg, &options->lock_seconds);
	case 'v':
		puts("bmclink-update " BMCLINK_VERSION);
		exit(EXIT_SUCCESS);
	case 'h':
		fputs(help, stdout);
		exit(EXIT_SUCCESS);
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"state-dir",	      required_argument, NULL, 's'},
		{"runtime-dir",	required_argument, NULL, 'r'},
		{"etc-root",	     required_argument, NULL, 'e'},
		{"tool-dir",	     required_argument, NULL, 't'},
		{"dpkg-dir",	     required_argument, NULL, 'd'},
		{"connect-seconds", required_argument, NULL, 'c'},
		{"lock-seconds",	 required_argument, NULL, 'l'},
		{"version",	    no_argument,	 NULL, 'v'},
		{"help",		 no_argument,	      NULL, 'h'},
		{NULL,	       0,		  NULL, 0	 },
	};
	struct install_options options = {
		.state_dir = BMCLINK_STATEDIR,
		.runtime_dir = BMCLINK_RUNDIR,
		.etc = "/etc",
		.connect_seconds = CONNECT_SECONDS,
		.lock_seconds = LOCK_SECONDS,
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (take(option, &options) < 0) {
			fputs("bmclink-update: see 'bmclink-update --help'\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "bmclink-update: unexpected argument '%s'\n", argv[optind]);
		return EXIT_USAGE;
	}
	umask(022); /* dpkg's scripts expect it */
	log_open("bmclink-update", true, LOG_LEVEL_INFO);
	return install_run(&options);
}
