/* SPDX-License-Identifier: Apache-2.0 */
/* main() in the place of libFuzzer's: runs a target once with each file of the folders named. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned int count;

static bool run_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat st;
	uint8_t *data;

	if (!file || fstat(fileno(file), &st) < 0) {
		perror(path);
		return false;
	}
	/* Exactly as long as the input: a sanitizer sees who reads on. */
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	FUZZ_CHECK(data && fread(data, 1, (size_t)st.st_size, file) == (size_t)st.st_size);
	fclose(file);
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	count++;
	return true;
}

static bool run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char full[PATH_MAX];
	bool good = true;

	if (!dir)
		return run_file(path);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			good &= run_file(full);
	}
	closedir(dir);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	LLVMFuzzerInitialize(&argc, &argv);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		good &= run_path(argv[i]);
	printf("%u inputs\n", count);
	return good && count > 0 ? 0 : 1;
}
