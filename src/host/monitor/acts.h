/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acts: everything that the worker can make the monitor do, as one table of {number, bounds of
 * the request's size, function}. A request that is not in the table, does not fit its bounds, or is
 * followed by anything, is refused with -EPERM and does nothing. The monitor takes no text or
 * number from outside but through here.
 */
#ifndef BMCLINK_HOST_ACTS_H
#define BMCLINK_HOST_ACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <openssl/evp.h>

#include "base/minisign.h"
#include "host/discover/plan.h"
#include "host/monitor/care.h"
#include "host/monitor/nft_watch.h"
#include "host/monitor/package.h"
#include "host/monitor/profile.h"
#include "host/monitor/wire.h"
#include "host/priv.h"
#include "host/settings.h"

#define ACTS_MAX_PROBES	    4  /* ARP probes under way */
#define ACTS_PROBES	    10 /* questions of one probe, */
#define ACTS_PROBE_PAUSE_MS 50 /* and what lies between: 500 ms in all */
/* Further audit records are dropped and counted. A link that flaps must not crowd out who was
 * refused: each of the two has its share. */
#define ACTS_AUDIT_PER_MINUTE	    40	/* connected, changed, lost */
#define ACTS_AUDIT_TRUST_PER_MINUTE 20	/* refused, expired */
#define ACTS_NAMES_PER_HOUR	    60	/* changes of /etc/hosts */
#define ACTS_SNMP_PER_HOUR	    120 /* reloads of snmpd */
#define ACTS_MAX_AUDIT_FIELD	    64
#define ACTS_MAX_MACHINE	    (2 * PROFILE_MAX_ID)

enum act_number { /* part of the wire format; never reused */
	ACT_HELLO = 1,
	ACT_GET_SETTINGS = 2,
	ACT_GET_NIC_FACTS = 3,
	ACT_GET_DMI = 4,
	ACT_CLAIM_NIC = 5,
	ACT_IS_MANAGED = 6,
	ACT_OPEN_TCP = 7,
	ACT_GET_PROFILE = 8,
	ACT_CONFIGURE = 9,
	ACT_SPEND = 10,
	ACT_REARM = 11,
	ACT_CARE = 12,
	ACT_PROBE_ARP = 13,
	ACT_AUDIT = 14,
	ACT_OPEN_NEIGHBOUR = 15,
	ACT_GET_PASSWORD = 16,
	ACT_IPMI = 17,
	ACT_RELOAD = 18,
	ACT_NAMES = 19,
	ACT_ACCESS_START = 20,
	ACT_ACCESS_STOP = 21,
	ACT_ACCESS_GET = 22,
	ACT_UPDATE_INFO = 26,
	ACT_UPDATE_BEGIN = 27,
	ACT_UPDATE_PIECE = 28,
	ACT_UPDATE_COMMIT = 29,
	ACT_SNMP_START = 23,
	ACT_SNMP_STOP = 24,
};

struct acts_roots { /* where /sys and the others are; tests give prepared trees */
	const char *sys, *proc, *dmi, *run, *etc;
};

struct acts_environment { /* borrowed; outlives the acts */
	struct event_base *base;
	struct acts_roots roots;
	int state_fd; /* <state-dir>/monitor */
	/* For a further process: its user and group in decimal, and what becomes its root. */
	const char *user_text, *group_text;
	int empty_fd;
	bool foreground, debug;
	const char *runtime_dir; /* where root consents to an update; NULL: nowhere */
	/* To the worker; the notice is lost when it is not there. */
	void (*notify)(enum priv_notice notice, const void *data, size_t length, void *arg);
	void (*emit)(const struct priv_event *event, void *arg);
	void (*hello)(void *arg); /* the worker is up */
	/* Read the configuration anew. -EINVAL: it has an error, which was said. */
	int (*reload)(void *arg);
	void *arg;
};

struct acts_probe {
	struct acts *acts;
	struct event *readable; /* NULL: free */
	int fd;
	unsigned int sent;
	uint8_t mac[6]; /* ours */
	struct in_addr target;
};

struct acts_ipmi {	     /* one request at a time */
	struct event *event; /* of the device; NULL: closed */
	int fd;
	bool waiting; /* for the answer to msgid */
	uint32_t msgid;
	uint8_t command, argument;
	/* When the last ones were asked, oldest first: so many in an hour and no more. Each account
	 * that is asked for is one that the BMC makes. */
	time_t fingerprints[600], credentials[6];
};

struct acts_update {	    /* a package on its way from the worker */
	int from_fd, to_fd; /* the worker's file, our copy; 0: none */
	EVP_MD_CTX *hash;   /* of what was copied */
	uint64_t size, done;
	bool back;
	char version[VERSION_MAX];
	struct minisign_signature signature;
	char signature_text[MINISIGN_MAX_FILE];
	size_t signature_length;
};

struct acts_snmp {	     /* our drop-in for snmpd */
	struct event *event; /* of pidfd: the process that has read it; NULL: there is none */
	int pidfd;
	pid_t pid;
	bool stale; /* an snmpd may have read one that is gone */
	time_t hour;
	unsigned int changes; /* within it */
};

struct acts {
	const struct acts_environment *environment;
	struct settings settings;
	struct profile_machine machine;
	struct package_mark installed; /* version "": not by a package, or not known */
	struct profile profile;
	unsigned int ifindex;		  /* of the claimed NIC; 0: none */
	bool claim_may_move;		  /* the configuration named another NIC since */
	uint16_t usb_vendor, usb_product; /* of the claimed NIC; 0: it is not on USB */
	char nic_id[PROFILE_MAX_NIC_ID];
	struct profile_birth birth;
	struct care *care;	      /* NULL: not taken */
	struct event *care_timer;     /* what of it could not be done, once more; NULL: never yet */
	unsigned int care_wait_ms;    /* the last wait */
	char care_why[PRIV_MAX_CARE]; /* what is not protected; "": all is */
	struct nft_watch *nft_watch;  /* NULL: the filter is off, or it cannot be watched */
	int64_t filter_lost_ms;	      /* when last, CLOCK_MONOTONIC, */
	unsigned int filter_wait_ms;  /* and how long it was waited then; 0: not yet */
	struct acts_probe probes[ACTS_MAX_PROBES];
	struct acts_ipmi ipmi;
	struct acts_update update;
	/* One that is under way was first seen at this step: CLOCK_BOOTTIME, and its own word. */
	int64_t update_seen_ms, update_seen_at;
	struct access *access; /* NULL: it was never asked for */
	int audit_fd;	       /* -1: not opened yet, or there is none */
	unsigned int audit_count, audit_trust_count, audit_lost;
	long audit_minute;
	struct acts_snmp snmp;
	time_t names_hour; /* when it began, CLOCK_BOOTTIME; 0: not yet */
	unsigned int names_changes;
};

struct act {
	const char *name;
	uint16_t number;
	uint16_t min, max; /* bytes of the arguments */
	bool needs_claim;
	/* *fd: a descriptor to pass, owned by the caller then. Nothing may be put on failure. */
	int (*run)(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd);
};

/* Loads the profile; a NIC and care of an earlier life are put right by the first acts. */
int acts_init(struct acts *acts, const struct acts_environment *environment);
/* Puts the care back and closes everything; the address stays (docs/decisions.md). */
void acts_close(struct acts *acts);
/* For the removal of the package: our address, nft table, sysctls and profile go. */
int acts_cleanup(struct acts *acts);
void acts_set_settings(struct acts *acts, const struct settings *settings);
/* The worker ended: what was under way for it is given up; claim and care stay. */
void acts_forget_worker(struct acts *acts);

/*
 * One request: look it up, check its bounds, do it. out gets the answer (status and results).
 * *fd is -1 or to be passed and closed.
 */
void acts_run(
	struct acts *acts, const void *request, size_t length, struct wire_writer *out, int *fd);
/* Receive one request from the socket, run it, answer. -EPIPE: the worker is gone. */
int acts_serve(struct acts *acts, int request_fd);

/* Emit through the environment: as many const char * as the message has arguments. */
void acts_emit(struct acts *acts, enum message_id id, ...);
/* The claimed NIC's once, as of now. */
enum priv_once acts_get_once(const struct acts *acts);
/* The NIC up, before it is configured; durably noted first. -ENETDOWN: not ours to bring up. */
int act_profile_raise(struct acts *acts);

#define ACT(name) int name(struct acts *, struct wire_reader *, struct wire_writer *, int *)
ACT(act_hello);
ACT(act_get_settings);
ACT(act_get_nic_facts);
ACT(act_get_dmi);
ACT(act_claim_nic);
ACT(act_is_managed);
ACT(act_open_tcp);
ACT(act_open_neighbour);
ACT(act_get_profile);
ACT(act_configure);
ACT(act_spend);
ACT(act_rearm);
ACT(act_care);
ACT(act_probe_arp);
ACT(act_audit);
ACT(act_get_password);
ACT(act_ipmi);
ACT(act_reload);
ACT(act_names);
ACT(act_access_start);
ACT(act_access_stop);
ACT(act_access_get);
ACT(act_update_info);
ACT(act_update_begin);
ACT(act_update_piece);
ACT(act_update_commit);
ACT(act_snmp_start);
ACT(act_snmp_stop);
#undef ACT

void act_arp_stop(struct acts *acts);  /* every probe under way */
void act_care_stop(struct acts *acts); /* puts it back, and tries no more */
void act_ipmi_stop(struct acts *acts);
/* A socket is bound to the NIC; 0 or negative errno. */
int act_nic_bind(int fd, unsigned int ifindex);
void act_update_stop(struct acts *acts);
/* What the installer did since: its events, and the highest version that was ever here. */
void act_update_review(struct acts *acts);
void act_snmp_end(struct acts *acts);	  /* the drop-in goes, and snmpd is told */
void act_snmp_cleanup(struct acts *acts); /* also one that an earlier life left */
/* After new settings: a NIC that they do not allow is given up, with its care. */
void act_nic_review_claim(struct acts *acts);

#endif
