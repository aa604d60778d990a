/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of nftables: is our table gone by the last word of it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/util.h"
#include "host/monitor/nft_watch.h"

#define OURS "bmclink_5"

struct told {
	uint8_t type;
	const char *table;
	uint8_t family;
};

static size_t put(char *to, const struct told *told)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(to);
	struct nfgenmsg *message;

	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | told->type);
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = told->family;
	if (told->table != NULL)
		mnl_attr_put_strz(header, NFTA_TABLE_NAME, told->table);
	mnl_attr_put_u32(header, NFTA_TABLE_USE, 0);
	return (header->nlmsg_len + 3U) & ~3U;
}

static void test_the_last_word_counts(void **state)
{
	static const struct {
		enum nft_news news;
		struct told told[4];
	} cases[] = {
		{NFT_NEWS_GONE, {{NFT_MSG_DELTABLE, OURS, NFPROTO_INET}}						},
		{NFT_NEWS_GONE, {{NFT_MSG_DELCHAIN, OURS, NFPROTO_INET}}						},
		{NFT_NEWS_GONE, {{NFT_MSG_DELRULE, OURS, NFPROTO_INET}}					       },
 /* we, or who restores a saved rule set: one transaction */
		{NFT_NEWS_SET,  {{NFT_MSG_DELRULE, OURS, NFPROTO_INET},
				       {NFT_MSG_DELTABLE, OURS, NFPROTO_INET},
				       {NFT_MSG_NEWTABLE, OURS, NFPROTO_INET},
				       {NFT_MSG_NEWRULE, OURS, NFPROTO_INET}}	     },
 /* and somebody else after us */
		{NFT_NEWS_GONE, {{NFT_MSG_NEWTABLE, OURS, NFPROTO_INET},
					{NFT_MSG_NEWRULE, OURS, NFPROTO_INET},
					{NFT_MSG_DELTABLE, OURS, NFPROTO_INET},
					{NFT_MSG_NEWGEN, NULL, NFPROTO_UNSPEC}}    },
 /* twins: not ours, or nothing is lost */
		{NFT_NEWS_NONE, {{NFT_MSG_DELTABLE, OURS, NFPROTO_IPV4}}						},
		{NFT_NEWS_NONE, {{NFT_MSG_DELTABLE, "bmclink_50", NFPROTO_INET}}					},
		{NFT_NEWS_NONE, {{NFT_MSG_DELTABLE, "bmclink_", NFPROTO_INET}}				      },
		{NFT_NEWS_NONE, {{NFT_MSG_DELRULE, "filter", NFPROTO_INET}}					   },
		{NFT_NEWS_NONE, {{NFT_MSG_DELTABLE, NULL, NFPROTO_INET}}						},
		{NFT_NEWS_NONE, {{NFT_MSG_NEWRULE, OURS, NFPROTO_INET}}					       },
		{NFT_NEWS_GONE, {{NFT_MSG_DELTABLE, OURS, NFPROTO_INET},
					{NFT_MSG_NEWTABLE, "filter", NFPROTO_INET}}},
	};
	_Alignas(struct nlmsghdr) char buffer[4096];
	size_t i, j, length;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		length = 0;
		for (j = 0; j < 4 && cases[i].told[j].type + cases[i].told[j].family != 0; j++)
			length += put(buffer + length, &cases[i].told[j]);
		if (nft_watch_read(OURS, buffer, length) != cases[i].news)
			fail_msg("case %zu", i);
	}
}

/* Another subsystem's message of the same number, and what is cut off anywhere: nothing of ours. */
static void test_other_messages(void **state)
{
	static const struct told gone = {NFT_MSG_DELTABLE, OURS, NFPROTO_INET};
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	size_t length = put(buffer, &gone), cut;
	char *copy;

	for (cut = 0; cut < length; cut++) {
		copy = malloc(cut + 1); /* its own, so that a sanitizer sees the end */
		assert_non_null(copy);
		memcpy(copy, buffer, cut);
		assert_int_equal(nft_watch_read(OURS, copy, cut), NFT_NEWS_NONE);
		free(copy);
	}
	assert_int_equal(nft_watch_read(OURS, buffer, length), NFT_NEWS_GONE);
	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | NFT_MSG_DELTABLE;
	assert_int_equal(nft_watch_read(OURS, buffer, length), NFT_NEWS_NONE);
}

/* The message's own length ends within its header or the attribute, before its padding. */
static void test_lengths_that_lie(void **state)
{
	static const struct told gone = {NFT_MSG_DELTABLE, OURS, NFPROTO_INET};
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	size_t length = put(buffer, &gone);
	uint32_t i;

	for (i = 0; i <= NLMSG_HDRLEN + sizeof(struct nfgenmsg) + 4 + sizeof(OURS) / 4 * 4; i++) {
		header->nlmsg_len = i;
		assert_int_equal(nft_watch_read(OURS, buffer, length), NFT_NEWS_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_word_counts),
		cmocka_unit_test(test_other_messages),
		cmocka_unit_test(test_lengths_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
