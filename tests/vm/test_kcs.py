# SPDX-License-Identifier: Apache-2.0
"""Trust over IPMI (DSP0270) through a real driver: ipmi_si and ipmi_devintf on QEMU's KCS.

What the BMC's IPMI firmware says is scripted in /run/bmc/ipmi-mode; by default it forwards to
`bmclink-endpoint ipmi`. tests/net/test_kcs.py has the many cases, with a played /dev/ipmi0.
"""

import packages as deb
import pytest

BOOTSTRAP = '/var/lib/bmclink/worker/bootstrap.json'
PATIENCE = 240  # seconds, for a hang: the machine under the guest may be busy


def install(guest, packages, mode='endpoint'):
    guest.put('/run/bmc/ipmi-mode', mode + '\n')
    guest.copy_in(packages['bmclink'], '/var/tmp/bmclink.deb')
    guest.sh('dpkg -i /var/tmp/bmclink.deb', timeout=180)


def trust(guest):
    return guest.json('bmclinkctl trust show --json')


def events(guest):
    return guest.sh('bmclinkctl events')


def commands(guest):
    """Of group 52h, as they came through the KCS: ['01', '02', ...]."""
    lines = guest.sh('cat /run/bmc/ipmi-log 2>/dev/null', check=False).splitlines()
    return [line.split()[1][2:4] for line in lines if line.split()[1].startswith('b0')]


@pytest.mark.short
def test_trust_over_a_real_kcs(with_bmc, packages):
    """Unpadded credentials, as some firmware has them: known for good, and nothing left over."""
    install(with_bmc, packages, 'unpadded')
    deb.wait_connected(with_bmc, PATIENCE)
    show = trust(with_bmc)
    assert show['made_by'] == 'kcs' and not show['window_open']
    pin = with_bmc.sh('openssl x509 -in /var/lib/bmclink/endpoint/endpoint.crt -noout '
                      '-fingerprint -sha256').split('=')[1]
    assert show['pin'].lower() == pin.lower()
    assert commands(with_bmc).count('02') == 1
    assert 'ISM1130' in events(with_bmc) and 'ISM1009' not in events(with_bmc)
    assert with_bmc.run(['test', '-e', BOOTSTRAP], check=False).code
    # A restart asks nobody.
    asked = len(commands(with_bmc))
    with_bmc.sh('systemctl restart bmclinkd')
    deb.wait_connected(with_bmc, PATIENCE)
    assert len(commands(with_bmc)) == asked


IMPOSTOR = '''
cd /var/tmp
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=impostor \
    -keyout impostor.key -out impostor.crt 2>/dev/null
systemd-run -q -u impostor -p NetworkNamespacePath=/run/netns/bmc \
    openssl s_server -quiet -www -accept 8443 -key /var/tmp/impostor.key -cert /var/tmp/impostor.crt
'''
REDIRECT = '''table inet impostor {
    chain in { type nat hook prerouting priority dstnat; tcp dport 443 redirect to :8443; }
}
'''


def test_man_in_the_middle_at_enrolment(with_bmc, packages):
    """Somebody else answers on the NIC: the BMC's word over IPMI names another certificate. No
    trust is made, and no credentials are asked for."""
    guest = with_bmc
    guest.sh(IMPOSTOR)
    guest.bmc(f"nft '{REDIRECT}'")
    install(guest, packages)
    guest.until('it is said', 'bmclinkctl events | grep -q ISM1132', PATIENCE)
    assert not trust(guest)['pinned'] and commands(guest).count('02') == 0
    assert '01' in commands(guest)
    # He is gone: the BMC itself is taken.
    guest.bmc('nft delete table inet impostor')
    deb.wait_connected(guest, 2 * PATIENCE)
    assert trust(guest)['made_by'] == 'kcs'


def test_firmware_used_it_first(with_bmc, packages):
    install(with_bmc, packages, 'code:80')
    deb.wait_connected(with_bmc, PATIENCE)
    assert trust(with_bmc)['made_by'] == 'first-use'
    assert 'ISM1133' in events(with_bmc)


def test_a_kcs_that_stalls_holds_up_nobody(with_bmc, packages):
    """QEMU gives up after 4 s with C3h. No trust is made without the BMC's word, nobody waits, and
    all is well when it speaks."""
    install(with_bmc, packages, 'stall')
    with_bmc.until('it is said', 'bmclinkctl events | grep -q ISM1134', PATIENCE)
    assert with_bmc.sh('systemctl is-active bmclinkd') == 'active'
    assert not trust(with_bmc)['pinned']
    with_bmc.put('/run/bmc/ipmi-mode', 'endpoint\n')
    deb.wait_connected(with_bmc, PATIENCE)
    assert trust(with_bmc)['made_by'] == 'kcs'


def test_board_swap(with_bmc, packages):
    install(with_bmc, packages)
    deb.wait_connected(with_bmc, PATIENCE)
    old = trust(with_bmc)['pin']
    with_bmc.sh('systemctl stop bmclink-endpoint; rm -rf /var/lib/bmclink/endpoint/*; '
                'systemctl start bmclink-endpoint')
    with_bmc.until('the new one is pinned', 'bmclinkctl events | grep -q ISM1131', PATIENCE)
    deb.wait_connected(with_bmc, PATIENCE)
    assert trust(with_bmc)['pin'] != old and trust(with_bmc)['made_by'] == 'kcs'
