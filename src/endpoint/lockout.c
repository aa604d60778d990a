/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/lockout.h"

#include <string.h>

static bool is_fresh(const struct lockout_source *s, int64_t now_ms)
{
	return s->failures && now_ms - s->last_ms < LOCKOUT_SECONDS * 1000;
}

bool lockout_is_locked(
	const struct lockout *lockout, const unsigned char source[16], int64_t now_ms)
{
	for (int i = 0; i < LOCKOUT_SOURCES; i++) {
		const struct lockout_source *s = &lockout->sources[i];

		if (memcmp(s->source, source, sizeof(s->source)) == 0)
			return is_fresh(s, now_ms) && s->failures >= LOCKOUT_THRESHOLD;
	}
	return false;
}

bool lockout_allows(const struct lockout *lockout, const unsigned char source[16], int64_t now_ms)
{
	bool spent = lockout->spent >= LOCKOUT_BUDGET && now_ms - lockout->minute_ms < 60000;

	return !spent && !lockout_is_locked(lockout, source, now_ms);
}

void lockout_add_failure(struct lockout *lockout, const unsigned char source[16], int64_t now_ms)
{
	struct lockout_source *place = &lockout->sources[0];

	if (now_ms - lockout->minute_ms >= 60000) {
		lockout->minute_ms = now_ms;
		lockout->spent = 0;
	}
	lockout->spent++;
	for (int i = 0; i < LOCKOUT_SOURCES; i++) {
		struct lockout_source *s = &lockout->sources[i];

		if (s->failures && memcmp(s->source, source, sizeof(s->source)) == 0) {
			place = s;
			break;
		}
		if (!s->failures || (place->failures && s->last_ms < place->last_ms))
			place = s;
	}
	if (memcmp(place->source, source, sizeof(place->source)) != 0 || !is_fresh(place, now_ms))
		place->failures = 0;
	memcpy(place->source, source, sizeof(place->source));
	place->failures++;
	place->last_ms = now_ms;
}

void lockout_add_success(struct lockout *lockout, const unsigned char source[16])
{
	for (int i = 0; i < LOCKOUT_SOURCES; i++) {
		if (memcmp(lockout->sources[i].source, source, 16) == 0)
			lockout->sources[i].failures = 0;
	}
}
