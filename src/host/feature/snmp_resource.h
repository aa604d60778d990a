/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the BMC says that it is asked over SNMP: the resource that its manager links to under
 * Oem.Bmclink.Snmp (docs/endpoint.md). Pure; all of it was written by the other end.
 */
#ifndef BMCLINK_HOST_SNMP_RESOURCE_H
#define BMCLINK_HOST_SNMP_RESOURCE_H

#include "host/link/channel.h"
#include "host/monitor/snmp_text.h"
#include "host/settings.h"

#define SNMP_RESOURCE_ODD "the BMC does not answer as it should"

struct snmp_resource {
	char set_user[CHANNEL_MAX_PATH], remove_user[CHANNEL_MAX_PATH]; /* targets; "": none */
	char subtree[128];						/* printable */
	uint16_t port;
	bool sha1; /* it does not know SHA-256 */
};

/* Where the manager has its resource; -ENOENT: nowhere, -EINVAL: that is no path of this service.
 */
int snmp_resource_find(const json_t *manager, char *path, size_t size);
/* NULL: all is there. Else why it cannot be asked, a static text; resource is undefined then, but
 * for targets that an earlier reading has left. */
const char *snmp_resource_read(
	const json_t *body, const struct settings *settings, struct snmp_resource *resource);
/* The engine's id in the answer to SetUser; -EBADMSG. */
int snmp_resource_read_engine(const json_t *body, struct snmp_access *access);

#endif
