# SPDX-License-Identifier: Apache-2.0
"""The life of an installation with real dpkg, systemd, auditd and AppArmor.

Rows S12, S22, S24, S26 and S30; what the packages' scripts do without a machine is in
tests/packaging/.
"""

import json
import re

import packages as deb

STATE = '/var/lib/bmclink'
AGENT_CERT = f'{STATE}/worker/agent.crt'


# --- what is asked of the machine -----------------------------------------------------------------

def fingerprint(guest):
    shown = guest.json('bmclinkctl certificate show --json')
    return shown['fingerprint'].replace(':', '').lower()


def known_to_bmc(guest):
    return guest.sh('bmclink-endpoint trust list').replace(':', '').lower()


def events(guest):
    """Ids of the agent's events in the journal since the machine was taken out of its snapshot."""
    lines = guest.sh('journalctl -u bmclinkd -o json --output-fields=BMCLINK_EVENT --no-pager')
    found = [json.loads(line).get('BMCLINK_EVENT') for line in lines.splitlines()]
    return [name for name in found if name]


def wait_event(guest, name, seconds=60):
    guest.until(f'event {name}', f'journalctl -q -u bmclinkd BMCLINK_EVENT={name} | grep -q .',
                seconds)


def wait_new_fingerprint(guest, old, seconds=90):
    deb.until('connected with a new certificate', lambda: deb.status(guest)['state'] == 'connected'
              and fingerprint(guest) != old and fingerprint(guest) in known_to_bmc(guest), seconds)


def dpkg(guest, *arguments):
    return guest.sh('dpkg ' + ' '.join(arguments) + ' 2>&1', timeout=240)


def next_revision(guest):
    """In the guest: the package one revision on, as a distribution rebuilds it."""
    guest.sh('''cd /root; rm -rf next; dpkg-deb -R bmclink.deb next
                sed -i 's/^Version: .*/&+next/' next/DEBIAN/control
                dpkg-deb -Zgzip -z1 -b next next.deb''', timeout=240)
    return '/var/tmp/next.deb'


def denials(guest, profile='bmclinkd'):
    lines = guest.sh('{ cat /var/log/audit/audit.log; journalctl -k -b --no-pager; } 2>/dev/null | '
                     'grep -a \'apparmor="DENIED"\' || true')
    return [line for line in lines.splitlines() if f'profile="{profile}"' in line]


# --- the sandbox ----------------------------------------------------------------------------------

def test_exposure_is_what_the_document_says(installed):
    text = (deb.TREE / 'docs/packages.md').read_text()
    said = re.search(r'\| `bmclinkd\.service` \| ([0-9.]+) \|', text).group(1)
    shown = installed.sh('systemd-analyze security --no-pager bmclinkd | tail -1', timeout=120)
    assert f'level for bmclinkd.service: {said} ' in shown


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

def test_s12_only_ipv6_when_installed_starts_with_ipv4(with_bmc, packages):
    nic = deb.nic(with_bmc)
    with_bmc.sh(f'ip link set {nic} up')
    with_bmc.until('an IPv6 address', f'ip -6 -br addr show dev {nic} | grep -q fe80')
    assert with_bmc.sh(f'ip -4 -o addr show dev {nic}') == ''
    with_bmc.copy_in(packages['bmclink'], '/var/tmp/bmclink.deb')
    dpkg(with_bmc, '-i', '/var/tmp/bmclink.deb')
    status = deb.wait_connected(with_bmc)
    assert status['protocol'] == 'ipv4'
    said = with_bmc.sh('journalctl -u bmclinkd -o cat --no-pager BMCLINK_EVENT=ISM0004')
    assert 'IPv4' in said.splitlines()[0] and events(with_bmc).count('ISM1010') == 1


def test_s22_s23_both_ends_are_self_signed_for_ten_years(installed):
    for path in (AGENT_CERT, f'{STATE}/endpoint/endpoint.crt'):
        installed.sh(f'openssl verify -CAfile {path} {path}')
        names = installed.sh(f'openssl x509 -in {path} -noout -subject -issuer').splitlines()
        assert names[0].split('=', 1)[1] == names[1].split('=', 1)[1]
        dates = installed.sh(f'openssl x509 -in {path} -noout -startdate -enddate')
        years = re.findall(r'(\d{4}) GMT', dates)
        assert int(years[1]) - int(years[0]) == 10


def test_s24_s30_uninstall_and_install_makes_a_fresh_certificate(installed):
    old = fingerprint(installed)
    assert old in known_to_bmc(installed)
    dpkg(installed, '-r', 'bmclink')
    assert old not in known_to_bmc(installed), 'the BMC was told'
    assert installed.sh(f'ls {STATE}') == 'endpoint'
    dpkg(installed, '-i', '/var/tmp/bmclink.deb')
    deb.wait_connected(installed)
    assert fingerprint(installed) != old and fingerprint(installed) in known_to_bmc(installed)


def test_s26_same_version_again_keeps_the_trust_and_says_so(installed):
    old = fingerprint(installed)
    dpkg(installed, '-i', '/var/tmp/bmclink.deb')
    wait_event(installed, 'ISM1090')
    deb.wait_connected(installed)
    assert fingerprint(installed) == old


def test_s24_upgrade_makes_a_fresh_certificate(installed):
    old = fingerprint(installed)
    dpkg(installed, '-i', next_revision(installed))
    wait_new_fingerprint(installed, old)
    assert 'ISM1090' not in events(installed) and old not in known_to_bmc(installed)


def test_s24_upgrade_while_the_bmc_is_away(installed):
    """The old certificate is kept until the BMC has the new one."""
    old = fingerprint(installed)
    installed.sh('systemctl stop bmclink-endpoint')
    dpkg(installed, '-i', next_revision(installed))
    installed.until('the agent answers', 'bmclinkctl status || [ $? -eq 3 ]')
    assert fingerprint(installed) == old
    installed.sh('systemctl restart bmclinkd; systemctl start bmclink-endpoint')
    wait_new_fingerprint(installed, old)
