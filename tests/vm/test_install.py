# SPDX-License-Identifier: Apache-2.0
"""The life of an installation with real dpkg, systemd and AppArmor.

Rows S12, S22 to S24, S26 and S30; what the packages' scripts do without a machine is in
tests/packaging/. Expiry is in test_expiry.py, removal in test_removal.py.
"""

import re

import packages as deb
import pytest
from life import (AGENT_CERT, DEB, PATIENCE, STATE, denials, dpkg, events, fingerprint,
                  known_to_bmc, wait_event, wait_new_fingerprint)

NEXT = '/var/tmp/next.deb'


# --- the sandbox ----------------------------------------------------------------------------------

def test_exposure_is_what_the_document_says(installed):
    text = (deb.TREE / 'docs/packages.md').read_text()
    said = re.search(r'\| `bmclinkd\.service` \| ([0-9.]+) \|', text).group(1)
    shown = installed.sh('systemd-analyze security --no-pager bmclinkd | tail -1', timeout=120)
    assert f'level for bmclinkd.service: {said} ' in shown


@pytest.mark.short
def test_apparmor_enforces_and_denies_nothing_we_need(installed):
    """Connect, reload, restart, lose and find the NIC, reconfigure, be forgotten."""
    for pid in installed.sh('pgrep bmclinkd').split():
        assert installed.text(f'/proc/{pid}/attr/current') == 'bmclinkd (enforce)'
    installed.sh('systemctl reload bmclinkd && systemctl restart bmclinkd')
    deb.wait_connected(installed)
    deb.unplug(installed)
    installed.until('the loss is seen', '! bmclinkctl status')
    deb.plug(installed)
    deb.wait_connected(installed)
    installed.sh('bmclinkctl reconfigure && bmclinkctl discover && bmclinkctl trust show')
    deb.wait_connected(installed)
    installed.sh('bmclinkctl trust forget && systemctl stop bmclinkd')
    assert denials(installed) == []


@pytest.mark.short
def test_apparmor_twin_the_profile_does_deny(installed):
    """The same binary, asked for a file that is not its: stopped, and seen in the audit log."""
    done = installed.run(['bmclinkd', '--check-config', '--config', '/etc/shadow'], check=False)
    assert done.code == 1
    assert any('/etc/shadow' in line for line in denials(installed))


def test_s19_names_by_the_confined_service(installed):
    """/etc/hosts is replaced under AppArmor and ProtectSystem=strict; removal leaves nothing."""
    deb.wait_connected(installed)
    installed.until('the names', 'getent hosts idrac.local')
    bmc = deb.status(installed)['bmc_address']
    assert installed.sh('getent hosts drac.local').split()[0] == bmc
    installed.sh('bmclinkctl names disable && ! grep -q idrac.local /etc/hosts')
    installed.sh('bmclinkctl names enable && getent hosts bmc.local')
    assert installed.sh('stat -c "%U %G %a" /etc/hosts').split() == ['root', 'root', '644']
    assert denials(installed) == []
    dpkg(installed, '-P', 'bmclink')
    installed.sh('! grep -q -e bmclink -e idrac.local /etc/hosts')
    installed.sh('! ls -d /etc/bmclink/bmclinkd.conf*')


# --- installation ---------------------------------------------------------------------------------

@pytest.mark.short
def test_s12_only_ipv6_when_installed_starts_with_ipv4(with_bmc, packages):
    nic = deb.nic(with_bmc)
    with_bmc.sh(f'ip link set {nic} up')
    with_bmc.until('an IPv6 address', f'ip -6 -br addr show dev {nic} | grep -q fe80')
    assert with_bmc.sh(f'ip -4 -o addr show dev {nic}') == ''
    deb.install_agent(with_bmc, packages)
    assert deb.status(with_bmc)['protocol'] == 'ipv4'
    said = with_bmc.sh('journalctl -u bmclinkd -o cat --no-pager BMCLINK_EVENT=ISM0004')
    assert 'IPv4' in said.splitlines()[0] and events(with_bmc).count('ISM1010') == 1


@pytest.mark.short
def test_s22_s23_both_ends_are_self_signed_for_ten_years(installed):
    for path in (AGENT_CERT, f'{STATE}/endpoint/endpoint.crt'):
        installed.sh(f'openssl verify -CAfile {path} {path}')
        names = installed.sh(f'openssl x509 -in {path} -noout -subject -issuer').splitlines()
        assert names[0].split('=', 1)[1] == names[1].split('=', 1)[1]
        dates = installed.sh(f'openssl x509 -in {path} -noout -startdate -enddate')
        years = re.findall(r'(\d{4}) GMT', dates)
        assert int(years[1]) - int(years[0]) == 10


@pytest.mark.short
def test_s24_s30_uninstall_and_install_makes_a_fresh_certificate(installed):
    old = fingerprint(installed)
    assert old in known_to_bmc(installed)
    dpkg(installed, '-r', 'bmclink')
    assert old not in known_to_bmc(installed), 'the BMC was told'
    assert installed.sh(f'ls {STATE}') == 'endpoint'
    dpkg(installed, '-i', DEB)
    deb.wait_connected(installed)
    assert fingerprint(installed) != old and fingerprint(installed) in known_to_bmc(installed)


def test_s26_same_version_again_keeps_the_trust_and_says_so(installed):
    old = fingerprint(installed)
    dpkg(installed, '-i', DEB)
    wait_event(installed, 'ISM1090')
    deb.wait_connected(installed)
    assert fingerprint(installed) == old


@pytest.mark.short
def test_s24_upgrade_makes_a_fresh_certificate(installed, packages):
    old = fingerprint(installed)
    installed.copy_in(deb.next_revision(packages), NEXT)
    dpkg(installed, '-i', NEXT)
    wait_new_fingerprint(installed, old)
    assert 'ISM1090' not in events(installed) and old not in known_to_bmc(installed)


def test_s24_upgrade_while_the_bmc_is_away(installed, packages):
    """The old certificate is kept until the BMC has the new one."""
    old = fingerprint(installed)
    installed.copy_in(deb.next_revision(packages), NEXT)
    installed.sh('systemctl stop bmclink-endpoint')
    dpkg(installed, '-i', NEXT)
    installed.until('the agent answers', 'bmclinkctl status || [ $? -eq 3 ]')
    assert fingerprint(installed) == old
    installed.sh('systemctl restart bmclinkd; systemctl start bmclink-endpoint')
    wait_new_fingerprint(installed, old)


# --- images ---------------------------------------------------------------------------------------

def test_clones_of_an_image(machines, packages):
    """Installed where no service may start: no key. Each machine that boots from it makes its own,
    and so does a copy of one that ran."""
    def make_image(guest):
        guest.put('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', '755')
        guest.copy_in(packages['bmclink'], DEB)
        dpkg(guest, '-i', DEB)
        guest.sh('rm /usr/sbin/policy-rc.d; : >/etc/machine-id; sync')

    found = []
    for clone in ('first', 'second'):
        guest = machines.at('image', 'with-bmc', make_image)
        if clone == 'first':
            assert guest.sh('systemctl is-active bmclinkd || true') == 'inactive'
            assert guest.sh(f'cd {STATE} && find monitor worker -type f 2>/dev/null || true') == \
                'monitor/installed.json'
        guest.reboot()
        deb.wait_connected(guest, 240)
        found.append(fingerprint(guest))
    assert found[0] != found[1]
    guest.sh('systemctl stop bmclinkd; tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id; '
             'systemctl start bmclinkd')
    # Not from the journal: that is still in the folder of the old machine-id.
    guest.until('it noticed', 'bmclinkctl events | grep -q ISM1028', PATIENCE)
    wait_new_fingerprint(guest, found[1])
