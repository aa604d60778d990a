/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS shows of the BMC. libcurl's own verification is off (it knows authorities and host
 * names, neither of which is ours); the callback here decides, from within the handshake, so that a
 * stranger gets neither our certificate nor a byte of HTTP.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/text.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

#define ALERT_CLOSE_NOTIFY  0
#define ALERT_USER_CANCELED 90
#define ALERT_LEVEL_FATAL   2

static int context_index = -1, ssl_index = -1;

/* libcurl frees the session when it likes. */
static void on_ssl_free(
	void *ssl, void *data, CRYPTO_EX_DATA *all, int index, long argl, void *argp)
{
	struct connection *connection = data;

	if (connection)
		connection->ssl = NULL;
}

int channel_tls_init(void)
{
	if (context_index < 0)
		context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (ssl_index < 0)
		ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
	return context_index < 0 || ssl_index < 0 ? -ENOMEM : 0;
}

void channel_tls_drain(struct connection *connection)
{
	SSL *ssl = connection->ssl;
	BIO *bio;
	char byte;

	if (!ssl || connection->fd < 0 || connection->facts.alert_in >= 0)
		return;
	/* libcurl's own BIO must not be called but from within libcurl. */
	bio = BIO_new_socket(connection->fd, BIO_NOCLOSE);
	if (!bio)
		return;
	SSL_set0_rbio(ssl, bio);
	(void)SSL_read(ssl, &byte, sizeof(byte));
	ERR_clear_error();
}

static int read_peer(X509 *certificate, struct trust_peer *peer)
{
	if (cert_get_fingerprint(certificate, peer->fingerprint) < 0)
		return -EINVAL;
	return cert_get_dates(certificate, &peer->not_before, &peer->not_after);
}

/* The alert that the BMC gets: it should be able to log the right reason. */
static int verdict_to_error(enum trust_verdict verdict)
{
	switch (verdict) {
	case TRUST_VERDICT_OK:
	case TRUST_VERDICT_FIRST_USE:
		return X509_V_OK;
	case TRUST_VERDICT_EXPIRED:
		return X509_V_ERR_CERT_HAS_EXPIRED;
	case TRUST_VERDICT_CHANGED:
	case TRUST_VERDICT_NOT_PINNED:
	case TRUST_VERDICT_NO_CERTIFICATE:
		break;
	}
	return X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

static int on_verify(X509_STORE_CTX *verification, void *arg)
{
	struct connection *connection = arg;
	const struct channel_environment *environment = connection->channel->environment;
	struct trust_clock clock = channel_clock(connection->channel);
	X509 *certificate = X509_STORE_CTX_get0_cert(verification);
	int error;

	connection->has_peer = certificate && read_peer(certificate, &connection->peer) == 0;
	connection->clock_unset = trust_clock_unset(&clock);
	connection->facts.verify_called = true;
	connection->facts.verdict = trust_check_peer(environment->store, environment->settings,
		connection->has_peer ? &connection->peer : NULL, &clock);
	/* Something secret is about to be said: only a pin that was made before will do. */
	if (connection->facts.verdict == TRUST_VERDICT_FIRST_USE &&
		(connection->transfer->secret || connection->channel->session.token[0]))
		connection->facts.verdict = TRUST_VERDICT_NOT_PINNED;
	error = verdict_to_error(connection->facts.verdict);
	X509_STORE_CTX_set_error(verification, error);
	return error == X509_V_OK;
}

static void note_alert(struct connection *connection, const SSL *ssl, bool incoming, int value)
{
	int level = value >> 8, description = value & 0xff;
	int *alert = incoming ? &connection->facts.alert_in : &connection->facts.alert_out;

	if (description == ALERT_CLOSE_NOTIFY || description == ALERT_USER_CANCELED)
		return;
	/* TLS 1.3 gives the level no meaning; before, a warning is no end. */
	if (level != ALERT_LEVEL_FATAL && SSL_version(ssl) < TLS1_3_VERSION)
		return;
	if (*alert < 0) /* the first is the cause */
		*alert = description;
}

static void note_done(struct connection *connection, const SSL *ssl)
{
	if (connection->facts.handshake_done) /* a post-handshake message of TLS 1.3 */
		return;
	connection->facts.handshake_done = true;
	connection->version = tls_version_from_openssl(SSL_version(ssl));
	text_make_printable(SSL_get_cipher_name(ssl), strlen(SSL_get_cipher_name(ssl)),
		connection->cipher, sizeof(connection->cipher));
	if (connection->transfer->connection == connection)
		transfer_set_phase(connection->transfer, TRANSFER_ANSWER);
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct connection *connection = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index);

	if (!connection)
		return;
	if ((where & SSL_CB_HANDSHAKE_START) && !connection->ssl &&
		SSL_set_ex_data((SSL *)ssl, ssl_index, connection))
		connection->ssl = (SSL *)ssl;
	if (where & SSL_CB_ALERT)
		note_alert(connection, ssl, (where & SSL_CB_READ) != 0, value);
	if (where & SSL_CB_HANDSHAKE_DONE)
		note_done(connection, ssl);
}

/* RFC 8446 5.1: a server's first record is a handshake or an alert, of major version 3. */
static bool looks_like_tls(const unsigned char *header)
{
	return (header[0] == SSL3_RT_HANDSHAKE || header[0] == SSL3_RT_ALERT) && header[1] == 3;
}

/*
 * Records of which nothing comes: key updates, tickets, the inside of a chunk's extension. OpenSSL
 * reads on until something does, and a BMC that sends them as fast as it can would keep this
 * process within one call, or busy for ever. libcurl cannot be told so from here: the socket ends.
 */
static void count_record(struct connection *connection, const unsigned char *header)
{
	if (!connection->facts.handshake_done || connection->fd < 0)
		return;
	connection->barren += SSL3_RT_HEADER_LENGTH + (size_t)(header[3] << 8 | header[4]);
	if (connection->barren <= CHANNEL_MAX_BARREN)
		return;
	if (connection->transfer->connection == connection)
		connection->transfer->barren = true;
	shutdown(connection->fd, SHUT_RDWR);
}

static void on_message(
	int written, int version, int type, const void *data, size_t length, SSL *ssl, void *arg)
{
	struct connection *connection = arg;
	const unsigned char *bytes = data;

	if (written)
		return;
	if (type == SSL3_RT_HEADER && length >= 5)
		count_record(connection, bytes);
	if (type == SSL3_RT_HEADER && length >= 5 && !connection->saw_record) {
		connection->saw_record = true;
		connection->facts.bytes_not_tls = !looks_like_tls(bytes);
	}
	if (type == SSL3_RT_HANDSHAKE && length >= 1 && bytes[0] == SSL3_MT_CERTIFICATE_REQUEST)
		connection->asked_certificate = true;
	/* The ServerHello's version, also when OpenSSL is about to refuse it. TLS 1.3 says 1.2 here
	 * and the truth in an extension; note_done() knows better. */
	if (type == SSL3_RT_HANDSHAKE && length >= 6 && bytes[0] == SSL3_MT_SERVER_HELLO)
		connection->peer_version = tls_version_from_openssl(bytes[4] << 8 | bytes[5]);
}

CURLcode channel_tls_setup(CURL *easy, void *context, void *arg)
{
	struct transfer *transfer = arg;
	const struct channel_environment *environment = transfer->channel->environment;
	struct connection *connection = transfer->connection;
	struct tls_policy policy = {
		.minimum = (enum tls_version)environment->settings->tls_min_version,
		.maximum = (enum tls_version)environment->settings->tls_max_version};

	if (!connection || tls_context_apply(context, &policy, environment->pair) < 0 ||
		!SSL_CTX_set_ex_data(context, context_index, connection)) {
		transfer->local = true;
		return CURLE_SSL_CERTPROBLEM;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, on_verify, connection);
	SSL_CTX_set_info_callback(context, on_info);
	SSL_CTX_set_msg_callback(context, on_message);
	SSL_CTX_set_msg_callback_arg(context, connection);
	return CURLE_OK;
}
