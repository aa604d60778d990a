/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/packages_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"

#define MODULE "packages"

int packages_refuse(char *why, int r, const char *text)
{
	snprintf(why, PACKAGES_MAX_WHY, "%s", text);
	return r;
}

int packages_fail(char *why, int r)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return packages_refuse(why, -ENOSPC, "the BMC's disk is full");
	return packages_refuse(why, r, strerror(-r));
}

/* The description beside a package. */

static json_t *describe(const struct packages_entry *entry)
{
	return json_pack("{s:I, s:s, s:s, s:I}", "size", (json_int_t)entry->size, "sha256",
		entry->sha256, "signature", entry->signature, "added", (json_int_t)entry->added);
}

static int take_signature(
	const char *signature, size_t length, struct packages_entry *entry, char *why)
{
	struct minisign_signature parsed;

	if (!length)
		return 0;
	if (minisign_parse_signature(signature, length, &parsed) < 0 ||
		memchr(signature, '\0', length))
		return packages_refuse(why, -EBADMSG,
			"the signature is not one of minisign's, or of its "
			"older form without a hash");
	memcpy(entry->signature, signature, length);
	entry->signature[length] = '\0';
	minisign_format_id(parsed.id, entry->key_id);
	return 0;
}

static int load_entry(struct packages *packages, const char *id, struct packages_entry *entry)
{
	char name[PACKAGE_NAME_MAX + 8], why[PACKAGES_MAX_WHY];
	const char *sha256, *signature;
	json_int_t size, added;
	json_t *object = NULL;
	struct stat st;
	int r;

	*entry = (struct packages_entry){.size = 0};
	snprintf(name, sizeof(name), "%s.json", id);
	r = package_name_parse(id, &entry->name);
	if (r == 0)
		r = state_read_json(packages->dir_fd, name, &object);
	if (r < 0)
		return r;
	r = json_unpack(object, "{s:I, s:s, s:s, s:I}", "size", &size, "sha256", &sha256,
		    "signature", &signature, "added", &added) < 0
		    ? -EBADMSG
		    : 0;
	if (r == 0 && fstatat(packages->dir_fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && (strlen(sha256) + 1 != sizeof(entry->sha256) || !S_ISREG(st.st_mode) ||
			      st.st_size != size))
		r = -EBADMSG;
	if (r == 0)
		r = take_signature(signature, strlen(signature), entry, why);
	if (r == 0) {
		snprintf(entry->id, sizeof(entry->id), "%s", id);
		snprintf(entry->sha256, sizeof(entry->sha256), "%s", sha256);
		entry->size = (uint64_t)size;
		entry->added = added;
	}
	json_decref(object);
	return r;
}

/* Oldest first, as they were given. */
static void insert(struct packages *packages, const struct packages_entry *entry)
{
	unsigned int at = packages->n++;

	while (at > 0 && packages->entries[at - 1].added > entry->added) {
		packages->entries[at] = packages->entries[at - 1];
		at--;
	}
	packages->entries[at] = *entry;
}

static bool belongs(const struct packages *packages, const char *file)
{
	size_t length = strlen(file);
	char id[PACKAGE_NAME_MAX];

	if (packages_find(packages, file))
		return true;
	if (length < 6 || length - 5 >= sizeof(id) || strcmp(file + length - 5, ".json") != 0)
		return false;
	snprintf(id, sizeof(id), "%.*s", (int)(length - 5), file);
	return packages_find(packages, id) != NULL;
}

static int for_each_file(
	struct packages *packages, int (*fn)(struct packages *packages, const char *name))
{
	int fd = openat(packages->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		file = readdir(dir);
		if (!file) {
			r = -errno;
			break;
		}
		if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
			r = fn(packages, file->d_name);
	}
	closedir(dir);
	return r;
}

/* What cannot be read just now would be taken for rubbish, and removed. */
static int load_file(struct packages *packages, const char *name)
{
	struct packages_entry entry;
	int r = packages->n < PACKAGES_MAX ? load_entry(packages, name, &entry) : -ENOSPC;

	if (r == 0)
		insert(packages, &entry);
	return state_is_passing(r) ? r : 0;
}

static int clean_file(struct packages *packages, const char *name)
{
	if (belongs(packages, name))
		return 0;
	log_notice(MODULE, "%s is not a whole package: removed", name);
	unlinkat(packages->dir_fd, name, 0);
	return 0;
}

int packages_open(struct packages *packages, int state_fd)
{
	int r;

	packages->dir_fd = -1;
	packages->n = 0;
	packages->upload = NULL;
	if (mkdirat(state_fd, PACKAGES_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	packages->dir_fd =
		openat(state_fd, PACKAGES_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (packages->dir_fd < 0)
		return -errno;
	r = for_each_file(packages, load_file);
	if (r < 0) {
		close(packages->dir_fd);
		packages->dir_fd = -1;
	}
	return r;
}

void packages_clean(struct packages *packages)
{
	if (packages->dir_fd >= 0)
		for_each_file(packages, clean_file);
}

void packages_close(struct packages *packages)
{
	packages_abort(packages->upload);
	if (packages->dir_fd >= 0)
		close(packages->dir_fd);
	packages->dir_fd = -1;
}

const struct packages_entry *packages_find(const struct packages *packages, const char *id)
{
	for (unsigned int i = 0; i < packages->n; i++) {
		if (strcmp(packages->entries[i].id, id) == 0)
			return &packages->entries[i];
	}
	return NULL;
}

int packages_open_file(const struct packages *packages, const struct packages_entry *entry)
{
	int fd = openat(packages->dir_fd, entry->id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int packages_remove(struct packages *packages, const char *id)
{
	const struct packages_entry *entry = packages_find(packages, id);
	char name[PACKAGE_NAME_MAX + 8];
	unsigned int at;
	int r;

	if (!entry)
		return -ENOENT;
	at = (unsigned int)(entry - packages->entries);
	snprintf(name, sizeof(name), "%s.json", entry->id);
	/* The bytes first: where they stay, the package does, and counts, and can be removed again.
	 * What a kill leaves is a description of nothing, which the next start removes. */
	r = state_remove_file(packages->dir_fd, entry->id);
	if (r == 0)
		r = state_remove_file(packages->dir_fd, name);
	if (r < 0)
		return r;
	memmove(&packages->entries[at], &packages->entries[at + 1],
		(--packages->n - at) * sizeof(packages->entries[0]));
	return 0;
}

static uint64_t count_bytes(const struct packages *packages)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < packages->n; i++)
		sum += packages->entries[i].size;
	return sum;
}

/* Is there room for this many more bytes, on the disk and by our own bounds? */
int packages_check_room(const struct packages *packages, uint64_t size, uint64_t more, char *why)
{
	struct statvfs st;

	if (size + more > PACKAGES_MAX_SIZE)
		return packages_refuse(why, -EFBIG, "a package has at most 64 MiB");
	if (count_bytes(packages) + size + more > packages->max_bytes)
		return packages_refuse(why, -EDQUOT,
			"the packages would have more bytes than update_megabytes allows: remove "
			"one");
	if (fstatvfs(packages->dir_fd, &st) == 0 &&
		(uint64_t)st.f_bavail * st.f_frsize < more + PACKAGES_RESERVE)
		return packages_fail(why, -ENOSPC);
	return 0;
}

/* File, then description: it is there when both are. */
static int publish(struct packages *packages, const char *part, const struct packages_entry *entry)
{
	char name[PACKAGE_NAME_MAX + 8];
	json_t *description = describe(entry);
	int r = description ? 0 : -ENOMEM;

	snprintf(name, sizeof(name), "%s.json", entry->id);
	if (r == 0 && renameat(packages->dir_fd, part, packages->dir_fd, entry->id) < 0)
		r = -errno;
	if (r == 0) {
		r = state_write_json(packages->dir_fd, name, description, 0600);
		if (r < 0)
			unlinkat(packages->dir_fd, entry->id, 0);
	}
	json_decref(description);
	return r;
}

/* Size and hash are in made; what is missing comes from name and signature. */
int packages_admit(struct packages *packages, const char *part, struct packages_entry *made,
	const char *name, const char *signature, size_t length, char *why)
{
	const struct packages_entry *old;
	int r;

	made->added = time(NULL);
	if (package_name_parse(name, &made->name) < 0)
		return packages_refuse(why, -EINVAL,
			"the file is not named like an agent package: "
			"bmclink_VERSION_ARCHITECTURE.deb, "
			"bmclink-VERSION-RELEASE.ARCHITECTURE.rpm");
	if (made->size == 0)
		return packages_refuse(why, -EINVAL, "the file is empty");
	snprintf(made->id, sizeof(made->id), "%s", name);
	r = take_signature(signature, length, made, why);
	if (r < 0)
		return r;
	old = packages_find(packages, made->id);
	if (old && (strcmp(old->sha256, made->sha256) != 0 ||
			   strcmp(old->signature, made->signature) != 0))
		return packages_refuse(
			why, -EEXIST, "another package of this name is there: remove it first");
	if (old)
		return 0;
	if (packages->n >= packages->max_count)
		return packages_refuse(
			why, -EDQUOT, "there are as many packages as may be: remove one");
	r = publish(packages, part, made);
	if (r < 0)
		return packages_fail(why, r);
	insert(packages, made);
	return 0;
}

int packages_finish_hash(EVP_MD_CTX *context, char sha256[PACKAGES_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[3 * 32];

	if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
		return -EIO;
	text_make_hex(digest, 32, 0, hex);
	memcpy(sha256, hex, PACKAGES_HEX);
	return 0;
}
