/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command goes to the running endpoint, which acts; where none runs, the state is changed here,
 * under the lock that keeps an endpoint from starting meanwhile.
 */
#include "endpoint/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/accounts.h"
#include "endpoint/admin_features.h"
#include "endpoint/admin_package.h"
#include "endpoint/control.h"
#include "endpoint/ipmi.h"
#include "endpoint/service.h"

static const char usage[] =
	"usage: bmclink-endpoint [options] trust list | add FILE | forget | open\n"
	"       bmclink-endpoint [options] certificate show | renew\n"
	"       bmclink-endpoint [options] features [NAME on | off]\n"
	"       bmclink-endpoint [options] passwd          (reads the password from stdin)\n"
	"       bmclink-endpoint [options] notice host-reset | power STATE | inventory\n"
	"       bmclink-endpoint [options] ipmi NETFN COMMAND DATA... (hex bytes)\n"
	"       bmclink-endpoint [options] package add FILE [SIGNATURE] | list | remove ID\n";

int admin_lock(int state_fd)
{
	_cleanup_close_ int fd = openat(state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return util_steal_fd(&fd);
}

/* Acts: each on a service, running or not; the text is the error. */

static json_t *list_trust(const struct trust *trust)
{
	json_t *hosts = json_array();

	for (unsigned int i = 0; i < trust->n_known; i++) {
		const struct trust_known *k = &trust->known[i];
		char hex[3 * CERT_FINGERPRINT_SIZE];

		text_make_hex(k->certificate.fingerprint, CERT_FINGERPRINT_SIZE, ':', hex);
		json_array_append_new(
			hosts, json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)k->id,
				       "fingerprint", hex, "added", (json_int_t)k->added,
				       "not_after", (json_int_t)k->certificate.not_after));
	}
	return hosts;
}

static json_t *make_result(json_t *result)
{
	return json_pack("{s:o}", "result", result ? result : json_object());
}

static json_t *make_outcome(int r)
{
	if (r == -EEXIST)
		return control_make_error(CONTROL_EXIT_FAILED, "this certificate is known already");
	if (r == -EINVAL)
		return control_make_error(CONTROL_EXIT_FAILED, "not a certificate in PEM form");
	if (r < 0)
		return control_make_error(CONTROL_EXIT_FAILED, strerror(-r));
	return make_result(NULL);
}

static json_t *answer_list(struct service *service)
{
	return make_result(
		json_pack("{s:o, s:b, s:s}", "hosts", list_trust(&service->trust), "window_open",
			service_window_is_open(service), "own_fingerprint", service->fingerprint));
}

static json_t *answer_add(struct service *service, const json_t *request)
{
	const char *pem = json_string_value(json_object_get(request, "certificate"));
	unsigned int id;

	return make_outcome(pem ? service_enrol(service, pem, strlen(pem), NULL, &id) : -EINVAL);
}

static json_t *answer_certificate(const struct service *service)
{
	time_t not_before, not_after = 0;

	cert_get_dates(service->identity.certificate, &not_before, &not_after);
	return make_result(json_pack("{s:s, s:I, s:s, s:I}", "fingerprint", service->fingerprint,
		"not_after", (json_int_t)not_after, "next", service->next_fingerprint, "deadline",
		(json_int_t)service_get_deadline(service)));
}

static json_t *answer_renew(struct service *service)
{
	int r = service_renew_identity(service);

	if (r == -EALREADY)
		return control_make_error(CONTROL_EXIT_FAILED,
			"the next certificate has been made already: see 'certificate show'");
	return r < 0 ? make_outcome(r) : answer_certificate(service);
}

static json_t *answer_password(struct service *service, const json_t *request)
{
	struct password password;
	int r = password_from_json(json_object_get(request, "password"), &password);

	if (r == 0)
		r = service_set_password(service, &password, NULL);
	return make_outcome(r);
}

/* {"request": hex} -> {"completion": n, "data": hex}. */
static json_t *answer_ipmi(struct service *service, const json_t *request)
{
	const char *hex = json_string_value(json_object_get(request, "request")) ?: "";
	unsigned char bytes[IPMI_MAX_REQUEST];
	char data[3 * IPMI_MAX_DATA + 1];
	struct ipmi_answer answer;
	size_t length = strlen(hex) / 2;
	json_t *result;

	if (!length || length > sizeof(bytes) || text_parse_hex(hex, bytes, length) < 0)
		return control_make_error(CONTROL_EXIT_USAGE, "not the bytes of an IPMI request");
	service_answer_ipmi(service, bytes, length, &answer);
	text_make_hex(answer.data, answer.length, 0, data);
	result = json_pack("{s:i, s:s}", "completion", answer.completion, "data", data);
	OPENSSL_cleanse(data, sizeof(data));
	OPENSSL_cleanse(&answer, sizeof(answer));
	return make_result(result);
}

/* What the host can hold, and who it is, may be another after it was off. */
static json_t *answer_host_reset(struct service *service)
{
	lclog_emit(service->log, MSG_ISM1075);
	service_note_host_reset(service);
	platform_ask_inventory(service->platform);
	return make_result(NULL);
}

static json_t *answer_power(struct service *service, const json_t *request)
{
	const char *state = json_string_value(json_object_get(request, "state"));

	if (!state || platform_set_power(service->platform, state, "a notice") < 0)
		return control_make_error(
			CONTROL_EXIT_USAGE, "expected On, Off, PoweringOn, PoweringOff or Paused");
	return make_result(NULL);
}

static json_t *act(struct service *service, const json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command")) ?: "";

	if (strcmp(command, "trust-list") == 0)
		return answer_list(service);
	if (strcmp(command, "trust-add") == 0)
		return answer_add(service, request);
	if (strcmp(command, "trust-forget") == 0)
		return make_outcome(service_forget_hosts(service, "by the administrator"));
	if (strcmp(command, "certificate-show") == 0)
		return answer_certificate(service);
	if (strcmp(command, "certificate-renew") == 0)
		return answer_renew(service);
	if (strcmp(command, "passwd") == 0)
		return answer_password(service, request);
	if (strcmp(command, "trust-open") == 0) {
		service_open_window(service, TRUST_REASON_ADMINISTRATOR);
		return make_result(NULL);
	}
	if (strcmp(command, "notice-host-reset") == 0)
		return answer_host_reset(service);
	if (strcmp(command, "notice-power") == 0)
		return answer_power(service, request);
	if (strcmp(command, "notice-inventory") == 0) {
		platform_ask_inventory(service->platform);
		return make_result(NULL);
	}
	if (strcmp(command, "ipmi") == 0)
		return answer_ipmi(service, request);
	if (strcmp(command, "features") == 0)
		return admin_features_answer(service, request);
	if (admin_package_is(command))
		return admin_package_answer(service, command, request);
	if (strcmp(command, "snmp-values") == 0)
		return make_result(service_get_snmp_values(service));
	return control_make_error(CONTROL_EXIT_USAGE, "no such command");
}

json_t *admin_answer(const json_t *request, void *arg)
{
	struct service *service = arg;
	json_t *answer = act(service, request);

	lclog_flush(service->log);
	return answer;
}

/* Where no endpoint runs. */

static json_t *act_on_trust(const char *command, const json_t *request, int state_fd)
{
	const char *pem = json_string_value(json_object_get(request, "certificate"));
	_cleanup_free_ char *canonical = NULL;
	struct trust_certificate certificate;
	struct trust trust = {.window_minutes = 1};
	struct trust_clock clock;
	json_t *answer;
	int r = trust_load(&trust, state_fd);

	service_get_clock(&clock);
	if (r < 0 && strcmp(command, "trust-forget") != 0)
		return make_outcome(r);
	if (strcmp(command, "trust-list") == 0) {
		answer = make_result(
			json_pack("{s:o, s:b}", "hosts", list_trust(&trust), "window_open", 0));
		trust_clear(&trust);
		return answer;
	}
	if (strcmp(command, "trust-add") == 0) {
		r = pem ? trust_read_pem(pem, strlen(pem), &certificate, &canonical) : -EINVAL;
		if (r == 0)
			r = trust_add(&trust, &certificate, canonical, &clock);
	} else {
		trust_clear(&trust);
		r = 0;
	}
	if (r == 0)
		r = trust_save(&trust, state_fd);
	trust_clear(&trust);
	return make_outcome(r);
}

static json_t *act_on_password(const json_t *request, int state_fd)
{
	struct accounts accounts = {0};
	struct password password;
	int r = password_from_json(json_object_get(request, "password"), &password);

	if (r == 0)
		r = accounts_set_password(&accounts, &password, state_fd);
	return make_outcome(r);
}

/*
 * Root's command on the state of a service that has a user of its own: what is written now must be
 * readable by the service later.
 */
static int become_owner(int state_fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(state_fd, &st) < 0)
		return -errno;
	if (st.st_uid == 0)
		return 0;
	return setgroups(0, NULL) < 0 || setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0 ? -errno
											  : 0;
}

static json_t *act_offline(const struct admin_place *place, const json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	_cleanup_close_ int state_fd = state_open_dir(place->state_dir, 0700);
	int r = state_fd < 0 ? state_fd : become_owner(state_fd);
	_cleanup_close_ int lock = r < 0 ? r : admin_lock(state_fd);

	if (lock < 0)
		return control_make_error(CONTROL_EXIT_FAILED,
			lock == -EAGAIN
				? "the endpoint runs, but its control socket is not in this "
				  "runtime directory"
				: strerror(-lock));
	if (strcmp(command, "passwd") == 0)
		return act_on_password(request, state_fd);
	if (strcmp(command, "features") == 0)
		return admin_features_offline(state_fd, request);
	if (strcmp(command, "trust-list") == 0 || strcmp(command, "trust-add") == 0 ||
		strcmp(command, "trust-forget") == 0)
		return act_on_trust(command, request, state_fd);
	if (admin_package_is(command))
		return admin_package_act(state_fd, command, request);
	return control_make_error(
		CONTROL_EXIT_NOT_RUNNING, "the endpoint does not run, and this needs it to");
}

/* From the command line to a request. */

static json_t *read_certificate(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char pem[TRUST_MAX_PEM + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, pem, sizeof(pem));

	if (n <= 0 || n > TRUST_MAX_PEM) {
		fprintf(stderr, "%s: %s\n", path, n < 0 ? strerror(errno) : "not a certificate");
		return NULL;
	}
	return json_pack("{s:s, s:o}", "command", "trust-add", "certificate",
		json_stringn(pem, (size_t)n) ?: json_string(""));
}

static json_t *read_password(void)
{
	char text[PASSWORD_MAX + 3] = "";
	struct password password;
	json_t *request = NULL;
	int r;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "New password of '" ACCOUNTS_ADMIN "': ");
	if (!fgets(text, sizeof(text), stdin))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	r = password_make(text, &password);
	OPENSSL_cleanse(text, sizeof(text));
	if (r == 0)
		request = json_pack(
			"{s:s, s:o}", "command", "passwd", "password", password_to_json(&password));
	else
		fprintf(stderr, "expected a password of %d to %d bytes\n", PASSWORD_MIN,
			PASSWORD_MAX);
	return request;
}

/* "0x2c", "2c" or "5" to two digits; false: not a byte. */
static bool add_byte(const char *text, char out[3])
{
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	if (n < 1 || n > 2 || digits[n])
		return false;
	snprintf(out, 3, "%s%s", n == 1 ? "0" : "", digits);
	return true;
}

static json_t *make_ipmi(int n, char **bytes)
{
	char hex[2 * IPMI_MAX_REQUEST + 1] = "";

	for (int i = 0; i < n; i++) {
		if (i >= IPMI_MAX_REQUEST || !add_byte(bytes[i], hex + 2 * (size_t)i)) {
			fprintf(stderr, "%s: expected at most %d bytes in hex\n", bytes[i],
				IPMI_MAX_REQUEST);
			return NULL;
		}
	}
	return json_pack("{s:s, s:s}", "command", "ipmi", "request", hex);
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	*exit_code = CONTROL_EXIT_FAILED;
	if (n == 3 && strcmp(a[0], "trust") == 0 && strcmp(a[1], "add") == 0)
		return read_certificate(a[2]);
	if (n >= 2 && strcmp(a[0], "package") == 0)
		return admin_package_make_request(n - 1, a + 1, usage, exit_code);
	if (n >= 2 && strcmp(a[0], "ipmi") == 0) {
		*exit_code = CONTROL_EXIT_USAGE;
		return make_ipmi(n - 1, a + 1);
	}
	if (n == 1 && strcmp(a[0], "passwd") == 0)
		return read_password();
	if (n >= 1 && strcmp(a[0], "features") == 0 && (n == 1 || n == 3)) {
		json_t *request = admin_features_request(n, a);

		if (request)
			return request;
	}
	if (n == 2 && strcmp(a[0], "notice") == 0 && strcmp(a[1], "host-reset") == 0)
		return json_pack("{s:s}", "command", "notice-host-reset");
	if (n == 2 && strcmp(a[0], "notice") == 0 && strcmp(a[1], "inventory") == 0)
		return json_pack("{s:s}", "command", "notice-inventory");
	if (n == 3 && strcmp(a[0], "notice") == 0 && strcmp(a[1], "power") == 0)
		return json_pack("{s:s, s:o}", "command", "notice-power", "state",
			json_string(a[2]) ?: json_string(""));
	if (n == 2 && strcmp(a[0], "certificate") == 0) {
		if (strcmp(a[1], "show") == 0)
			return json_pack("{s:s}", "command", "certificate-show");
		if (strcmp(a[1], "renew") == 0)
			return json_pack("{s:s}", "command", "certificate-renew");
	}
	if (n == 2 && strcmp(a[0], "trust") == 0) {
		if (strcmp(a[1], "list") == 0)
			return json_pack("{s:s}", "command", "trust-list");
		if (strcmp(a[1], "forget") == 0)
			return json_pack("{s:s}", "command", "trust-forget");
		if (strcmp(a[1], "open") == 0)
			return json_pack("{s:s}", "command", "trust-open");
	}
	fputs(usage, stderr);
	*exit_code = CONTROL_EXIT_USAGE;
	return NULL;
}

static void print_certificate(const json_t *result)
{
	const char *next = json_string_value(json_object_get(result, "next"));
	time_t until = (time_t)json_integer_value(json_object_get(result, "not_after"));
	time_t deadline = (time_t)json_integer_value(json_object_get(result, "deadline"));
	char date[32] = "";
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&until, &tm));
	printf("this BMC        %s, valid until %s\n",
		json_string_value(json_object_get(result, "fingerprint")), date);
	if (!next || !*next)
		return;
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&deadline, &tm));
	printf("next            %s, used when every known host has it, on %s at the latest\n", next,
		date);
}

static void print_list(const json_t *result)
{
	const char *own = json_string_value(json_object_get(result, "own_fingerprint"));
	size_t i;
	json_t *host;

	if (own)
		printf("this BMC        %s\n", own);
	printf("enrolment       %s\n",
		json_is_true(json_object_get(result, "window_open")) ? "open" : "closed");
	json_array_foreach(json_object_get(result, "hosts"), i, host)
	{
		time_t t = (time_t)json_integer_value(json_object_get(host, "not_after"));
		char date[32] = "";
		struct tm tm;

		strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&t, &tm));
		printf("host %-10lld %s, valid until %s\n",
			(long long)json_integer_value(json_object_get(host, "id")),
			json_string_value(json_object_get(host, "fingerprint")), date);
	}
}

/* Completion code and data, as `ipmitool raw` shows them. */
static void print_ipmi(const json_t *result)
{
	const char *data = json_string_value(json_object_get(result, "data"));

	printf("%02x", (unsigned int)json_integer_value(json_object_get(result, "completion")));
	for (; data && data[0] && data[1]; data += 2)
		printf(" %.2s", data);
	putchar('\n');
}

static void print_result(const char *command, const json_t *result)
{
	if (strcmp(command, "trust-list") == 0)
		print_list(result);
	else if (strncmp(command, "certificate-", strlen("certificate-")) == 0)
		print_certificate(result);
	else if (strcmp(command, "ipmi") == 0)
		print_ipmi(result);
	else if (strcmp(command, "features") == 0)
		admin_features_print(result);
	else if (strcmp(command, "package-list") == 0)
		admin_package_print(result);
}

/* Takes both. Returns the exit code. */
static int report(json_t *request, json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	int exit_code = error ? (int)json_integer_value(json_object_get(error, "exit")) : 0;

	if (error)
		fprintf(stderr, "bmclink-endpoint: %s\n",
			json_string_value(json_object_get(error, "text")));
	else
		print_result(json_string_value(json_object_get(request, "command")),
			json_object_get(answer, "result"));
	json_decref(answer);
	json_decref(request);
	return exit_code;
}

int admin_run(const struct admin_place *place, int n, char **arguments)
{
	int exit_code, r;
	json_t *request = make_request(n, arguments, &exit_code), *answer = NULL;

	if (!request)
		return exit_code;
	answer = admin_package_stage(place, request);
	if (answer)
		return report(request, answer);
	r = control_ask(place->runtime_dir, request, &answer);
	if (r == -ENOENT || r == -ECONNREFUSED)
		answer = act_offline(place, request);
	else if (r < 0)
		answer = control_make_error(CONTROL_EXIT_FAILED, strerror(-r));
	return report(request, answer);
}
