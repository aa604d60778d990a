/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/handshake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "base/log.h"
#include "base/util.h"

#define MAX_CERTIFICATES 16384 /* bytes that a client may send as its chain */
#define MAX_BARREN	 256   /* records; the longest handshake that is taken has some 10 */
#define MAX_QUEUED	 (16 * 1024 * 1024)

static int ex_index = -1;

static struct handshake *get_handshake(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, ex_index);
}

/* Throw away what has arrived: a close() with unread data would send a reset, and the client would
 * lose what we wrote just before. */
static void drain(int fd)
{
	char waste[4096];

	for (int i = 0; i < 16; i++) {
		if (recv(fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
			break;
	}
}

/*
 * Within one call OpenSSL reads on until something to read comes: key updates (RFC 8446, 4.6.3) as
 * fast as a client can send them, or a message in pieces of a byte, would keep everybody else
 * waiting. What has arrived of them is thrown away unread.
 */
static void count_barren(struct handshake *handshake)
{
	size_t left = MAX_QUEUED;
	ssize_t n = 1;

	if (++handshake->barren != MAX_BARREN)
		return;
	log_info("tls", "%d records in a row that bring nothing: the connection is ended",
		MAX_BARREN);
	shutdown(handshake->fd, SHUT_RDWR);
	for (; left > 0 && n > 0; left -= n > 0 ? (size_t)n : 0)
		n = recv(handshake->fd, NULL, left, MSG_TRUNC | MSG_DONTWAIT);
}

/* Up to TLS 1.2 a record's header says what it is, in 1.3 what it was inside. */
static void note_record(struct handshake *handshake, const SSL *ssl, int type, unsigned char kind)
{
	bool inside = type == SSL3_RT_INNER_CONTENT_TYPE;

	if (kind != SSL3_RT_APPLICATION_DATA)
		count_barren(handshake);
	else if (inside || SSL_version(ssl) != TLS1_3_VERSION)
		handshake->barren = 0;
}

static int judge(struct handshake *handshake, X509_STORE_CTX *store)
{
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	time_t not_before;

	if (!certificate ||
		cert_get_fingerprint(certificate, handshake->certificate.fingerprint) < 0 ||
		cert_get_dates(certificate, &not_before, &handshake->certificate.not_after) < 0) {
		handshake->verdict = TRUST_VERDICT_UNKNOWN;
		return X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
	}
	handshake->verdict =
		handshake->rules->judge(&handshake->certificate, handshake->rules->arg);
	switch (handshake->verdict) {
	case TRUST_VERDICT_KNOWN:
		handshake->client = HANDSHAKE_CLIENT_KNOWN;
		return X509_V_OK;
	case TRUST_VERDICT_ENROLLING:
		handshake->client = HANDSHAKE_CLIENT_ENROLLING;
		return X509_V_OK;
	case TRUST_VERDICT_EXPIRED:
		return X509_V_ERR_CERT_HAS_EXPIRED; /* alert 45 */
	case TRUST_VERDICT_UNKNOWN:
		break;
	}
	return X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT; /* alert 48 */
}

static int on_verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handshake *handshake = ssl ? get_handshake(ssl) : NULL;
	int error;

	if (!handshake) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	error = judge(handshake, store);
	handshake->refused = error != X509_V_OK;
	X509_STORE_CTX_set_error(store, error);
	return error == X509_V_OK;
}

static void on_info(const SSL *ssl, int where, int ret)
{
	struct handshake *handshake = get_handshake(ssl);

	if (!handshake)
		return;
	if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT) {
		log_debug(
			"tls", "alert sent: %s (%d)", SSL_alert_desc_string_long(ret), ret & 0xff);
		if (!SSL_is_init_finished(ssl))
			drain(handshake->fd);
	} else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
		log_debug("tls", "alert received: %s (%d)", SSL_alert_desc_string_long(ret),
			ret & 0xff);
	}
}

/* A record's first byte is 14h to 18h; an HTTP method begins with a capital letter. */
static void on_message(
	int sent, int version, int type, const void *data, size_t length, SSL *ssl, void *arg)
{
	struct handshake *handshake = get_handshake(ssl);
	const unsigned char *bytes = data;
	const char *answer;

	if (sent || !handshake)
		return;
	if ((type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE) && length > 0)
		note_record(handshake, ssl, type, bytes[0]);
	if (type != SSL3_RT_HEADER || handshake->first_record_seen)
		return;
	handshake->first_record_seen = true;
	if (length == 0 || bytes[0] < 'A' || bytes[0] > 'Z')
		return;
	handshake->plain = true;
	drain(handshake->fd);
	answer = handshake->rules->plain_answer;
	/* Short enough for any send buffer; if it does not go, the client just sees the end. */
	if (send(handshake->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("tls", "426 not sent: %s", strerror(errno));
	/* OpenSSL would send an alert behind it, which is not HTTP. */
	shutdown(handshake->fd, SHUT_WR);
}

int handshake_context_new(
	const struct tls_policy *policy, const struct cert_pair *pair, SSL_CTX **context)
{
	SSL_CTX *made = SSL_CTX_new(TLS_server_method());
	int r;

	if (ex_index < 0)
		ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (!made || ex_index < 0) {
		SSL_CTX_free(made);
		return -ENOMEM;
	}
	r = tls_context_apply(made, policy, pair);
	if (r < 0) {
		SSL_CTX_free(made);
		return r;
	}
	SSL_CTX_set_verify(made, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(made, on_verify, NULL);
	SSL_CTX_set_max_cert_list(made, MAX_CERTIFICATES);
	SSL_CTX_set_info_callback(made, on_info);
	SSL_CTX_set_msg_callback(made, on_message);
	*context = made;
	return 0;
}

SSL *handshake_start(SSL_CTX *context, struct handshake *handshake)
{
	SSL *ssl = SSL_new(context);

	if (ssl && SSL_set_ex_data(ssl, ex_index, handshake) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

void handshake_forget(SSL *ssl)
{
	SSL_set_ex_data(ssl, ex_index, NULL);
}

struct bufferevent *handshake_wrap(
	struct event_base *base, int fd, SSL *ssl, enum bufferevent_ssl_state state)
{
	/* With CLOSE_ON_FREE libevent frees the SSL also where it returns NULL. */
	return bufferevent_openssl_socket_new(
		base, fd, ssl, state, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
}
