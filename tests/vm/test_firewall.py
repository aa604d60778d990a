# SPDX-License-Identifier: Apache-2.0
"""In-band access behind an administrator's firewall, firewalld or ufw as Debian has them: closed
until he opens it with the service or profile that we ship, side by side with our own table."""

import re

import clients
import packages as deb
import pytest
from life import PATIENCE, denials


def ruleset(guest):
    """Without counters: (our table, all others). The NIC's index is new with each birth of it."""
    text = guest.sh('nft -s list ruleset')
    found = re.split(r'^(?=table )', text + '\n', flags=re.MULTILINE)
    ours = [table for table in found if table.startswith('table inet bmclink_')]
    assert len(ours) == 1, text
    return (re.sub(r'bmclink_\d+|iif != "?\w+"?', 'N', ours[0]),
            [table for table in found if table.startswith('table ') and table not in ours])


@pytest.fixture
def networked(machines):
    """Connected, and another machine in a network of the server; in-band access is off."""
    return machines.at('networked', 'installed', clients.add)


def wait_looks(guest, answer, text=''):
    """As status tells it, which asks the firewall's own program, for 20 s at most."""
    def looks():
        shown = clients.access(guest).get('firewall', {})
        return shown.get('port') == answer and text in shown['text']
    deb.until(f'status says that the port is {answer}', looks, PATIENCE)


def assert_reached(guest):
    for host in clients.HOSTS:
        assert clients.reaches(guest, host), str(clients.curl(guest, host))


def assert_shut_out(guest):
    for host in clients.HOSTS:
        assert clients.is_shut_out(guest, host), str(clients.curl(guest, host, 5))


def flap(guest):
    deb.unplug(guest)
    guest.until('the loss is seen', '! bmclinkctl status')
    deb.plug(guest)
    deb.wait_connected(guest)
    deb.until('in-band access is back', lambda: clients.is_open(guest), PATIENCE)


def start_firewalld(guest):
    """As with NetworkManager, its zone has the interface."""
    guest.sh('systemctl start firewalld', timeout=300)
    guest.until('its rules are there', 'nft list table inet firewalld | grep -q filter_INPUT', 240)
    guest.sh('firewall-cmd -q --permanent --zone=public --add-interface=lan0; '
             'firewall-cmd -q --reload', timeout=300)


def start_ufw(guest):
    guest.sh('ufw --force enable', timeout=300)
    guest.until('its rules are there', 'nft list table ip filter | grep -q ufw-user-input', 240)


FIREWALLS = {
    'firewalld': (start_firewalld, 'firewall-cmd --permanent --add-service=bmclink-access && '
                                   'firewall-cmd --reload', 'systemctl stop firewalld'),
    'ufw': (start_ufw, 'ufw allow bmclink-access', 'ufw disable'),
}


@pytest.mark.parametrize('name', FIREWALLS)
def test_s17_behind_the_firewall_of_an_administrator(networked, name):
    guest, (start, mend, stop) = networked, FIREWALLS[name]
    listened, (mine, nobodys) = clients.listening(guest), ruleset(guest)
    assert nobodys == []
    start(guest)
    kept, theirs = ruleset(guest)
    assert theirs and kept == mine
    said = clients.enable(guest)
    assert 'the port looks closed' in said.err
    wait_looks(guest, 'closed', mend)
    assert_shut_out(guest)
    # Nothing of the firewall is changed by us: what it says to do is left to do.
    assert ruleset(guest) == (mine, theirs)
    guest.sh(mend, timeout=300)
    opened = ruleset(guest)[1]
    assert opened != theirs
    wait_looks(guest, 'open')
    assert_reached(guest)
    flap(guest)
    assert_reached(guest)
    assert ruleset(guest) == (mine, opened)
    # Its own restart takes nothing of ours.
    guest.sh('ufw reload' if name == 'ufw' else 'firewall-cmd --reload', timeout=300)
    assert ruleset(guest)[0] == mine
    assert_reached(guest)
    guest.sh('bmclinkctl access disable', timeout=120)
    assert_shut_out(guest)
    assert clients.listening(guest) == listened
    guest.sh(stop, timeout=300)
    assert ruleset(guest)[0] == mine and deb.is_connected(guest)
    assert denials(guest) == []


def test_s17_twin_without_a_firewall_it_is_open(networked):
    """And for those networks alone that the administrator named; the host is no router."""
    guest = networked
    assert_shut_out(guest)
    before = clients.listening(guest)
    assert 'the port looks closed' not in clients.enable(guest).err
    wait_looks(guest, 'open')
    assert_reached(guest)
    assert guest.sh('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding'
                    ).split() == ['0', '0']
    guest.sh('bmclinkctl access enable --allow 198.51.100.0/24', timeout=120)
    for host in clients.HOSTS:
        # The relay ends the connection before a byte: whatever TLS makes of that, no answer.
        done = clients.curl(guest, host)
        assert done.code and done.out == '', str(done)
    guest.sh('bmclinkctl access disable', timeout=120)
    assert clients.listening(guest) == before
