/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/profile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/state.h"

#define FORMAT 1 /* a file of another format counts as damaged */

static void take_string(const json_t *object, const char *key, char *out, size_t size, bool *bad)
{
	const char *s = json_string_value(json_object_get(object, key));

	if (s == NULL || strlen(s) >= size) {
		*bad = true;
		return;
	}
	memcpy(out, s, strlen(s) + 1);
}

static void take_address(const json_t *object, const char *key, int family, void *out, bool *bad)
{
	const char *s = json_string_value(json_object_get(object, key));

	if (s == NULL || inet_pton(family, s, out) != 1)
		*bad = true;
}

static void take_number(
	const json_t *object, const char *key, json_int_t max, json_int_t *out, bool *bad)
{
	const json_t *number = json_object_get(object, key);

	*out = json_integer_value(number);
	if (!json_is_integer(number) || *out < 0 || *out > max)
		*bad = true;
}

static void take_addresses(const json_t *root, struct priv_profile *out, bool *bad)
{
	const json_t *v4 = json_object_get(root, "ipv4");
	const json_t *v6 = json_object_get(root, "ipv6");
	json_int_t prefix = 0;

	if (v4 != NULL) {
		out->has_ipv4 = true;
		take_address(v4, "host", AF_INET, &out->host_ipv4, bad);
		take_address(v4, "bmc", AF_INET, &out->bmc_ipv4, bad);
	}
	if (v6 != NULL) {
		out->has_ipv6 = true;
		take_address(v6, "host", AF_INET6, &out->host_ipv6, bad);
		take_address(v6, "bmc", AF_INET6, &out->bmc_ipv6, bad);
		take_number(v6, "prefix", 128, &prefix, bad);
		out->ipv6_prefix = (uint8_t)prefix;
	}
}

static int parse(const json_t *root, struct profile *profile)
{
	const json_t *machine = json_object_get(root, "machine");
	const json_t *birth = json_object_get(root, "birth");
	struct profile p = {0};
	json_int_t format = 0, ifindex = 0;
	bool bad = false;

	take_number(root, "format", INT32_MAX, &format, &bad);
	take_string(machine, "machine_id", p.machine.machine_id, PROFILE_MAX_ID, &bad);
	take_string(machine, "system_uuid", p.machine.system_uuid, PROFILE_MAX_ID, &bad);
	take_string(root, "nic", p.nic_id, PROFILE_MAX_NIC_ID, &bad);
	take_string(birth, "boot_id", p.birth.boot_id, PROFILE_MAX_ID, &bad);
	take_number(birth, "ifindex", INT32_MAX, &ifindex, &bad);
	take_addresses(root, &p.addresses, &bad);
	if (!json_is_boolean(json_object_get(root, "by_us")))
		bad = true;
	p.spent = !json_is_false(json_object_get(root, "spent"));
	p.by_us = json_is_true(json_object_get(root, "by_us"));
	p.raised = json_is_true(json_object_get(root, "raised"));
	if (bad || format != FORMAT || p.nic_id[0] == '\0')
		return -EBADMSG;
	p.birth.ifindex = (unsigned int)ifindex;
	*profile = p;
	return 0;
}

int profile_load(int dir_fd, struct profile *profile)
{
	json_t *root = NULL;
	int r = state_read_json(dir_fd, PROFILE_FILE, &root);

	if (r == -ENOENT) {
		*profile = (struct profile){0};
		return 0;
	}
	if (r == 0)
		r = parse(root, profile);
	json_decref(root);
	if (r < 0)
		*profile = (struct profile){.spent = true};
	return r;
}

static json_t *addresses_to_json(const struct priv_profile *a, int family)
{
	char host[INET6_ADDRSTRLEN], bmc[INET6_ADDRSTRLEN];

	if (family == AF_INET) {
		inet_ntop(AF_INET, &a->host_ipv4, host, sizeof(host));
		inet_ntop(AF_INET, &a->bmc_ipv4, bmc, sizeof(bmc));
		return json_pack("{s:s, s:s}", "host", host, "bmc", bmc);
	}
	inet_ntop(AF_INET6, &a->host_ipv6, host, sizeof(host));
	inet_ntop(AF_INET6, &a->bmc_ipv6, bmc, sizeof(bmc));
	return json_pack("{s:s, s:s, s:i}", "host", host, "bmc", bmc, "prefix", a->ipv6_prefix);
}

int profile_store(int dir_fd, const struct profile *profile)
{
	json_t *root = json_pack("{s:i, s:b, s:b, s:b, s:{s:s, s:s}, s:s, s:{s:s, s:I}}", "format",
		FORMAT, "spent", profile->spent, "by_us", profile->by_us, "raised", profile->raised,
		"machine", "machine_id", profile->machine.machine_id, "system_uuid",
		profile->machine.system_uuid, "nic", profile->nic_id, "birth", "boot_id",
		profile->birth.boot_id, "ifindex", (json_int_t)profile->birth.ifindex);
	int r;

	if (root == NULL)
		return -ENOMEM;
	if ((profile->addresses.has_ipv4 &&
		    json_object_set_new(
			    root, "ipv4", addresses_to_json(&profile->addresses, AF_INET)) < 0) ||
		(profile->addresses.has_ipv6 &&
			json_object_set_new(root, "ipv6",
				addresses_to_json(&profile->addresses, AF_INET6)) < 0))
		r = -ENOMEM;
	else
		r = state_write_json(dir_fd, PROFILE_FILE, root, 0600);
	json_decref(root);
	return r;
}
