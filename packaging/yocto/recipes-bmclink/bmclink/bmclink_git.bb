# SPDX-License-Identifier: Apache-2.0
SUMMARY = "The link between a server's operating system and its BMC"
DESCRIPTION = "bmclink-endpoint: a small Redfish service on the BMC's side of the OS-to-BMC pass-through \
NIC; bmclink: the agent of the host's operating system. The BMC's image takes bmclink-endpoint."
SECTION = "net"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# Where your copy is, and which state of it
BMCLINK_GIT ?= "git://git.example.org/bmclink.git;protocol=https;branch=main"
SRC_URI = "${BMCLINK_GIT}"
SRCREV ?= "${AUTOREV}"
PV = "0.1.0+git${SRCPV}"
S = "${WORKDIR}/git"

DEPENDS = "audit curl jansson libarchive libevent libmnl libseccomp openssl sqlite3 python3-native"

inherit meson pkgconfig useradd ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'systemd', '', d)}

PACKAGECONFIG ??= "${@bb.utils.filter('DISTRO_FEATURES', 'systemd', d)}"
PACKAGECONFIG[systemd] = "-Dsystemdsystemunitdir=${systemd_system_unitdir},-Dsystemdsystemunitdir=no"
PACKAGECONFIG[snmp] = "-Dsnmp=enabled,-Dsnmp=disabled,net-snmp"
PACKAGECONFIG[tests] = "-Dtests=true,-Dtests=false,cmocka"

EXTRA_OEMESON = "-Dudevdir=${nonarch_base_libdir}/udev"
# The same source gives the same binary: not the day of the build
export SOURCE_DATE_EPOCH

PACKAGES =+ "${PN}-endpoint-snmp ${PN}-endpoint"

FILES:${PN}-endpoint = "${sbindir}/bmclink-endpoint \
    ${libexecdir}/bmclink/bmclink-gadget \
    ${sysconfdir}/bmclink/endpoint.conf \
    ${sysconfdir}/bmclink/gadget.conf \
    ${nonarch_libdir}/sysusers.d/bmclink-endpoint.conf \
    ${systemd_system_unitdir}/bmclink-endpoint.service \
    ${systemd_system_unitdir}/bmclink-gadget.service"
FILES:${PN}-endpoint-snmp = "${sbindir}/bmclink-endpoint-snmp \
    ${systemd_system_unitdir}/bmclink-endpoint-snmp.service"
FILES:${PN} += "${datadir}/snmp/mibs/* \
    ${nonarch_libdir}/sysusers.d/bmclink.conf \
    ${nonarch_libdir}/firewalld/services/bmclink-access.xml \
    ${sysconfdir}/ufw/applications.d/bmclink-access \
    ${nonarch_libdir}/tmpfiles.d/bmclink.conf \
    ${nonarch_libdir}/systemd/network/80-bmclink.network \
    ${nonarch_base_libdir}/udev/rules.d/85-bmclink.rules \
    ${libexecdir}/bmclink/bmclink-update \
    ${datadir}/bmclink/update-keys \
    ${systemd_system_unitdir}/bmclink-update.path \
    ${systemd_system_unitdir}/bmclink-update.service \
    ${systemd_system_unitdir}/bmclinkd.service"
CONFFILES:${PN} = "${sysconfdir}/bmclink/bmclinkd.conf"
CONFFILES:${PN}-endpoint = "${sysconfdir}/bmclink/endpoint.conf ${sysconfdir}/bmclink/gadget.conf"

# The agent writes its firewall table with the program nft
RDEPENDS:${PN} = "nftables"
# The gadget NIC is given its name and address with the program ip
RDEPENDS:${PN}-endpoint = "iproute2"
RDEPENDS:${PN}-endpoint-snmp = "${PN}-endpoint net-snmp-server-snmpd"

SYSTEMD_PACKAGES = "${PN} ${PN}-endpoint ${@bb.utils.contains('PACKAGECONFIG', 'snmp', '${PN}-endpoint-snmp', '', d)}"
SYSTEMD_SERVICE:${PN} = "bmclinkd.service"
SYSTEMD_SERVICE:${PN}-endpoint = "bmclink-endpoint.service bmclink-gadget.service"

SYSTEMD_SERVICE:${PN}-endpoint-snmp = "bmclink-endpoint-snmp.service"

USERADD_PACKAGES = "${PN} ${PN}-endpoint"
USERADD_PARAM:${PN} = "--system --user-group --home-dir /var/lib/bmclink --no-create-home \
    --shell /sbin/nologin bmclink"
USERADD_PARAM:${PN}-endpoint = "--system --user-group --home-dir /var/lib/bmclink/endpoint --no-create-home \
    --shell /sbin/nologin bmclink-endpoint"
