# SPDX-License-Identifier: Apache-2.0
"""The virtual server has what a real one has: type 42, a USB NIC, a KCS, systemd."""

from pathlib import Path

import packages as deb
import pytest

DATA = Path(__file__).resolve().parents[1] / 'data/smbios42'


def test_type_42_is_what_the_firmware_says(booted):
    shown = booted.get('/sys/firmware/dmi/entries/42-0/raw')
    assert shown == (DATA / 'dell_r740.raw').read_bytes()
    assert booted.sh('stat -c %a /sys/firmware/dmi/entries/42-0/raw') == '400'


@pytest.mark.short
def test_kcs_answers_get_device_id(booted):
    """Over the driver, QEMU's KCS, the VM protocol and back."""
    assert booted.sh('test -c /dev/ipmi0 && ipmitool raw 6 1').split()[:2] == ['20', '01']


def test_kcs_says_what_it_has_not(booted):
    said = booted.run(['ipmitool', 'raw', '0x2c', '0x09', '0x52'], check=False)
    assert said.code and '0xc1' in (said.out + said.err).lower()


@pytest.mark.short
def test_booted_without_a_failed_unit(booted):
    assert booted.sh('systemctl is-system-running') == 'running'


def test_nic_is_a_usb_nic_of_the_bmc(with_bmc):
    nic = deb.nic(with_bmc)
    assert with_bmc.text(f'/sys/class/net/{nic}/device/../idVendor') == '413c'
    assert with_bmc.sh(f'readlink /sys/class/net/{nic}/device/driver').endswith('/cdc_ether')
    assert '169.254.2.2/24' in with_bmc.bmc('ip -br addr show dev usb0')


@pytest.mark.short
def test_connects_over_the_usb_nic_once_installed(installed):
    """Installed from the packages of this checkout; nothing was configured."""
    assert installed.sh('systemctl is-active bmclinkd bmclink-endpoint').split() == ['active'] * 2
    status = deb.status(installed)
    assert (status['state'], status['protocol'], status['encrypted']) == ('connected', 'ipv4', True)


@pytest.mark.short
@pytest.mark.parametrize('name', ['idrac.local', 'bmc.local', '169.254.2.2'])
def test_clients_verify_the_bmc_by_name_and_address(installed, name):
    """The service of the BMC is there before its NIC has an address."""
    certificate = '/var/lib/bmclink/endpoint/endpoint.crt'
    shown = installed.json(f'curl -fsS --cacert {certificate} https://{name}/redfish/v1/')
    assert shown['@odata.id'] == '/redfish/v1/'


@pytest.mark.short
def test_sandboxes_hold_without_a_denial(installed):
    """AppArmor is enforcing, and neither it nor the unit's filters are in the way."""
    assert 'bmclinkd (enforce)' in installed.sh('cat /sys/kernel/security/apparmor/profiles')
    pid = installed.sh('systemctl show -P MainPID bmclinkd')
    assert installed.text(f'/proc/{pid}/attr/current') == 'bmclinkd (enforce)'
    audit = installed.sh('journalctl -b --no-pager -o cat _TRANSPORT=audit')
    assert 'apparmor="DENIED"' not in audit, audit
    assert not [line for line in audit.splitlines() if 'SECCOMP' in line and 'bmclink' in line]
    assert 'ISM1035' not in installed.sh('journalctl -u bmclinkd -o cat --no-pager')
