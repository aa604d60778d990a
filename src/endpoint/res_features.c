/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceModule: the BMC's switches of the features that the host has over the link. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "endpoint/feature_switches.h"
#include "endpoint/service.h"

#define MODULE "features"

int service_load_features(struct service *service)
{
	int r = features_load(&service->features, service->state_fd);

	if (r == 0 || state_is_passing(r))
		return r;
	log_error(MODULE, "features.json cannot be read (%s): every feature is off", strerror(-r));
	lclog_emit(service->log, MSG_ISM1207, strerror(-r));
	return 0;
}

int service_set_feature(struct service *service, int number, bool on, const char *by)
{
	struct features wanted = service->features;
	int r;

	if (wanted.off[number] == !on)
		return 0;
	wanted.off[number] = !on;
	r = features_save(&wanted, service->state_fd);
	if (r < 0) {
		log_error(MODULE, "features.json: %s", strerror(-r));
		return r;
	}
	service->features = wanted;
	service_review_snmp(service);
	/* The record is what the host hears of it, by its event stream. */
	lclog_emit(service->log, MSG_ISM1202, features_names[number].name, on ? "on" : "off", by);
	return 0;
}

static json_t *make_switch(const struct request *request, int number)
{
	return json_pack("{s:b}", "Enabled", !request->service->features.off[number]);
}

static json_t *get_inband_access(const struct request *request)
{
	return make_switch(request, FEATURES_INBAND_ACCESS);
}

static json_t *get_snmp_get(const struct request *request)
{
	return make_switch(request, FEATURES_SNMP_GET);
}

static json_t *get_local_names(const struct request *request)
{
	return make_switch(request, FEATURES_LOCAL_NAMES);
}

static json_t *get_auto_update(const struct request *request)
{
	return make_switch(request, FEATURES_AUTO_UPDATE);
}

static json_t *get_connected(const struct request *request)
{
	return json_boolean(sse_count_hosts(request->service->sse) > 0);
}

static enum base_message set_switch(struct request *request, int number, const json_t *value)
{
	const json_t *enabled = json_object_get(value, "Enabled");

	if (!json_is_object(value) || !json_is_boolean(enabled) || json_object_size(value) != 1)
		return BASE_PROPERTY_VALUE_ERROR;
	return service_set_feature(
		       request->service, number, json_is_true(enabled), "the administrator") < 0
		       ? BASE_INTERNAL_ERROR
		       : BASE_SUCCESS;
}

static enum base_message set_inband_access(struct request *request, const json_t *value)
{
	return set_switch(request, FEATURES_INBAND_ACCESS, value);
}

static enum base_message set_snmp_get(struct request *request, const json_t *value)
{
	return set_switch(request, FEATURES_SNMP_GET, value);
}

static enum base_message set_local_names(struct request *request, const json_t *value)
{
	return set_switch(request, FEATURES_LOCAL_NAMES, value);
}

static enum base_message set_auto_update(struct request *request, const json_t *value)
{
	return set_switch(request, FEATURES_AUTO_UPDATE, value);
}

static const struct property service_module[] = {
	P_TEXT("Id", "ServiceModule"),
	P_TEXT("Name", "Service Module"),
	P_TEXT("Description", "What the service module of the host may do over the link"),
	P_CALL("HostConnected", get_connected),
	P_CALL("InbandAccess", get_inband_access),
	P_CALL("SnmpGet", get_snmp_get),
	P_CALL("LocalNames", get_local_names),
	P_CALL("AutoUpdate", get_auto_update),
	P_END,
};

static const struct patchable service_module_patchables[] = {
	{"InbandAccess", set_inband_access},
	{"SnmpGet",	    set_snmp_get	},
	{"LocalNames",   set_local_names  },
	{"AutoUpdate",   set_auto_update  },
	{NULL,	       NULL		   },
};

const struct resource feature_resources[] = {
	{.uri = "/redfish/v1/Managers/{manager}/Oem/Bmclink/ServiceModule",
		.schema = SCHEMA_SERVICE_MODULE,
		.entity = ENTITY_SERVICE_MODULE,
		.properties = service_module,
		.patchables = service_module_patchables},
	{.uri = NULL				  },
};
