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

#include "base/state.h"
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

/* The value, "" where there is none; negative errno when it could not be read just now: taken for
 * none, it would have us configure what somebody else has. */
static int read_value(const char *path, const char *section, const char *key, char value[64])
{
	int r = machine_read_key(path, section, key, value, 64);

	if (r < 0)
		value[0] = '\0';
	return r == -EIO || state_is_passing(r) ? r : 0;
}

/* Is [ipv4] method=disabled in the connection with this UUID, in this directory? */
static int is_disabled_in(const char *root, const char *dir, const char *uuid, bool *disabled)
{
	char path[PATH_MAX], value[64];
	unsigned int left = MAX_CONNECTIONS;
	struct dirent *entry;
	int r = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", root, dir);
	d = opendir(path);
	if (d == NULL)
		return state_is_passing(-errno) ? -errno : 0;
	while (r == 0 && left-- > 0 && !*disabled && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", root, dir, entry->d_name);
		r = read_value(path, "connection", "uuid", value);
		if (r < 0 || strcmp(value, uuid) != 0)
			continue;
		r = read_value(path, "ipv4", "method", value);
		*disabled = strcmp(value, "disabled") == 0;
	}
	closedir(d);
	return r;
}

static int ask_network_manager(
	const struct acts_roots *roots, unsigned int ifindex, bool *managed, bool *ipv4_disabled)
{
	static const char *const yes[] = {"true", "1", "yes", NULL};
	char path[PATH_MAX], value[64];
	int r;

	snprintf(path, sizeof(path), "%s/NetworkManager/devices/%u", roots->run, ifindex);
	r = read_value(path, "device", "managed", value);
	if (r < 0 || !is_word(value, yes))
		return r;
	/* no active profile: it manages the device, and leaves it alone */
	r = read_value(path, "device", "connection-uuid", value);
	if (r < 0 || value[0] == '\0')
		return r;
	*managed = true;
	r = is_disabled_in(roots->run, "NetworkManager/system-connections", value, ipv4_disabled);
	if (r == 0 && !*ipv4_disabled)
		r = is_disabled_in(
			roots->etc, "NetworkManager/system-connections", value, ipv4_disabled);
	return r;
}

static int ask_networkd(const struct acts_roots *roots, unsigned int ifindex, bool *managed)
{
	static const char *const active[] = {"configuring", "configured", NULL};
	char path[PATH_MAX], value[64];
	int r;

	snprintf(path, sizeof(path), "%s/systemd/netif/links/%u", roots->run, ifindex);
	r = read_value(path, NULL, "ADMIN_STATE", value);
	*managed = is_word(value, active);
	return r;
}

int act_is_managed(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	const struct acts_roots *roots = &acts->environment->roots;
	bool managed = false, ipv4_disabled = false;
	int r;

	if (!wire_is_done(in))
		return -EPERM;
	r = ask_network_manager(roots, acts->ifindex, &managed, &ipv4_disabled);
	if (r == 0 && !managed)
		r = ask_networkd(roots, acts->ifindex, &managed);
	if (r < 0)
		return r;
	wire_put_bool(out, managed);
	wire_put_bool(out, ipv4_disabled);
	return 0;
}
