/* SPDX-License-Identifier: Apache-2.0 */
#include "update/keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "bmclink-build.h"

#define MODULE	 "update"
#define MAX_LIST 8192 /* bytes */

/* A small file that nobody but root may have written; bytes read, or negative errno. */
static ssize_t read_root_file(int dir_fd, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
		return -EPERM;
	if ((size_t)st.st_size >= size)
		return -EFBIG;
	n = read(fd, text, size);
	return n < 0 ? -errno : n;
}

static bool has_id(const struct update_keys *keys, const unsigned char *id)
{
	for (unsigned int i = 0; i < keys->n_revoked; i++) {
		if (memcmp(keys->revoked[i], id, MINISIGN_ID_SIZE) == 0)
			return true;
	}
	return false;
}

/* "E7620F1842B4E81F", the highest digit first; minisign leaves leading zeros out. */
static int parse_id(const char *text, size_t length, unsigned char id[MINISIGN_ID_SIZE])
{
	memset(id, 0, MINISIGN_ID_SIZE);
	if (length < 1 || length > 2 * MINISIGN_ID_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		int digit = text_hex_digit(text[length - 1 - i]);

		if (digit < 0)
			return -EINVAL;
		id[i / 2] = (unsigned char)(id[i / 2] | digit << (i % 2 ? 4 : 0));
	}
	return 0;
}

int update_keys_parse_revoked(struct update_keys *keys, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		const char *mark = memchr(text, '#', (size_t)(stop - text));
		const char *last = mark ? mark : stop;

		while (text < last && strchr(" \t\r", *text))
			text++;
		while (last > text && strchr(" \t\r", last[-1]))
			last--;
		if (last > text && keys->n_revoked == UPDATE_KEYS_REVOKED)
			return -E2BIG;
		if (last > text &&
			parse_id(text, (size_t)(last - text), keys->revoked[keys->n_revoked++]) < 0)
			return -EINVAL;
		text = newline ? newline + 1 : end;
	}
	return 0;
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), n = strlen(suffix);

	return length > n && strcmp(text + length - n, suffix) == 0;
}

static void load_key(struct update_keys *keys, int dir_fd, const char *name)
{
	char text[MINISIGN_MAX_FILE + 1];
	ssize_t n = read_root_file(dir_fd, name, text, sizeof(text));

	if (n < 0)
		log_warning(MODULE, "key %s: %s", name,
			n == -EPERM ? "others than root may write it" : strerror((int)-n));
	else if (keys->n == UPDATE_KEYS_MAX)
		log_warning(MODULE, "key %s: more than %d are not read", name, UPDATE_KEYS_MAX);
	else if (minisign_parse_key(text, (size_t)n, &keys->keys[keys->n]) < 0)
		log_warning(MODULE, "key %s: not a public key of minisign's", name);
	else
		keys->n++;
}

static int load_revoked(struct update_keys *keys, int dir_fd)
{
	char text[MAX_LIST];
	ssize_t n = read_root_file(dir_fd, UPDATE_KEYS_FILE, text, sizeof(text));

	if (n == -ENOENT)
		return 0;
	return n < 0 ? (int)n : update_keys_parse_revoked(keys, text, (size_t)n);
}

int update_keys_load(struct update_keys *keys, const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *file;
	DIR *dir;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((file = readdir(dir))) {
		if (ends_with(file->d_name, ".pub"))
			load_key(keys, fd, file->d_name);
	}
	r = load_revoked(keys, fd);
	if (r < 0)
		log_error(MODULE, "%s/" UPDATE_KEYS_FILE " cannot be read: %s", folder,
			r == -EPERM ? "others than root may write it" : strerror(-r));
	closedir(dir);
	return r;
}

int update_keys_load_all(struct update_keys *keys, const char *etc)
{
	_cleanup_free_ char *own = NULL;
	int r;

	*keys = (struct update_keys){.n = 0};
	if (asprintf(&own, "%s/bmclink/" UPDATE_KEYS_FOLDER, etc) < 0)
		return -ENOMEM;
	r = update_keys_load(keys, BMCLINK_DATADIR "/" UPDATE_KEYS_FOLDER);
	if (r == 0)
		r = update_keys_load(keys, own);
	return r;
}

unsigned int update_keys_count(const struct update_keys *keys)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < keys->n; i++)
		count += !has_id(keys, keys->keys[i].id);
	return count;
}

int update_keys_verify(const struct update_keys *keys, const struct minisign_signature *signature,
	const unsigned char digest[MINISIGN_DIGEST_SIZE], const char **why)
{
	int r = -ENOKEY;

	*why = "there is no key: nothing can be installed";
	if (!keys->n)
		return -ENOKEY;
	*why = "the key that signed it is revoked";
	if (has_id(keys, signature->id))
		return -EKEYREVOKED;
	*why = "it is signed with a key that is not one of ours";
	for (unsigned int i = 0; i < keys->n && r != 0; i++) {
		int one = minisign_verify(&keys->keys[i], signature, digest);

		if (one == 0 || one == -EBADMSG || one == -ENOTRECOVERABLE)
			r = one;
	}
	if (r == -ENOTRECOVERABLE)
		*why = "its signature cannot be checked: OpenSSL ran out of memory";
	if (r == -EBADMSG)
		*why = "its signature is wrong: these are not the bytes that were signed";
	return r;
}
