# SPDX-License-Identifier: Apache-2.0
"""In-band SNMP Get (row S18): Debian's snmpd as systemd runs it, and the BMC's package for SNMP."""

import packages as deb
import pytest
import snmp
from life import PATIENCE, denials

VALUES = ('1.1.0', '1.2.0', '2.2.0')  # product, firmware, power state


def get(guest, oid, community=snmp.COMMUNITY, program='snmpget', seconds=10):
    return guest.run([program, '-v2c', '-c', community, '-On', '-t', seconds, '-r', '1',
                      '127.0.0.1', oid], check=False, timeout=120)


def has_value(done):
    return done.code == 0 and ' = No ' not in done.out and ' = ' in done.out


def wait_value(guest, oid):
    def value():
        done = get(guest, oid)
        return done.out if has_value(done) else None
    return deb.until(f'a value of the BMC at {oid}', value, PATIENCE)


def main_pid(guest):
    return guest.sh('systemctl show -P MainPID snmpd')


@pytest.fixture
def with_snmp(machines, packages):
    return machines.at('with-snmp', 'installed', lambda guest: snmp.install(guest, packages))


def test_s18_through_the_hosts_own_snmpd(with_snmp):
    guest = with_snmp
    snmpd = main_pid(guest)
    guest.sh(f'bmclinkctl snmp enable --community {snmp.COMMUNITY}', timeout=120)
    deb.until('snmp-get is at work', lambda: snmp.feature(guest)['active'], PATIENCE)
    subtree = snmp.feature(guest)['subtree'].lstrip('.')
    assert guest.sh(f'stat -c "%a %U %G" {snmp.DROP_IN}') == '640 root Debian-snmp'
    product = wait_value(guest, f'{subtree}.1.1.0')
    # As the BMC itself has it
    name = guest.json("curl -sSk https://169.254.2.2/redfish/v1/")['Product']
    assert name and name in product
    walk = get(guest, subtree, program='snmpbulkwalk', seconds=30).out
    assert all(f'.{subtree}.{number} = ' in walk for number in VALUES), walk
    # Nobody else reads it, and this one reads nothing else.
    assert not has_value(get(guest, f'{subtree}.1.1.0', 'public'))
    assert not has_value(get(guest, f'{subtree}.1.1.0', 'nobody', seconds=2))
    assert not has_value(get(guest, '1.3.6.1.2.1.1.1.0'))
    assert has_value(get(guest, '1.3.6.1.2.1.1.1.0', 'public'))
    assert main_pid(guest) == snmpd, 'reloaded, not restarted'
    # Another snmpd, by systemd, has it by itself.
    guest.sh('systemctl restart snmpd', timeout=120)
    wait_value(guest, f'{subtree}.1.1.0')
    snmpd = main_pid(guest)
    guest.sh('bmclinkctl snmp disable', timeout=120)
    guest.until('the drop-in is gone', f'! test -e {snmp.DROP_IN}', PATIENCE)
    deb.until('snmpd has let go of it', lambda: not has_value(
        get(guest, f'{subtree}.1.1.0', seconds=2)), PATIENCE)
    assert has_value(get(guest, '1.3.6.1.2.1.1.1.0', 'public')) and main_pid(guest) == snmpd
    assert guest.sh('ls -A /etc/snmp/snmpd.conf.d') == ''
    for pid in guest.sh('pgrep bmclinkd').split():
        assert guest.text(f'/proc/{pid}/attr/current') == 'bmclinkd (enforce)'
    assert denials(guest) == [] and denials(guest, 'snmpd') == []


def test_s18_not_running_is_said(with_snmp):
    """Without snmpd there is nothing of it on the host, and it comes when snmpd does."""
    guest = with_snmp
    guest.sh('systemctl stop snmpd', timeout=120)
    guest.run(['bmclinkctl', 'snmp', 'enable', '--community', snmp.COMMUNITY], check=False,
              timeout=120)
    deb.until('it says why', lambda: 'snmpd does not run' in (snmp.feature(guest)['reason'] or ''),
              PATIENCE)
    assert guest.sh('ls -A /etc/snmp/snmpd.conf.d') == ''
    guest.sh('systemctl start snmpd', timeout=120)
    deb.until('snmp-get is at work', lambda: snmp.feature(guest)['active'], PATIENCE)
    subtree = snmp.feature(guest)["subtree"].lstrip(".")
    wait_value(guest, f"{subtree}.1.1.0")
