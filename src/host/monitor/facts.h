/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts that only root (SMBIOS) or only someone outside the worker's chroot (sysfs, udev) can read,
 * and the rule which NIC the worker may claim. The monitor calls these, and `bmclinkctl discover`
 * when run by root. They read the kernel's hex ids and whole raw structures, no strings; every read
 * is bounded.
 */
#ifndef BMCLINK_HOST_FACTS_H
#define BMCLINK_HOST_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/discover/nic_ids.h"
#include "host/discover/plan.h"

#define FACTS_MAX_STRUCTURE 4096	 /* bytes of one structure, with its strings */
#define FACTS_MAX_TABLE	    (256 * 1024) /* of a whole SMBIOS table */
#define FACTS_MAX_DMI	    16		 /* type 42 structures that are looked for */

struct facts_roots {	 /* NULL or "": the default */
	const char *sys; /* stands for /sys: SYS/class/net/NAME */
	const char *dmi; /* stands for /sys/firmware/dmi; default SYS/firmware/dmi */
	const char *run; /* stands for /run: RUN/udev/control */
};

/*
 * Fill bus, vendor, product and udev_ready of a NIC whose ifindex and name are given (an empty name
 * is looked up and filled in). From SYS/class/net/NAME/device: its subsystem link says usb (ids:
 * idVendor and idProduct of the USB device above the interface) or pci (vendor, device); anything
 * else is PLAN_BUS_OTHER with ids 0, which is not an error. udev_ready: RUN/udev/data/n<ifindex>
 * has an "I:" line (udev's mark of an initialised device), or there is no RUN/udev/control, that
 * is, no udev. -ENODEV: there is no such NIC, or the name belongs to another ifindex by now.
 */
int sysfs_read_nic_facts(const struct facts_roots *roots, struct plan_nic *nic);

/*
 * Open the index-th (from 0) type 42 structure: DMI/entries/42-<index>/raw, where the kernel has
 * dmi-sysfs; else, for index 0 only, the whole table DMI/tables/DMI (*whole_table true). Returns
 * the descriptor, -ENOENT when there is no more, or negative errno (-EACCES: not root).
 */
int dmi_open_entry(const struct facts_roots *roots, unsigned int index, bool *whole_table);

/* As dmi_open_entry, read: *data (caller frees) has length bytes. -EFBIG: beyond our bounds. */
int dmi_read_entry(const struct facts_roots *roots, unsigned int index, uint8_t **data,
	size_t *length, bool *whole_table);

struct facts_device { /* the ids of one type 42 structure */
	enum plan_bus bus;
	uint16_t vendor, product;
};

/*
 * The ids at the fixed offsets of one raw type 42 structure (network host interface, 40h): device
 * type at 06h, ids at 07h (v1) or 08h (v2, DSP0270 clause 8.3). -ENOTSUP: another kind; -EBADMSG:
 * too short. Pure.
 */
int facts_get_device(const uint8_t *data, size_t length, struct facts_device *device);

/* All of what the firmware published, at most max; found: how many (0 also when unreadable).
 * Negative errno: it cannot be read just now, another try may. */
int facts_read_devices(
	const struct facts_roots *roots, struct facts_device *devices, size_t max, size_t *found);

/*
 * May a worker claim this NIC? Pure. interface is the configuration's value: a name or
 * usb:VVVV:PPPP allow exactly that NIC; "auto" allows a NIC whose ids a type 42 structure names, or
 * whose USB ids are those of a known pass-through NIC. Never a NIC of another kind.
 */
bool facts_nic_is_allowed(const char *interface, const struct plan_nic *nic,
	const struct facts_device *devices, size_t n_devices);

#endif
