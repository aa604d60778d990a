/* SPDX-License-Identifier: Apache-2.0 */
#include "base/package_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The part between two pointers, when it fits. */
static int take(const char *begin, const char *end, char *out, size_t size)
{
	if (end <= begin || (size_t)(end - begin) >= size)
		return -EINVAL;
	memcpy(out, begin, (size_t)(end - begin));
	out[end - begin] = '\0';
	return 0;
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), n = strlen(suffix);

	return length > n && strcmp(text + length - n, suffix) == 0;
}

/* NAME_VERSION_ARCHITECTURE.deb; the epoch is not part of it. */
static int parse_deb(const char *file, struct package_name *name)
{
	const char *end = file + strlen(file) - strlen(".deb"), *version, *bar;

	if (strncmp(file, PACKAGE_NAME_AGENT "_", strlen(PACKAGE_NAME_AGENT "_")) != 0)
		return -EINVAL;
	version = file + strlen(PACKAGE_NAME_AGENT "_");
	bar = strchr(version, '_');
	if (!bar)
		return -EINVAL;
	if (take(version, bar, name->version, sizeof(name->version)) < 0 ||
		take(bar + 1, end, name->architecture, sizeof(name->architecture)) < 0)
		return -EINVAL;
	return 0;
}

/* NAME-VERSION-RELEASE.ARCHITECTURE.rpm */
static int parse_rpm(const char *file, struct package_name *name)
{
	const char *end = file + strlen(file) - strlen(".rpm"), *dot = end, *version;

	if (strncmp(file, PACKAGE_NAME_AGENT "-", strlen(PACKAGE_NAME_AGENT "-")) != 0)
		return -EINVAL;
	version = file + strlen(PACKAGE_NAME_AGENT "-");
	do
		dot--;
	while (dot > version && *dot != '.');
	if (take(version, dot, name->version, sizeof(name->version)) < 0 ||
		take(dot + 1, end, name->architecture, sizeof(name->architecture)) < 0)
		return -EINVAL;
	return strchr(name->version, '-') ? 0 : -EINVAL;
}

static bool is_architecture(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

int package_name_parse(const char *file, struct package_name *name)
{
	struct package_name parsed = {PACKAGE_NONE};
	int r = -EINVAL;

	if (strnlen(file, PACKAGE_NAME_MAX) == PACKAGE_NAME_MAX)
		return -EINVAL;
	if (ends_with(file, ".deb")) {
		parsed.family = PACKAGE_DEB;
		r = parse_deb(file, &parsed);
	} else if (ends_with(file, ".rpm")) {
		parsed.family = PACKAGE_RPM;
		r = parse_rpm(file, &parsed);
	}
	if (r < 0 || !version_is_valid(parsed.family, parsed.version) ||
		!is_architecture(parsed.architecture))
		return -EINVAL;
	*name = parsed;
	return 0;
}

const char *package_name_get_architecture(enum package_family family)
{
#if defined(__x86_64__)
	static const char *const names[] = {"", "amd64", "x86_64"};
#elif defined(__i386__)
	static const char *const names[] = {"", "i386", "i686"};
#elif defined(__aarch64__)
	static const char *const names[] = {"", "arm64", "aarch64"};
#elif defined(__arm__)
	static const char *const names[] = {"", "armhf", "armv7hl"};
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	static const char *const names[] = {"", "ppc64el", "ppc64le"};
#elif defined(__s390x__)
	static const char *const names[] = {"", "s390x", "s390x"};
#elif defined(__riscv) && __riscv_xlen == 64
	static const char *const names[] = {"", "riscv64", "riscv64"};
#else
	static const char *const names[] = {"", "", ""};
#endif
	return names[family];
}
