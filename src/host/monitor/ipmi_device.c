/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/ipmi_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "host/monitor/acts.h"

/* Does the firmware or the kernel name such an interface, though there is no device? */
static bool is_declared(const struct acts_roots *roots)
{
	static const char *const paths[] = {"/bus/platform/devices/dmi-ipmi-si.0",
		"/bus/platform/devices/ipmi_bmc.0", "/bus/acpi/devices/IPI0001:00"};
	const char *sys = roots->sys != NULL && roots->sys[0] != '\0' ? roots->sys : "/sys";
	char path[512];

	/* SMBIOS type 38, IPMI Device Information (DSP0134, 7.39) */
	if (roots->dmi != NULL && roots->dmi[0] != '\0')
		snprintf(path, sizeof(path), "%s/entries/38-0", roots->dmi);
	else
		snprintf(path, sizeof(path), "%s/firmware/dmi/entries/38-0", sys);
	if (access(path, F_OK) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		snprintf(path, sizeof(path), "%s%s", sys, paths[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

int ipmi_device_open(const struct acts_roots *roots)
{
	static const char *const names[] = {
		"/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0", "/dev/ipmidev0"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = open(names[i], O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

		if (fd >= 0)
			return fd;
		if (errno != ENOENT && errno != ENOTDIR && errno != ENXIO && errno != ENODEV)
			return -errno;
	}
	return is_declared(roots) ? -ENXIO : -ENOENT;
}
