/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const family_names[PACKAGE_N_FAMILIES] = {
	[PACKAGE_NONE] = "none", [PACKAGE_DEB] = "deb", [PACKAGE_RPM] = "rpm"};

const char *version_get_family_name(enum package_family family)
{
	return family_names[family];
}

enum package_family version_find_family(const char *name)
{
	for (int i = PACKAGE_DEB; i < PACKAGE_N_FAMILIES; i++) {
		if (strcmp(name, family_names[i]) == 0)
			return (enum package_family)i;
	}
	return PACKAGE_NONE;
}

/* The locale has no say in this. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool version_is_valid(enum package_family family, const char *version)
{
	const char *others = family == PACKAGE_DEB ? ".+-~:" : ".+-~:_^";
	size_t length = strnlen(version, VERSION_MAX);

	if (family == PACKAGE_NONE || length == 0 || length == VERSION_MAX || !is_digit(version[0]))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(version[i]) && !is_alpha(version[i]) && !strchr(others, version[i]))
			return false;
	}
	return true;
}

struct parts { /* borrowed */
	long epoch;
	const char *version, *version_end;
	const char *release, *release_end; /* equal: none */
};

static void split(const char *text, struct parts *parts)
{
	const char *colon = strchr(text, ':'), *dash;

	parts->epoch = colon ? strtol(text, NULL, 10) : 0;
	parts->version = colon ? colon + 1 : text;
	dash = strrchr(parts->version, '-');
	parts->release_end = parts->version + strlen(parts->version);
	parts->version_end = dash ? dash : parts->release_end;
	parts->release = dash ? dash + 1 : parts->release_end;
}

/* Runs of digits, of any length. Moves both behind them. */
static int compare_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
	int first = 0;

	while (*a < a_end && **a == '0')
		(*a)++;
	while (*b < b_end && **b == '0')
		(*b)++;
	while (*a < a_end && *b < b_end && is_digit(**a) && is_digit(**b)) {
		if (!first)
			first = **a - **b;
		(*a)++;
		(*b)++;
	}
	if (*a < a_end && is_digit(**a))
		return 1;
	if (*b < b_end && is_digit(**b))
		return -1;
	return first;
}

/* deb-version(7): the end is before everything but '~', letters before all other characters. */
static int deb_order(const char *c, const char *end)
{
	if (c >= end || is_digit(*c))
		return 0;
	if (is_alpha(*c))
		return *c;
	return *c == '~' ? -1 : *c + 256;
}

static int deb_compare(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		int r;

		while ((a < a_end && !is_digit(*a)) || (b < b_end && !is_digit(*b))) {
			r = deb_order(a, a_end) - deb_order(b, b_end);
			if (r)
				return r;
			a++;
			b++;
		}
		r = compare_digits(&a, a_end, &b, b_end);
		if (r)
			return r;
	}
	return 0;
}

static bool is_rpm_mark(char c)
{
	return is_digit(c) || is_alpha(c) || c == '~' || c == '^';
}

static int rpm_compare_letters(const char **a, const char *a_end, const char **b, const char *b_end)
{
	while (*a < a_end && *b < b_end && is_alpha(**a) && is_alpha(**b)) {
		if (**a != **b)
			return **a - **b;
		(*a)++;
		(*b)++;
	}
	return (*a < a_end && is_alpha(**a)) - (*b < b_end && is_alpha(**b));
}

/* '~' is before the end, '^' behind it, but before anything else. *done: the answer is there. */
static int rpm_compare_marks(
	const char **a, const char *a_end, const char **b, const char *b_end, bool *done)
{
	bool a_has, b_has;

	*done = true;
	a_has = *a < a_end && **a == '~';
	b_has = *b < b_end && **b == '~';
	if (a_has != b_has)
		return a_has ? -1 : 1;
	if (!a_has) {
		a_has = *a < a_end && **a == '^';
		b_has = *b < b_end && **b == '^';
		if (a_has && !b_has)
			return *b == b_end ? 1 : -1;
		if (b_has && !a_has)
			return *a == a_end ? -1 : 1;
	}
	*done = false;
	if (a_has) {
		(*a)++;
		(*b)++;
	}
	return 0;
}

/* rpm-version(7): segments of digits or of letters; what separates them does not count. */
static int rpm_compare(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		bool done;
		int r;

		while (a < a_end && !is_rpm_mark(*a))
			a++;
		while (b < b_end && !is_rpm_mark(*b))
			b++;
		r = rpm_compare_marks(&a, a_end, &b, b_end, &done);
		if (done)
			return r;
		if (a == a_end || b == b_end)
			break;
		if (is_digit(*a) != is_digit(*b))
			return is_digit(*a) ? 1 : -1;
		r = is_digit(*a) ? compare_digits(&a, a_end, &b, b_end)
				 : rpm_compare_letters(&a, a_end, &b, b_end);
		if (r)
			return r;
	}
	return (a < a_end) - (b < b_end);
}

int version_compare(enum package_family family, const char *a, const char *b)
{
	int (*compare)(const char *, const char *, const char *, const char *) =
		family == PACKAGE_RPM ? rpm_compare : deb_compare;
	struct parts x, y;
	int r;

	split(a, &x);
	split(b, &y);
	if (x.epoch != y.epoch)
		return x.epoch < y.epoch ? -1 : 1;
	r = compare(x.version, x.version_end, y.version, y.version_end);
	if (r)
		return r;
	return compare(x.release, x.release_end, y.release, y.release_end);
}
