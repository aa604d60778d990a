/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint-snmp/subagent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint-snmp/values.h"

/* After ours: its headers define short names. In this order. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <net-snmp/agent/agent_callbacks.h>

#define MODULE	     "subagent"
#define MAX_OID	     40
#define PING_SECONDS 5
#define WAIT_MS	     5000 /* for snmpd to listen for sub-agents */
#define PAUSE_MS     20
#define MAX_TEXT     255 /* DisplayString, RFC 2579 */

enum kind { KIND_TEXT, KIND_HEALTH, KIND_POWER };

struct object {
	oid tail[4]; /* below the subtree, 0 ends */
	enum kind kind;
	const char *value; /* of the endpoint's answer */
};

static const char *values_from;

/* data/mibs/BMCLINK-MIB.txt */
static struct object own_objects[] = {
	{{1, 1, 0}, KIND_TEXT,   "Product"	},
	{{1, 2, 0}, KIND_TEXT,   "FirmwareVersion"},
	{{1, 3, 0}, KIND_TEXT,   "Model"	      },
	{{1, 4, 0}, KIND_TEXT,   "ServiceTag"	   },
	{{2, 1, 0}, KIND_HEALTH, "Health"	 },
	{{2, 2, 0}, KIND_HEALTH, "StorageHealth"	},
	{{2, 3, 0}, KIND_POWER,	"PowerState"	    },
};

/* data/mibs/BMCLINK-IDRAC-MIB.txt: where Dell's public IDRAC-MIB-SMIv2 has them */
static struct object idrac_objects[] = {
	{{1, 1, 1, 0},  KIND_TEXT,	  "Product"	   },
	{{1, 1, 2, 0},  KIND_TEXT,	  "Product"	   },
	{{1, 1, 8, 0},  KIND_TEXT,	  "FirmwareVersion"},
	{{1, 3, 2, 0},  KIND_TEXT,	  "ServiceTag"     },
	{{1, 3, 12, 0}, KIND_TEXT,   "Model"	  },
	{{2, 1, 0},	    KIND_HEALTH, "Health"	 },
	{{2, 3, 0},	    KIND_HEALTH, "StorageHealth"	},
	{{2, 4, 0},	    KIND_POWER,	"PowerState"	    },
};

static void answer(netsnmp_request_info *request, const struct object *object, const json_t *values)
{
	const char *text = json_string_value(json_object_get(values, object->value));
	long number;

	if (object->kind == KIND_TEXT) {
		text = text ? text : "";
		snmp_set_var_typed_value(
			request->requestvb, ASN_OCTET_STR, text, strnlen(text, MAX_TEXT));
		return;
	}
	number = object->kind == KIND_HEALTH ? values_get_health(text) : values_get_power(text);
	snmp_set_var_typed_integer(request->requestvb, ASN_INTEGER, number);
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
	netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	const json_t *values = values_get(values_from);

	for (; requests; requests = requests->next) {
		if (info->mode != MODE_GET || !values)
			netsnmp_set_request_error(info, requests, SNMP_ERR_GENERR);
		else
			answer(requests, registration->my_reg_void, values);
	}
	return SNMP_ERR_NOERROR;
}

static int add_object(const struct session *session, struct object *object)
{
	netsnmp_handler_registration *registration;
	size_t length = MAX_OID;
	oid name[MAX_OID + 4];

	if (!read_objid(session->subtree, name, &length))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(object->tail) && object->tail[i]; i++)
		name[length++] = object->tail[i];
	registration = netsnmp_create_handler_registration(
		object->value, handle, name, length, HANDLER_CAN_RONLY);
	if (!registration)
		return -1;
	registration->my_reg_void = object;
	return netsnmp_register_scalar(registration) == MIB_REGISTERED_OK ? 0 : -1;
}

static int add_objects(const struct session *session)
{
	struct object *objects = session->idrac ? idrac_objects : own_objects;
	size_t n = session->idrac ? ARRAY_SIZE(idrac_objects) : ARRAY_SIZE(own_objects);

	for (size_t i = 0; i < n; i++) {
		if (add_object(session, &objects[i]) < 0)
			return -1;
	}
	return 0;
}

/* The library would try, fail, and try again seconds later. */
static bool wait_for_master(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	for (int i = 0; i < WAIT_MS / PAUSE_MS; i++) {
		_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void on_gone(void)
{
	log_notice(MODULE, "snmpd is gone");
	_exit(EXIT_FAILURE);
}

static int lost(int major, int minor, void *server, void *client)
{
	on_gone();
	return 0;
}

static void prepare_library(const char *socket)
{
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, socket);
	netsnmp_ds_set_int(
		NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, PING_SECONDS);
	setenv("MIBS", "", 1); /* numbers will do, and the modules would be megabytes */
	snmp_disable_log();
	snmp_enable_stderrlog();
}

int subagent_run(const struct session *session, const char *runtime_dir, const char *dir)
{
	_cleanup_free_ char *path = NULL, *socket = NULL;

	values_from = runtime_dir;
	if (asprintf(&path, "%s/" SESSION_AGENTX, dir) < 0 ||
		asprintf(&socket, "unix:%s", path) < 0 || !wait_for_master(path)) {
		log_error(MODULE, "snmpd does not listen for sub-agents");
		return EXIT_FAILURE;
	}
	prepare_library(socket);
	init_agent("bmclink");
	snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, lost, NULL);
	if (add_objects(session) < 0) {
		log_error(MODULE, "the objects cannot be registered");
		return EXIT_FAILURE;
	}
	init_snmp("bmclink");
	for (;;)
		agent_check_and_process(1);
}
