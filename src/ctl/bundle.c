/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/clock.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "ctl/print.h"

#define FOLDER "bmclink-report/"

/* What a signal must not leave behind. */
static const char *volatile unfinished;

static void on_signal(int number)
{
	const char *path = unfinished;

	if (path)
		unlink(path);
	_exit(128 + number);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* write() says EFBIG then */
}

void bundle_add_bytes(struct bundle *bundle, const char *name, const char *source, const char *text,
	size_t length, const char *trouble)
{
	struct bundle_entry *entry = &bundle->entries[bundle->n];

	if (bundle->n == BUNDLE_MAX_ENTRIES)
		return;
	bundle->n++;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(entry->source, sizeof(entry->source), "%s", source);
	snprintf(entry->trouble, sizeof(entry->trouble), "%s", trouble);
	if (!text)
		return;
	entry->text = malloc(length + 1);
	if (!entry->text) {
		snprintf(entry->trouble, sizeof(entry->trouble), "no memory");
		return;
	}
	memcpy(entry->text, text, length);
	entry->length = length;
}

/* Names and notes as well: a file may be named after a host, an error may quote a password. */
void bundle_add(struct bundle *bundle, const char *name, const char *source, const char *text,
	size_t length, const char *trouble)
{
	char *parts[4] = {NULL, NULL, NULL, NULL};
	const char *const in[] = {name, source, trouble, text};
	size_t sizes[4] = {strlen(name), strlen(source), strlen(trouble), length};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(in) && r == 0; i++)
		if (in[i])
			r = redact_text(bundle->redact, in[i], sizes[i], &parts[i], &sizes[i]);
	if (r == 0)
		bundle_add_bytes(bundle, parts[0], parts[1], parts[3], sizes[3], parts[2]);
	else /* rather nothing than something that was not looked at */
		bundle_add_bytes(bundle, "not-redacted", "", NULL, 0, strerror(-r));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		free(parts[i]);
}

static void write_manifest(FILE *out, const struct bundle *bundle)
{
	struct redact_counts counts = redact_get_counts(bundle->redact);
	char when[CLOCK_TEXT];

	clock_format(time(NULL), when);
	fprintf(out, "bmclink support bundle, made %s by bmclinkctl %s\n\n", when, BMCLINK_VERSION);
	fprintf(out,
		"Removed: private keys, passwords, tokens and other secrets; %lu places,\n"
		"marked " REDACT_REMOVED ". Secrets of a form that is not known cannot be seen:\n"
		"look through the files before you hand them on.\n",
		counts.secrets);
	if (redact_keeps_identifiers(bundle->redact))
		fputs("Kept, as it was asked for: serial numbers, names and addresses.\n", out);
	else
		fprintf(out,
			"Replaced: serial numbers, names, UUIDs, MAC addresses, fingerprints and\n"
			"addresses beyond the link; %lu places. The same value has the same\n"
			"pseudonym, %s.\n",
			counts.identifiers,
			bundle->seeded ? "in all bundles of this host"
				       : "in this bundle only (no machine-id)");
	fputs("\nFile, bytes, where it is from:\n", out);
	for (size_t i = 0; i < bundle->n; i++) {
		const struct bundle_entry *e = &bundle->entries[i];

		if (e->text)
			fprintf(out, "  %s, %zu, %s\n", e->name, e->length, e->source);
		else
			fprintf(out, "  NOT THERE: %s, %s\n", e->name, e->source);
		if (e->trouble[0] != '\0')
			fprintf(out, "    %s\n", e->trouble);
	}
}

static int write_entry(struct archive *archive, const char *name, const char *text, size_t length)
{
	struct archive_entry *entry = archive_entry_new();
	char path[256];
	int r = ARCHIVE_FATAL;

	if (!entry)
		return r;
	snprintf(path, sizeof(path), FOLDER "%s", name);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_size(entry, (la_int64_t)length);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_mtime(entry, time(NULL), 0);
	r = archive_write_header(archive, entry);
	if (r == ARCHIVE_OK && length > 0 &&
		archive_write_data(archive, text, length) != (la_ssize_t)length)
		r = ARCHIVE_FATAL;
	archive_entry_free(entry);
	return r;
}

static int write_entries(struct archive *archive, const struct bundle *bundle)
{
	char *manifest = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&manifest, &length);
	int r = ARCHIVE_FATAL;

	if (!out)
		return r;
	write_manifest(out, bundle);
	if (fclose(out) == 0 && manifest)
		r = write_entry(archive, "MANIFEST", manifest, length);
	free(manifest);
	for (size_t i = 0; i < bundle->n && r == ARCHIVE_OK; i++)
		if (bundle->entries[i].text)
			r = write_entry(archive, bundle->entries[i].name, bundle->entries[i].text,
				bundle->entries[i].length);
	return r;
}

/* 0, or negative errno: libarchive keeps the one of write(). */
static int write_archive(int fd, const struct bundle *bundle)
{
	struct archive *archive = archive_write_new();
	int r = ARCHIVE_FATAL, error = 0;

	if (archive && archive_write_add_filter_gzip(archive) == ARCHIVE_OK &&
		archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
		archive_write_open_fd(archive, fd) == ARCHIVE_OK)
		r = write_entries(archive, bundle);
	if (r == ARCHIVE_OK)
		r = archive_write_close(archive);
	if (r != ARCHIVE_OK)
		error = archive ? archive_errno(archive) : ENOMEM;
	archive_write_free(archive);
	if (r == ARCHIVE_OK && fsync(fd) < 0 && errno != EINVAL)
		return -errno;
	if (r == ARCHIVE_OK)
		return 0;
	return error > 0 ? -error : -EIO;
}

static int open_new(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		ctl_complain("%s: %s%s", path, strerror(errno),
			errno == EEXIST ? "; nothing is overwritten, name another file" : "");
	else
		fchmod(fd, 0600); /* a strange umask may have taken our own rights */
	return fd;
}

/* The seed of the pseudonyms: the machine, or chance. */
static struct redact *make_redact(const struct ctl *ctl, bool *seeded)
{
	char path[4096], id[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/machine-id", ctl->roots.etc ? ctl->roots.etc : "/etc");
	file = fopen(path, "re");
	*seeded = file && fgets(id, sizeof(id), file) && strlen(id) >= 32;
	if (file)
		fclose(file);
	if (!*seeded && getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return NULL;
	return redact_new(id, *seeded ? 32 : sizeof(id), ctl->keep_identifiers);
}

static void print_done(const struct bundle *bundle, const char *path)
{
	size_t missing = 0;

	for (size_t i = 0; i < bundle->n; i++)
		missing += bundle->entries[i].text == NULL;
	printf("%s: %zu files", path, bundle->n - missing + 1);
	if (missing > 0)
		printf(", %zu could not be read", missing);
	puts("; MANIFEST in it says what is inside. Look through it before you hand it on.");
}

enum ctl_exit bundle_write(const struct ctl *ctl)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	_cleanup_close_ int fd = -1;
	int r = -ENOMEM;

	if (!bundle)
		return CTL_FAILED;
	bundle->ctl = ctl;
	catch_signals();
	fd = open_new(ctl->bundle); /* before the work, which is in vain without it */
	if (fd >= 0) {
		unfinished = ctl->bundle;
		bundle->redact = make_redact(ctl, &bundle->seeded);
	}
	if (bundle->redact) {
		bundle_learn(bundle);
		bundle_collect(bundle);
		r = write_archive(fd, bundle);
	}
	if (fd >= 0 && r < 0) {
		unlink(ctl->bundle);
		ctl_complain("%s could not be written: %s; what there was of it is removed",
			ctl->bundle, strerror(-r));
	} else if (r == 0) {
		print_done(bundle, ctl->bundle);
	}
	unfinished = NULL;
	for (size_t i = 0; i < bundle->n; i++)
		free(bundle->entries[i].text);
	redact_free(bundle->redact);
	free(bundle);
	return r == 0 ? CTL_DONE : CTL_FAILED;
}
