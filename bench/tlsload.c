/* SPDX-License-Identifier: Apache-2.0 */
#include "tlsload.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"Usage: tlsload MODE --to ADDRESS PORT [OPTION]...\n\n"
	"  rate      full handshakes for some seconds, each connection with one GET\n"
	"  hold      open connections, a GET on each, and keep them until stdin ends\n"
	"  walk      read a Redfish collection by its nextLinks over one connection\n"
	"  backend   answer each request on ADDRESS PORT, without TLS\n\n"
	"  --certificate FILE --key FILE   of the client\n"
	"  --path PATH        (rate: without it, the handshake alone)\n"
	"  --tls 1.2|1.3      the one version that is spoken (default 1.3)\n"
	"  --in-flight N      connections at a time (rate; default 16)\n"
	"  --count N          connections to hold, or pages to walk at most\n"
	"  --seconds S        how long (rate; default 3)\n"
	"  --source ADDRESS   connect from it; several are taken in turn\n";

double tlsload_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int parse_address(const char *text, const char *port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	return inet_pton(AF_INET, text, &in->sin_addr) == 1 ? (int)sizeof(*in) : -1;
}

int tlsload_connect(const struct tlsload *load, unsigned int n, bool blocking)
{
	int fd = socket(
		load->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
	int on = 1;

	if (fd < 0) {
		perror("tlsload: socket");
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (load->n_sources) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, (const struct sockaddr *)&load->sources[n % load->n_sources],
			    sizeof(struct sockaddr_in)) < 0) {
			perror("tlsload: bind");
			close(fd);
			return -1;
		}
	}
	if (connect(fd, (const struct sockaddr *)&load->to, load->to_length) < 0 &&
		errno != EINPROGRESS) {
		perror("tlsload: connect");
		close(fd);
		return -1;
	}
	return fd;
}

int tlsload_make_request(const char *path, char *out, size_t size)
{
	return snprintf(out, size,
		"GET %s HTTP/1.1\r\nHost: bmc.local\r\nAccept: application/json\r\n"
		"OData-Version: 4.0\r\n\r\n",
		path);
}

/* The number behind a header field, or -1. */
static long find_number(const char *head, size_t length, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < length; i++) {
		if (head[i] == '\n' && strncasecmp(head + i + 1, name, n) == 0)
			return atol(head + i + 1 + n);
	}
	return -1;
}

long tlsload_answer_length(const char *text, size_t length)
{
	const char *end = memmem(text, length, "\r\n\r\n", 4);
	long body, head;

	if (!end)
		return length < 16384 ? 0 : -1;
	head = end + 4 - text;
	body = find_number(text, (size_t)head, "Content-Length:");
	if (body < 0 || head + body > TLSLOAD_MAX_ANSWER)
		return -1;
	return (size_t)(head + body) <= length ? head + body : 0;
}

int tlsload_answer_status(const char *text, size_t length)
{
	return length > 12 && strncmp(text, "HTTP/1.", 7) == 0 ? atoi(text + 9) : -1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double tlsload_percentile(double *samples, size_t n, double share)
{
	size_t at = (size_t)((double)n * share);

	if (n == 0)
		return 0;
	qsort(samples, n, sizeof(double), compare);
	return samples[at < n ? at : n - 1];
}

/* The same choice for every server: the cheapest that all of them have. */
static int make_context(struct tlsload *load)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		return -1;
	SSL_CTX_set_min_proto_version(context, load->version);
	SSL_CTX_set_max_proto_version(context, load->version);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	load->context = context;
	/* P-256 for the certificates: in TLS 1.2 the one list is for both. */
	if (SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1 ||
		SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1 ||
		SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
		return -1;
	if (!load->certificate)
		return 0;
	if (SSL_CTX_use_certificate_file(context, load->certificate, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, load->key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "tlsload: certificate or key cannot be read\n");
		return -1;
	}
	return 0;
}

static int take_option(struct tlsload *load, int option, int argc, char **argv)
{
	int length;

	switch (option) {
	case 't':
		if (optind >= argc)
			return -1;
		length = parse_address(optarg, argv[optind++], &load->to);
		load->to_length = (socklen_t)length;
		return length;
	case 's':
		if (load->n_sources == TLSLOAD_MAX_SOURCES)
			return -1;
		return parse_address(optarg, "0", &load->sources[load->n_sources++]);
	case 'c':
		load->certificate = optarg;
		return 0;
	case 'k':
		load->key = optarg;
		return 0;
	case 'p':
		load->path = optarg;
		return 0;
	case 'v':
		load->version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
		return 0;
	case 'f':
		load->in_flight = (unsigned int)atoi(optarg);
		return load->in_flight ? 0 : -1;
	case 'n':
		load->count = (unsigned int)atoi(optarg);
		return load->count ? 0 : -1;
	case 'd':
		load->seconds = atof(optarg);
		return load->seconds > 0 ? 0 : -1;
	default:
		return -1;
	}
}

static const struct option options[] = {
	{"to",	       required_argument, NULL, 't'},
	{"source",	   required_argument, NULL, 's'},
	{"certificate", required_argument, NULL, 'c'},
	{"key",		required_argument, NULL, 'k'},
	{"path",	 required_argument, NULL, 'p'},
	{"tls",		required_argument, NULL, 'v'},
	{"in-flight",   required_argument, NULL, 'f'},
	{"count",	  required_argument, NULL, 'n'},
	{"seconds",	    required_argument, NULL, 'd'},
	{NULL,	       0,		  NULL, 0	 },
};

static const struct {
	const char *name;
	int (*run)(const struct tlsload *load);
	bool tls;
} modes[] = {
	{"rate",	 tlsload_rate,    true },
	{"hold",	 tlsload_hold,    true },
	{"walk",	 tlsload_walk,    true },
	{"backend", tlsload_backend, false},
};

int main(int argc, char **argv)
{
	struct tlsload load = {
		.version = TLS1_3_VERSION, .in_flight = 16, .count = 1, .seconds = 3};
	int option, status = 2;

	signal(SIGPIPE, SIG_IGN);
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (take_option(&load, option, argc, argv) < 0) {
			fputs(help, stderr);
			return 2;
		}
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (optind != argc - 1 || !load.to_length || strcmp(argv[optind], modes[i].name))
			continue;
		if (modes[i].tls && make_context(&load) < 0)
			status = 1;
		else
			status = modes[i].run(&load);
		SSL_CTX_free(load.context);
		return status;
	}
	fputs(help, stderr);
	return status;
}
