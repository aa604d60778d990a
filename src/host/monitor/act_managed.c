/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does another network manager have the NIC? Read from what the managers themselves write below
 * /run; no D-Bus. NetworkManager: /run/NetworkManager/devices/<ifindex> (NetworkManager's
 * nm-config.c, "device state file"); systemd-networkd: /run/systemd/netif/links/<ifindex>
 * (sd-network(3)). docs/architecture.md says what cannot be known this way.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/monitor/acts.h"
#include "host/monitor/machine.h"

#define MAX_CONNECTIONS 1024 /* files of one directory that are looked at */

static bool is_word(const char *value, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(value, *words) == 0)
			return true;
	return false;
}

/* Is [ipv4] method=disabled in the connection with this UUID, in this directory? */
static bool is_disabled_in(const char *root, const char *dir, const char *uuid)
{
	char path[PATH_MAX], value[64];
	unsigned int left = MAX_CONNECTIONS;
	bool disabled = false;
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", root, dir);
	d = opendir(path);
	if (d == NULL)
		return false;
	while (left-- > 0 && !disabled && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", root, dir, entry->d_name);
		if (machine_read_key(path, "connection", "uuid", value, sizeof(value)) < 0 ||
			strcmp(value, uuid) != 0)
			continue;
		disabled = machine_read_key(path, "ipv4", "method", value, sizeof(value)) == 0 &&
			   strcmp(value, "disabled") == 0;
	}
	closedir(d);
	return disabled;
}

static bool has_network_manager(
	const struct acts_roots *roots, unsigned int ifindex, bool *ipv4_disabled)
{
	static const char *const yes[] = {"true", "1", "yes", NULL};
	char path[PATH_MAX], value[64];

	snprintf(path, sizeof(path), "%s/NetworkManager/devices/%u", roots->run, ifindex);
	if (machine_read_key(path, "device", "managed", value, sizeof(value)) < 0 ||
		!is_word(value, yes))
		return false;
	/* no active profile: it manages the device, and leaves it alone */
	if (machine_read_key(path, "device", "connection-uuid", value, sizeof(value)) < 0 ||
		value[0] == '\0')
		return false;
	*ipv4_disabled = is_disabled_in(roots->run, "NetworkManager/system-connections", value) ||
			 is_disabled_in(roots->etc, "NetworkManager/system-connections", value);
	return true;
}

static bool has_networkd(const struct acts_roots *roots, unsigned int ifindex)
{
	static const char *const active[] = {"configuring", "configured", NULL};
	char path[PATH_MAX], value[64];

	snprintf(path, sizeof(path), "%s/systemd/netif/links/%u", roots->run, ifindex);
	return machine_read_key(path, NULL, "ADMIN_STATE", value, sizeof(value)) == 0 &&
	       is_word(value, active);
}

int act_is_managed(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	const struct acts_roots *roots = &acts->environment->roots;
	bool managed, ipv4_disabled = false;

	if (!wire_is_done(in))
		return -EPERM;
	managed = has_network_manager(roots, acts->ifindex, &ipv4_disabled) ||
		  has_networkd(roots, acts->ifindex);
	wire_put_bool(out, managed);
	wire_put_bool(out, ipv4_disabled);
	return 0;
}
