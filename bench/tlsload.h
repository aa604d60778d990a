/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator of bench/link: a client that costs as little as a TLS client can, so that the
 * server is what is measured. One thread, one core; results as one line of JSON on stdout.
 */
#ifndef BMCLINK_BENCH_TLSLOAD_H
#define BMCLINK_BENCH_TLSLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#define TLSLOAD_MAX_SOURCES 16
#define TLSLOAD_MAX_ANSWER  (1024 * 1024)

struct tlsload {
	struct sockaddr_storage to;
	socklen_t to_length;
	struct sockaddr_storage sources[TLSLOAD_MAX_SOURCES]; /* taken in turn */
	unsigned int n_sources;
	const char *certificate, *key;
	const char *path; /* of one GET behind each handshake; NULL: the handshake alone */
	int version;	  /* TLS1_2_VERSION or TLS1_3_VERSION */
	unsigned int in_flight, count;
	double seconds;
	SSL_CTX *context;
};

double tlsload_now(void); /* s, CLOCK_MONOTONIC */

/* A socket on its way to the server, from the n-th source; -1: said on stderr. */
int tlsload_connect(const struct tlsload *load, unsigned int n, bool blocking);
int tlsload_make_request(const char *path, char *out, size_t size);

/*
 * How long the answer at the beginning of text is, with its body: 0 when it is not whole yet, -1
 * when it is none that we know (chunked, or longer than TLSLOAD_MAX_ANSWER).
 */
long tlsload_answer_length(const char *text, size_t length);
int tlsload_answer_status(const char *text, size_t length);

/* The share (0.5: the median) of n samples, which are sorted for it; 0 when there are none. */
double tlsload_percentile(double *samples, size_t n, double share);

/* The modes; each returns the exit code. */
int tlsload_rate(const struct tlsload *load);
int tlsload_hold(const struct tlsload *load);
int tlsload_walk(const struct tlsload *load);
int tlsload_backend(const struct tlsload *load);

#endif
