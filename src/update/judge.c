/* SPDX-License-Identifier: Apache-2.0 */
#include "update/judge.h"

#include <string.h>

#include "base/package_name.h"

bool update_judge_back(const struct update_package *back, const struct update_package *installed)
{
	return strcmp(back->name, installed->name) == 0 &&
	       strcmp(back->version, installed->version) == 0 &&
	       strcmp(back->architecture, installed->architecture) == 0;
}

bool update_is_newer(
	enum package_family family, const char *version, const char *installed, const char *floor)
{
	return version_is_valid(family, version) && version_is_valid(family, installed) &&
	       version_compare(family, version, installed) > 0 &&
	       (!floor[0] || (version_is_valid(family, floor) &&
				     version_compare(family, version, floor) >= 0));
}

const char *update_judge(const struct update_facts *facts)
{
	const struct update_package *new = facts->package, *old = facts->installed;

	if (strcmp(new->name, PACKAGE_NAME_AGENT) != 0)
		return "it is a package of something else";
	if (strcmp(old->name, PACKAGE_NAME_AGENT) != 0 ||
		!version_is_valid(facts->family, old->version))
		return "the version that is installed cannot be known";
	if (strcmp(new->architecture, old->architecture) != 0)
		return "it is for another architecture";
	if (!version_is_valid(facts->family, new->version))
		return "its version cannot be understood";
	if (version_compare(facts->family, new->version, old->version) <= 0)
		return "it is not newer than what is installed";
	if (!update_is_newer(facts->family, new->version, old->version, facts->floor))
		return "it is older than what was installed here once";
	if (!facts->back && !facts->no_way_back)
		return "there is no package of the version that is installed, hence no way back";
	return NULL;
}
