/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

#define PIECE 65536

static int hash_pieces(EVP_MD_CTX *context, int fd, uint64_t max)
{
	_cleanup_free_ unsigned char *piece = malloc(PIECE);
	uint64_t at = 0;

	if (!piece)
		return -ENOMEM;
	for (;;) {
		ssize_t n = pread(fd, piece, PIECE, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		at += (uint64_t)n;
		if (at > max)
			return -EFBIG;
		if (EVP_DigestUpdate(context, piece, (size_t)n) != 1)
			return -EIO;
	}
}

int hash_file(int fd, const EVP_MD *kind, uint64_t max, unsigned char *digest)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = -ENOMEM;

	if (context && EVP_DigestInit_ex(context, kind, NULL) == 1)
		r = hash_pieces(context, fd, max);
	if (r == 0 && EVP_DigestFinal_ex(context, digest, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(context);
	return r;
}
