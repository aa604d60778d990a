/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feature/snmp_access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define KEY_LENGTH 40

static int make_word(char *out, size_t length)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	unsigned char bytes[KEY_LENGTH];

	/* 62 letters of 64: the two others are drawn again */
	for (size_t i = 0; i < length;) {
		if (RAND_bytes(bytes, sizeof(bytes)) != 1)
			return -EIO;
		for (size_t k = 0; k < sizeof(bytes) && i < length; k++) {
			if ((bytes[k] & 63) < 62)
				out[i++] = letters[bytes[k] & 63];
		}
	}
	out[length] = '\0';
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int snmp_access_make(struct snmp_access *access)
{
	char tail[13];
	int r = make_word(tail, sizeof(tail) - 1);

	if (r == 0)
		r = make_word(access->auth_key, KEY_LENGTH);
	if (r == 0)
		r = make_word(access->priv_key, KEY_LENGTH);
	if (r == 0)
		snprintf(access->user, sizeof(access->user), "bmclink-%s", tail);
	return r;
}

static const struct trouble {
	int error;
	const char *text;
} troubles[] = {
	{ENOPKG,	 "snmpd is not installed: apt install snmpd (dnf install net-snmp)" },
	{ESRCH,	"snmpd does not run: systemctl start snmpd"			   },
	{EAGAIN,	 "snmpd is starting"						},
	{EOPNOTSUPP,   "snmpd reads no file that is free for us: add 'includeDir "
		     "/etc/snmp/snmpd.conf.d' to /etc/snmp/snmpd.conf"},
	{EEXIST,	 "snmpd's own configuration has one of the communities of [SnmpGet] already: "
		 "name another one"				       },
	{EKEYREJECTED,
		"snmpd could not read /etc/snmp/snmpd.conf again: chgrp it to snmpd's group, "
		"mode 0640"							       },
	{EROFS,	"bmclinkd may not write to /etc/snmp, which was not there when it started: "
		"systemctl restart bmclinkd"				    },
	{EDQUOT,	 "snmpd was reloaded too often within an hour"		      },
	{EPERM,	"the monitor refused it"					   },
};

const char *snmp_access_explain(int error)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		if (troubles[i].error == error)
			return troubles[i].text;
	}
	return strerror(error);
}
