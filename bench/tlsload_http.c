/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that stay, a collection read to its end, and the back end of TLS terminators. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/param.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tlsload.h"

#define HOLD_REQUESTS 1000 /* at least so many, for a median */
#define NEXT_LINK     "\"Members@odata.nextLink\":"

static SSL *open_connection(const struct tlsload *load, unsigned int n)
{
	int fd = tlsload_connect(load, n, true);
	SSL *ssl = fd < 0 ? NULL : SSL_new(load->context);

	if (!ssl)
		return NULL;
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1)
		return ssl;
	ERR_print_errors_fp(stderr);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void close_connection(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

/* One GET; the length of the answer in the buffer, with a NUL behind it, or -1. */
static long get(SSL *ssl, const char *path, char *answer)
{
	char request[1024];
	int n = tlsload_make_request(path, request, sizeof(request));
	size_t have = 0;
	long length = 0;

	if (n >= (int)sizeof(request) || SSL_write(ssl, request, n) != n)
		return -1;
	while (length == 0) {
		n = SSL_read(ssl, answer + have, (int)(TLSLOAD_MAX_ANSWER - have));
		if (n <= 0)
			return -1;
		have += (size_t)n;
		length = tlsload_answer_length(answer, have);
	}
	if (length > 0)
		answer[length] = '\0';
	return length;
}

int tlsload_hold(const struct tlsload *load)
{
	SSL **held = calloc(load->count, sizeof(SSL *));
	char *answer = malloc(TLSLOAD_MAX_ANSWER + 1), byte;
	unsigned int n = 0, lost = 0, requests = MAX(load->count, HOLD_REQUESTS);
	double *samples = calloc(requests, sizeof(double)), p50;

	if (!held || !answer || !samples)
		return 1;
	for (; n < load->count; n++) {
		held[n] = open_connection(load, n);
		if (!held[n] || get(held[n], load->path ?: "/redfish", answer) < 0)
			break;
	}
	/* Room may have been made by throwing out those that came first. */
	for (unsigned int i = 0; n == load->count && i < requests && !lost; i++) {
		double began = tlsload_now();

		lost += get(held[i % n], load->path ?: "/redfish", answer) < 0;
		samples[i] = tlsload_now() - began;
	}
	p50 = tlsload_percentile(samples, requests, 0.5);
	printf("{\"held\": %u, \"lost\": %u, \"request_ms\": %.3f, \"request_ms_99\": %.3f}\n", n,
		lost, p50 * 1e3, tlsload_percentile(samples, requests, 0.99) * 1e3);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
		;
	for (unsigned int i = 0; i < load->count; i++)
		if (held[i])
			close_connection(held[i]);
	free(held);
	free(answer);
	free(samples);
	return n == load->count && !lost ? 0 : 1;
}

struct walk {
	unsigned long pages, members, bytes;
	double first, last, longest, total; /* s */
};

static unsigned long count_members(const char *answer)
{
	unsigned long n = 0;

	for (const char *at = answer; (at = strstr(at, "\"EntryType\"")); at++)
		n++;
	return n;
}

/* The path of the next page, out of {"Members@odata.nextLink":"PATH"}; false: it was the last. */
static bool find_next(const char *answer, char *path, size_t size)
{
	const char *at = strstr(answer, NEXT_LINK), *end;

	at = at ? strchr(at + sizeof(NEXT_LINK) - 1, '"') : NULL;
	end = at ? strchr(at + 1, '"') : NULL;
	if (!end || (size_t)(end - at) >= size)
		return false;
	snprintf(path, size, "%.*s", (int)(end - at - 1), at + 1);
	return true;
}

static int walk_pages(const struct tlsload *load, SSL *ssl, struct walk *walk, char *answer)
{
	char path[512];
	double began = tlsload_now();

	snprintf(path, sizeof(path), "%s", load->path);
	do {
		double page = tlsload_now();
		long length = get(ssl, path, answer);

		if (length < 0 || tlsload_answer_status(answer, (size_t)length) != 200) {
			fprintf(stderr, "tlsload: %s: %.60s\n", path, length < 0 ? "" : answer);
			return -1;
		}
		walk->last = tlsload_now() - page;
		if (walk->last > walk->longest)
			walk->longest = walk->last;
		if (walk->pages++ == 0)
			walk->first = walk->last;
		walk->bytes += (unsigned long)length;
		walk->members += count_members(answer);
	} while (walk->pages < load->count && find_next(answer, path, sizeof(path)));
	walk->total = tlsload_now() - began;
	return 0;
}

int tlsload_walk(const struct tlsload *load)
{
	SSL *ssl = open_connection(load, 0);
	char *answer = malloc(TLSLOAD_MAX_ANSWER + 1);
	struct walk walk = {0};
	int r = -1;

	if (ssl && answer && load->path)
		r = walk_pages(load, ssl, &walk, answer);
	printf("{\"pages\": %lu, \"members\": %lu, \"bytes\": %lu, \"first_ms\": %.3f,"
	       " \"last_ms\": %.3f, \"longest_ms\": %.3f, \"seconds\": %.6f}\n",
		walk.pages, walk.members, walk.bytes, walk.first * 1e3, walk.last * 1e3,
		walk.longest * 1e3, walk.total);
	if (ssl)
		close_connection(ssl);
	free(answer);
	return r < 0 ? 1 : 0;
}

/* The least that is an HTTP server: whatever comes in one piece is a request. */
int tlsload_backend(const struct tlsload *load)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				     "Content-Length: 22\r\n\r\n{\"v1\":\"/redfish/v1/\"}\n";
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64], event = {.events = EPOLLIN, .data.fd = listener};
	char waste[4096];

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (const struct sockaddr *)&load->to, load->to_length) < 0 ||
		listen(listener, 512) < 0 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
		perror("tlsload: backend");
		return 1;
	}
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
				if (event.data.fd >= 0)
					epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
			} else if (read(fd, waste, sizeof(waste)) <= 0 ||
				   write(fd, answer, sizeof(answer) - 1) < 0) {
				close(fd);
			}
		}
	}
}
