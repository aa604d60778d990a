/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packages the BMC has: its SoftwareInventory, then each member of it, one request at a time.
 * Ends in auto_update_looked(); what is made of what was found is auto_update.c's.
 */
#include <stdio.h>
#include <string.h>

#include "host/feature/auto_update.h"
#include "host/link/channel_resource.h"

#define INVENTORY "/redfish/v1/UpdateService/SoftwareInventory"

/* The channel went, or the feature: nothing of the answer counts. True: so it is. */
static bool was_dropped(struct auto_update *au)
{
	bool dropped = au->drop;

	au->in_flight = au->drop = false;
	if (!dropped)
		return false;
	auto_update_set_phase(au, AUTO_UPDATE_IDLE);
	if (au->look_again)
		auto_update_set_timer(au, 0);
	else
		auto_update_answer_waiting(au, "the connection was lost");
	return true;
}

/* What may be otherwise in a moment is not left for a day. */
static void fail_for_now(struct auto_update *au, const char *why)
{
	auto_update_looked(au, why);
	auto_update_set_timer(au, au->look_again ? 0 : AUTO_UPDATE_AGAIN_SECONDS);
}

/* The link may live on: where it goes, too, stop() takes the timer back. */
static bool is_passing(struct auto_update *au, int status)
{
	if (status != 0 && status != 503)
		return false;
	fail_for_now(au, status ? "the BMC is busy (HTTP 503)" : "the BMC's answer broke off");
	return true;
}

static void read_next(struct auto_update *au);

static void take_offer(struct auto_update *au, const struct update_offer *offer)
{
	switch (update_offer_use(offer, &au->info)) {
	case UPDATE_USE_NEW:
		if (!au->has_new || version_compare(au->info.family, offer->name.version,
					    au->new.name.version) > 0)
			au->new = *offer;
		au->has_new = true;
		break;
	case UPDATE_USE_BACK:
		if (offer->signature[0]) {
			au->back = *offer;
			au->has_back = true;
		}
		break;
	case UPDATE_USE_NONE:
		break;
	}
}

static void on_member(int status, const json_t *body, void *arg)
{
	struct auto_update *au = arg;
	struct update_offer offer;

	if (was_dropped(au) || is_passing(au, status))
		return;
	if (status == 200 && update_offer_parse(body, &offer) == 0)
		take_offer(au, &offer);
	au->at++;
	read_next(au);
}

static void ask(struct auto_update *au, const char *path, channel_answer_fn answer)
{
	int r = channel_request(au->context->link->channel, "GET", path, NULL, answer, au);

	if (r < 0)
		fail_for_now(au, strerror(-r));
	else
		au->in_flight = true;
}

static void read_next(struct auto_update *au)
{
	if (au->at == au->n_members) {
		auto_update_looked(au, NULL);
		return;
	}
	auto_update_set_phase(au, AUTO_UPDATE_READING);
	ask(au, au->members[au->at], on_member);
}

static void on_list(int status, const json_t *body, void *arg)
{
	struct auto_update *au = arg;
	const json_t *members = json_object_get(body, "Members"), *one;
	char why[64];
	size_t i;

	if (was_dropped(au) || is_passing(au, status))
		return;
	if (status != 200 || !json_is_array(members)) {
		snprintf(why, sizeof(why), "the BMC answers %d instead of its packages", status);
		auto_update_looked(au, why);
		return;
	}
	au->n_members = au->at = 0;
	json_array_foreach(members, i, one)
	{
		if (au->n_members < UPDATE_OFFER_MAX &&
			resource_get_link(one, "@odata.id", au->members[au->n_members],
				UPDATE_OFFER_MAX_PATH) == 0)
			au->n_members++;
	}
	read_next(au);
}

void update_look_start(struct auto_update *au)
{
	if (au->in_flight) {
		au->look_again = true;
		return;
	}
	au->look_again = false;
	au->has_new = au->has_back = false;
	auto_update_read_info(au);
	auto_update_set_phase(au, AUTO_UPDATE_LISTING);
	ask(au, INVENTORY, on_list);
}
