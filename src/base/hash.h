/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_BASE_HASH_H
#define BMCLINK_BASE_HASH_H

#include <stdint.h>

#include <openssl/evp.h>

/*
 * Of a whole file, wherever its offset stands, which stays where it is. digest: as many bytes as
 * the kind has, EVP_MAX_MD_SIZE at most. 0 or negative errno; -EFBIG: it has more than max bytes.
 */
int hash_file(int fd, const EVP_MD *kind, uint64_t max, unsigned char *digest);

#endif
