/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drop-in for Net-SNMP's snmpd, and what is to be known of the administrator's files before it
 * is written. Pure. snmpd.conf(5) and snmpcmd(1) of Net-SNMP 5.9 say what the lines mean.
 *
 * The BMC's subtree is proxied in an SNMP context of its own: the context's name is what keeps it
 * from everybody whom the administrator did not name. Communities that are named are mapped to the
 * context; a v3 user that is named gives it with his question (snmpget -n bmclink).
 */
#ifndef BMCLINK_HOST_SNMP_TEXT_H
#define BMCLINK_HOST_SNMP_TEXT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNMP_TEXT_MARK	"# Made by bmclinkd, which removes it:" /* how a file of ours begins */
#define SNMP_CONTEXT	"bmclink"
#define SNMP_IDRAC	"1.3.6.1.4.1.674.10892.5"
#define SNMP_OWN	"1.3.6.1.4.1.8072.9999.9999.623"
#define SNMP_MAX_WORD	32 /* a community, a user */
#define SNMP_MIN_KEY	16
#define SNMP_MAX_KEY	64
#define SNMP_MIN_ENGINE 5 /* bytes; RFC 3411 */
#define SNMP_MAX_ENGINE 32

struct snmp_access { /* how the BMC is asked; from the worker */
	struct in_addr bmc;
	uint16_t port;
	char user[SNMP_MAX_WORD + 1];
	bool sha1; /* else SHA-256 */
	char auth_key[SNMP_MAX_KEY + 1], priv_key[SNMP_MAX_KEY + 1];
	uint8_t engine[SNMP_MAX_ENGINE];
	size_t engine_length;
};

struct snmp_clients {			 /* who may ask; the administrator's configuration */
	const char *subtree;		 /* in numbers, without a dot before */
	const char *communities, *users; /* divided by one blank each; "" */
};

/* Letters, digits, '.', '_' and '-', not at the beginning: nothing that ends a word or a line. */
bool snmp_text_is_word(const char *word, size_t length);
bool snmp_text_is_access(const struct snmp_access *access);

/* The caller wipes and frees it. NULL: no memory, or a word that is none (the last lock). */
char *snmp_text_make(const struct snmp_access *access, const struct snmp_clients *clients);

/* Does this configuration include the folder ("includeDir FOLDER")? */
bool snmp_text_includes(const char *text, const char *folder);
/* Does it give one of the communities (divided by blanks) a meaning of its own? Net-SNMP takes the
 * first line that fits: ours would not count, or theirs would not. */
bool snmp_text_has_community(const char *text, const char *communities);
bool snmp_text_is_ours(const char *text);

#endif
