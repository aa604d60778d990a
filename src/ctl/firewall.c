/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/firewall.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/program.h"

static enum firewall_answer look_at_firewalld(
	const char *dir, unsigned int port, char *text, size_t size)
{
	const char *const argv[] = {"firewall-cmd", "--list-all-zones", NULL};
	struct program_result result;
	enum firewall_answer answer = FIREWALL_UNKNOWN;

	if (program_run(dir, argv, &result) == 0 && result.status == 0)
		answer = firewall_read_zones(result.output, port);
	program_clear(&result);
	if (answer == FIREWALL_OPEN)
		snprintf(text, size, "firewalld lets it in");
	else if (answer == FIREWALL_CLOSED && port == FIREWALL_PORT)
		snprintf(text, size,
			"firewalld lets it in in no active zone: firewall-cmd --permanent "
			"--add-service=" FIREWALL_SERVICE " && firewall-cmd --reload");
	else if (answer == FIREWALL_CLOSED)
		snprintf(text, size,
			"firewalld lets it in in no active zone: firewall-cmd --permanent "
			"--add-port=%u/tcp && firewall-cmd --reload",
			port);
	return answer;
}

static enum firewall_answer look_at_ufw(const char *dir, unsigned int port, char *text, size_t size)
{
	const char *const argv[] = {"ufw", "status", "verbose", NULL};
	struct program_result result;
	enum firewall_answer answer = FIREWALL_UNKNOWN;

	if (program_run(dir, argv, &result) == 0 && result.status == 0)
		answer = firewall_read_ufw(result.output, port);
	program_clear(&result);
	if (answer == FIREWALL_OPEN)
		snprintf(text, size, "ufw lets it in");
	else if (answer == FIREWALL_CLOSED && port == FIREWALL_PORT)
		snprintf(
			text, size, "ufw has no rule that lets it in: ufw allow " FIREWALL_SERVICE);
	else if (answer == FIREWALL_CLOSED)
		snprintf(text, size, "ufw has no rule that lets it in: ufw allow %u/tcp", port);
	return answer;
}

static enum firewall_answer look_at_nft(const char *dir, unsigned int port, char *text, size_t size)
{
	const char *const argv[] = {"nft", "-j", "list", "ruleset", NULL};
	struct program_result result;
	enum firewall_answer answer = FIREWALL_UNKNOWN;

	if (program_run(dir, argv, &result) == 0 && result.status == 0)
		answer = firewall_read_nft(result.output, result.length, port);
	program_clear(&result);
	if (answer == FIREWALL_OPEN)
		snprintf(text, size, "nothing in nftables looks as if it closed it");
	else if (answer == FIREWALL_CLOSED)
		snprintf(text, size,
			"nftables drops what no rule lets in, and no rule names TCP port %u", port);
	return answer;
}

enum firewall_answer firewall_look(
	const char *program_dir, unsigned int port, char *text, size_t size)
{
	enum firewall_answer answer;

	snprintf(text, size, "not looked at: only root can");
	if (geteuid() != 0)
		return FIREWALL_UNKNOWN;
	answer = look_at_firewalld(program_dir, port, text, size);
	if (answer == FIREWALL_UNKNOWN)
		answer = look_at_ufw(program_dir, port, text, size);
	if (answer == FIREWALL_UNKNOWN)
		answer = look_at_nft(program_dir, port, text, size);
	if (answer == FIREWALL_UNKNOWN)
		snprintf(text, size, "not known: none of firewalld, ufw and nft answered");
	return answer;
}
