/* SPDX-License-Identifier: Apache-2.0 */
/* How far the renewal of our certificate is, for bmclinkctl: docs/control-protocol.md. */
#include "base/text.h"
#include "host/agent_private.h"

static const char *name_state(const struct agent_renewal *renewal, bool staged)
{
	if (renewal->offered)
		return "offered";
	if (renewal->proving)
		return "connecting";
	if (renewal->trouble[0] != '\0')
		return "failed";
	return staged || renewal->asked ? "staged" : "idle";
}

static json_t *make_staged(const struct agent *agent)
{
	const X509 *certificate = agent->identity.next.certificate;
	char fingerprint[CERT_FINGERPRINT_SIZE * 3];
	unsigned char digest[CERT_FINGERPRINT_SIZE];
	time_t not_before, not_after;

	if (certificate == NULL || cert_get_fingerprint(certificate, digest) < 0 ||
		cert_get_dates(certificate, &not_before, &not_after) < 0)
		return json_null();
	text_make_hex(digest, sizeof(digest), ':', fingerprint);
	return json_pack(
		"{s:s, s:o}", "fingerprint", fingerprint, "not_after", agent_make_time(not_after));
}

json_t *agent_renewal_get_state(const struct agent *agent)
{
	const struct agent_renewal *renewal = &agent->renewal;
	bool staged = agent->identity.next.certificate != NULL;
	time_t not_before, not_after;
	json_t *due = json_null();

	if (agent->settings.renewal && agent->identity.pair.certificate != NULL &&
		cert_get_dates(agent->identity.pair.certificate, &not_before, &not_after) == 0)
		due = agent_make_time(renewal_get_due(
			not_before, not_after, renewal_get_seed(agent->identity.pair.certificate)));
	return json_pack("{s:b, s:o, s:s, s:o, s:o}", "automatic", agent->settings.renewal, "due",
		due, "state", name_state(renewal, staged), "trouble",
		renewal->trouble[0] != '\0' ? json_string(renewal->trouble) : json_null(), "staged",
		make_staged(agent));
}
