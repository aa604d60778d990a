/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's configuration: endpoint.conf(5) is the specification, settings.c the key table. */
#ifndef BMCLINK_ENDPOINT_SETTINGS_H
#define BMCLINK_ENDPOINT_SETTINGS_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/tls.h"

struct endpoint_settings {	     /* section [Endpoint] */
	char interface[IF_NAMESIZE]; /* the BMC's side of the pass-through NIC */
	bool ipv4, ipv6;
	long port, plain_port;
	bool tls;
	int tls_min_version, tls_max_version; /* enum tls_version */
	int profile;			      /* enum profile_kind: 0 redfish, 1 idrac */
	char firmware_version[64];
	char product[64];	 /* Model of the manager */
	char vendor[64];	 /* Vendor of the service root */
	char service_tag[64];	 /* "" when not given */
	char uuid[40];		 /* lower case, 8-4-4-4-12; "" when not given */
	long log_max_records;	 /* of the Lifecycle log */
	char hooks[256];	 /* folder of programs, absolute; "" when there is none */
	int enrolment;		 /* enum enrolment_mode: 0 auto, 1 first-use, 2 kcs */
	long hook_seconds;	 /* how long a program may take */
	long enrolment_minutes;	 /* how long the enrolment window is open */
	bool renewal;		 /* of our own certificate, by itself */
	long keep_alive_seconds; /* between comments on a silent stream; 0: none */
	long max_connections;	 /* at a time; a third of them for one source */
	long update_packages;	 /* of the agent that are kept, at most; 0: none */
	long update_megabytes;	 /* of all of them */
	bool snmp;		 /* for the host */
	long snmp_port;
	char snmp_subtree[128]; /* "": as the profile has it */
};

/* FILE and FILE.d/ (config.h). Returns 0 or negative errno, then with *error (caller frees). */
int endpoint_settings_load(
	const char *path, bool missing_ok, struct endpoint_settings *settings, char **error);
int endpoint_settings_parse(const char *text, size_t length, const char *name,
	struct endpoint_settings *settings, char **error);

#endif
