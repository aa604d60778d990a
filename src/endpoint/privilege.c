/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/privilege.h"

#include <string.h>

#define LOGIN	   PRIVILEGE_LOGIN
#define MANAGER	   PRIVILEGE_CONFIGURE_MANAGER
#define USERS	   PRIVILEGE_CONFIGURE_USERS
#define COMPONENTS PRIVILEGE_CONFIGURE_COMPONENTS
#define SELF	   PRIVILEGE_CONFIGURE_SELF
#define HOST	   PRIVILEGE_HOST
#define ENROL	   PRIVILEGE_ENROL
#define NO_AUTH	   PRIVILEGE_NO_AUTH

#define ALTERNATIVES 4

/* One method: any of the alternatives will do, each is a set that must be had whole. */
struct operation {
	unsigned int any_of[ALTERNATIVES];
};

struct entity_row {
	struct operation get, post, patch, put, delete;
};

static const struct role_row roles[ROLE_COUNT] = {
	[ROLE_NONE] = {NULL,		     0,					   false, ""					 },
	[ROLE_ENROLLING] = {NULL,		  ENROL,					 false, ""					  },
	[ROLE_AUTH_NONE] = {"AuthNone",		LOGIN,				       false, "The host on the channel without TLS"},
	[ROLE_HOST] = {"BmclinkHost",      LOGIN | HOST,				    false, "The host, by its certificate"	 },
	[ROLE_BOOTSTRAP] = {"BmclinkBootstrap", LOGIN | SELF | ENROL,			      false,
		       "The host, with an account that it got over IPMI"								 },
	[ROLE_ADMINISTRATOR] = {"Administrator",	 LOGIN | MANAGER | USERS | COMPONENTS | SELF, true,
		       "Administrator"											      },
	[ROLE_OPERATOR] = {"Operator",	       LOGIN | COMPONENTS | SELF,			  true,	"Operator"				  },
	[ROLE_READ_ONLY] = {"ReadOnly",		LOGIN | SELF,				      true,  "Read only"			       },
};

/* What has no entry for a method, nobody may do. */
static const struct entity_row entities[ENTITY_COUNT] = {
	[ENTITY_VERSIONS] = {.get = {{NO_AUTH}}		       },
	[ENTITY_SERVICE_ROOT] = {.get = {{NO_AUTH}}		   },
	[ENTITY_ACCOUNT_SERVICE] = {.get = {{LOGIN}},		      .patch = {{USERS}}},
	[ENTITY_ACCOUNTS] = {.get = {{LOGIN}},				       .post = {{USERS}}},
	[ENTITY_ACCOUNT] = {.get = {{MANAGER, USERS, HOST, SELF}},
			     .patch = {{USERS}},
			     .delete = {{USERS, SELF}}},
	[ENTITY_HOST_CERTIFICATES] = {.get = {{USERS, HOST}}, .post = {{USERS, HOST, ENROL}}},
	[ENTITY_HOST_CERTIFICATE] = {.get = {{USERS, HOST}},	     .delete = {{USERS, HOST}}},
	[ENTITY_ROLES] = {.get = {{LOGIN}}		  },
	[ENTITY_ROLE] = {.get = {{LOGIN}}					 },
	[ENTITY_SESSION_SERVICE] = {.get = {{LOGIN}}},
	[ENTITY_SESSIONS] = {.get = {{LOGIN}},		       .post = {{NO_AUTH}}},
	[ENTITY_SESSION] = {.get = {{MANAGER, SELF}},		      .delete = {{MANAGER, SELF}}},
	[ENTITY_MANAGERS] = {.get = {{LOGIN}}		     },
	[ENTITY_MANAGER] = {.get = {{LOGIN}},		      .patch = {{MANAGER}}},
	[ENTITY_CERTIFICATE_ACKNOWLEDGE] = {.post = {{HOST}}				    },
	[ENTITY_HOST_INTERFACES] = {.get = {{LOGIN}}},
	[ENTITY_HOST_INTERFACE] = {.get = {{LOGIN}},			     .patch = {{MANAGER}}},
	[ENTITY_NETWORK_PROTOCOL] = {.get = {{LOGIN}}		     },
	[ENTITY_SYSTEMS] = {.get = {{LOGIN}}				    },
	[ENTITY_SYSTEM] = {.get = {{LOGIN}}},
	[ENTITY_SYSTEM_RESET] = {.post = {{COMPONENTS}}						       },
	[ENTITY_MANAGER_RESET] = {.post = {{MANAGER}}},
	[ENTITY_CERTIFICATE_SERVICE] = {.get = {{LOGIN}}			},
	[ENTITY_CERTIFICATE_LOCATIONS] = {.get = {{MANAGER}}			    },
	[ENTITY_SERVICE_CERTIFICATES] = {.get = {{LOGIN}}			 },
	[ENTITY_SERVICE_CERTIFICATE] = {.get = {{LOGIN}}		},
	[ENTITY_CERTIFICATE_ACTION] = {.post = {{MANAGER}}		  },
	[ENTITY_ALL_CHASSIS] = {.get = {{LOGIN}}			},
	[ENTITY_CHASSIS] = {.get = {{LOGIN}}		    },
	[ENTITY_LOG_CLEAR] = {.post = {{MANAGER}}			 },
	[ENTITY_EVENT_TEST] = {.post = {{MANAGER}}			  },
	[ENTITY_SUBSCRIPTIONS] = {.get = {{LOGIN}},		    .post = {{MANAGER}}},
	[ENTITY_SUBSCRIPTION] = {.get = {{LOGIN}},			   .delete = {{MANAGER}}},
	[ENTITY_LOG_SERVICES] = {.get = {{LOGIN}}			 },
	[ENTITY_LOG_SERVICE] = {.get = {{LOGIN}},			  .patch = {{MANAGER}}},
	[ENTITY_LOG_ENTRIES] = {.get = {{LOGIN}}			},
	[ENTITY_LOG_ENTRY] = {.get = {{LOGIN}},			.patch = {{MANAGER}}},
	[ENTITY_EVENT_SERVICE] = {.get = {{LOGIN}},					    .patch = {{MANAGER}}},
	[ENTITY_EVENT_STREAM] = {.get = {{LOGIN}}},
	[ENTITY_REGISTRIES] = {.get = {{LOGIN}}		       },
	[ENTITY_SERVICE_MODULE] = {.get = {{LOGIN}},			     .patch = {{MANAGER}}},
	[ENTITY_UPDATE_SERVICE] = {.get = {{LOGIN}}					   },
 /* The Administrator alone: what is here may become root on the host. */
	[ENTITY_UPDATE_PUSH] = {.post = {{MANAGER}}		   },
	[ENTITY_SOFTWARE_INVENTORY] = {.get = {{LOGIN}},.delete = {{MANAGER}}},
	[ENTITY_SOFTWARE_PACKAGE] = {.get = {{HOST, MANAGER}}		     },
	[ENTITY_SNMP] = {.get = {{LOGIN}}					 },
	[ENTITY_SNMP_USER] = {.post = {{HOST}}					      },
};

static const struct {
	enum privilege privilege;
	const char *name;
} names[] = {
	{PRIVILEGE_LOGIN,		  "Login"		 },
	{PRIVILEGE_CONFIGURE_MANAGER,    "ConfigureManager"	},
	{PRIVILEGE_CONFIGURE_USERS,	    "ConfigureUsers"	    },
	{PRIVILEGE_CONFIGURE_COMPONENTS, "ConfigureComponents"},
	{PRIVILEGE_CONFIGURE_SELF,	   "ConfigureSelf"	  },
	{PRIVILEGE_HOST,		 "BmclinkHost"	      },
	{PRIVILEGE_ENROL,		  "BmclinkEnrol"	},
};

const struct role_row *privilege_get_role(enum role role)
{
	return &roles[role];
}

const char *privilege_get_name(enum privilege privilege)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].privilege == privilege)
			return names[i].name;
	}
	return NULL;
}

bool privilege_is_oem(enum privilege privilege)
{
	return privilege == PRIVILEGE_HOST || privilege == PRIVILEGE_ENROL;
}

enum role privilege_find_role(const char *id)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		if (roles[r].id && strcmp(roles[r].id, id) == 0)
			return (enum role)r;
	}
	return ROLE_NONE;
}

static const struct operation *find_operation(enum entity entity, enum http_method method)
{
	switch (method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return &entities[entity].get;
	case HTTP_POST:
		return &entities[entity].post;
	case HTTP_PATCH:
		return &entities[entity].patch;
	case HTTP_PUT:
		return &entities[entity].put;
	case HTTP_DELETE:
		return &entities[entity].delete;
	default:
		return NULL;
	}
}

bool privilege_allows(enum role role, enum entity entity, enum http_method method)
{
	const struct operation *operation = find_operation(entity, method);
	unsigned int held = roles[role].privileges;

	for (int i = 0; operation && i < ALTERNATIVES; i++) {
		unsigned int needed = operation->any_of[i];

		if (needed && (needed == NO_AUTH || (held & needed) == needed))
			return true;
	}
	return false;
}
