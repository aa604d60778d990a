/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys on disk: saved, loaded, and every file that must not be taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "cert_pairs.h"
#include "folder.h"

static void test_save_and_load(void **state)
{
	struct folder *f = *state;
	struct cert_pair made, loaded = {NULL, NULL};
	struct stat st;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	umask(0);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "agent.key", "agent.crt"), 0);
	umask(022);
	assert_int_equal(fstatat(f->dir_fd, "agent.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(f->dir_fd, "agent.crt", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);

	assert_int_equal(cert_pair_load(f->dir_fd, "agent.key", "agent.crt", &loaded), 0);
	assert_int_equal(EVP_PKEY_eq(made.key, loaded.key), 1);
	assert_int_equal(X509_cmp(made.certificate, loaded.certificate), 0);
	cert_pair_clear(&made);
	cert_pair_clear(&loaded);
}

static void load_fails(struct folder *f, int error)
{
	struct cert_pair pair = {NULL, NULL};

	assert_int_equal(cert_pair_load(f->dir_fd, "k", "c", &pair), error);
	assert_null(pair.key);
	assert_null(pair.certificate);
	assert_int_equal(ERR_peek_error(), 0);
}

static void write_file(struct folder *f, const char *name, const char *data, size_t length)
{
	assert_int_equal(state_write_file(f->dir_fd, name, data, length, 0600), 0);
}

static void test_load_missing_and_mismatched(void **state)
{
	struct folder *f = *state;
	struct cert_pair a, b, mixed;

	load_fails(f, -ENOENT);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &a);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &b);
	assert_int_equal(cert_pair_save(&a, f->dir_fd, "k", "c"), 0);
	assert_int_equal(state_remove_file(f->dir_fd, "c"), 0);
	load_fails(f, -ENOENT);

	mixed.key = a.key;
	mixed.certificate = b.certificate;
	assert_int_equal(cert_pair_save(&mixed, f->dir_fd, "k", "c"), 0);
	load_fails(f, -EKEYREJECTED);
	cert_pair_clear(&a);
	cert_pair_clear(&b);
}

/* Cut anywhere, neither file is taken; the same files whole are. */
static void test_load_truncated(void **state)
{
	struct folder *f = *state;
	const char *const names[] = {"k", "c"};
	struct cert_pair made, loaded;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		_cleanup_free_ char *whole = NULL;
		size_t length;

		assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
		assert_int_equal(state_read_file(f->dir_fd, names[n], &whole, &length), 0);
		for (size_t cut = 0; cut < length - 1; cut += 13) {
			write_file(f, names[n], whole, cut);
			load_fails(f, -EKEYREJECTED);
		}
		write_file(f, names[n], whole, length);
		assert_int_equal(cert_pair_load(f->dir_fd, "k", "c", &loaded), 0);
		cert_pair_clear(&loaded);
	}
	cert_pair_clear(&made);
}

static void test_load_foreign(void **state)
{
	struct folder *f = *state;
	struct cert_pair made;
	static const char text[] = "not a certificate\n";
	_cleanup_free_ char *pem = NULL;
	size_t length;
	char command[256];

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	write_file(f, "c", text, sizeof(text) - 1);
	load_fails(f, -EKEYREJECTED);
	write_file(f, "c", "\0\0\0\0", 4);
	load_fails(f, -EKEYREJECTED);

	/* swapped */
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "c", "k"), 0);
	load_fails(f, -EKEYREJECTED);

	/* an encrypted key is refused at once, nobody is asked on the terminal */
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	snprintf(command, sizeof(command),
		"openssl ec -in %s/k -aes128 -passout pass:secret -out %s/e 2>/dev/null", f->path,
		f->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(state_read_file(f->dir_fd, "e", &pem, &length), 0);
	write_file(f, "k", pem, length);
	load_fails(f, -EKEYREJECTED);
	cert_pair_clear(&made);
}

static void run(const char *command, char *line, size_t size)
{
	FILE *pipe = popen(command, "r");

	assert_non_null(pipe);
	assert_non_null(fgets(line, (int)size, pipe));
	assert_int_equal(pclose(pipe), 0);
	line[strcspn(line, "\n")] = '\0';
}

static void test_fingerprint_as_openssl(void **state)
{
	struct folder *f = *state;
	unsigned char ours[CERT_FINGERPRINT_SIZE], theirs[CERT_FINGERPRINT_SIZE];
	struct cert_pair made;
	char command[256], line[512], *hex;

	make(CERT_ROLE_BMC, utc(2026, 1, 1, 0), &made);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	snprintf(command, sizeof(command), "openssl x509 -in %s/c -noout -fingerprint -sha256",
		f->path);
	run(command, line, sizeof(line));
	hex = strchr(line, '=');
	assert_non_null(hex);
	assert_int_equal(text_parse_hex(hex + 1, theirs, sizeof(theirs)), 0);
	assert_int_equal(cert_get_fingerprint(made.certificate, ours), 0);
	assert_memory_equal(ours, theirs, sizeof(ours));

	/* As stock BMCs verify a client: the certificate itself in the trust store, and purpose. */
	snprintf(command, sizeof(command),
		"openssl verify -purpose sslserver -CAfile %s/c %s/c 2>&1", f->path, f->path);
	run(command, line, sizeof(line));
	assert_non_null(strstr(line, "OK"));
	cert_pair_clear(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_save_and_load, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			test_load_missing_and_mismatched, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_load_truncated, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_load_foreign, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			test_fingerprint_as_openssl, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
