/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_HOST_NL_ATTR_H
#define BMCLINK_HOST_NL_ATTR_H

#include <libmnl/libmnl.h>

/* The attributes behind offset bytes of the message: mnl_attr_for_each() without its silent
 * narrowing. */
#define nl_for_each_attr(attr, header, offset)                                                     \
	for ((attr) = mnl_nlmsg_get_payload_offset(header, offset); mnl_attr_ok(                   \
		     attr, (int)((char *)mnl_nlmsg_get_payload_tail(header) - (char *)(attr)));    \
		(attr) = mnl_attr_next(attr))

#endif
