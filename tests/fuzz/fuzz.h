/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(); clang makes a
 * fuzzer of it (-Dfuzz=true), any compiler a program that replays a corpus (replay.c).
 * docs/fuzzing.md tells more.
 */
#ifndef BMCLINK_TESTS_FUZZ_H
#define BMCLINK_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Once, before the first input; also defined (to nothing) where a target needs none. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold whatever comes in. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* The input, taken from its front. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};
uint8_t fuzz_take_byte(struct fuzz_input *in); /* 0 when there is none left */

/* One after the other, the parts between FUZZ_SEPARATOR bytes; false: there is none left. */
#define FUZZ_SEPARATOR 0x1e /* RS: in no text that any of our parsers takes */
bool fuzz_take_record(struct fuzz_input *in, struct fuzz_input *record);

/*
 * A part of the input in memory of its own, so that a sanitizer sees who reads behind it. Cut as
 * seed says: 0 gives all at once, 1 single bytes (of the first 64), others a few pieces. NULL:
 * there is none left. The caller frees.
 */
uint8_t *fuzz_take_piece(struct fuzz_input *in, uint32_t *seed, size_t *length);

/* A folder in memory for this process, empty at first, gone at its end; and its descriptor. */
const char *fuzz_get_dir(void);
int fuzz_get_dir_fd(void);
/* Write a file into it, or remove it when content is NULL or empty. */
void fuzz_put_file(const char *name, const void *data, size_t length);
void fuzz_empty_dir(void); /* its files; folders stay */
/* A file of tests/fuzz/data, with a NUL behind it; lives for ever. */
const char *fuzz_get_data(const char *name);

#endif
