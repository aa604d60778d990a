/* SPDX-License-Identifier: Apache-2.0 */
/* What is around a feature, for its unit test: feature_set_active() and feature_set_trouble() write
 * context->active alone, feature_publish() does nothing. */
#ifndef BMCLINK_TEST_FEATURE_FAKES_H
#define BMCLINK_TEST_FEATURE_FAKES_H

#include "host/link/channel.h"

/* The BMC's answer to a request that was made (fn is not NULL); text: JSON, or NULL: no body. */
void feature_fakes_answer(channel_answer_fn fn, void *arg, int status, const char *text);

#endif
