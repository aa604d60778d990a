/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration: bmclinkd.conf(5) is the specification, settings.c the key table. */
#ifndef BMCLINK_HOST_SETTINGS_H
#define BMCLINK_HOST_SETTINGS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/tls.h"

enum settings_configure { CONFIGURE_ONCE, CONFIGURE_NEVER };
enum settings_filter { FILTER_REPLIES, FILTER_OFF };
enum settings_trust {
	TRUST_KCS,
	TRUST_FIRST_USE,
	TRUST_PINNED,
	TRUST_AUTO, /* KCS where there is one, else first use */
};

#define SETTINGS_MAX_USER 64 /* bytes; also the bound of a certificate's CN (RFC 5280 A.1) */

enum settings_auto_update { AUTO_UPDATE_OFF, AUTO_UPDATE_NOTIFY, AUTO_UPDATE_INSTALL };

struct settings {
	/* [Link] */
	char interface[64]; /* "auto", a name, or "usb:VVVV:PPPP" */
	bool ipv4, ipv6;
	struct in_addr host_ipv4, bmc_ipv4;  /* 0: not given */
	struct in6_addr host_ipv6, bmc_ipv6; /* ::: not given */
	long port, plain_port;		     /* 0: not given (type 42, else 443 and 80) */
	int configure;			     /* enum settings_configure */
	int nic_filter;			     /* enum settings_filter */
	/* [Tls] */
	bool tls;
	bool plain; /* without TLS where the BMC never had it; see settings_allow_plain() */
	int tls_min_version; /* enum tls_version */
	int tls_max_version; /* for tests of old versions; not in the manual's examples */
	int trust;	     /* enum settings_trust */
	char pin[100];	     /* SHA-256 in hex, with or without ':'; "" when not given */
	bool renewal;	     /* of our certificate, by itself before it expires */
	/* [Login]: for a BMC that does not log the host in by its certificate */
	char login_user[SETTINGS_MAX_USER + 1]; /* "": none */
	char login_password_file[256];		/* absolute; "": none */
	/* [InbandAccess], [SnmpGet], [LocalNames], [AutoUpdate]: the switch of each feature and its
	 * keys. From here on a change does not touch the connection: further members belong here.
	 */
#define SETTINGS_FIRST_OF_FEATURES inband_access
	bool inband_access, snmp_get, local_names;
	long access_port;	 /* that clients of in-band access come to */
	char access_allow[1001]; /* networks that they may come from (relay/sources.h) */
	long access_max, access_max_per_source; /* connections */
	long access_idle;			/* seconds */
	char local_names_list[256];		/* of [LocalNames], divided by one blank each */
	int auto_update;			/* enum settings_auto_update */
	/* of [SnmpGet], divided by one blank each; communities are secrets as passwords are */
	char snmp_communities[256], snmp_users[256];
	char snmp_subtree[128]; /* "": by the BMC */
};

/* May a BMC that never had TLS be spoken to without? Whoever asks for more than the oldest TLS does
 * not mean none at all. */
bool settings_allow_plain(const struct settings *settings);

/* FILE and FILE.d/ (config.h). path must exist unless missing_ok. Returns 0 or negative errno with
 * *error. */
int settings_load(const char *path, bool missing_ok, struct settings *settings, char **error);
/* As if a drop-in of FILE.d/ had this text (config.h). */
struct config_candidate;
int settings_load_with(const char *path, bool missing_ok, const struct config_candidate *candidate,
	struct settings *settings, char **error);
/* Has this key the same value in both? False for a key that does not exist. */
bool settings_are_equal(
	const struct settings *a, const struct settings *b, const char *section, const char *name);
/* Defaults alone. 0 or -ENOMEM, then all is zero. */
int settings_init(struct settings *settings);
/* From memory, as the worker gets it from the monitor. */
int settings_parse(
	const char *text, size_t length, const char *name, struct settings *settings, char **error);
/* One file's text with every key that differs from its default; caller frees. For handing settings
 * to the worker. */
int settings_to_text(const struct settings *settings, char **text);

#endif
