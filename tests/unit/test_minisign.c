/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that minisign 0.11 made, and what becomes of them when a byte is another. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/minisign.h"
#include "base/util.h"
#include "update/keys.h"

