/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint package ...`: the package store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/state.h"
#include "base/util.h"
#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

#define BY "the administrator of the BMC"

/* The signature's text; with path NULL that beside the file, when there is one. */
static json_t *read_signature(const char *file, const char *path)
{
	_cleanup_free_ char *beside = NULL;
	_cleanup_close_ int fd = -1;
	char text[MINISIGN_MAX_FILE + 1];
	ssize_t n;

	if (!path && asprintf(&beside, "%s.minisig", file) < 0)
		return NULL;
	fd = open(path ? path : beside, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && !path && errno == ENOENT)
		return json_string("");
	n = fd < 0 ? -errno : io_read_all(fd, text, sizeof(text));
	if (n < 0 || n > MINISIGN_MAX_FILE) {
		fprintf(stderr, "%s: %s\n", path ? path : beside,
			n < 0 ? strerror((int)-n) : "not a signature");
		return NULL;
	}
	return json_stringn(text, (size_t)n) ?: json_string("?");
}

static json_t *make_add(const char *file, const char *signature)
{
	const char *slash = strrchr(file, '/');
	json_t *text = read_signature(file, signature);

	return text ? json_pack("{s:s, s:s, s:s, s:o}", "command", "package-add", "path", file,
			      "name", slash ? slash + 1 : file, "signature", text)
		    : NULL;
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	*exit_code = CONTROL_EXIT_FAILED;
	if ((n == 3 || n == 4) && strcmp(a[1], "add") == 0)
		return make_add(a[2], n == 4 ? a[3] : NULL);
	if (n == 2 && strcmp(a[1], "list") == 0)
		return admin_make_request("package-list");
	if (n == 3 && strcmp(a[1], "remove") == 0)
		return json_pack("{s:s, s:o}", "command", "package-remove", "id",
			json_string(a[2]) ?: json_string(""));
	return admin_say_usage(exit_code);
}

/*
 * Whoever asks reads the file and puts it where the endpoint finds it, for the endpoint may not
 * read what root may.
 */
static json_t *stage(const struct admin_place *place, json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	_cleanup_close_ int state_fd = -1, fd = -1;
	struct packages_staged staged;
	char why[PACKAGES_MAX_WHY];

	if (!path)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(why, sizeof(why), "%.64s: %s", path, strerror(errno));
		return control_make_error(CONTROL_EXIT_FAILED, why);
	}
	state_fd = state_open_dir(place->state_dir, 0700);
	if (state_fd < 0)
		return control_make_error(CONTROL_EXIT_FAILED, strerror(-state_fd));
	if (packages_stage(state_fd, fd, &staged, why) < 0)
		return control_make_error(CONTROL_EXIT_FAILED, why);
	json_object_set_new(request, "size", json_integer((json_int_t)staged.size));
	json_object_set_new(request, "sha256", json_string(staged.sha256));
	return NULL;
}

static json_t *make_done(int r, const char *why)
{
	if (r < 0)
		return control_make_error(CONTROL_EXIT_FAILED, why);
	return json_pack("{s:{}}", "result");
}

static int add(struct packages *packages, const json_t *request, char *why)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *signature = json_string_value(json_object_get(request, "signature"));
	const char *sha256 = json_string_value(json_object_get(request, "sha256"));
	struct packages_staged staged = {
		(uint64_t)json_integer_value(json_object_get(request, "size")), ""};

	if (!name || !signature || !sha256 || strlen(sha256) + 1 != sizeof(staged.sha256)) {
		snprintf(why, PACKAGES_MAX_WHY, "name, signature or sha256 is missing");
		return -EINVAL;
	}
	strcpy(staged.sha256, sha256);
	return packages_take_staged(packages, &staged, name, signature, why);
}

static json_t *list(const struct packages *packages)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < packages->n; i++) {
		const struct packages_entry *e = &packages->entries[i];

		json_array_append_new(
			array, json_pack("{s:s, s:s, s:I, s:s, s:s}", "id", e->id, "version",
				       e->name.version, "size", (json_int_t)e->size, "sha256",
				       e->sha256, "key", e->key_id));
	}
	return json_pack("{s:{s:o}}", "result", "packages", array);
}

static json_t *make_removed(int r)
{
	return make_done(
		r, r == -ENOENT ? "there is no such package: see 'package list'" : strerror(-r));
}

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	char why[PACKAGES_MAX_WHY] = "";
	int r;

	if (strcmp(command, "package-list") == 0)
		return list(&service->packages);
	if (strcmp(command, "package-remove") == 0)
		return make_removed(service_remove_package(service, id ?: "", BY));
	if (strcmp(command, "package-add") != 0)
		return admin_refuse_command();
	r = add(&service->packages, request, why);
	if (r == 0)
		service_note_package(
			service, json_string_value(json_object_get(request, "name")), BY);
	return make_done(r, why);
}

static json_t *act(int state_fd, const char *command, const json_t *request)
{
	struct packages packages = {.dir_fd = -1,
		.max_count = PACKAGES_MAX,
		.max_bytes = PACKAGES_MAX * PACKAGES_MAX_SIZE};
	const char *id = json_string_value(json_object_get(request, "id"));
	char why[PACKAGES_MAX_WHY] = "";
	json_t *done;
	int r = packages_open(&packages, state_fd);

	if (r < 0)
		return make_done(r, strerror(-r));
	if (strcmp(command, "package-list") == 0)
		done = list(&packages);
	else if (strcmp(command, "package-remove") == 0)
		done = make_removed(packages_remove(&packages, id ?: ""));
	else
		done = make_done(add(&packages, request, why), why);
	packages_close(&packages);
	return done;
}

static void print(const json_t *result)
{
	const json_t *packages = json_object_get(result, "packages"), *one;
	size_t i;

	json_array_foreach(packages, i, one)
	{
		const char *key = json_string_value(json_object_get(one, "key"));

		printf("%s  version %s, %lld bytes, signed by %s\n    sha256 %s\n",
			json_string_value(json_object_get(one, "id")),
			json_string_value(json_object_get(one, "version")),
			(long long)json_integer_value(json_object_get(one, "size")),
			key && *key ? key : "nobody",
			json_string_value(json_object_get(one, "sha256")));
	}
}

const struct admin_family admin_package = {
	.word = "package",
	.has_verbs = true,
	.make_request = make_request,
	.prepare = stage,
	.answer = answer,
	.act = act,
	.print = print,
};
