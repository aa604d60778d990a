/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_HOST_IPMI_DEVICE_H
#define BMCLINK_HOST_IPMI_DEVICE_H

struct acts_roots;

/*
 * The kernel's IPMI device of this machine's own BMC (ipmi_devintf), non-blocking. Descriptor;
 * -ENOENT: there is none; -ENXIO: there is none, and yet firmware or kernel name an interface; or
 * another negative errno.
 */
int ipmi_device_open(const struct acts_roots *roots);

#endif
