/* SPDX-License-Identifier: Apache-2.0 */
/* The trust in the BMC, and our own certificate. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cert.h"
#include "base/text.h"
#include "base/util.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

#define CERTIFICATE_MAX 65536
#define RENEWAL_POLLS	300 /* ten a second */

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static const char *explain_how(const json_t *trust)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{"kcs",	"the BMC's own word over IPMI (kcs)"	    },
		{"first-use", "first use: nobody else has said who it is"},
		{"pinned",	   "an administrator"			     },
	};
	const char *name = print_string(trust, "made_by", "");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].text;
	}
	return "not known: by an earlier version";
}

static void print_trust(const json_t *trust)
{
	const char *pinned_at = print_string(trust, "pinned_at", NULL);
	char when[64];

	print_field(0, "Trust", PRINT_PLAIN, "%s", print_string(trust, "trust", "?"));
	if (is_true(trust, "pinned"))
		print_fingerprint(0, "Pinned BMC", print_string(trust, "pin", "?"));
	else
		print_field(0, "Pinned BMC", PRINT_YELLOW, "none");
	if (print_string(trust, "next_pin", NULL))
		print_fingerprint(0, "Next of this BMC", print_string(trust, "next_pin", "?"));
	if (print_string(trust, "made_by", NULL))
		print_field(0, "Trust made by", PRINT_PLAIN, "%s", explain_how(trust));
	if (pinned_at)
		print_field(0, "Pinned at", PRINT_PLAIN, "%s",
			print_time(pinned_at, when, sizeof(when)));
	print_field(0, "Window", PRINT_PLAIN, "%s",
		is_true(trust, "window_open") ? "open: trust may be made on first use"
					      : "closed: no other BMC gets trusted by itself");
	print_field(0, "TLS seen", PRINT_PLAIN, "%s",
		is_true(trust, "seen_tls") ? "yes: without TLS this BMC is refused" : "no");
	if (is_true(trust, "damaged"))
		print_field(0, "Damaged", PRINT_RED,
			"the trust store cannot be read: nobody is trusted until 'bmclinkctl trust "
			"reset'");
}

enum ctl_exit ctl_run_trust_show(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *trust = NULL;
	enum ctl_exit code = ctl_ask(ctl, json_pack("{s:s}", "command", "trust-show"), &trust);

	if (code != CTL_DONE)
		return code;
	if (ctl->json)
		print_json(trust, false);
	else
		print_trust(trust);
	json_decref(trust);
	return CTL_DONE;
}

/* Ask, and say what was done when it was. */
static enum ctl_exit act(const struct ctl *ctl, json_t *request, const char *done)
{
	json_t *result = NULL;
	enum ctl_exit code = ctl_ask(ctl, request, &result);

	if (code != CTL_DONE)
		return code;
	json_decref(result);
	print_wrapped(0, PRINT_PLAIN, done);
	return CTL_DONE;
}

enum ctl_exit ctl_run_trust_reset(const struct ctl *ctl, const struct ctl_command *self)
{
	return act(ctl, json_pack("{s:s}", "command", "trust-reset"),
		"The trust in the BMC was reset: the window for trust on first use is open.");
}

static int read_certificate(const char *path, char pem[CERTIFICATE_MAX], size_t *length)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	for (*length = 0; n > 0; *length += (size_t)n) {
		if (*length == CERTIFICATE_MAX)
			return -EFBIG;
		n = read(fd, pem + *length, CERTIFICATE_MAX - *length);
		if (n < 0)
			return -errno;
	}
	return 0;
}

/* The argument is a fingerprint or the name of a PEM file. */
static int get_fingerprint(const char *argument, unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	_cleanup_free_ char *pem = NULL;
	X509 *certificate = NULL;
	size_t length = 0;
	int r;

	if (text_parse_hex(argument, fingerprint, CERT_FINGERPRINT_SIZE) == 0)
		return 0;
	pem = malloc(CERTIFICATE_MAX);
	if (!pem)
		return -ENOMEM;
	r = read_certificate(argument, pem, &length);
	if (r < 0) {
		ctl_complain("'%s' is neither a SHA-256 fingerprint (64 hex digits) nor a file "
			     "that can be read: %s",
			argument, strerror(-r));
		return r;
	}
	r = cert_from_pem(pem, length, &certificate);
	if (r == 0) {
		r = cert_get_fingerprint(certificate, fingerprint);
		X509_free(certificate);
	}
	if (r < 0)
		ctl_complain("%s: expected a certificate in PEM form", argument);
	return r;
}

enum ctl_exit ctl_run_trust_pin(const struct ctl *ctl, const struct ctl_command *self)
{
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	char hex[3 * CERT_FINGERPRINT_SIZE], done[256];
	int r = get_fingerprint(ctl->argument, fingerprint);

	if (r < 0)
		return r == -ENOENT ? CTL_USAGE : CTL_FAILED;
	text_make_hex(fingerprint, sizeof(fingerprint), ':', hex);
	snprintf(done, sizeof(done), "The BMC with certificate %s is pinned.", hex);
	return act(ctl, json_pack("{s:s, s:s}", "command", "trust-pin", "pin", hex), done);
}

static void print_renewal(const json_t *renewal)
{
	const json_t *staged = json_object_get(renewal, "staged");
	const char *due = print_string(renewal, "due", NULL);
	const char *trouble = print_string(renewal, "trouble", NULL);
	char when[64];

	if (!json_is_object(renewal))
		return;
	if (due)
		print_field(0, "Renewal", PRINT_PLAIN, "by itself from %s on",
			print_time(due, when, sizeof(when)));
	else
		print_field(0, "Renewal", PRINT_YELLOW,
			"only by 'bmclinkctl certificate renew' (renewal = off)");
	if (json_is_object(staged))
		print_fingerprint(0, "Staged", print_string(staged, "fingerprint", "?"));
	if (trouble)
		print_field(0, "Not renewed", PRINT_RED, "%s", trouble);
}

static void print_certificate(const json_t *certificate)
{
	char from[64], to[64];

	print_fingerprint(0, "Fingerprint", print_string(certificate, "fingerprint", "?"));
	print_field(0, "Valid", is_true(certificate, "expired") ? PRINT_RED : PRINT_PLAIN,
		"%s to %s%s",
		print_time(print_string(certificate, "not_before", "?"), from, sizeof(from)),
		print_time(print_string(certificate, "not_after", "?"), to, sizeof(to)),
		is_true(certificate, "expired") ? ": expired" : "");
	print_renewal(json_object_get(certificate, "renewal"));
}

/* PEM has newlines, which nothing else that we print may have: only what PEM is made of passes. */
static void print_pem(const char *pem)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/=- \n";

	if (pem && pem[strspn(pem, alphabet)] == '\0')
		fputs(pem, stdout);
}

enum ctl_exit ctl_run_certificate_show(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *certificate = NULL;
	enum ctl_exit code =
		ctl_ask(ctl, json_pack("{s:s}", "command", "certificate-show"), &certificate);

	if (code != CTL_DONE)
		return code;
	if (ctl->json) {
		print_json(certificate, false);
	} else {
		print_certificate(certificate);
		print_pem(json_string_value(json_object_get(certificate, "pem")));
	}
	json_decref(certificate);
	return CTL_DONE;
}

/* How far the daemon is with this certificate. CTL_DONE with *finished false: ask again. */
static enum ctl_exit look_at_renewal(const struct ctl *ctl, const char *wanted, bool *finished)
{
	json_t *certificate = NULL;
	const json_t *renewal;
	enum ctl_exit code =
		ctl_ask(ctl, json_pack("{s:s}", "command", "certificate-show"), &certificate);

	if (code != CTL_DONE)
		return code;
	renewal = json_object_get(certificate, "renewal");
	*finished = strcmp(print_string(certificate, "fingerprint", ""), wanted) == 0 &&
		    strcmp(print_string(renewal, "state", ""), "idle") == 0;
	if (!*finished && print_string(renewal, "trouble", NULL)) {
		ctl_complain("the certificate was not renewed: %s",
			print_string(renewal, "trouble", ""));
		code = CTL_FAILED;
	}
	json_decref(certificate);
	return code;
}

/* Done when the daemon is connected with the new certificate: the BMC itself has said so by then.
 */
static enum ctl_exit wait_for_renewal(const struct ctl *ctl, const char *wanted)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
	bool finished = false;

	for (int i = 0; i < RENEWAL_POLLS; i++) {
		enum ctl_exit code = look_at_renewal(ctl, wanted, &finished);

		if (code != CTL_DONE || finished)
			return code;
		nanosleep(&pause, NULL);
	}
	ctl_complain("the BMC has not confirmed the new certificate yet: see 'bmclinkctl "
		     "certificate show'");
	return CTL_FAILED;
}

enum ctl_exit ctl_run_certificate_renew(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *result = NULL;
	enum ctl_exit code =
		ctl_ask(ctl, json_pack("{s:s}", "command", "certificate-renew"), &result);
	char fingerprint[3 * CERT_FINGERPRINT_SIZE];

	if (code != CTL_DONE)
		return code;
	snprintf(fingerprint, sizeof(fingerprint), "%s", print_string(result, "fingerprint", ""));
	code = wait_for_renewal(ctl, fingerprint);
	if (code == CTL_DONE)
		print_wrapped(
			0, PRINT_PLAIN, "The certificate was renewed: the BMC knows the new one.");
	json_decref(result);
	return code;
}

enum ctl_exit ctl_run_reconfigure(const struct ctl *ctl, const struct ctl_command *self)
{
	return act(ctl, json_pack("{s:s}", "command", "reconfigure"),
		"The one-time configuration of the NIC is armed again.");
}
