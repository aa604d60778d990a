# SPDX-License-Identifier: Apache-2.0
"""Ten years later: the agent's certificate has expired (rows S25 to S27), with dpkg and auditd.

IPMI is left out (trust and enrolment = first-use), so that it is the expired certificate that opens
the BMC's window, and nothing else; but for one test, which has it as a server with a KCS would.
"""

import packages as deb
import pytest
from life import (DEB, dpkg, first_use, fingerprint, known_to_bmc, put_expired_pair, wait_event,
                  wait_refused)

NEXT = '/var/tmp/next.deb'


@pytest.fixture
def expired(machines, tmp_path_factory):
    """No communication, for the agent's own certificate has expired; the BMC knows that one."""
    def make(guest):
        first_use(guest)
        put_expired_pair(guest, tmp_path_factory.mktemp('expired'))
        wait_refused(guest, 'ISM1002')
    return machines.at('expired', 'installed', make)


def test_s27_auditd_has_the_entry(expired):
    # --input-logs: without a terminal it would read its standard input.
    search = 'ausearch --input-logs -m TRUSTED_APP'
    expired.until('auditd has the record',
                  f'{search} --raw | grep -aq op=bmc-link-certificate-expired', 120)
    record = expired.sh(f'{search} --raw | grep -a op=bmc-link-certificate-expired | tail -1')
    assert 'res=failed' in record and 'exe="/usr/sbin/bmclinkd"' in record
    said = expired.sh('journalctl -u bmclinkd BMCLINK_EVENT=ISM1002 -o cat --no-pager')
    assert 'expired' in said
    # An administrator sees it in a line: the interpreted form names what is wrong.
    assert 'certificate-expired' in expired.sh(f'{search} -i --success no')


def test_s26_same_version_again_does_not_mend_it(expired):
    old = fingerprint(expired)
    dpkg(expired, '-i', DEB)
    wait_event(expired, 'ISM1090')
    wait_refused(expired, 'ISM1002')
    assert fingerprint(expired) == old


def test_s25_uninstall_and_install_mends_it(expired):
    old = fingerprint(expired)
    dpkg(expired, '-r', 'bmclink')
    dpkg(expired, '-i', DEB)
    deb.wait_connected(expired, 240)
    assert fingerprint(expired) in known_to_bmc(expired) and fingerprint(expired) != old


def test_s25_uninstall_and_install_mends_it_over_ipmi(installed, tmp_path):
    """With a KCS no window is needed, nor is there one."""
    put_expired_pair(installed, tmp_path)
    wait_refused(installed, 'ISM1002')
    old = fingerprint(installed)
    dpkg(installed, '-r', 'bmclink')
    dpkg(installed, '-i', DEB)
    deb.wait_connected(installed, 240)
    assert fingerprint(installed) in known_to_bmc(installed) and fingerprint(installed) != old
    assert installed.json('bmclinkctl trust show --json')['made_by'] == 'kcs'


def test_s25_upgrade_mends_it(expired, packages):
    old = fingerprint(expired)
    expired.copy_in(deb.next_revision(packages), NEXT)
    dpkg(expired, '-i', NEXT)
    deb.wait_connected(expired, 240)
    assert fingerprint(expired) in known_to_bmc(expired) and fingerprint(expired) != old


def test_s25_twin_the_window_is_shut_while_another_host_is_known(expired, packages):
    """A certificate that the BMC knows is valid: whoever comes with a new one is refused."""
    expired.sh('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 '
               '-subj /CN=other -keyout /var/tmp/other.key -out /var/tmp/other.crt 2>/dev/null; '
               'bmclink-endpoint trust forget; bmclink-endpoint trust add /var/tmp/other.crt')
    expired.copy_in(deb.next_revision(packages), NEXT)
    dpkg(expired, '-i', NEXT)
    wait_refused(expired, 'ISM1004')
