/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that the monitor's acts find when they are fuzzed. */
#ifndef BMCLINK_TESTS_ACTS_STUBS_H
#define BMCLINK_TESTS_ACTS_STUBS_H

#include <stdbool.h>

#define STUB_IFINDEX                                                                               \
	1 /* the loopback interface: it is there, and prepared trees say of it what                \
	     they like */

extern struct acts_stubs {
	bool up, has_mac, has_address;
	unsigned int added; /* addresses */
} acts_stubs;

#endif
