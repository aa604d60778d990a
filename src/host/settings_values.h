/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of values that only the agent's configuration has (config.h has the common ones). */
#ifndef BMCLINK_HOST_SETTINGS_VALUES_H
#define BMCLINK_HOST_SETTINGS_VALUES_H

#include "base/config.h"

/* "1.1", "1.2", "1.3" at the numbers of enum tls_version; the mandate knows nothing below. */
extern const char *const settings_tls_names[];

/* char[size]: "auto", a NIC's name as the kernel allows it, or "usb:VVVV:PPPP" in hex. */
int settings_parse_interface(const struct config_key *, const char *, void *, const char **);
/* long: a port number, or nothing (0). */
int settings_parse_port(const struct config_key *, const char *, void *, const char **);
/* char[size]: a SHA-256 fingerprint in hex, kept as lower-case hex with ':', or nothing. */
int settings_parse_pin(const struct config_key *, const char *, void *, const char **);
/* char[size]: the name of a BMC's account, printable, without blanks, or nothing. */
int settings_parse_user(const struct config_key *, const char *, void *, const char **);
/* char[size]: 1 to 8 host names, divided by one blank each. */
int settings_parse_names(const struct config_key *, const char *, void *, const char **);
/* char[size]: networks as of relay/sources.h, or nothing. */
int settings_parse_sources(const struct config_key *, const char *, void *, const char **);
/* char[size]: an absolute path, or nothing. */
/* char[size]: names for Net-SNMP's configuration, divided by one blank each, or nothing. */
int settings_parse_words(const struct config_key *, const char *, void *, const char **);
int settings_parse_path(const struct config_key *, const char *, void *, const char **);

#endif
