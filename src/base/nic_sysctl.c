/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nic_sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* The name is asked again once the directory is held open. */
static int open_dir(const char *proc_root, unsigned int ifindex, const char *dir)
{
	char name[IF_NAMESIZE], again[IF_NAMESIZE], path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (if_indextoname(ifindex, name) == NULL)
		return -ENODEV;
	snprintf(path, sizeof(path), "%s/sys/net/%s/%s", proc_root, dir, name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (if_indextoname(ifindex, again) == NULL || strcmp(name, again) != 0)
		return -EAGAIN;
	return util_steal_fd(&fd);
}

int nic_sysctl_read(const char *proc_root, unsigned int ifindex, const char *dir, const char *name,
	char value[NIC_SYSCTL_MAX])
{
	_cleanup_close_ int dir_fd = open_dir(proc_root, ifindex, dir);
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, value, NIC_SYSCTL_MAX - 1);
	if (n < 0)
		return -errno;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

int nic_sysctl_write(const char *proc_root, unsigned int ifindex, const char *dir, const char *name,
	const char *value)
{
	_cleanup_close_ int dir_fd = open_dir(proc_root, ifindex, dir);
	_cleanup_close_ int fd = -1;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}
