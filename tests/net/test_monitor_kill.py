# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment of the one-time configuration never leads to a second one.

The monitor is killed at each system call of the act, one after the other (strace's injection), and
started again; what the kernel was told is counted by `ip monitor`, not by our own word.
"""
import collections
import os
import re
import shutil
import subprocess

import pytest

from lab import BMC_IPV4, HOST_IPV4, HOST_NIC
from netns import wait_for
from probe import ARMED, EPERM, SPENT, Gone
from test_monitor import claimed, our_pairs, probe  # noqa: F401  (fixtures)

PAIR = {"host4": HOST_IPV4, "bmc4": BMC_IPV4}

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


class Strace:
    """strace on the running monitor; inject is its -e inject= expression."""

    def __init__(self, pid, path, inject=None):
        self.path = str(path)
        command = ["strace", "-p", str(pid), "-o", self.path, "-s", "32"]
        if inject:
            command += ["-e", "inject=" + inject]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        assert "attached" in line, line

    def calls(self):
        """The names in order, as far as they were begun."""
        with open(self.path) as file:
            return re.findall(r"^(\w+)\(", file.read(), re.M)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(5)
        self.process.stderr.close()


class AddressCounter:
    """What the kernel tells everybody about addresses of the NIC."""

    def __init__(self, namespace, path):
        self.path = str(path)
        self.file = open(self.path, "w")
        self.process = subprocess.Popen(namespace.wrap(["ip", "-o", "monitor", "address"]),
                                        stdout=self.file)
        # an address that comes and goes on another interface tells that it listens

        def listens():
            namespace.ip("addr add 127.9.9.9/32 dev lo")
            namespace.ip("addr del 127.9.9.9/32 dev lo")
            return "127.9.9.9" in self.text()
        wait_for(listens, 5, "ip monitor listens")
        self.namespace = namespace

    def text(self):
        with open(self.path) as file:
            return file.read()

    def count(self):
        """How often our address was set until now."""
        mark = "127.8.%d.%d" % divmod(len(self.text()) % 65025, 255)
        self.namespace.ip("addr add %s/32 dev lo" % mark)
        wait_for(lambda: mark + "/" in self.text(), 5, "ip monitor is up to date")
        self.namespace.ip("addr del %s/32 dev lo" % mark)
        return len([line for line in self.text().splitlines()
                    if HOST_IPV4 + " " in line and not line.startswith("Deleted")])

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.file.close()


def as_new(probe, lab):  # noqa: F811
    """Nothing configured, nothing spent; a running monitor with its claim."""
    probe.kill()
    lab.host.ip("-4 addr flush dev " + HOST_NIC)
    lab.host.ip("link set %s down" % HOST_NIC)
    path = os.path.join(probe.state_dir, "monitor")
    for name in os.listdir(path):
        os.unlink(os.path.join(path, name))
    probe.start()
    probe.must("claim", ifindex=lab.ifindex)
    assert probe.must("profile")["once"] == ARMED


def test_kill_at_every_system_call_of_configure(claimed, tmp_path):  # noqa: F811
    lab = claimed.lab
    trace = Strace(claimed.pid, tmp_path / "trace")
    claimed.must("configure", **PAIR)
    wait_for(lambda: "sendmsg" in trace.calls(), 5, "the answer in the trace")
    trace.end()
    calls = trace.calls()
    calls = calls[:calls.index("sendmsg") + 1]
    # the promise is about these, in this order
    assert calls.index("fsync") < calls.index("rename" if "rename" in calls else "renameat") \
        < len(calls) - 1 - calls[::-1].index("sendto")
    counter = AddressCounter(lab.host, tmp_path / "addresses")
    lab.on_close(counter.close)
    seen, table = collections.Counter(), collections.Counter()
    for name in calls:
        seen[name] += 1
        as_new(claimed, lab)
        before = counter.count()
        trace = Strace(claimed.pid, tmp_path / "kill",
                       "%s:signal=KILL:when=%d" % (name, seen[name]))
        claimed.expected_end = True
        try:
            claimed.ask("configure", **PAIR)
        except (Gone, OSError):
            pass
        wait_for(lambda: not claimed.is_running(), 5, "killed at %s %d" % (name, seen[name]))
        trace.end()
        claimed.process = None
        first = counter.count() - before
        claimed.start()
        claimed.must("claim", ifindex=lab.ifindex)
        once = claimed.must("profile")["once"]
        result = claimed.r("configure", **PAIR)
        total = counter.count() - before
        what = "killed at %s %d" % (name, seen[name])
        assert once in (ARMED, SPENT), what
        assert result == (0 if once == ARMED else EPERM), what
        assert first == 0 or once == SPENT, what + ": set, and not marked"
        assert total <= 1, what + ": set twice"
        assert len(our_pairs(lab)) <= 1
        table[(once == SPENT, first, total)] += 1
    print("(spent, set before the kill, set in all): times")
    for key, times in sorted(table.items()):
        print(key, times)
    # every kind of end was met: before the mark, after it, after the address
    assert {key[:2] for key in table} == {(False, 0), (True, 0), (True, 1)}
