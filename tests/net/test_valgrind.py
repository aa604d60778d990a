# SPDX-License-Identifier: Apache-2.0
"""The daemons under memcheck, from no state to a good end: ./check --long 'analyse: valgrind'.

What the worker may do is a list of system calls, and valgrind needs others: it runs by itself, and
is the business of ASan and MSan, as the relay is. valgrind follows the monitor only.
"""
import glob
import os
import subprocess

import pytest

from daemons import build_dir, program
from lab import HOST_NIC
from netns import wait_for

pytestmark = pytest.mark.skipif("BMCLINK_VALGRIND" not in os.environ,
                                reason="./check --long 'analyse: valgrind' runs it")
MEMCHECK = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--track-fds=no",
            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]
PATIENCE = 120  # seconds; what it watches is 20 to 50 times as slow


class Memcheck:
    """The command before a program's, and what it had to say of this program and its children."""

    def __init__(self, folder, name):
        self.path = os.path.join(str(folder), "memcheck-%s." % name)
        self.prefix = MEMCHECK + ["--log-file=%s%%p" % self.path]

    def reports(self):
        found = []
        for name in glob.glob(self.path + "*"):
            with open(name) as file:
                found.append(file.read())
        return found

    def check(self):
        """Who executes another program leaves no summary: then there must be no finding, either."""
        reports = self.reports()
        assert any("ERROR SUMMARY: 0 errors" in report for report in reports)
        for report in reports:
            assert "ERROR SUMMARY: 0 errors" in report or \
                ("ERROR SUMMARY" not in report and " at 0x" not in report), report


def connect(lab, protocol="ipv4"):
    lab.endpoint.start(wait=False)
    wait_for(lab.endpoint.listens, PATIENCE, "bmclink-endpoint listens")
    lab.agent.start(wait=False)
    return lab.agent.wait_connected(protocol, PATIENCE)


def test_endpoint(lab):
    """Enrolment, requests, the log, a refusal, and a link that comes back."""
    memcheck = Memcheck(lab.folder, "endpoint")
    lab.endpoint.prefix = memcheck.prefix
    connect(lab)
    assert lab.curl("/redfish/v1/Managers/bmc")[0] == 200
    assert lab.curl("/redfish/v1/Managers/bmc", certificate=False)[0] == 401
    assert lab.lifecycle_log()
    lab.host.ip("link set %s down" % HOST_NIC)
    lab.agent.wait(lambda s: s["state"] != "connected", PATIENCE, "not connected")
    lab.host.ip("link set %s up" % HOST_NIC)
    lab.agent.wait_connected(timeout=PATIENCE)
    assert lab.agent.stop(60) == 0
    assert lab.endpoint.stop(60) == 0
    memcheck.check()


def test_monitor(lab):
    """Set up once, connected, asked, reloaded, re-plugged, stopped."""
    memcheck = Memcheck(lab.folder, "monitor")
    lab.agent.prefix = memcheck.prefix
    preloaded = [lab.agent.environment.get("LD_PRELOAD"),
                 os.path.join(build_dir(), "tests/net/self_exe.so")]
    assert os.path.exists(preloaded[1])
    lab.agent.environment.update(LD_PRELOAD=" ".join(filter(None, preloaded)),
                                 SELF_EXE=os.path.abspath(program("bmclinkd")))
    connect(lab)
    lab.agent.reload(ipv6="off")
    lab.replug()
    lab.agent.wait(lambda s: s["state"] == "connected" and s["interface"] == HOST_NIC, PATIENCE,
                   "connected after a re-plug")
    assert lab.agent.stop(60) == 0
    memcheck.check()


@pytest.mark.parametrize("arguments", ["status", "status --json", "events", "feature list", "log",
                                       "discover", "no-such-command"])
def test_bmclinkctl(lab, arguments):
    memcheck = Memcheck(lab.folder, "ctl")
    connect(lab)
    lab.host.run(memcheck.prefix + [program("bmclinkctl"), "--runtime-dir", lab.agent.runtime_dir]
                 + arguments.split(), check=False, timeout=PATIENCE)
    memcheck.check()


def test_what_memcheck_finds_is_seen(tmp_path):
    """The twin: a program that reads what nobody wrote."""
    source = tmp_path / "twin.c"
    source.write_text("#include <stdlib.h>\n"
                      "int main(void) { char *p = malloc(9); return p[3] ? 1 : 0; }\n")
    subprocess.run(["gcc", "-O0", "-o", tmp_path / "twin", source], check=True)
    memcheck = Memcheck(tmp_path, "twin")
    done = subprocess.run([*memcheck.prefix, tmp_path / "twin"])
    assert done.returncode == 99
    report, = memcheck.reports()
    assert "uninitialised" in report and " at 0x" in report
    with pytest.raises(AssertionError):
        memcheck.check()
