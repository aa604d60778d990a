/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nft table of one NIC, "inet bmclink_<ifindex>": replaced or removed in one transaction by the
 * program nft (libnftables aborts and leaks inside a daemon). It drops only, and only what comes in
 * by the NIC or would be forwarded from or to it; other tables are never touched.
 */
#ifndef BMCLINK_HOST_NFT_H
#define BMCLINK_HOST_NFT_H

#include <stddef.h>

#define NFT_TABLE     "bmclink_%1$u"
#define NFT_MAX_TABLE 32

/* 0, or negative errno with *why a printable text (-ENOENT: there is no nft program). Waits for
 * nft, 13 to 18 ms as a rule, 5 s at most. */
int nft_protect(unsigned int ifindex, char *why, size_t size);
int nft_unprotect(unsigned int ifindex, char *why, size_t size);

#endif
