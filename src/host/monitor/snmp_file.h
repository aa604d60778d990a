/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the drop-in for snmpd is: in snmpd.conf.d/ where snmpd.conf includes that folder (Debian),
 * else snmpd.local.conf, which snmpd reads beside snmpd.conf (Fedora, RHEL). A file that is not
 * ours is never touched.
 */
#ifndef BMCLINK_HOST_SNMP_FILE_H
#define BMCLINK_HOST_SNMP_FILE_H

#include "host/monitor/snmpd.h"

/*
 * Put it there, readable for this snmpd and nobody else. -EOPNOTSUPP: no place that this snmpd
 * reads; -EEXIST: it has one of the communities already; -EKEYREJECTED: it could not read its own
 * snmpd.conf again; else what the file system says (-EROFS above all).
 */
int snmp_file_write(const struct acts_roots *roots, const struct snmpd *snmpd, const char *text,
	const char *communities);
/* Is this what stands there? */
bool snmp_file_is(const struct acts_roots *roots, const char *text);
/* Both places. 1: there was one; 0: there was none; negative errno. */
int snmp_file_remove(const struct acts_roots *roots);

#endif
