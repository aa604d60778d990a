/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logfind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "host/link/channel_resource.h"

#define RANK_NEVER   0
#define RANK_UNKNOWN 50

/*
 * The last segment of a service's path is a hint for the order in which the services are asked;
 * what they are, they say themselves. Rank 0: what is no log of events (dumps, traces, POST codes),
 * or one of who logged in.
 */
static const struct {
	const char *name;
	unsigned int rank;
} known[] = {
	{"Lclog",	  1	   }, /* iDRAC, bmclink */
	{"IML",		1	 }, /* iLO: Integrated Management Log */
	{"StandardLog",	2	 }, /* XCC */
	{"PlatformLog",	3	 }, /* XCC */
	{"EventLog",	     3	      }, /* bmcweb */
	{"Event",	  4	   },
	{"Log1",		 5	  }, /* MegaRAC, Supermicro */
	{"SEL",		6	 },
	{"IEL",		7	 }, /* iLO: what it did itself */
	{"AuditLog",	     90	       },
	{"SL",	       RANK_NEVER},
	{"FaultList",     RANK_NEVER},
	{"FaultLog",	     RANK_NEVER},
	{"Dump",		 RANK_NEVER},
	{"Crashdump",     RANK_NEVER},
	{"PostCodes",     RANK_NEVER},
	{"HostLogger",    RANK_NEVER},
	{"Journal",	    RANK_NEVER},
	{"FDR",		RANK_NEVER},
	{"DiagnosticLog", RANK_NEVER},
	{"DPU",		RANK_NEVER},
};

unsigned int log_find_rank(const char *path)
{
	size_t end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) == end - begin &&
			strncasecmp(known[i].name, path + begin, end - begin) == 0)
			return known[i].rank;
	}
	return RANK_UNKNOWN;
}

/* --- what the answers say --- */

static void take_manager(struct log_find *find, const json_t *manager)
{
	const json_t *links = json_object_get(manager, "Links");
	const json_t *system = json_array_get(json_object_get(links, "ManagerForServers"), 0);

	resource_get_link(manager, "LogServices", find->manager_logs, sizeof(find->manager_logs));
	resource_get_link(system, "@odata.id", find->system, sizeof(find->system));
}

/* In the order of their rank; of the same rank, in the order of the service. */
static void add_candidate(struct log_find *find, const char *path)
{
	unsigned int rank = log_find_rank(path), at = find->n_candidates;

	if (rank == RANK_NEVER || at == LOG_FIND_MAX)
		return;
	for (; at > 0 && find->candidates[at - 1].rank > rank; at--)
		find->candidates[at] = find->candidates[at - 1];
	find->candidates[at].rank = rank;
	snprintf(find->candidates[at].path, sizeof(find->candidates[at].path), "%s", path);
	find->n_candidates++;
}

static void take_services(struct log_find *find, const json_t *collection)
{
	const json_t *members = json_object_get(collection, "Members"), *member;
	char path[LOG_MAX_PATH];
	size_t i;

	json_array_foreach(members, i, member)
	{
		if (resource_get_link(member, "@odata.id", path, sizeof(path)) == 0)
			add_candidate(find, path);
	}
}

static bool take_service(struct log_find *find, const json_t *service)
{
	if (json_is_false(json_object_get(service, "ServiceEnabled")) ||
		resource_get_link(service, "Entries", find->entries, sizeof(find->entries)) < 0)
		return false;
	memcpy(find->service, find->next, sizeof(find->service));
	return true;
}

/* --- the way --- */

static const char *go_to(struct log_find *find, enum log_find_step step, const char *path)
{
	find->step = step;
	memmove(find->next, path, strlen(path) + 1);
	return find->next;
}

static const char *end(struct log_find *find)
{
	find->step = LOG_FIND_DONE;
	if (find->entries[0] == '\0' && find->reason[0] == '\0')
		snprintf(find->reason, sizeof(find->reason), "%s",
			find->tried > 0 ? "none of its log services has entries that may be read"
			: find->manager_logs[0] || find->system_logs[0]
				? "none of its log services is a log of events"
				: "neither its manager nor its system names a log service");
	return NULL;
}

static const char *try_service(struct log_find *find)
{
	if (find->tried == find->n_candidates || find->tried == LOG_FIND_MAX_TRIES)
		return end(find);
	return go_to(find, LOG_FIND_SERVICE, find->candidates[find->tried++].path);
}

static bool has_lifecycle_log(const struct log_find *find)
{
	return find->n_candidates > 0 && find->candidates[0].rank == 1;
}

/* The step behind the one that was just answered. */
static const char *advance(struct log_find *find)
{
	switch (find->step) {
	case LOG_FIND_MANAGER:
		if (find->manager_logs[0])
			return go_to(find, LOG_FIND_MANAGER_LOGS, find->manager_logs);
		/* fall through */
	case LOG_FIND_MANAGER_LOGS:
		if (has_lifecycle_log(find))
			return try_service(find);
		if (find->system[0])
			return go_to(find, LOG_FIND_SYSTEM, find->system);
		if (find->systems[0])
			return go_to(find, LOG_FIND_SYSTEMS, find->systems);
		return try_service(find);
	case LOG_FIND_SYSTEMS:
		if (find->system[0])
			return go_to(find, LOG_FIND_SYSTEM, find->system);
		return try_service(find);
	case LOG_FIND_SYSTEM:
		if (find->system_logs[0])
			return go_to(find, LOG_FIND_SYSTEM_LOGS, find->system_logs);
		/* fall through */
	case LOG_FIND_SYSTEM_LOGS:
	case LOG_FIND_SERVICE:
		return try_service(find);
	case LOG_FIND_DONE:
		break;
	}
	return NULL;
}

const char *log_find_begin(struct log_find *find, const char *manager, const char *systems)
{
	*find = (struct log_find){0};
	if (systems)
		snprintf(find->systems, sizeof(find->systems), "%s", systems);
	if (manager[0] == '\0' || strlen(manager) >= sizeof(find->next))
		return end(find);
	return go_to(find, LOG_FIND_MANAGER, manager);
}

const char *log_find_take(struct log_find *find, int status, const json_t *body)
{
	if (status == 0) {
		find->lost = true;
		snprintf(find->reason, sizeof(find->reason), "%.90s could not be read", find->next);
		return end(find);
	}
	if (status != 200)
		return advance(find); /* what may not be read, or is not there */
	switch (find->step) {
	case LOG_FIND_MANAGER:
		take_manager(find, body);
		break;
	case LOG_FIND_MANAGER_LOGS:
	case LOG_FIND_SYSTEM_LOGS:
		take_services(find, body);
		break;
	case LOG_FIND_SYSTEMS:
		resource_get_first_member(body, find->system, sizeof(find->system));
		break;
	case LOG_FIND_SYSTEM:
		resource_get_link(
			body, "LogServices", find->system_logs, sizeof(find->system_logs));
		break;
	case LOG_FIND_SERVICE:
		if (take_service(find, body))
			return end(find);
		break;
	case LOG_FIND_DONE:
		return NULL;
	}
	return advance(find);
}
