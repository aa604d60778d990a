/* SPDX-License-Identifier: Apache-2.0 */
/* What auto-update must not forget when the worker is started anew: AUTO_UPDATE_NOTES. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "host/feature/auto_update.h"

#define MODULE "update"

void update_notes_save(struct auto_update *au)
{
	json_t *notes = json_pack("{s:s, s:s, s:b, s:s}", "partial", au->partial, "wanted",
		au->wanted, "no_way_back", au->no_way_back, "bad", au->bad);
	int r = notes ? state_write_json(au->context->state_fd, AUTO_UPDATE_NOTES, notes, 0600)
		      : -ENOMEM;

	json_decref(notes);
	if (r < 0)
		log_warning(MODULE, "%s cannot be written: %s", AUTO_UPDATE_NOTES, strerror(-r));
}

static void take_note(const json_t *notes, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(notes, name));

	if (text && strlen(text) < size && text_is_printable(text, size))
		strcpy(out, text);
}

void update_notes_load(struct auto_update *au)
{
	json_t *notes = NULL;

	if (state_read_json(au->context->state_fd, AUTO_UPDATE_NOTES, &notes) < 0)
		return;
	take_note(notes, "partial", au->partial, sizeof(au->partial));
	take_note(notes, "wanted", au->wanted, sizeof(au->wanted));
	take_note(notes, "bad", au->bad, sizeof(au->bad));
	au->no_way_back = json_is_true(json_object_get(notes, "no_way_back"));
	json_decref(notes);
}
