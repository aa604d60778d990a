# SPDX-License-Identifier: Apache-2.0
"""Boots: nothing waits for bmclinkd, and bmclinkd waits for nothing; it connects by itself."""

import json

import packages as deb
import pytest
from record import Record

BMC_UNITS = 'bmclink-gadget bmclink-endpoint'
STALL = 'd /run/bmc\nf+ /run/bmc/ipmi-mode - - - - stall\n'


class Boot:
    """What systemd says of this boot, in ms: until all of it was done, and bmclinkd's own start."""

    def __init__(self, guest, what):
        times = {}
        for unit, point in (('multi-user.target', 'ActiveEnter'), ('bmclinkd', 'InactiveExit'),
                            ('bmclinkd', 'ActiveEnter')):
            shown = guest.sh(f'systemctl show -P {point}TimestampMonotonic {unit}')
            times[unit, point] = int(shown or 0) // 1000
        self.done = times['multi-user.target', 'ActiveEnter']
        self.ready = times['bmclinkd', 'ActiveEnter']
        self.own = self.ready - times['bmclinkd', 'InactiveExit']
        print(f'{what}: booted after {self.done} ms, bmclinkd ready in {self.own} ms')
        print(guest.sh('systemd-analyze time; systemd-analyze critical-chain multi-user.target; '
                       'systemd-analyze blame | grep -E "bmclink|udev" || true',
                       timeout=300))


def first_told(guest, event):
    """When this boot's first event of that name was told, in ms since the kernel's start."""
    guest.until(f'event {event}', f'journalctl -b -q -u bmclinkd BMCLINK_EVENT={event} | grep -q .',
                240)
    shown = guest.sh(f'journalctl -b -q -u bmclinkd BMCLINK_EVENT={event} -o json | head -1')
    return int(json.loads(shown)['__MONOTONIC_TIMESTAMP']) // 1000


def assert_nothing_waits(guest):
    """Ordered before nothing but the target; started by nothing but the target, so not by udev."""
    before = guest.sh('systemctl show -P Before bmclinkd').split()
    assert set(before) <= {'multi-user.target', 'shutdown.target'}, before
    assert guest.sh('systemctl show -P WantedBy -P RequiredBy -P TriggeredBy bmclinkd').split() == \
        ['multi-user.target']
    assert 'SYSTEMD_WANTS' not in guest.sh('udevadm info --export-db | grep -i bmclink || true')
    for target in ('sysinit.target', 'network-online.target', 'systemd-udev-settle.service'):
        chain = guest.sh(f'systemd-analyze critical-chain {target} 2>&1 || true', timeout=300)
        assert 'bmclink' not in chain, chain
    # All of udev's work is done, whatever bmclinkd and the BMC do.
    guest.sh('udevadm settle --timeout=30', timeout=60)


def assert_booted(guest):
    assert guest.sh('systemctl is-system-running') == 'running', guest.sh('systemctl --failed')
    assert guest.sh('systemctl is-active bmclinkd') == 'active'


def test_reboot(installed):
    """NIC there and BMC answering: connected again, not configured a second time."""
    guest = installed
    before = Record(guest)
    guest.reboot()
    deb.wait_connected(guest, 240)
    Boot(guest, 'connected')
    assert_nothing_waits(guest)
    assert_booted(guest)
    events = guest.sh('journalctl -b -u bmclinkd -o cat --no-pager')
    assert 'ISM1025: ' in events and 'ISM1010: ' not in events, events
    assert 'ISM1009: ' not in events, 'trust is made once'
    after = Record(guest)
    assert (after.rules, after.addresses, after.sysctls) == (
        before.rules, before.addresses, before.sysctls)


def test_power_cut_then_no_nic_and_a_kcs_that_stalls(installed):
    """The boot is as it would be without us; and the link comes when the NIC does."""
    guest = installed
    guest.sh(f'systemctl disable {BMC_UNITS}')
    guest.put('/etc/tmpfiles.d/ipmi-mode.conf', STALL)
    guest.sh('sync')
    guest.power_cut()
    guest.start()
    assert guest.text('/run/bmc/ipmi-mode') == 'stall'
    Boot(guest, 'no NIC')
    assert_nothing_waits(guest)
    assert_booted(guest)
    guest.until('it says that there is no NIC',
                'bmclinkctl status | grep -q "^State *no-interface"')
    guest.sh(f'systemctl start {BMC_UNITS}', timeout=120)
    deb.wait_connected(guest, 240)
    events = guest.sh('journalctl -b -u bmclinkd -o cat --no-pager')
    assert 'ISM1010: ' not in events, 'the one-time configuration outlives a power cut'


@pytest.mark.short
def test_boot_is_not_delayed(installed):
    """With bmclink, its NIC there and a BMC that answers nothing at all; and the same boot without
    bmclink. Its own start is all that it adds, and that one waits for nothing."""
    guest = installed
    # Not yet enrolled, a KCS that never answers, a NIC with nobody behind it: the worst there is.
    guest.sh('bmclinkctl trust forget; systemctl stop bmclinkd; bmclinkd --cleanup; '
             'systemctl disable bmclink-endpoint')
    guest.put('/etc/tmpfiles.d/ipmi-mode.conf', STALL)
    guest.reboot()
    silent = Boot(guest, 'silent BMC')
    assert deb.nic(guest) and guest.text('/run/bmc/ipmi-mode') == 'stall'
    assert_nothing_waits(guest)
    assert_booted(guest)
    assert guest.run(['bmclinkctl', 'status'], check=False).code == 3
    # Of its waits (QEMU's KCS gives up after 4 s) none is before ready.
    assert silent.ready < first_told(guest, 'ISM1134')
    guest.sh('systemctl disable bmclinkd')
    guest.reboot()
    without = Boot(guest, 'without bmclink')
    assert guest.sh('systemctl is-active bmclinkd || true') == 'inactive'
    # The machine under the guest may be busy now, and not then: this is about waits, not work.
    assert silent.done < 1.5 * without.done + 5000


@pytest.mark.short
def test_twin_an_order_would_be_seen(installed):
    installed.put('/etc/systemd/system/bmclinkd.service.d/order.conf',
                  '[Unit]\nBefore=network-online.target\n')
    installed.sh('systemctl daemon-reload')
    with pytest.raises(AssertionError, match='network-online.target'):
        assert_nothing_waits(installed)
