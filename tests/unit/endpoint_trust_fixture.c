/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_trust_fixture.h"

#include <stdlib.h>

int setup(void **state)
{
	struct trust *trust = calloc(1, sizeof(*trust));

	trust->window_minutes = 10;
	*state = trust;
	return 0;
}

int teardown(void **state)
{
	trust_clear(*state);
	free(*state);
	return 0;
}
