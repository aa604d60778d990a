# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the virtual server in the states that tests begin with. README.md says how to use them.

One machine runs for all tests of a process, and goes back to a snapshot before each of them.
"""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import guest as vm  # noqa: E402
import packages as deb  # noqa: E402


class Machines:
    """The one machine, and the snapshots that it has by now."""

    def __init__(self):
        self.context = self.guest = None
        self.snapshots = set()
        self.times = []

    def timed(self, what, function, *args):
        begin = time.monotonic()
        value = function(*args)
        self.times.append(f'{what} {time.monotonic() - begin:.1f} s')
        return value

    def at(self, name, before=None, make=None):
        """The machine at a snapshot; the first to ask has it made from the one before it."""
        if not self.guest:
            self.context = vm.Guest.booted()
            self.guest = self.timed('from the cache', self.context.__enter__)
            self.snapshots.add('booted')
            if name == 'booted':
                return self.guest
        if self.guest.process is None:
            self.guest.start(snapshot='booted')
        if name not in self.snapshots:
            if before:
                before()
            self.timed(name, make, self.guest)
            self.guest.snapshot(name)
            self.snapshots.add(name)
        else:
            self.guest.restore(name)
        return self.guest

    def close(self):
        if self.context:
            self.context.__exit__(None, None, None)


@pytest.fixture(scope='session')
def machines():
    machines = Machines()
    yield machines
    machines.close()
    if machines.times:
        print('\nvirtual server: ' + ', '.join(machines.times), file=sys.__stderr__)


@pytest.fixture(scope='session')
def packages():
    """The .deb packages of this checkout: {'bmclink': Path, 'bmclink-endpoint': Path}."""
    return deb.build()


def install_endpoint(guest, packages):
    """The BMC's package, and wait for what it brings: its service and the NIC on the host."""
    guest.copy_in(packages['bmclink-endpoint'], '/var/tmp/bmclink-endpoint.deb')
    guest.sh('dpkg -i /var/tmp/bmclink-endpoint.deb', timeout=180)
    guest.until('the endpoint serves', 'systemctl is-active bmclink-endpoint')
    deb.wait_nic(guest)


def install_agent(guest, packages):
    guest.copy_in(packages['bmclink'], '/var/tmp/bmclink.deb')
    guest.sh('dpkg -i /var/tmp/bmclink.deb', timeout=180)
    deb.wait_connected(guest)


@pytest.fixture
def booted(machines):
    """A server on which nothing of ours was ever installed."""
    return machines.at('booted')


@pytest.fixture
def with_bmc(machines, packages):
    """The BMC is there and serves, its NIC is on the host; the agent was never installed."""
    def before():
        machines.at('booted')

    def make(guest):
        install_endpoint(guest, packages)
    return machines.at('with-bmc', before, make)


@pytest.fixture
def installed(machines, packages):
    """The agent is installed from its package too, and connected."""
    def before():
        machines.at('with-bmc', lambda: machines.at('booted'),
                    lambda guest: install_endpoint(guest, packages))

    def make(guest):
        install_agent(guest, packages)
    return machines.at('installed', before, make)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    machines = item.funcargs.get('machines') if hasattr(item, 'funcargs') else None
    if report.failed and machines and machines.guest and machines.guest.process:
        report.sections.append(('virtual server', machines.guest.story()))


def pytest_sessionstart(session):
    if os.environ.get('PYTEST_XDIST_WORKER'):
        return
    tools = (vm.QEMU, 'qemu-img', 'mmdebstrap', 'dh')
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.exit(f'not installed: {", ".join(missing)} (tests/lib/packages.sh: packages_vm)', 1)
