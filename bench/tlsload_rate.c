/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes in a second: some connections at a time, each new, each full, each with one GET. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tlsload.h"

#define MAX_SAMPLES 100000
#define MAX_FAILED  100 /* then something is wrong, and a figure would be none */

enum step { STEP_HANDSHAKE, STEP_WRITE, STEP_READ };

struct client {
	SSL *ssl;
	int fd;
	enum step step;
	double began;
	size_t length;
	char answer[8192];
};

struct rate {
	const struct tlsload *load;
	int epoll;
	unsigned long done, failed, resumed, status_other;
	unsigned int n_started;
	char request[512];
	int request_length;
	double *samples; /* s, of the first MAX_SAMPLES handshakes */
	size_t n_samples;
};

static int start(struct rate *rate, struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};

	client->began = tlsload_now();
	client->step = STEP_HANDSHAKE;
	client->length = 0;
	client->fd = tlsload_connect(rate->load, rate->n_started++, false);
	client->ssl = client->fd < 0 ? NULL : SSL_new(rate->load->context);
	if (!client->ssl)
		return -1;
	SSL_set_fd(client->ssl, client->fd);
	SSL_set_connect_state(client->ssl);
	return epoll_ctl(rate->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static int finish(struct rate *rate, struct client *client, bool good)
{
	if (good) {
		rate->done++;
		rate->resumed += (unsigned long)SSL_session_reused(client->ssl);
		SSL_shutdown(client->ssl);
	} else if (rate->failed++ == 0) {
		fprintf(stderr, "tlsload: the first failure, in step %d: ", (int)client->step);
		ERR_print_errors_fp(stderr);
		fputc('\n', stderr);
	}
	ERR_clear_error();
	SSL_free(client->ssl);
	client->ssl = NULL;
	close(client->fd);
	return rate->failed < MAX_FAILED ? start(rate, client) : -1;
}

/* 1: go on, 0: wait for the socket, -1: it is over, and failed. */
static int judge(const struct client *client, int result)
{
	int error;

	if (result > 0)
		return 1;
	error = SSL_get_error(client->ssl, result);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int read_answer(struct rate *rate, struct client *client)
{
	int n = SSL_read(client->ssl, client->answer + client->length,
		(int)(sizeof(client->answer) - client->length));
	int r = judge(client, n);
	long length;

	if (r <= 0)
		return r;
	client->length += (size_t)n;
	length = tlsload_answer_length(client->answer, client->length);
	if (length <= 0)
		return length < 0 || client->length == sizeof(client->answer) ? -1 : 1;
	if (tlsload_answer_status(client->answer, client->length) != 200)
		rate->status_other++;
	return 2;
}

/* As read_answer(); 2: the connection has done what it was for. */
static int advance(struct rate *rate, struct client *client)
{
	int r;

	switch (client->step) {
	case STEP_HANDSHAKE:
		r = judge(client, SSL_do_handshake(client->ssl));
		if (r <= 0)
			return r;
		if (rate->n_samples < MAX_SAMPLES)
			rate->samples[rate->n_samples++] = tlsload_now() - client->began;
		client->step = STEP_WRITE;
		return rate->load->path ? 1 : 2;
	case STEP_WRITE:
		r = judge(client, SSL_write(client->ssl, rate->request, rate->request_length));
		if (r > 0)
			client->step = STEP_READ;
		return r;
	default:
		return read_answer(rate, client);
	}
}

static int run(struct rate *rate, double until)
{
	struct epoll_event events[64];

	while (tlsload_now() < until) {
		int n = epoll_wait(rate->epoll, events, 64, 100);

		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;
			int r;

			do
				r = advance(rate, client);
			while (r == 1);
			if (r && finish(rate, client, r == 2) < 0)
				return -1;
		}
	}
	return 0;
}

static double get_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print(struct rate *rate, double seconds, double cpu)
{
	double p50 = tlsload_percentile(rate->samples, rate->n_samples, 0.5);
	double p99 = tlsload_percentile(rate->samples, rate->n_samples, 0.99);

	printf("{\"connections\": %lu, \"failed\": %lu, \"resumed\": %lu, \"not_200\": %lu,"
	       " \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"handshake_ms\": %.3f,"
	       " \"handshake_ms_99\": %.3f}\n",
		rate->done, rate->failed, rate->resumed, rate->status_other, seconds, cpu,
		p50 * 1e3, p99 * 1e3);
}

int tlsload_rate(const struct tlsload *load)
{
	struct rate rate = {.load = load, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct client *clients = calloc(load->in_flight, sizeof(*clients));
	double began = tlsload_now(), cpu = get_cpu();
	int r = 0;

	rate.samples = calloc(MAX_SAMPLES, sizeof(double));
	if (!clients || !rate.samples || rate.epoll < 0)
		return 1;
	if (load->path)
		rate.request_length =
			tlsload_make_request(load->path, rate.request, sizeof(rate.request));
	for (unsigned int i = 0; i < load->in_flight && r == 0; i++)
		r = start(&rate, &clients[i]);
	if (r == 0)
		r = run(&rate, began + load->seconds);
	print(&rate, tlsload_now() - began, get_cpu() - cpu);
	for (unsigned int i = 0; i < load->in_flight; i++)
		SSL_free(clients[i].ssl);
	free(clients);
	free(rate.samples);
	close(rate.epoll);
	return r < 0 ? 1 : 0;
}
