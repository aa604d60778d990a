# SPDX-License-Identifier: Apache-2.0
"""Boots: nothing waits for bmclinkd, and bmclinkd waits for nothing; it connects by itself."""

import packages as deb


def analyse(guest):
    """Print what systemd says of this boot; gives the milliseconds that bmclinkd took to start."""
    print(guest.sh('systemd-analyze time; systemd-analyze critical-chain multi-user.target; '
                   'systemd-analyze blame | grep -E "bmclink|udev" || true'))
    times = guest.sh('systemctl show -P InactiveExitTimestampMonotonic -P '
                     'ActiveEnterTimestampMonotonic bmclinkd').split()
    return (max(map(int, times)) - min(map(int, times))) // 1000


def assert_nothing_waits(guest):
    """Ordered before nothing but the target; started by nothing but the target, so not by udev."""
    before = guest.sh('systemctl show -P Before bmclinkd').split()
    assert set(before) <= {'multi-user.target', 'shutdown.target'}, before
    assert guest.sh('systemctl show -P WantedBy -P RequiredBy -P TriggeredBy bmclinkd').split() == \
        ['multi-user.target']
    assert 'SYSTEMD_WANTS' not in guest.sh('udevadm info --export-db | grep -i bmclink || true')
    # All of udev's work is done, whatever bmclinkd and the BMC do.
    guest.sh('udevadm settle --timeout=30', timeout=60)


def assert_ready_first(guest):
    """Ready is told before the first look at a NIC: the boot goes on."""
    lines = guest.sh('journalctl -b -u bmclinkd -o cat --no-pager').splitlines()
    started = next(i for i, line in enumerate(lines) if line.startswith('Started bmclinkd'))
    looked = next(i for i, line in enumerate(lines) if 'pass-through NIC' in line)
    assert started < looked, lines


def test_reboot(installed):
    """NIC there and BMC answering: connected again, not configured a second time."""
    guest = installed
    guest.reboot()
    deb.wait_connected(guest, 180)
    print('bmclinkd was ready after', analyse(guest), 'ms')
    assert_nothing_waits(guest)
    assert_ready_first(guest)
    events = guest.sh('journalctl -b -u bmclinkd -o cat --no-pager')
    assert 'ISM1025: ' in events and 'ISM1010: ' not in events, events
    assert 'ISM1009: ' not in events, 'trust is made once'
    assert guest.sh('systemctl is-system-running') == 'running'


def test_power_cut_then_no_nic_and_a_kcs_that_stalls(installed):
    """The boot is as it would be without us; and the link comes when the NIC does."""
    guest = installed
    guest.sh('systemctl disable bmclink-gadget bmclink-endpoint')
    guest.put('/etc/tmpfiles.d/ipmi-mode.conf', 'd /run/bmc\nf+ /run/bmc/ipmi-mode - - - - stall\n')
    guest.sh('sync')
    guest.power_cut()
    guest.start()
    assert guest.text('/run/bmc/ipmi-mode') == 'stall'
    print('bmclinkd was ready after', analyse(guest), 'ms')
    assert_nothing_waits(guest)
    assert guest.sh('systemctl is-system-running') == 'running'
    guest.until('it says that there is no NIC',
                'bmclinkctl status | grep -q "^State *no-interface"')
    guest.sh('systemctl start bmclink-gadget bmclink-endpoint', timeout=120)
    deb.wait_connected(guest, 120)
    events = guest.sh('journalctl -b -u bmclinkd -o cat --no-pager')
    assert 'ISM1010: ' not in events, 'the one-time configuration outlives a power cut'
