/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities by the kernel's own calls, capset(2) and prctl(2): two functions need no library. */
#ifndef BMCLINK_HOST_CAPS_H
#define BMCLINK_HOST_CAPS_H

#include <stdint.h>

#define CAPS_NONE 0ULL

/* Effective and permitted become what of keep this process has; inheritable and ambient: none. */
int caps_set(uint64_t keep);
/* The bounding set loses all but keep: nothing that is executed later can have more. */
int caps_drop_bounding(uint64_t keep);

#endif
