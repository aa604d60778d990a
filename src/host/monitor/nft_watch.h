/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices when another program takes the NIC's nft table away, or a chain or a rule of it ("nft
 * flush ruleset" is enough). The kernel tells of every change of nftables to who listens
 * (nfnetlink, group NFNLGRP_NFTABLES): nothing is asked again and again.
 */
#ifndef BMCLINK_HOST_NFT_WATCH_H
#define BMCLINK_HOST_NFT_WATCH_H

#include <stddef.h>

#include <event2/event.h>

enum nft_news {
	NFT_NEWS_NONE,	  /* nothing of our table */
	NFT_NEWS_GONE,	  /* the last that was told: it, or a part of it, was deleted */
	NFT_NEWS_SET,	  /* the last that was told: it was made */
	NFT_NEWS_UNKNOWN, /* the kernel could not tell everything */
};

/* What one datagram of the kernel says of this table, whose family is inet. Whoever replaces it
 * in one transaction, as we do, deletes first and makes then: the last word counts. */
enum nft_news nft_watch_read(const char *table, const void *data, size_t length);

struct nft_watch;

/* news is GONE or UNKNOWN. It may stop the watch. */
typedef void (*nft_watch_fn)(enum nft_news news, void *arg);

/* Returns 0 or negative errno (-EPERM: needs CAP_NET_ADMIN). Start it before the table is made:
 * what is ours in the news ends with the table standing. */
int nft_watch_start(struct event_base *base, unsigned int ifindex, nft_watch_fn fn, void *arg,
	struct nft_watch **watch);
void nft_watch_stop(struct nft_watch *watch); /* NULL does nothing */

#endif
