/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"

enum kind {
	KIND_TEXT,
	KIND_UUID,
	KIND_CHASSIS, /* ChassisType of the schema */
	KIND_COUNT,
	KIND_NUMBER, /* not negative, may have a fraction */
	KIND_HEALTH, /* Health of Redfish */
};

static const struct row {
	const char *section, *name;
	enum kind kind;
} rows[] = {
	{"System",  "Manufacturer",	   KIND_TEXT   },
	{"System",  "Model",		    KIND_TEXT   },
	{"System",  "SubModel",	       KIND_TEXT	},
	{"System",  "SKU",		  KIND_TEXT   },
	{"System",  "SerialNumber",	   KIND_TEXT   },
	{"System",  "PartNumber",		 KIND_TEXT	  },
	{"System",  "AssetTag",	       KIND_TEXT	},
	{"System",  "HostName",	       KIND_TEXT	},
	{"System",  "BiosVersion",	  KIND_TEXT   },
	{"System",  "UUID",		   KIND_UUID   },
	{"System",  "ProcessorModel",	     KIND_TEXT   },
	{"System",  "ProcessorCount",	     KIND_COUNT  },
	{"System",  "TotalSystemMemoryGiB", KIND_NUMBER },
	{"System",  "Health",		     KIND_HEALTH },
	{"System",  "StorageHealth",	    KIND_HEALTH },
	{"Chassis", "ChassisType",	   KIND_CHASSIS},
	{"Chassis", "Manufacturer",	    KIND_TEXT   },
	{"Chassis", "Model",		     KIND_TEXT   },
	{"Chassis", "SKU",		   KIND_TEXT   },
	{"Chassis", "SerialNumber",	    KIND_TEXT   },
	{"Chassis", "PartNumber",		  KIND_TEXT   },
	{"Chassis", "AssetTag",		KIND_TEXT	 },
	{"Manager", "Manufacturer",	    KIND_TEXT   },
	{"Manager", "Model",		     KIND_TEXT   },
	{"Manager", "SerialNumber",	    KIND_TEXT   },
	{"Manager", "PartNumber",		  KIND_TEXT   },
	{"Manager", "SparePartNumber",      KIND_TEXT	},
};

static const char *const chassis_types[] = {"Rack", "Blade", "Enclosure", "StandAlone", "RackMount",
	"Card", "Cartridge", "Row", "Pod", "Expansion", "Sidecar", "Zone", "Sled", "Shelf",
	"Drawer", "Module", "Component", "IPBasedDrive", "RackGroup", "StorageEnclosure", "Other"};

static const struct row *find_row(const char *section, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].section, name) == 0)
			return true;
	}
	return false;
}

static bool is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; text[i]; i++) {
		if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
	}
	return true;
}

static bool is_chassis_type(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(chassis_types); i++) {
		if (strcmp(chassis_types[i], text) == 0)
			return true;
	}
	return false;
}

static bool fits(enum kind kind, const json_t *value)
{
	const char *text = json_string_value(value);

	if (kind == KIND_COUNT)
		return json_is_integer(value) && json_integer_value(value) >= 0;
	if (kind == KIND_NUMBER)
		return json_is_number(value) && json_number_value(value) >= 0;
	if (!text || !*text || strlen(text) != json_string_length(value) ||
		!text_is_printable(text, INVENTORY_MAX_TEXT))
		return false;
	if (kind == KIND_HEALTH)
		return strcmp(text, "OK") == 0 || strcmp(text, "Warning") == 0 ||
		       strcmp(text, "Critical") == 0;
	return kind == KIND_UUID ? is_uuid(text) : kind != KIND_CHASSIS || is_chassis_type(text);
}

/* A value that is wrong, or that nobody knows, costs itself and no other. */
static unsigned int take_section(const char *section, const json_t *values, json_t *inventory)
{
	json_t *taken = json_object(), *value;
	unsigned int ignored = 0;
	const char *name;

	json_object_foreach((json_t *)values, name, value)
	{
		const struct row *row = find_row(section, name);

		if (row && fits(row->kind, value)) {
			json_object_set(taken, name, value);
			continue;
		}
		if (ignored++ == 0)
			log_warning("inventory", "%s.%s: %s", section, name,
				row ? "not a value that this can have" : "no such property");
	}
	json_object_set_new(inventory, section, taken);
	return ignored;
}

int inventory_read(const char *text, size_t length, json_t **inventory, unsigned int *ignored,
	char *why, size_t why_size)
{
	json_error_t error;
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error), *made, *section;
	const char *name;

	if (!json_is_object(object)) {
		if (object)
			snprintf(why, why_size, "it is not a JSON object");
		else
			text_make_printable(error.text, strlen(error.text), why, why_size);
		json_decref(object);
		return -EBADMSG;
	}
	made = json_object();
	*ignored = 0;
	json_object_foreach(object, name, section)
	{
		if (is_section(name) && json_is_object(section)) {
			*ignored += take_section(name, section, made);
			continue;
		}
		if ((*ignored)++ == 0)
			log_warning("inventory", "%s: no such section", name);
	}
	json_decref(object);
	*inventory = made;
	return 0;
}
