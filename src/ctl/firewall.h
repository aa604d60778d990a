/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the administrator's firewall let a TCP port in? Looked at, never changed, by root's own
 * command line: firewalld, ufw, nftables, the first that is at work. What cannot be told is said.
 */
#ifndef BMCLINK_CTL_FIREWALL_H
#define BMCLINK_CTL_FIREWALL_H

#include <stddef.h>

#define FIREWALL_SERVICE "bmclink-access" /* of firewalld and ufw, as packaged: port 1266 */
#define FIREWALL_PORT	 1266

enum firewall_answer { FIREWALL_UNKNOWN, FIREWALL_OPEN, FIREWALL_CLOSED };

/* program_dir as of program_run(). text: for people, who looked and what to do. */
enum firewall_answer firewall_look(
	const char *program_dir, unsigned int port, char *text, size_t size);

/* What the programs print; pure. FIREWALL_UNKNOWN: not at work, or not understood. */
enum firewall_answer firewall_read_zones(const char *list, unsigned int port);
enum firewall_answer firewall_read_ufw(const char *list, unsigned int port);
/* The JSON of nft; FIREWALL_OPEN: no chain drops what it does not know. */
enum firewall_answer firewall_read_nft(const char *json, size_t length, unsigned int port);

#endif
