/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/outcome.h"

struct outcome_row {
	const char *name;
	enum outcome_class class;
	enum message_id message;
	const char *text;
};

#define OK	OUTCOME_CLASS_OK
#define NETWORK OUTCOME_CLASS_NETWORK
#define TRUST	OUTCOME_CLASS_TRUST

/* clang-format off */
static const struct outcome_row rows[OUTCOME_COUNT] = {
	[OUTCOME_NONE] = {"none", OK, MSG_ISM1020, "nothing was tried yet"},
	[OUTCOME_CONNECTED] = {"connected", OK, MSG_ISM0004, "connected"},
	[OUTCOME_ENROLLED] = {"enrolled", OK, MSG_ISM1009, "trust was made, connecting with it"},
	[OUTCOME_PORT_REFUSED] = {"port-refused", NETWORK, MSG_ISM1020, "the BMC refused the connection to its port"},
	[OUTCOME_NO_ANSWER] = {"no-answer", NETWORK, MSG_ISM1020, "the BMC did not answer"},
	[OUTCOME_UNREACHABLE] = {"unreachable", NETWORK, MSG_ISM1020, "nobody answers for the BMC's address"},
	[OUTCOME_TLS_TIMEOUT] = {"tls-timeout", NETWORK, MSG_ISM1020, "the TLS handshake was not finished in time"},
	[OUTCOME_TLS_BROKEN] = {"tls-broken", NETWORK, MSG_ISM1020, "the BMC broke off the TLS handshake"},
	[OUTCOME_ANSWER_TIMEOUT] = {"answer-timeout", NETWORK, MSG_ISM1020, "the BMC's service did not answer in time"},
	[OUTCOME_BAD_ANSWER] = {"bad-answer", NETWORK, MSG_ISM1020, "the BMC did not answer as a Redfish service does"},
	[OUTCOME_CLOSED] = {"closed", NETWORK, MSG_ISM0007, "the BMC closed the connection"},
	[OUTCOME_KEEPALIVE] = {"keepalive", NETWORK, MSG_ISM0007, "the BMC went silent"},
	[OUTCOME_ADDRESS_GONE] = {"address-gone", NETWORK, MSG_ISM0007, "the host's address or the NIC went away"},
	[OUTCOME_LOCAL] = {"local-failure", NETWORK, MSG_ISM1020, "this host could not open the connection"},
	[OUTCOME_RESTARTED] = {"restarted", NETWORK, MSG_ISM0007, "this host begins it anew, with other settings, trust or certificate"},
	[OUTCOME_OWN_EXPIRED] = {"own-certificate-expired", TRUST, MSG_ISM1002, "the certificate of this service module has expired"},
	[OUTCOME_PEER_EXPIRED] = {"bmc-certificate-expired", TRUST, MSG_ISM1003, "the certificate of the BMC has expired"},
	[OUTCOME_NOT_KNOWN] = {"certificate-not-known", TRUST, MSG_ISM1004, "the BMC does not know the certificate of this service module"},
	[OUTCOME_IDENTITY_CHANGED] = {"identity-changed", TRUST, MSG_ISM1001, "the BMC shows another certificate than the pinned one"},
	[OUTCOME_NOT_PINNED] = {"not-pinned", TRUST, MSG_ISM1039, "no BMC is pinned and trust may not be made on first use"},
	[OUTCOME_VERSION] = {"tls-version", TRUST, MSG_ISM1005, "no TLS version in common"},
	[OUTCOME_DOWNGRADE] = {"downgrade", TRUST, MSG_ISM1007, "the BMC offers no TLS now, but has had it before"},
	[OUTCOME_TLS_REQUIRED] = {"tls-required", TRUST, MSG_ISM1017, "the BMC requires TLS, and tls = off is set on this host"},
	[OUTCOME_LOGIN] = {"login", TRUST, MSG_ISM1050, "this host is not logged in to the BMC"},
	[OUTCOME_IMPOSTOR] = {"impostor", TRUST, MSG_ISM1132, "somebody shows a certificate that is not the BMC's"},
	[OUTCOME_KCS] = {"kcs", TRUST, MSG_ISM1134, "trust cannot be made over IPMI"},
	[OUTCOME_REFUSED] = {"refused", TRUST, MSG_ISM1027, "the BMC refused this service module"},
};
/* clang-format on */

enum outcome_class outcome_get_class(enum outcome outcome)
{
	return rows[outcome].class;
}

const char *outcome_name(enum outcome outcome)
{
	return rows[outcome].name;
}

const char *outcome_text(enum outcome outcome)
{
	return rows[outcome].text;
}

enum message_id outcome_message(enum outcome outcome)
{
	return rows[outcome].message;
}
