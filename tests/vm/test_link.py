# SPDX-License-Identifier: Apache-2.0
"""The link under torture, on a real USB NIC: it comes back each time, and leaves nothing behind."""

import json
import os
import re
import time

import packages as deb
import pytest
from record import Record, counts

# ./check --long: as many as a year of a bad cable has.
CYCLES = 100 if os.environ.get('BMCLINK_LONG') else 20


def cursor(guest):
    """A place in the journal, to read from there on."""
    return guest.sh("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'")


def journal(guest, since, unit='bmclinkd'):
    guest.sh('journalctl --sync')
    return guest.sh(f'journalctl -u {unit} -o cat --no-pager --after-cursor="{since}"').splitlines()


def times_of(lines, event):
    """How often an event happened, by its lines and the counts in them; and the lines."""
    found = [line for line in lines if line.startswith(f'{event}:')]
    more = [int(match[1]) for line in found if (match := re.search(r'\((\d+) more times?\)', line))]
    # A line that carries a count stands for that many; one without for itself.
    return sum(more) + len(found) - len(more), len(found)


def state(guest):
    return deb.status(guest)['state']


def wait_lost(guest, seconds=60):
    guest.until('it is no longer connected', '! bmclinkctl status', seconds)


def wait_another_connection(guest, before, seconds=120):
    """For losses that may be over before anyone can look: the NIC is another one."""
    guest.until('another NIC', f'test "$(cat /sys/class/net/*/ifindex | sort -n | tail -1)" -gt '
                f'{before}', seconds)
    guest.until('connected over it', f'nft list tables | grep -v bmclink_{before}$ | '
                'grep bmclink_ && bmclinkctl status', seconds)


def index(guest):
    return int(guest.sh(f'cat /sys/class/net/{deb.nic(guest)}/ifindex'))


@pytest.fixture
def protected(installed):
    """Connected over IPv4, with the NIC's filter in place."""
    assert deb.status(installed)['protocol'] == 'ipv4'
    assert 'bmclink_' in installed.sh('nft list tables')
    return installed


@pytest.mark.short
def test_hundred_unplugs(protected):
    """Reconnected each time, nothing left behind, and a few lines with a count in the journal."""
    guest = protected
    flap = ['/usr/bin/python3', '-I', '/usr/local/lib/bmclink-vm/flap.py']
    # The first cycles take what memory the allocator keeps, and the first lines of the log.
    guest.run([*flap, 3, 60], timeout=400)
    before, since, begin = Record(guest), cursor(guest), time.monotonic()
    told = counts(guest)
    said = json.loads(guest.run([*flap, CYCLES, 120], timeout=1800).out)
    minutes = int(time.monotonic() - begin) // 60
    assert said['stuck'] is None, said
    assert said['cycles'] == CYCLES
    print('ms from plug to connected, median', sorted(said['ms'])[CYCLES // 2], 'max',
          max(said['ms']))
    after = Record(guest)
    print('descriptors', after.files, 'PSS of both processes', before.kilobytes, '->',
          after.kilobytes, 'kB')
    after.assert_as(before)
    lines = journal(guest, since)
    print('\n'.join(lines))
    # Of each event one line, then one a minute with a count; of other lines the first four.
    for event in ('ISM0005', 'ISM0007', 'ISM1025'):
        _, shown = times_of(lines, event)
        assert shown <= 2 + minutes, event
        assert counts(guest)[event] - told[event] == CYCLES, event
    assert len(lines) < 12 * (4 + minutes)


def test_reset_of_the_bmc(protected):
    """NIC and service go together, at whatever moment."""
    guest = protected
    before = Record(guest)
    for _ in range(3):
        old = index(guest)
        guest.sh('systemctl kill -s KILL bmclink-endpoint; '
                 'systemctl restart bmclink-gadget bmclink-endpoint', timeout=120)
        wait_another_connection(guest, old)
    Record(guest).assert_as(before)


def test_reset_of_the_bmc_in_the_middle_of_a_connection(protected):
    """The endpoint dies again and again while the agent is at TCP, TLS or its first requests."""
    guest = protected
    before, since = Record(guest), cursor(guest)
    for wait in ('0', '0.05', '0.1', '0.2', '0.4', '0.8'):
        # The moment is what is tested here, not a thing to wait for. The job of one restart may be
        # told of the kill before.
        guest.sh('systemctl reset-failed bmclink-endpoint; systemctl restart bmclink-endpoint || '
                 f'systemctl restart bmclink-endpoint; sleep {wait}; '
                 'systemctl kill -s KILL bmclink-endpoint', timeout=120)
    guest.sh('systemctl reset-failed bmclink-endpoint; systemctl restart bmclink-endpoint')
    deb.wait_connected(guest, 120)
    lines = journal(guest, since)
    print('\n'.join(lines))
    assert any(line.startswith(('ISM0007:', 'ISM1020:')) for line in lines), 'none has hit'
    Record(guest).assert_as(before)


def test_nic_renamed(protected):
    guest = protected
    nic = deb.nic(guest)
    guest.sh(f'ip link set {nic} down; ip link set {nic} name pass0; ip link set pass0 up')
    guest.until('it goes on under the new name', 'bmclinkctl status | grep -q pass0')
    assert deb.wait_connected(guest)['interface'] == 'pass0'
    assert '169.254.2.3' in guest.sh('ip -4 addr show dev pass0')
    assert guest.sh('nft list tables').count('bmclink_') == 1


def test_suspended_endpoint(protected):
    """It hangs with its sockets open: a connection outlives that, a new one waits for its end."""
    guest = protected
    before, since = Record(guest), deb.status(guest)['since']
    guest.sh('systemctl kill -s STOP bmclink-endpoint; systemctl kill -s CONT bmclink-endpoint')
    assert deb.wait_connected(guest)['since'] == since
    guest.sh('systemctl kill -s STOP bmclink-endpoint')
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    guest.until('it has tried in vain', 'bmclinkctl status | grep -q "^Reason.*TLS" && '
                '! bmclinkctl status', 120)
    guest.sh('systemctl kill -s CONT bmclink-endpoint')
    deb.wait_connected(guest, 120)
    Record(guest).assert_as(before)


def test_address_removed_and_added_again(protected):
    """Row 8: it is not put back, the other protocol is used; an administrator mends it."""
    guest = protected
    before = Record(guest)
    nic = deb.nic(guest)
    guest.sh(f'ip -4 addr flush dev {nic}')
    guest.until('it has let IPv4 go', '! bmclinkctl status || bmclinkctl status | grep -q IPv6')
    guest.until('it uses IPv6 instead', 'bmclinkctl status | grep "^Protocol *IPv6"', 60)
    guest.sh('systemctl restart bmclinkd')
    guest.until('IPv6 again', 'bmclinkctl status | grep "^Protocol *IPv6"', 60)
    assert guest.sh(f'ip -o -4 addr show dev {nic}') == ''
    guest.sh(f'ip addr add 169.254.2.3 peer 169.254.2.2/32 dev {nic}')
    guest.until('IPv4 again', 'bmclinkctl status | grep "^Protocol *IPv4"', 120)
    assert Record(guest).rules == before.rules


def setup_by_networkd(guest):
    return guest.sh(f"networkctl -n 0 status {deb.nic(guest)} | sed -n 's/^ *State: *//p'")


def test_networkd_and_modemmanager_keep_off(protected):
    """Nobody manages the NIC, so networkd leaves it alone, and nothing waits for it."""
    guest = protected
    before = Record(guest)
    shown = guest.sh(f'udevadm info -q property /sys/class/net/{deb.nic(guest)}').splitlines()
    assert {'ID_MM_DEVICE_IGNORE=1', 'NM_UNMANAGED=1'} <= set(shown)
    guest.sh('systemctl start systemd-networkd', timeout=180)
    deb.until('networkd knows the NIC', lambda: 'unmanaged' in setup_by_networkd(guest), 120)
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    deb.wait_connected(guest, 120)
    assert 'unmanaged' in setup_by_networkd(guest)
    guest.sh('systemctl stop systemd-networkd.socket systemd-networkd', timeout=120)
    assert state(guest) == 'connected'
    Record(guest).assert_as(before)


def test_networkd_keeps_the_nic_of_an_administrator(protected):
    """A file of his that sorts before ours; bmclinkd connects with his address."""
    guest = protected
    guest.put('/etc/systemd/network/20-bmc.network',
              '[Match]\nProperty=BMCLINK_NIC=1\n[Network]\nAddress=169.254.2.77/24\n'
              'LinkLocalAddressing=no\n')
    guest.sh('systemctl start systemd-networkd', timeout=180)
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    deb.wait_nic(guest)
    deb.until('networkd has it', lambda: 'configured' in setup_by_networkd(guest), 120)
    deb.wait_connected(guest)
    shown = guest.sh(f'ip -4 -o addr show dev {deb.nic(guest)}')
    assert '169.254.2.77/24' in shown and '169.254.2.3' not in shown


def test_networkmanager_keeps_off(protected):
    """Nobody manages the NIC, so NetworkManager leaves it alone, whichever of them comes first."""
    guest = protected
    before = Record(guest)
    guest.sh('systemctl start NetworkManager', timeout=180)
    nic = deb.nic(guest)
    assert guest.sh(f'nmcli -g GENERAL.STATE device show {nic}').startswith('10 ')
    assert state(guest) == 'connected'
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    deb.wait_connected(guest, 120)
    assert guest.sh(f'nmcli -g GENERAL.STATE device show {deb.nic(guest)}').startswith('10 ')
    guest.sh('systemctl stop NetworkManager')
    assert state(guest) == 'connected'
    Record(guest).assert_as(before)


def test_networkmanager_keeps_the_nic_of_an_administrator(protected):
    """His profile makes the NIC his, from its next birth on; bmclinkd connects with his address."""
    guest = protected
    nic = deb.nic(guest)
    guest.sh('systemctl start NetworkManager', timeout=180)
    guest.sh(f'nmcli connection add type ethernet ifname {nic} con-name bmc ipv4.method manual '
             'ipv4.addresses 169.254.2.77/24 ipv6.method disabled', timeout=120)
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    deb.wait_nic(guest)
    guest.until('NetworkManager has it', f'nmcli -g GENERAL.STATE device show {nic} | grep ^100',
                120)
    deb.wait_connected(guest)
    shown = guest.sh(f'ip -4 -o addr show dev {nic}')
    assert '169.254.2.77/24' in shown and '169.254.2.3' not in shown


DOCKER = '''
table ip filter {
  chain FORWARD { type filter hook forward priority filter; policy drop; }
  chain INPUT { type filter hook input priority filter; policy drop;
    ct state established,related accept; iif lo accept; }
}
table ip nat {
  chain POSTROUTING { type nat hook postrouting priority srcnat;
    ip saddr 172.17.0.0/16 oifname != docker0 masquerade; }
}
'''


def test_docker_like_rules(protected):
    """Policies that drop, of somebody else: answers come in, and his rules stay as they were."""
    guest = protected
    guest.run(['nft', '-f', '-'], data=DOCKER.encode())
    theirs = guest.sh('nft -s list table ip filter; nft -s list table ip nat')
    before = Record(guest)
    deb.unplug(guest)
    wait_lost(guest)
    deb.plug(guest)
    deb.wait_connected(guest, 120)
    Record(guest).assert_as(before)
    guest.sh('systemctl stop bmclinkd')
    assert guest.sh('nft -s list table ip filter; nft -s list table ip nat') == theirs
    assert 'bmclink_' not in guest.sh('nft list tables')
