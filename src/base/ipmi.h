/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two IPMI commands of DSP0270 1.3, clause "Credential bootstrapping via IPMI commands": NetFn
 * 2Ch (group extension), group 52h. Requests carry the group and one byte; answers carry completion
 * code, group, and data. IPMI v2.0 clause 5 has the codes.
 */
#ifndef BMCLINK_BASE_IPMI_H
#define BMCLINK_BASE_IPMI_H

#define IPMI_NETFN_GROUP      0x2c
#define IPMI_GROUP_REDFISH    0x52
#define IPMI_CMD_FINGERPRINT  0x01 /* its byte: number of the certificate, from 1 */
#define IPMI_CMD_CREDENTIALS  0x02 /* its byte: IPMI_KEEP_ENABLED, or anything else: disable */
#define IPMI_KEEP_ENABLED     0xa5
#define IPMI_HASH_SHA256      0x01
#define IPMI_FIELD	      16 /* bytes of a name or a password in the answer */
#define IPMI_OK		      0x00
#define IPMI_DISABLED	      0x80
#define IPMI_INVALID_COMMAND  0xc1
#define IPMI_INVALID_LUN      0xc2
#define IPMI_INVALID_LENGTH   0xc7
#define IPMI_CERTIFICATE_NONE 0xcb
#define IPMI_INVALID_FIELD    0xcc
#define IPMI_UNSPECIFIED      0xff

#endif
