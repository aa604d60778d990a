/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A waker for "udev may be done with a NIC": udev sends a datagram to its netlink group once a
 * device is initialised. Its content is not read: it is only a hint to ask again whether the NIC is
 * ready (priv_get_nic_facts). To be enabled only while a NIC is pending: on a busy host there are
 * many such datagrams.
 */
#ifndef BMCLINK_HOST_UDEV_WATCH_H
#define BMCLINK_HOST_UDEV_WATCH_H

#include <stdbool.h>

#include <event2/event.h>

struct udev_watch;
typedef void (*udev_hint_fn)(void *arg);

/* Opens the socket (before a sandbox closes); nothing is received until it is enabled. */
int udev_watch_new(struct event_base *base, udev_hint_fn fn, void *arg, struct udev_watch **watch);
void udev_watch_free(struct udev_watch *watch); /* also from within fn */

/*
 * On: join the group and listen. Facts are to be asked for once more after this call, since udev
 * may have finished before it. Off: leave the group; what is queued is dropped.
 */
int udev_watch_enable(struct udev_watch *watch, bool on);

#endif
