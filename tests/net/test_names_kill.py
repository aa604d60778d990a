# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each system call of the rewriting of /etc/hosts: not a byte is lost, and the next life
finishes the work and leaves nothing beside the file."""
import collections
import os
import shutil
import socket
import stat
import struct

import pytest

from lab import BMC_IPV4, HOST_IPV4
from netns import wait_for
from probe import Gone
from test_monitor import claimed, probe  # noqa: F401  (fixtures)
from test_monitor_kill import Strace
from test_names import ADMINISTRATORS, BLOCK, read, write

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
ACT_NAMES = 19


def request(on):
    """As priv_set_names() sends it."""
    return (struct.pack("=HB", ACT_NAMES, on) + socket.inet_aton(BMC_IPV4)).hex()


def ask(probe, on):  # noqa: F811
    assert probe.must("raw", hex=request(on))["length"] > 4


def start_again(probe, lab):  # noqa: F811
    probe.start()
    probe.must("claim", ifindex=lab.ifindex)


@pytest.mark.parametrize("on", [True, False])
def test_kill_at_every_system_call_of_names(claimed, tmp_path, on):  # noqa: F811
    lab = claimed.lab
    hosts = os.path.join(lab.trees.etc, "hosts")
    before, after = ADMINISTRATORS, ADMINISTRATORS + BLOCK
    if not on:
        before, after = after, before
    claimed.must("configure", host4=HOST_IPV4, bmc4=BMC_IPV4)
    write(hosts, before)
    os.chmod(hosts, 0o604)
    trace = Strace(claimed.pid, tmp_path / "trace")
    ask(claimed, on)
    wait_for(lambda: "sendmsg" in trace.calls(), 5, "the answer in the trace")
    trace.end()
    assert read(hosts) == after
    calls = trace.calls()
    calls = calls[:calls.index("sendmsg") + 1]
    rename = "rename" if "rename" in calls else "renameat"
    # On the disk before it takes the name, and the name on the disk before the answer.
    assert calls.index("fsync") < calls.index(rename) < len(calls) - 1 - calls[::-1].index("fsync")
    seen, table = collections.Counter(), collections.Counter()
    for name in calls:
        seen[name] += 1
        write(hosts, before)
        os.chmod(hosts, 0o604)
        trace = Strace(claimed.pid, tmp_path / "kill",
                       "%s:signal=KILL:when=%d" % (name, seen[name]))
        claimed.expected_end = True
        try:
            claimed.ask("raw", hex=request(on))
        except (Gone, OSError):
            pass
        what = "killed at %s %d" % (name, seen[name])
        wait_for(lambda: not claimed.is_running(), 5, what)
        trace.end()
        claimed.process = None
        left = read(hosts)
        assert left in (before, after), what
        assert stat.S_IMODE(os.stat(hosts).st_mode) == 0o604, what
        table[left == after] += 1
        start_again(claimed, lab)
        ask(claimed, on)
        assert read(hosts) == after, what
        assert sorted(os.listdir(lab.trees.etc)) == ["hosts", "machine-id"], what
    assert table[True] > 0 and table[False] > 5, table
