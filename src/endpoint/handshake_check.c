/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake of a server's context with a client of our own, in memory. What OpenSSL sets up at
 * first use is set up by it, before anybody depends on it: 3.0 does not look again at what it could
 * not set up for want of memory, and would end each handshake with an internal error for as long as
 * the process lives.
 */
#include <errno.h>

#include <openssl/err.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/handshake.h"

#define MAX_TURNS 16 /* four at most are needed */

/* As liberal as there is: what it cannot agree on with the server, nobody can. */
static SSL_CTX *make_client(void)
{
	SSL_CTX *made = SSL_CTX_new(TLS_client_method());

	if (!made)
		return NULL;
	SSL_CTX_set_security_level(made, 0);
	SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_set_min_proto_version(made, TLS1_VERSION) &&
		SSL_CTX_set_cipher_list(made, "ALL:@SECLEVEL=0"))
		return made;
	SSL_CTX_free(made);
	return NULL;
}

static bool goes_on(SSL *ssl, int r)
{
	return r == 1 || SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ;
}

static bool shake_hands(SSL *client, SSL *server)
{
	for (int i = 0; i < MAX_TURNS; i++) {
		int ours = SSL_do_handshake(client), theirs = SSL_do_handshake(server);

		if (ours == 1 && theirs == 1)
			return true;
		if (!goes_on(client, ours) || !goes_on(server, theirs))
			return false;
	}
	return false;
}

/* Each end has its BIO from here on, or there is none. */
static bool join(SSL *client, SSL *server)
{
	BIO *one, *other;

	if (!client || !server || BIO_new_bio_pair(&one, 0, &other, 0) != 1)
		return false;
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	return true;
}

int handshake_context_check(SSL_CTX *context)
{
	SSL_CTX *client_context = make_client();
	SSL *client = client_context ? SSL_new(client_context) : NULL, *server = SSL_new(context);
	bool works = join(client, server) && shake_hands(client, server);
	char text[256];

	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_context);
	if (works)
		return 0;
	tls_take_error(text, sizeof(text));
	log_error("tls", "a handshake with ourselves fails: %s", text);
	return -EIO;
}
