/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/state.h"
#include "base/util.h"
#include "host/discover/dmi_walk.h"

#define MAX_ID_FILE   32   /* "0x1af4\n" and room to notice that it is longer */
#define MAX_UDEV_FILE 8192 /* the I: line is among the first */

static const char *root_or(const char *root, const char *fallback)
{
	return root && root[0] ? root : fallback;
}

static int dmi_path(const struct facts_roots *roots, const char *rest, char *path, size_t size)
{
	int n;

	if (roots->dmi && roots->dmi[0])
		n = snprintf(path, size, "%s/%s", roots->dmi, rest);
	else
		n = snprintf(path, size, "%s/firmware/dmi/%s", root_or(roots->sys, "/sys"), rest);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* At most size - 1 bytes and a NUL; returns the count. Never waits: the file may be anything. */
static ssize_t read_small(int dir, const char *name, char *out, size_t size)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t have;

	if (fd < 0)
		return -errno;
	have = io_read_all(fd, out, size - 1);
	if (have >= 0)
		out[have] = '\0';
	return have;
}

static int read_number(int dir, const char *name, int base, unsigned long max, unsigned long *value)
{
	char text[MAX_ID_FILE], *end;
	ssize_t n = read_small(dir, name, text, sizeof(text));
	unsigned long v;

	if (n < 0)
		return (int)n;
	errno = 0;
	v = strtoul(text, &end, base);
	if (errno || end == text || (*end && strcmp(end, "\n") != 0) || v > max)
		return -EBADMSG;
	*value = v;
	return 0;
}

static int read_ids(int dir, const char *vendor_name, const char *product_name, uint16_t ids[2])
{
	unsigned long vendor, product;
	int r;

	r = read_number(dir, vendor_name, 16, UINT16_MAX, &vendor);
	if (r == 0)
		r = read_number(dir, product_name, 16, UINT16_MAX, &product);
	if (r < 0)
		return r;
	ids[0] = (uint16_t)vendor;
	ids[1] = (uint16_t)product;
	return 0;
}

/* The last part of the device's subsystem link: "usb", "pci". */
static int read_subsystem(int dir, char *out, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, "device/subsystem", target, sizeof(target) - 1);
	const char *base;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) >= size)
		return -ENAMETOOLONG;
	strcpy(out, base);
	return 0;
}

/* What could not be read just now is no answer: another look may read it. */
static int only_passing(ssize_t r)
{
	return r == -EIO || state_is_passing((int)r) ? (int)r : 0;
}

static int read_bus(int dir, struct plan_nic *nic)
{
	uint16_t ids[2] = {0, 0};
	char subsystem[16];
	int r;

	nic->bus = PLAN_BUS_OTHER;
	nic->vendor = nic->product = 0;
	r = read_subsystem(dir, subsystem, sizeof(subsystem));
	if (r < 0)
		return only_passing(r);
	/* A USB NIC's device is an interface (1-1:1.0); the ids are its parent's. */
	if (strcmp(subsystem, "usb") == 0) {
		r = read_ids(dir, "device/../idVendor", "device/../idProduct", ids);
		nic->bus = r == 0 ? PLAN_BUS_USB : PLAN_BUS_OTHER;
	} else if (strcmp(subsystem, "pci") == 0) {
		r = read_ids(dir, "device/vendor", "device/device", ids);
		nic->bus = r == 0 ? PLAN_BUS_PCI : PLAN_BUS_OTHER;
	}
	nic->vendor = ids[0];
	nic->product = ids[1];
	return only_passing(r);
}

static int read_udev_ready(const char *run, unsigned int ifindex, bool *ready)
{
	char path[PATH_MAX], text[MAX_UDEV_FILE];
	struct stat st;
	ssize_t n;

	*ready = false;
	if (snprintf(path, sizeof(path), "%s/udev/control", run) >= (int)sizeof(path))
		return 0;
	if (stat(path, &st) < 0) {
		*ready = true;
		return 0;
	}
	if (snprintf(path, sizeof(path), "%s/udev/data/n%u", run, ifindex) >= (int)sizeof(path))
		return 0;
	n = read_small(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return only_passing(n);
	*ready = strncmp(text, "I:", 2) == 0 || strstr(text, "\nI:") != NULL;
	return 0;
}

int sysfs_read_nic_facts(const struct facts_roots *roots, struct plan_nic *nic)
{
	_cleanup_close_ int dir = -1;
	char path[PATH_MAX];
	unsigned long ifindex;
	int r;

	if (!nic->name[0] && !if_indextoname(nic->ifindex, nic->name))
		return -ENODEV;
	if (strchr(nic->name, '/') || nic->name[0] == '.')
		return -ENODEV;
	if (snprintf(path, sizeof(path), "%s/class/net/%s", root_or(roots->sys, "/sys"),
		    nic->name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	/* The name may have gone to another NIC since the caller learned it. */
	r = read_number(dir, "ifindex", 10, INT_MAX, &ifindex);
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	if (ifindex != nic->ifindex)
		return -ENODEV;
	r = read_bus(dir, nic);
	if (r < 0)
		return r;
	return read_udev_ready(root_or(roots->run, "/run"), nic->ifindex, &nic->udev_ready);
}

int dmi_open_entry(const struct facts_roots *roots, unsigned int index, bool *whole_table)
{
	char path[PATH_MAX], rest[64];
	int fd, r;

	snprintf(rest, sizeof(rest), "entries/42-%u/raw", index);
	r = dmi_path(roots, rest, path, sizeof(path));
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0) {
		*whole_table = false;
		return fd;
	}
	if (errno != ENOENT)
		return -errno;
	/* Where the kernel has the folder of entries, what is not in it is not in the table. */
	if (index > 0 || dmi_path(roots, "entries", path, sizeof(path)) < 0 ||
		access(path, F_OK) == 0)
		return -ENOENT;
	r = dmi_path(roots, "tables/DMI", path, sizeof(path));
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*whole_table = true;
	return fd;
}

int dmi_read_entry(const struct facts_roots *roots, unsigned int index, uint8_t **data,
	size_t *length, bool *whole_table)
{
	_cleanup_free_ uint8_t *buffer = NULL;
	_cleanup_close_ int fd = -1;
	bool whole = false;
	ssize_t have;
	size_t max;

	fd = dmi_open_entry(roots, index, &whole);
	if (fd < 0)
		return fd;
	max = whole ? FACTS_MAX_TABLE : FACTS_MAX_STRUCTURE;
	buffer = malloc(max + 1);
	if (!buffer)
		return -ENOMEM;
	have = io_read_all(fd, buffer, max + 1);
	if (have < 0)
		return (int)have;
	if ((size_t)have > max)
		return -EFBIG;
	*data = util_steal_ptr(buffer);
	*length = (size_t)have;
	*whole_table = whole;
	return 0;
}

static uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

int facts_get_device(const uint8_t *data, size_t length, struct facts_device *device)
{
	size_t end, ids;

	if (length < 7 || data[0] != DMI_TYPE_HOST_INTERFACE || data[1] > length)
		return -EBADMSG;
	if (data[4] != 0x40)
		return -ENOTSUP;
	end = 6u + data[5]; /* of the interface specific data */
	if (end > data[1] || data[5] < 1)
		return -EBADMSG;
	switch (data[6]) {
	case SMBIOS42_USB_V1:
	case SMBIOS42_PCI_V1:
		ids = 7;
		break;
	case SMBIOS42_USB_V2:
	case SMBIOS42_PCI_V2:
		ids = 8;
		break;
	default:
		return -ENOTSUP;
	}
	if (ids + 4 > end)
		return -EBADMSG;
	device->bus = data[6] == SMBIOS42_USB_V1 || data[6] == SMBIOS42_USB_V2 ? PLAN_BUS_USB
									       : PLAN_BUS_PCI;
	device->vendor = get_le16(data + ids);
	device->product = get_le16(data + ids + 2);
	return 0;
}

int facts_read_devices(
	const struct facts_roots *roots, struct facts_device *devices, size_t max, size_t *found)
{
	size_t n = 0;
	int r;

	for (unsigned int i = 0; i < FACTS_MAX_DMI && n < max; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		size_t length, offset = 0, size;
		const uint8_t *start;
		bool whole;

		r = dmi_read_entry(roots, i, &data, &length, &whole);
		if (r == -EFBIG)
			continue;
		if (only_passing(r) < 0)
			return r;
		if (r < 0)
			break;
		if (!whole) {
			n += facts_get_device(data, length, &devices[n]) == 0;
			continue;
		}
		while (n < max && dmi_walk_find(data, length, DMI_TYPE_HOST_INTERFACE, &offset,
					  &start, &size) == 0)
			n += facts_get_device(start, size, &devices[n]) == 0;
	}
	*found = n;
	return 0;
}

bool facts_nic_is_allowed(const char *interface, const struct plan_nic *nic,
	const struct facts_device *devices, size_t n_devices)
{
	const struct nic_id *id;
	uint16_t vendor, product;

	if (nic_ids_parse(interface, &vendor, &product) == 0)
		return nic->bus == PLAN_BUS_USB && nic->vendor == vendor && nic->product == product;
	if (strcmp(interface, "auto") != 0)
		return interface[0] && strcmp(interface, nic->name) == 0;
	if (nic->bus == PLAN_BUS_OTHER || !nic->vendor)
		return false;
	for (size_t i = 0; i < n_devices; i++)
		if (devices[i].bus == nic->bus && devices[i].vendor == nic->vendor &&
			devices[i].product == nic->product)
			return true;
	id = nic->bus == PLAN_BUS_USB ? nic_ids_find(nic->vendor, nic->product) : NULL;
	return id && !id->needs_smbios;
}
