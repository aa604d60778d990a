/* SPDX-License-Identifier: Apache-2.0 */
#include "host/relay/admission.h"

#include <string.h>

void admission_init(struct admission *admission, const struct admission_rules *rules)
{
	*admission = (struct admission){.rules = rules};
}

static size_t find(const struct admission *admission, const uint8_t key[RELAY_ADDRESS])
{
	size_t i;

	for (i = 0; i < admission->n_keys; i++) {
		if (memcmp(admission->keys[i].key, key, RELAY_ADDRESS) == 0)
			break;
	}
	return i;
}

enum admission_verdict admission_take(
	struct admission *admission, const uint8_t address[RELAY_ADDRESS])
{
	const struct admission_rules *rules = admission->rules;
	uint8_t key[RELAY_ADDRESS];
	size_t i;

	if (memcmp(address, rules->bmc, RELAY_ADDRESS) == 0 ||
		!relay_sources_contain(&rules->sources, address))
		return ADMISSION_NOT_ALLOWED;
	relay_address_make_key(address, key);
	i = find(admission, key);
	if (i < admission->n_keys && admission->keys[i].count >= rules->max_per_source)
		return ADMISSION_SOURCE_FULL;
	if (admission->now >= rules->max || admission->now >= RELAY_MAX_CONNECTIONS)
		return ADMISSION_FULL;
	if (i == admission->n_keys) {
		memcpy(admission->keys[i].key, key, RELAY_ADDRESS);
		admission->keys[i].count = 0;
		admission->n_keys++;
	}
	admission->keys[i].count++;
	admission->now++;
	return ADMISSION_OK;
}

void admission_give_back(struct admission *admission, const uint8_t address[RELAY_ADDRESS])
{
	uint8_t key[RELAY_ADDRESS];
	size_t i;

	relay_address_make_key(address, key);
	i = find(admission, key);
	if (i == admission->n_keys)
		return;
	admission->now--;
	if (--admission->keys[i].count == 0)
		admission->keys[i] = admission->keys[--admission->n_keys];
}

uint64_t relay_get_deadline(const struct relay_times *times, const struct admission_rules *rules)
{
	uint64_t stall = RELAY_STALL_MS < rules->idle_ms ? RELAY_STALL_MS : rules->idle_ms;

	switch (times->phase) {
	case RELAY_PHASE_FIRST:
		return times->since_ms + RELAY_FIRST_MS;
	case RELAY_PHASE_CONNECT:
		return times->since_ms + RELAY_CONNECT_MS;
	default:
		return times->progress_ms + (times->stalled ? stall : rules->idle_ms);
	}
}
