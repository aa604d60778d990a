# SPDX-License-Identifier: Apache-2.0
"""TLS on one end only (rows S29, S30, S32, S33): what the order of two upgrades leads to."""

import packages as deb
from life import (DEB, DROP_INS, dpkg, fingerprint, first_use, known_to_bmc, lifecycle_log,
                  wait_event, wait_refused)


def firmware(guest, version):
    """The BMC is flashed; what it knows of hosts stays."""
    guest.put('/etc/bmclink/endpoint.conf.d/firmware.conf',
              f'[Endpoint]\nprofile = idrac\nfirmware_version = {version}\n')
    guest.sh('systemctl restart bmclink-endpoint')


def test_s29_s30_agent_before_the_firmware_that_has_tls(with_bmc, packages):
    """Installed while the BMC had no TLS: plain. Then the BMC gets it, and knows no certificate of
    this host: no communication, until the agent is uninstalled and installed. Nothing is done at
    the BMC for that."""
    first_use(with_bmc)
    firmware(with_bmc, '3.21.21.21')
    with_bmc.copy_in(packages['bmclink'], DEB)
    dpkg(with_bmc, '-i', DEB)
    assert deb.wait_connected(with_bmc, 240)['encrypted'] is False
    wait_event(with_bmc, 'ISM1006')
    firmware(with_bmc, '3.30.30.30')
    # The agent made no trust while it was plain, and may make none on its own any more.
    wait_refused(with_bmc, 'ISM1039')
    assert 'uninstall and install' in with_bmc.sh('bmclinkctl events --json')
    dpkg(with_bmc, '-r', 'bmclink')
    dpkg(with_bmc, '-i', DEB)
    assert deb.wait_connected(with_bmc, 240)['encrypted'] is True
    assert fingerprint(with_bmc) in known_to_bmc(with_bmc)


def test_s32_s33_agent_without_tls(installed):
    """Refused each time, and each of the first attempts is in the Lifecycle log; with TLS again all
    is well."""
    assert lifecycle_log(installed, 'ISM0050') == []
    installed.put(f'{DROP_INS}/old.conf', '[Tls]\ntls = off\n')
    for _ in range(3):
        installed.sh('systemctl restart bmclinkd')
        wait_refused(installed, 'ISM1017')
    records = lifecycle_log(installed, 'ISM0050')
    said = [record['Message'] for record in records]
    assert len(said) >= 3 and all('over IPv4' in text or 'over IPv6' in text for text in said), said
    installed.sh(f'rm {DROP_INS}/old.conf; systemctl restart bmclinkd')
    assert deb.wait_connected(installed)['encrypted'] is True
