/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint-snmp/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/state.h"
#include "base/util.h"

static bool copy(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

/* It becomes part of a line of the configuration. */
static bool is_word(const char *text, const char *allowed)
{
	return text[0] && text[strspn(text, allowed)] == '\0';
}

static bool read_user(const json_t *object, struct snmp_user *user)
{
	const char *auth = json_string_value(json_object_get(object, "auth"));

	if (!auth || !copy(object, "user", user->name, sizeof(user->name)) ||
		!copy(object, "auth_key", user->auth_key, sizeof(user->auth_key)) ||
		!copy(object, "priv_key", user->priv_key, sizeof(user->priv_key)) ||
		!copy(object, "engine", user->engine, sizeof(user->engine)))
		return false;
	user->auth = strcmp(auth, "SHA") == 0 ? SNMP_AUTH_SHA1 : SNMP_AUTH_SHA256;
	return snmp_name_is_good(user->name) && snmp_key_is_good(user->auth_key) &&
	       snmp_key_is_good(user->priv_key) && is_word(user->engine, "0123456789abcdef");
}

static int read_object(const json_t *object, struct session *session)
{
	json_int_t port = json_integer_value(json_object_get(object, "port"));
	json_int_t ifindex = json_integer_value(json_object_get(object, "ifindex"));

	if (!copy(object, "interface", session->interface, sizeof(session->interface)) ||
		!copy(object, "subtree", session->subtree, sizeof(session->subtree)) ||
		!read_user(object, &session->user) || port < 1 || port > 65535 || ifindex < 0 ||
		ifindex > INT32_MAX || session->interface[strcspn(session->interface, "@: \t\n")] ||
		!is_word(session->subtree, "0123456789."))
		return -EBADMSG;
	session->port = (unsigned int)port;
	session->ifindex = (unsigned int)ifindex;
	session->idrac = json_is_true(json_object_get(object, "idrac"));
	return 0;
}

int session_load(int runtime_fd, struct session *session)
{
	struct session loaded = {.port = 0};
	json_t *object = NULL;
	int r = state_read_json(runtime_fd, SNMP_FILE, &object);

	if (r == 0)
		r = read_object(object, &loaded);
	json_decref(object);
	if (r == 0)
		*session = loaded;
	session_clear(&loaded);
	return r;
}

char *session_make_config(const struct session *session, const char *dir)
{
	const struct snmp_user *user = &session->user;
	char *text = NULL;
	int n = asprintf(&text,
		"# Made by bmclink-endpoint-snmp; gone with the session\n"
		"agentAddress udp:0.0.0.0@%s:%u\n"
		"master agentx\n"
		"agentXSocket unix:%s/" SESSION_AGENTX "\n"
		"exactEngineID 0x%s\n"
		"createUser %s %s \"%s\" AES \"%s\"\n"
		"view bmclink included .%s\n"
		"rouser -s usm %s priv -V bmclink\n",
		session->interface, session->port, dir, user->engine, user->name,
		snmp_auth_name(user->auth), user->auth_key, user->priv_key, session->subtree,
		user->name);

	return n < 0 ? NULL : text;
}

void session_clear(struct session *session)
{
	explicit_bzero(session, sizeof(*session));
}
