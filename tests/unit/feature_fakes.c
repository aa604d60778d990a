/* SPDX-License-Identifier: Apache-2.0 */
#include "feature_fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/feature/feature_work.h"

void feature_set_active(struct feature_context *context)
{
	context->active = true;
}

void feature_set_trouble(struct feature_context *context, const char *format, ...)
{
	context->active = false;
}

void feature_publish(struct feature_context *context)
{
}

void feature_fakes_answer(channel_answer_fn fn, void *arg, int status, const char *text)
{
	json_t *body = text ? json_loads(text, 0, NULL) : NULL;

	assert_true(fn != NULL && (body != NULL || !text));
	fn(status, body, arg);
	json_decref(body);
}
