# SPDX-License-Identifier: Apache-2.0
"""The agent updates itself from the BMC: two versions that the project built, real dpkg, systemd's
path unit, AppArmor (rows S16, S20). What is refused, and who is killed: tests/net/test_update.py.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

import packages as deb
from life import denials, fingerprint, wait_event, wait_new_fingerprint

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'lib'))
from signing import Key  # noqa: E402

VERSION = '0.2.0'
STATE = '/var/lib/bmclink/monitor/update/state.json'


@pytest.fixture(scope='session')
def newer():
    """The same sources under the next version."""
    return deb.build(VERSION)['bmclink']


@pytest.fixture
def offered(installed, packages, newer, tmp_path):
    """The host trusts a key, and the BMC has both packages, signed by it."""
    key = Key(tmp_path)
    installed.sh('mkdir -p /etc/bmclink/update-keys /var/tmp/packages')
    installed.copy_in(Path(key.public), '/etc/bmclink/update-keys/test.pub')
    installed.sh('chown -R 0:0 /etc/bmclink/update-keys; chmod 644 /etc/bmclink/update-keys/*')
    for path in (packages['bmclink'], newer):
        copy = tmp_path / path.name
        shutil.copy(path, copy)
        for file in (copy, Path(key.sign(copy))):
            installed.copy_in(file, f'/var/tmp/packages/{file.name}')
        installed.sh(f'bmclink-endpoint package add /var/tmp/packages/{path.name}')
    return installed


def version(guest):
    status, found = guest.sh("dpkg-query -W -f='${db:Status-Status} ${Version}' bmclink").split()
    assert status == 'installed', status
    return found


def state(guest):
    return json.loads(guest.sh(f'cat {STATE} 2>/dev/null || echo "{{}}"'))


def wait_step(guest, step, seconds=400):
    deb.until(f'the update is {step}', lambda: state(guest).get('step') == step, seconds)


def test_s20_an_update_from_the_bmc(offered):
    wait_event(offered, 'ISM1260')
    old, certificate = version(offered), fingerprint(offered)
    offered.sh('bmclinkctl update install', timeout=240)
    wait_step(offered, 'done')
    assert version(offered).startswith(VERSION) and not old.startswith(VERSION)
    status = deb.wait_connected(offered, 120)
    assert status['package'] == version(offered)
    wait_event(offered, 'ISM1262')
    wait_new_fingerprint(offered, certificate)
    assert denials(offered) == []
    assert offered.sh('systemctl is-active bmclink-update.path') == 'active'
    assert offered.sh('systemctl is-failed bmclink-update.service || true') != 'failed'


def test_s20_one_that_does_not_start_is_taken_back(offered):
    wait_event(offered, 'ISM1260')
    old = version(offered)
    offered.put('/usr/local/sbin/only-old',
                f'#!/bin/sh\n! bmclinkd --version | grep -q {VERSION}\n')
    offered.sh('''chmod 755 /usr/local/sbin/only-old
        mkdir -p /etc/systemd/system/bmclinkd.service.d /etc/systemd/system/bmclink-update.service.d
        printf '[Service]\\nExecStartPre=/usr/local/sbin/only-old\\n' \
            >/etc/systemd/system/bmclinkd.service.d/test.conf
        printf '[Service]\\nExecStart=\\nExecStart=/usr/libexec/bmclink/bmclink-update %s\\n' \
            '--connect-seconds 30' >/etc/systemd/system/bmclink-update.service.d/test.conf
        systemctl daemon-reload''')
    offered.sh('bmclinkctl update install', timeout=240)
    wait_step(offered, 'returned')
    assert version(offered) == old
    assert deb.wait_connected(offered, 120)['package'] == old
    wait_event(offered, 'ISM1264')


def test_s20_the_power_goes_in_the_middle_of_dpkg(offered):
    offered.sh('bmclinkctl update install', timeout=240)
    deb.until('dpkg is at work', lambda: state(offered).get('step') in (
        'installing', 'connecting', 'done'), 120)
    offered.power_cut()
    offered.start()
    wait_step(offered, 'done')
    assert version(offered).startswith(VERSION)
    deb.wait_connected(offered, 180)
