/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a bundle is made: the secrets and the names that this host has, so that they are found
 * wherever somebody wrote them. Root reads its own files here; nothing of them goes anywhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/state.h"
#include "base/util.h"
#include "ctl/bundle.h"
#include "host/discover/smbios42.h"
#include "host/monitor/facts.h"

#define MAX_FILE	65536
#define MIN_KEY_LINE	16 /* of PEM: the last line may be short */
#define MAX_STATE_DEPTH 4

/* *out: content with a NUL; the caller cleanses and frees. */
static int read_file(int dir, const char *name, char **out, size_t *length)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char *data;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	data = malloc(MAX_FILE + 1);
	n = data ? read(fd, data, MAX_FILE) : -1;
	if (n < 0) {
		free(data);
		return -EIO;
	}
	data[n] = '\0';
	*out = data;
	*length = (size_t)n;
	return 0;
}

static void learn_lines(struct bundle *bundle, char *text, size_t min)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		size_t n = strcspn(line, "\r");

		if (n >= min && strncmp(line, "-----", 5) != 0)
			redact_add_secret(bundle->redact, line, n);
	}
}

static void learn_json(struct bundle *bundle, const json_t *value, const char *key)
{
	static const char *const words[] = {"password", "token", "secret", "cookie", "private"};
	const json_t *item;
	const char *name;
	size_t i;

	if (json_is_array(value))
		json_array_foreach(value, i, item) learn_json(bundle, item, key);
	json_object_foreach((json_t *)value, name, item) learn_json(bundle, item, name);
	if (!json_is_string(value) || !key)
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(key, words[i]))
			redact_add_secret(bundle->redact, json_string_value(value),
				json_string_length(value));
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static void learn_state_file(struct bundle *bundle, int dir, const char *name)
{
	char *text;
	size_t length;
	bool key = ends_with(name, ".key");

	if ((!key && !ends_with(name, ".json")) || read_file(dir, name, &text, &length) < 0)
		return;
	if (key) {
		learn_lines(bundle, text, MIN_KEY_LINE);
	} else {
		json_t *root = json_loadb(text, length, 0, NULL);

		learn_json(bundle, root, NULL);
		json_decref(root);
	}
	OPENSSL_cleanse(text, length);
	free(text);
}

static void learn_state(struct bundle *bundle, int parent, const char *name, unsigned int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		learn_state_file(bundle, fd, entry->d_name);
		if (depth < MAX_STATE_DEPTH)
			learn_state(bundle, fd, entry->d_name, depth + 1);
	}
	closedir(dir);
}

/* Every line "password_file = PATH" counts, also of a file with errors elsewhere. */
static void learn_password_files(struct bundle *bundle, char *text)
{
	char *line, *password;
	size_t length;

	while ((line = strsep(&text, "\n")) != NULL) {
		line += strspn(line, " \t#;");
		if (strncasecmp(line, "password_file", 13) != 0)
			continue;
		line += 13;
		line += strspn(line, " \t=");
		line[strcspn(line, " \t\r")] = '\0';
		if (line[0] != '/' || read_file(AT_FDCWD, line, &password, &length) < 0)
			continue;
		learn_lines(bundle, password, 1);
		OPENSSL_cleanse(password, length);
		free(password);
	}
}

static void learn_configuration(struct bundle *bundle)
{
	char folder[PATH_MAX], *text;
	const struct dirent *entry;
	size_t length;
	DIR *dir;

	if (read_file(AT_FDCWD, bundle->ctl->config, &text, &length) == 0) {
		learn_password_files(bundle, text);
		free(text);
	}
	snprintf(folder, sizeof(folder), "%s.d", bundle->ctl->config);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)) != NULL)
		if (read_file(dirfd(dir), entry->d_name, &text, &length) == 0) {
			learn_password_files(bundle, text);
			free(text);
		}
	if (dir)
		closedir(dir);
}

static void learn_names(struct bundle *bundle)
{
	static const char *const files[] = {"product_serial", "board_serial", "chassis_serial",
		"product_uuid", "board_asset_tag", "chassis_asset_tag"};
	const char *sys = bundle->ctl->roots.sys ? bundle->ctl->roots.sys : "/sys";
	char path[PATH_MAX], *text;
	struct utsname name;
	size_t length;

	if (uname(&name) == 0) {
		redact_add_identifier(bundle->redact, "name", name.nodename);
		name.nodename[strcspn(name.nodename, ".")] = '\0';
		redact_add_identifier(bundle->redact, "name", name.nodename);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/class/dmi/id/%s", sys, files[i]);
		if (read_file(AT_FDCWD, path, &text, &length) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		text[strcspn(text, "\r")] = '\0';
		redact_add_identifier(bundle->redact, "name", text);
		free(text);
	}
}

/* What the firmware says of the BMC: its serial number and its name. */
static void learn_smbios(struct bundle *bundle)
{
	const struct facts_roots roots = {
		bundle->ctl->roots.sys, bundle->ctl->roots.dmi, bundle->ctl->roots.run};
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	bool whole_table = false;

	for (unsigned int i = 0; i < FACTS_MAX_DMI && !whole_table; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		unsigned int bad;
		size_t length;
		const char *why;
		int n;

		if (dmi_read_entry(&roots, i, &data, &length, &whole_table) < 0)
			return;
		n = whole_table
			    ? (int)smbios42_walk(data, length, found, SMBIOS42_MAX_FOUND, &bad)
			    : smbios42_decode_all(data, length, found, SMBIOS42_MAX_FOUND, &why);
		for (int k = 0; k < n; k++) {
			redact_add_identifier(bundle->redact, "name", found[k].serial);
			redact_add_identifier(bundle->redact, "name", found[k].hostname);
		}
	}
}

void bundle_learn(struct bundle *bundle)
{
	learn_state(bundle, AT_FDCWD, bundle->ctl->state_dir, 1);
	learn_configuration(bundle);
	learn_names(bundle);
	learn_smbios(bundle);
}
