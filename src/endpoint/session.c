/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/session.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"

static void remove_at(struct sessions *sessions, unsigned int i)
{
	sessions->n--;
	memmove(&sessions->list[i], &sessions->list[i + 1],
		(sessions->n - i) * sizeof(sessions->list[0]));
	OPENSSL_cleanse(&sessions->list[sessions->n], sizeof(sessions->list[0]));
}

static int hash(const char *token, unsigned char out[32])
{
	return EVP_Digest(token, strlen(token), out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* One with a stream is in use, however long ago its last request was. */
static bool goes_before(const struct session *a, const struct session *b)
{
	if (!a->streams != !b->streams)
		return !a->streams;
	return a->used_ms < b->used_ms;
}

/* Within its own kind: what a host logs in takes nothing from the administrator. */
static void make_room(struct sessions *sessions, bool of_host)
{
	unsigned int n = 0, first = 0;

	for (unsigned int i = 0; i < sessions->n; i++) {
		if ((sessions->list[i].account != 0) != of_host)
			continue;
		if (n++ == 0 || goes_before(&sessions->list[i], &sessions->list[first]))
			first = i;
	}
	if (n >= (of_host ? SESSION_MAX_HOST : SESSION_MAX))
		remove_at(sessions, first);
}

int session_create(struct sessions *sessions, unsigned int account, const char *client,
	time_t created, int64_t now_ms, char token[SESSION_TOKEN_SIZE], unsigned int *id)
{
	struct session made = {.account = account, .used_ms = now_ms, .created = created};
	unsigned char bytes[32];
	char hex[3 * sizeof(bytes)];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	text_make_hex(bytes, sizeof(bytes), 0, hex);
	memcpy(token, hex, SESSION_TOKEN_SIZE);
	OPENSSL_cleanse(hex, sizeof(hex));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (hash(token, made.hash) < 0)
		return -EIO;
	session_expire(sessions, now_ms);
	make_room(sessions, account != 0);
	snprintf(made.client, sizeof(made.client), "%s", client);
	made.id = ++sessions->last_id;
	*id = made.id;
	sessions->list[sessions->n++] = made;
	return 0;
}

const struct session *session_use(struct sessions *sessions, const char *token, int64_t now_ms)
{
	unsigned char given[32];

	session_expire(sessions, now_ms);
	if (strlen(token) != SESSION_TOKEN_SIZE - 1 || hash(token, given) < 0)
		return NULL;
	for (unsigned int i = 0; i < sessions->n; i++) {
		struct session *session = &sessions->list[i];

		if (CRYPTO_memcmp(session->hash, given, sizeof(given)) != 0)
			continue;
		session->used_ms = now_ms;
		return session;
	}
	return NULL;
}

const struct session *session_find(const struct sessions *sessions, unsigned int id)
{
	for (unsigned int i = 0; i < sessions->n; i++) {
		if (sessions->list[i].id == id)
			return &sessions->list[i];
	}
	return NULL;
}

int session_end(struct sessions *sessions, unsigned int id)
{
	const struct session *session = session_find(sessions, id);

	if (!session)
		return -ENOENT;
	remove_at(sessions, (unsigned int)(session - sessions->list));
	return 0;
}

void session_end_all(struct sessions *sessions)
{
	while (sessions->n)
		remove_at(sessions, sessions->n - 1);
}

void session_end_account(struct sessions *sessions, unsigned int account)
{
	for (unsigned int i = sessions->n; i > 0; i--) {
		if (sessions->list[i - 1].account == account)
			remove_at(sessions, i - 1);
	}
}

static struct session *find(struct sessions *sessions, unsigned int id)
{
	const struct session *session = session_find(sessions, id);

	return session ? &sessions->list[session - sessions->list] : NULL;
}

void session_hold(struct sessions *sessions, unsigned int id)
{
	struct session *session = find(sessions, id);

	if (session)
		session->streams++;
}

void session_release(struct sessions *sessions, unsigned int id, int64_t now_ms)
{
	struct session *session = find(sessions, id);

	if (!session || !session->streams)
		return;
	session->streams--;
	session->used_ms = now_ms;
}

void session_expire(struct sessions *sessions, int64_t now_ms)
{
	for (unsigned int i = sessions->n; i > 0; i--) {
		if (!sessions->list[i - 1].streams &&
			now_ms - sessions->list[i - 1].used_ms > SESSION_TIMEOUT * 1000)
			remove_at(sessions, i - 1);
	}
}
