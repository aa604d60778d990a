/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: principals with roles, roles with privileges, and one table that says for each
 * entity and method which privileges it takes (the shape of a Redfish PrivilegeRegistry, DSP0266
 * clause "Redfish service operation-to-privilege mapping"). Pure.
 */
#ifndef BMCLINK_ENDPOINT_PRIVILEGE_H
#define BMCLINK_ENDPOINT_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

#include "endpoint/http.h"

enum privilege {
	PRIVILEGE_LOGIN = 1 << 0,
	PRIVILEGE_CONFIGURE_MANAGER = 1 << 1,
	PRIVILEGE_CONFIGURE_USERS = 1 << 2,
	PRIVILEGE_CONFIGURE_COMPONENTS = 1 << 3,
	PRIVILEGE_CONFIGURE_SELF = 1 << 4,
	PRIVILEGE_HOST = 1 << 5,    /* OEM: the host's own affairs */
	PRIVILEGE_ENROL = 1 << 6,   /* OEM: give one's certificate, in the window */
	PRIVILEGE_NO_AUTH = 1 << 7, /* in the table only: anybody */
};

enum role {
	ROLE_NONE, /* nobody has logged in */
	ROLE_ENROLLING,
	ROLE_AUTH_NONE, /* the host on the plain channel */
	ROLE_HOST,	/* the host, known by its certificate */
	ROLE_BOOTSTRAP, /* the host with an account that it got over IPMI */
	ROLE_ADMINISTRATOR,
	ROLE_OPERATOR,
	ROLE_READ_ONLY,
	ROLE_COUNT,
};

struct role_row {
	const char *id; /* of the Role resource; NULL: none is shown */
	unsigned int privileges;
	bool predefined; /* by the standard */
	const char *description;
};

enum entity {
	ENTITY_VERSIONS,
	ENTITY_SERVICE_ROOT,
	ENTITY_ACCOUNT_SERVICE,
	ENTITY_ACCOUNTS,
	ENTITY_ACCOUNT,
	ENTITY_HOST_CERTIFICATES,
	ENTITY_HOST_CERTIFICATE,
	ENTITY_ROLES,
	ENTITY_ROLE,
	ENTITY_SESSION_SERVICE,
	ENTITY_SESSIONS,
	ENTITY_SESSION,
	ENTITY_MANAGERS,
	ENTITY_MANAGER,
	ENTITY_CERTIFICATE_ACKNOWLEDGE,
	ENTITY_HOST_INTERFACES,
	ENTITY_HOST_INTERFACE,
	ENTITY_NETWORK_PROTOCOL,
	ENTITY_SYSTEMS,
	ENTITY_SYSTEM,
	ENTITY_SYSTEM_RESET,
	ENTITY_MANAGER_RESET,
	ENTITY_CERTIFICATE_SERVICE,
	ENTITY_CERTIFICATE_LOCATIONS,
	ENTITY_SERVICE_CERTIFICATES,
	ENTITY_SERVICE_CERTIFICATE,
	ENTITY_CERTIFICATE_ACTION,
	ENTITY_ALL_CHASSIS,
	ENTITY_CHASSIS,
	ENTITY_LOG_SERVICES,
	ENTITY_LOG_SERVICE,
	ENTITY_LOG_CLEAR,
	ENTITY_LOG_ENTRIES,
	ENTITY_LOG_ENTRY,
	ENTITY_EVENT_SERVICE,
	ENTITY_EVENT_STREAM,
	ENTITY_EVENT_TEST,
	ENTITY_SUBSCRIPTIONS,
	ENTITY_SUBSCRIPTION,
	ENTITY_REGISTRIES,
	ENTITY_SERVICE_MODULE,
	ENTITY_UPDATE_SERVICE,
	ENTITY_UPDATE_PUSH,
	ENTITY_SOFTWARE_INVENTORY,
	ENTITY_SOFTWARE_PACKAGE,
	ENTITY_SNMP,
	ENTITY_SNMP_USER,
	ENTITY_COUNT,
};

const struct role_row *privilege_get_role(enum role role);
const char *privilege_get_name(enum privilege privilege);
bool privilege_is_oem(enum privilege privilege);
/* The role whose resource has this Id; ROLE_NONE: there is none. */
enum role privilege_find_role(const char *id);

/* May somebody with this role do this? HEAD is asked as GET. */
bool privilege_allows(enum role role, enum entity entity, enum http_method method);

#endif
