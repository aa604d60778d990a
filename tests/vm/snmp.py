# SPDX-License-Identifier: Apache-2.0
"""In-band SNMP Get on the machine: what the host and the BMC have for it."""

COMMUNITY = 'bmcread'
DROP_IN = '/etc/snmp/snmpd.conf.d/60-bmclink.conf'


def feature(guest):
    return guest.json('bmclinkctl snmp --json || [ $? -eq 5 ]', timeout=120)


def install(guest, packages):
    """snmpd runs on the host as it comes from Debian, and the BMC has its own package."""
    guest.copy_in(packages['bmclink-endpoint-snmp'], '/var/tmp/bmclink-endpoint-snmp.deb')
    guest.sh('dpkg -i /var/tmp/bmclink-endpoint-snmp.deb', timeout=300)
    guest.until('it serves', 'systemctl is-active bmclink-endpoint-snmp', 120)
    guest.sh('systemctl start snmpd', timeout=120)
