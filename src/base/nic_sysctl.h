/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sysctl of one interface, by its index. The kernel files them by name, and a rename in between
 * would hit another NIC: -EAGAIN then. -ENODEV: there is no such NIC; -ENOENT: no such sysctl.
 */
#ifndef BMCLINK_BASE_NIC_SYSCTL_H
#define BMCLINK_BASE_NIC_SYSCTL_H

#define NIC_SYSCTL_MAX 32 /* a value with its NUL; of a longer one the beginning is read */

/* dir is below <proc_root>/sys/net, "ipv6/conf" for one. 0 or negative errno. */
int nic_sysctl_read(const char *proc_root, unsigned int ifindex, const char *dir, const char *name,
	char value[NIC_SYSCTL_MAX]);
int nic_sysctl_write(const char *proc_root, unsigned int ifindex, const char *dir, const char *name,
	const char *value);

#endif
