/* SPDX-License-Identifier: Apache-2.0 */
#include "base/renewal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/state.h"
#include "base/util.h"

time_t renewal_get_lead(time_t not_before, time_t not_after)
{
	time_t third = not_after > not_before ? (not_after - not_before) / 3 : 0;

	return third < RENEWAL_LEAD_SECONDS ? third : RENEWAL_LEAD_SECONDS;
}

time_t renewal_get_due(time_t not_before, time_t not_after, uint32_t seed)
{
	time_t lead = renewal_get_lead(not_before, not_after);

	/* Modulo in 32 bits without a sign: a time_t may have 32 with one. */
	return not_after - lead - (time_t)(seed % (uint32_t)(lead / 10 + 1));
}

uint32_t renewal_get_seed(const X509 *certificate)
{
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	uint32_t seed = 0;

	if (cert_get_fingerprint(certificate, fingerprint) == 0)
		memcpy(&seed, fingerprint, sizeof(seed));
	return seed;
}

void renewal_fail(struct renewal_backoff *backoff, uint64_t now_ms, uint32_t seed)
{
	uint64_t wait = RENEWAL_RETRY_MIN_MS;

	for (unsigned int i = 0; i < backoff->failures && wait < RENEWAL_RETRY_MAX_MS; i++)
		wait *= 2;
	if (wait > RENEWAL_RETRY_MAX_MS)
		wait = RENEWAL_RETRY_MAX_MS;
	if (backoff->failures < UINT32_MAX)
		backoff->failures++;
	backoff->until_ms = now_ms + wait - seed % (wait / 10);
}

uint64_t renewal_get_wait(const struct renewal_backoff *backoff, uint64_t now_ms)
{
	return backoff->until_ms > now_ms ? backoff->until_ms - now_ms : 0;
}

static int rename_durably(int dir_fd, const char *from, const char *to)
{
	if (renameat(dir_fd, from, dir_fd, to) < 0)
		return -errno;
	return fsync(dir_fd) < 0 && errno != EINVAL ? -errno : 0;
}

int renewal_load(int dir_fd, const struct renewal_files *files, struct cert_pair *pair)
{
	int r = cert_pair_load(dir_fd, files->key, files->certificate, pair);

	if (r != -EKEYREJECTED)
		return r;
	if (cert_pair_load(dir_fd, files->key, files->next_certificate, pair) < 0)
		return r;
	r = rename_durably(dir_fd, files->next_certificate, files->certificate);
	if (r < 0)
		cert_pair_clear(pair);
	return r;
}

void renewal_load_next(int dir_fd, const struct renewal_files *files, struct cert_pair *next)
{
	const char *names[] = {
		files->key, files->certificate, files->next_key, files->next_certificate};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		state_clean_file(dir_fd, names[i]);
	r = cert_pair_load(dir_fd, files->next_key, files->next_certificate, next);
	if (r < 0 && !state_is_passing(r))
		renewal_drop_next(dir_fd, files);
}

int renewal_promote(int dir_fd, const struct renewal_files *files)
{
	int r = rename_durably(dir_fd, files->next_key, files->key);

	/* Tried again after a failure in the middle: the key is in its place already. */
	if (r == -ENOENT)
		r = 0;
	return r < 0 ? r : rename_durably(dir_fd, files->next_certificate, files->certificate);
}

int renewal_drop_next(int dir_fd, const struct renewal_files *files)
{
	int r = state_remove_file(dir_fd, files->next_key);

	return r < 0 ? r : state_remove_file(dir_fd, files->next_certificate);
}
