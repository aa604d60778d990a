/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways into the package store share: packages_upload.c and packages_stage.c. */
#ifndef BMCLINK_ENDPOINT_PACKAGES_PRIVATE_H
#define BMCLINK_ENDPOINT_PACKAGES_PRIVATE_H

#include <openssl/evp.h>

#include "endpoint/packages.h"

/* Both put a text for people into why (PACKAGES_MAX_WHY bytes). refuse returns r; fail explains an
 * errno, and returns it, -ENOSPC for every kind of full disk. */
int packages_refuse(char *why, int r, const char *text);
int packages_fail(char *why, int r);

/* Is there room for this many more bytes of a package that has size, on the disk and by our own
 * bounds? -EFBIG, -EDQUOT, -ENOSPC, with why. */
int packages_check_room(const struct packages *packages, uint64_t size, uint64_t more, char *why);

/*
 * The file part of the store's directory becomes the package name. made has its size and hash; the
 * rest of it comes from name and signature (length bytes, 0: none). Errors as of packages_finish();
 * then part is left where it is, as it is when the same package is there already.
 */
int packages_admit(struct packages *packages, const char *part, struct packages_entry *made,
	const char *name, const char *signature, size_t length, char *why);

/* Of SHA-256, in hex. 0 or -EIO. Ends the context's calculation, does not free it. */
int packages_finish_hash(EVP_MD_CTX *context, char sha256[PACKAGES_HEX]);

#endif
