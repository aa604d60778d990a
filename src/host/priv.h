/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's side of the monitor: each function asks for one privileged act (monitor/acts.h has
 * the table, docs/architecture.md the list with its bounds) and waits for the answer, which takes
 * the monitor micro- to milliseconds: it never waits for anything outside. All return 0 or negative
 * errno; -EPERM: the monitor refuses this act with these arguments. Notices come over a second
 * socket (priv_notices).
 */
#ifndef BMCLINK_HOST_PRIV_H
#define BMCLINK_HOST_PRIV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"
#include "host/discover/plan.h"
#include "update/store.h"

#define PRIV_MAX_PASSWORD 256 /* bytes */
#define PRIV_MAX_IPMI	  80  /* bytes of an answer, with its completion code */

struct priv;

enum priv_once {
	PRIV_ONCE_ARMED,   /* the one-time configuration is not spent */
	PRIV_ONCE_REAPPLY, /* spent with these addresses; the NIC was born again since (boot,
			      re-plug): apply them again */
	PRIV_ONCE_SPENT,   /* spent; nothing may be set in this life of the NIC */
};

struct priv_profile {
	enum priv_once once;
	bool has_ipv4; /* the profile has addresses of ours (else: the NIC was complete when it was
			  spent) */
	struct in_addr host_ipv4, bmc_ipv4;
	bool has_ipv6;
	struct in6_addr host_ipv6, bmc_ipv6; /* with bmc_ipv6: a pair as for IPv4, prefix 128; with
						:: the prefix is routed to the NIC, 64 at least */
	uint8_t ipv6_prefix;
};

enum priv_notice {
	PRIV_NOTICE_STOP,   /* end in good order */
	PRIV_NOTICE_RELOAD, /* new settings are to be fetched: priv_get_settings() */
	PRIV_NOTICE_ARP,    /* data: struct in_addr that answered an ARP probe */
	PRIV_NOTICE_EVENT,  /* data: struct priv_event, of what happened in the monitor: to be
			       emitted by the worker, which keeps the events */
	PRIV_NOTICE_IPMI,   /* data: struct priv_ipmi, the answer to priv_ask_ipmi() */
	PRIV_NOTICE_ACCESS, /* in-band access has changed: priv_access_get() */
	PRIV_NOTICE_SNMP,   /* the snmpd of priv_snmp_start() ended, and what it had is gone */
	PRIV_NOTICE_CARE,   /* data: const char *, what of the NIC is not protected; "": all is */
};

struct priv_event {
	enum message_id id;
	unsigned int n_args;
	char args[MESSAGE_MAX_ARGS][MESSAGE_MAX_ARG];
};

struct priv_ipmi {
	uint8_t command, argument; /* what was asked */
	int error;		   /* 0, or a positive errno: ETIMEDOUT, EMSGSIZE, the driver's */
	size_t length;
	uint8_t bytes[PRIV_MAX_IPMI]; /* as the BMC sent them: completion code, data */
};

typedef void (*priv_notice_fn)(enum priv_notice notice, const void *data, size_t length, void *arg);

/* Descriptors come from the monitor at exec (environment of worker.c). */
int priv_new(int request_fd, int notice_fd, struct priv **priv);
void priv_free(struct priv *priv);
int priv_notice_fd(const struct priv *priv); /* readable: call priv_read_notices() */
int priv_read_notices(
	struct priv *priv, priv_notice_fn fn, void *arg); /* -EPIPE: the monitor is gone */

/* Valid as long as priv. */
struct priv_self {
	const char
		*machine; /* machine-id and system UUID: state made under another name is a copy */
	const char *package_version; /* with the package's revision; "": not installed by one */
	uint32_t package_count;	     /* installations of the package since it was removed */
};

/* The first act of a worker: the monitor then counts it as started. */
int priv_hello(struct priv *priv, struct priv_self *self);
int priv_get_settings(
	struct priv *priv, char **text, size_t *length); /* settings_parse() form; caller frees */
/*
 * The names of [LocalNames] in /etc/hosts for the BMC's IPv4 address, which must be on the link of
 * the claimed NIC (else -EPERM, as with the feature off); or, with on false, no names of ours. 0
 * with names.why: it could not be done, and the file is as it was.
 */
#define PRIV_MAX_NAMES 512
struct priv_names {
	bool changed;
	char why[128];		      /* "": it is as was asked */
	char written[PRIV_MAX_NAMES]; /* names in our block, divided by blanks */
	char taken[PRIV_MAX_NAMES];   /* that other lines have, or the host itself */
};
int priv_set_names(struct priv *priv, bool on, struct in_addr bmc, struct priv_names *names);
/* The monitor reads its files anew; -EINVAL: they have an error, which is an event. */
int priv_reload(struct priv *priv);
int priv_get_nic_facts(
	struct priv *priv, unsigned int ifindex, struct plan_nic *nic); /* bus, ids, udev_ready */
int priv_get_dmi(struct priv *priv, unsigned int index, uint8_t **data, size_t *length,
	bool *whole_table); /* -ENOENT: no more */
int priv_claim_nic(
	struct priv *priv, unsigned int ifindex); /* acts below are for the claimed NIC only */
int priv_is_managed(struct priv *priv, bool *managed,
	bool *ipv4_disabled); /* by NetworkManager or networkd with an active profile */
int priv_open_tcp(struct priv *priv, int family,
	int *fd); /* bound to the claimed NIC, non-blocking, keep-alive set */
int priv_open_neighbour(
	struct priv *priv, int *fd); /* to ask for the BMC by IPv6: link/neighbour.h */
int priv_get_profile(struct priv *priv, struct priv_profile *profile);
/* Durable mark first, then link up and addresses. host/bmc IPv4 0: IPv6 only. -EPERM: spent. */
int priv_configure(struct priv *priv, const struct priv_profile *wanted);
int priv_spend(struct priv *priv); /* the NIC was complete: spend without setting anything */
int priv_rearm(struct priv *priv); /* `bmclinkctl reconfigure` */
/* Per-interface sysctls and the nft table of ours, for this birth of the NIC. Off is refused: the
 * monitor puts them back itself, at stop and when the claim moves. How far it came is told as
 * PRIV_NOTICE_CARE; what could not be done is tried again after 5 s, doubling to 5 min. */
#define PRIV_MAX_CARE 256
int priv_care(struct priv *priv, bool on);
/*
 * The password of [Login], for one log-in: to be wiped at once. -EPERM: none is configured, or no
 * NIC is claimed; other errors say why the file is not used (login_explain_password() of
 * link/login.h).
 */
int priv_get_password(struct priv *priv, char password[PRIV_MAX_PASSWORD + 1]);
int priv_probe_arp(struct priv *priv, struct in_addr target); /* answer: PRIV_NOTICE_ARP */

/*
 * One of the two requests of base/ipmi.h over the system interface; the answer, or that there is
 * none, comes as PRIV_NOTICE_IPMI within 15 s. -ENOENT: this machine has no IPMI interface; -ENXIO:
 * its firmware or kernel names one, but there is no device (yet): drivers; -EBUSY: one is under
 * way; -EDQUOT: too many within an hour; -EPERM: trust = first-use or pinned.
 */
int priv_ask_ipmi(struct priv *priv, uint8_t command, uint8_t argument);

/*
 * In-band access to the BMC that we are connected with: who may come, and where, is of the
 * monitor's own settings. -EPERM: it is off there, or has no networks, or the BMC's address is not
 * one that it may be. 0: the relay is being started, or waits for its port: priv_access_get().
 */
struct access_status; /* monitor/access.h */
int priv_access_start(struct priv *priv, struct in_addr bmc, uint16_t port);
int priv_access_stop(struct priv *priv);
int priv_access_get(struct priv *priv, struct access_status *status);

/*
 * Updates of the agent. The worker puts a package and its signature into these files of its own
 * directory; the monitor copies them, verifies the signature of the copy, and has it installed.
 */
#define PRIV_UPDATE_FILE      "update.pkg"
#define PRIV_UPDATE_SIGNATURE "update.minisig"

struct priv_update_info {
	enum package_family family; /* PACKAGE_NONE: the agent was not installed by a package */
	char architecture[16];
	char installed[VERSION_MAX], floor[VERSION_MAX];
	char back[VERSION_MAX];	   /* whose package is at hand as the way back; "": none */
	char refused[VERSION_MAX]; /* put back once: not by itself again; "": none */
	unsigned int keys;	   /* that count */
	enum update_step step;	   /* of the last one */
	char version[VERSION_MAX], from[VERSION_MAX], why[UPDATE_MAX_WHY];
	int64_t at; /* CLOCK_REALTIME, seconds */
};
int priv_update_info(struct priv *priv, struct priv_update_info *info);
/*
 * size bytes of that version are to be copied; back: it is the package of what runs. -ENOKEY: there
 * is no key; -EBUSY: an update is under way; -ENOSPC; -EBADMSG: the signature cannot be read;
 * -EPERM: switched off, or the version is none.
 */
int priv_update_begin(struct priv *priv, bool back, uint64_t size, const char *version);
/* Copies a piece, some milliseconds long. *done: bytes so far. -ENODATA: the file is too short. */
int priv_update_piece(struct priv *priv, uint64_t *done);
/*
 * All is copied: verify and, unless it was for the way back, have it installed. -ENOKEY: no key of
 * ours made it; -EKEYREVOKED; -EBADMSG: wrong signature; -ESTALE: not newer; -EACCES: nobody
 * consented, and the mode is not install, or it was put back once.
 */
int priv_update_commit(struct priv *priv);

/*
 * The BMC's subtree in the host's snmpd, for those whom [SnmpGet] names: a drop-in, and a reload.
 * What is as it should be already is left alone. idrac: below which of the two known subtrees,
 * where [SnmpGet] names none. Negative errno: nothing of ours is there; those that snmp_get.c
 * explains, and -EPERM as above: also when the feature is off in the monitor's settings, or the
 * BMC's address is none on the link.
 */
struct snmp_access; /* monitor/snmp_text.h */
int priv_snmp_start(struct priv *priv, const struct snmp_access *access, bool idrac);
int priv_snmp_stop(struct priv *priv); /* also what an earlier life left */

enum priv_audit {
	PRIV_AUDIT_CONNECTED,
	PRIV_AUDIT_CHANGED,
	PRIV_AUDIT_LOST,
	PRIV_AUDIT_REFUSED,
	PRIV_AUDIT_EXPIRED
};
/* family AF_INET/AF_INET6; tls "TLS 1.3" or "none"; reason an outcome name. The monitor makes them
 * audit-safe again. */
int priv_write_audit(struct priv *priv, enum priv_audit kind, int family, const char *bmc_address,
	const char *tls, const char *reason, bool success);

#endif
