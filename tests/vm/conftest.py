# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the virtual server in the states that tests begin with. README.md says how to use them.

One machine runs for all tests of a process, and goes back to a snapshot before each of them.
"""

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import guest as vm  # noqa: E402
import packages as deb  # noqa: E402

# Several machines share the work; what takes longest begins first, so that they end together.
LONGEST_FIRST = (
    'test_boot_is_not_delayed', 'test_clones_of_an_image',
    'test_s17_behind_the_firewall_of_an_administrator',
    'test_removal_and_purge_leave_the_machine_as_it_was', 'test_hundred_unplugs',
    'test_s20_one_that_does_not_start_is_taken_back',
    'test_s20_the_power_goes_in_the_middle_of_dpkg', 'test_reboot',
    'test_power_cut_then_no_nic_and_a_kcs_that_stalls',
    'test_s29_s30_agent_before_the_firmware_that_has_tls')


def pytest_configure(config):
    config.addinivalue_line('markers', 'short: part of the run of everything (./check)')


class Machines:
    """The one machine, and the snapshots that it has by now."""

    def __init__(self, packages):
        self.packages = packages
        self.context = self.guest = None
        self.snapshots = set()
        self.times = []
        self.seconds = 0

    def begin(self):
        begin = time.monotonic()
        states = deb.states(self.packages)
        self.context = vm.Guest.booted(states)
        self.guest = self.context.__enter__()
        self.snapshots = {'booted', *(name for name, _ in states.steps)}
        self.times.append(f'ready after {time.monotonic() - begin:.1f} s')

    def at(self, name, before=None, make=None):
        """The machine at a snapshot. One that there is not yet is made from the one before it:
        at('mine', 'installed', lambda guest: ...)."""
        if not self.guest:
            self.begin()
        if name in self.snapshots:
            self.guest.restore(name)
        else:
            self.at(before)
            begin = time.monotonic()
            make(self.guest)
            self.guest.snapshot(name)
            self.snapshots.add(name)
            self.times.append(f'{name} {time.monotonic() - begin:.1f} s')
        return self.guest

    def take_seconds(self):
        """Of a processor, since this was asked the last time."""
        now = self.guest.processor_seconds()
        taken, self.seconds = now - self.seconds, now
        return round(taken, 1)

    def close(self):
        if self.context:
            self.context.__exit__(None, None, None)


@pytest.fixture(scope='session')
def packages():
    """The .deb packages of this checkout: {'bmclink': Path, 'bmclink-endpoint': Path}."""
    # The first boot meanwhile: with an empty cache both take their time. If it fails, so does the
    # one that wants it, and says why.
    boot = threading.Thread(target=vm.Guest.prepare)
    boot.start()
    try:
        return deb.build()
    finally:
        boot.join()


@pytest.fixture(scope='session')
def machines(packages):
    machines = Machines(packages)
    yield machines
    machines.close()
    if machines.times:
        print('virtual server: ' + ', '.join(machines.times), file=sys.__stderr__)


@pytest.fixture
def booted(machines):
    """A server on which nothing of ours was ever installed."""
    return machines.at('booted')


@pytest.fixture
def with_bmc(machines):
    """The BMC is there and serves, its NIC is on the host; the agent was never installed."""
    return machines.at('with-bmc')


@pytest.fixture
def installed(machines):
    """The agent is installed from its package too, and connected."""
    return machines.at('installed')


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.name.partition('[')[0]
        return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)
    items.sort(key=place)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    machines = item.funcargs.get('machines') if hasattr(item, 'funcargs') else None
    if machines and machines.guest and report.when == 'call':
        report.user_properties.append(('processor seconds', machines.take_seconds()))
    if report.failed and machines and machines.guest and machines.guest.process:
        report.sections.append(('virtual server', machines.guest.story()))


def pytest_terminal_summary(terminalreporter):
    """How long it takes says more of what else runs on this machine than this does."""
    taken = [(value, report.nodeid.rpartition('::')[2])
             for outcome in ('passed', 'failed') for report in terminalreporter.getreports(outcome)
             for name, value in report.user_properties if name == 'processor seconds']
    if taken:
        total = sum(value for value, _ in taken)
        terminalreporter.line(
            f'processor seconds of the machines: {total:.0f}; ' +
            ', '.join(f'{name} {value:.0f}' for value, name in sorted(taken, reverse=True)))


def pytest_sessionstart(session):
    if os.environ.get('PYTEST_XDIST_WORKER'):
        return
    tools = (vm.QEMU, 'qemu-img', 'mmdebstrap', 'dh')
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.exit(f'not installed: {", ".join(missing)} (tests/lib/packages.sh: packages_vm)', 1)
