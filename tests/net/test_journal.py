# SPDX-License-Identifier: Apache-2.0
"""Events in a real journal: systemd-journald, run by hand in the /run of our own."""
import contextlib
import json
import os
import pwd
import shutil
import subprocess

import pytest

from lab import BMC_NIC
from netns import die_with_parent, run, wait_for

JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/socket"
FOLDER = "/run/log/journal"


@pytest.fixture
def journal():
    """A running journald; query(FIELD=value ...) gives the entries that match."""
    with contextlib.ExitStack() as stack:
        for folder in (FOLDER, os.path.dirname(SOCKET)):
            os.makedirs(folder, exist_ok=True)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        process = subprocess.Popen([JOURNALD], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=die_with_parent)
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_for(lambda: os.path.exists(SOCKET), 10, "journald listens")

        def query(*matches):
            out = run(["journalctl", "-D", FOLDER, "-o", "json", "--all"] + list(matches),
                      check=False).stdout
            return [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        yield query


def log_to_journal(agent):
    """As systemd does it: standard error is the journal's stream, and the daemon is told so."""
    with open(agent.log_path, "ab") as file:
        stat = os.fstat(file.fileno())
    agent.environment["JOURNAL_STREAM"] = "%d:%d" % (stat.st_dev, stat.st_ino)


def connect(lab):
    log_to_journal(lab.agent)
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")


def test_events_have_fields(lab, journal):
    connect(lab)
    entry = wait_for(lambda: journal("BMCLINK_EVENT=ISM0004"), 10, "ISM0004 in the journal")[0]
    assert entry["MESSAGE"].startswith("ISM0004: ") and "IPv4" in entry["MESSAGE"]
    assert entry["BMCLINK_ARG1"] == "IPv4" and entry["BMCLINK_SEVERITY"] == "OK"
    assert entry["SYSLOG_IDENTIFIER"] == "bmclinkd" and entry["PRIORITY"] == "5"
    # What the journal itself says of the sender: the worker, not root.
    assert entry["_UID"] == str(pwd.getpwnam(lab.agent.user).pw_uid)


def test_flapping_is_a_line_with_a_count(lab, journal):
    """Twenty losses of the link within seconds: not twenty lines."""
    connect(lab)
    for _ in range(20):
        lab.bmc.ip("link set %s down" % BMC_NIC)
        lab.agent.wait(lambda s: s["state"] != "connected", 10, "lost")
        lab.bmc.ip("link set %s up" % BMC_NIC)
        lab.agent.wait_connected("ipv4")
    lost = [e for e in lab.agent.events() if e["id"] == "ISM0007"]
    assert sum(e["count"] for e in lost) == 20
    lab.agent.stop()  # writes what is still counted
    wait_for(lambda: journal("BMCLINK_EVENT=ISM1022"), 10, "the end in the journal")
    lines = journal("BMCLINK_EVENT=ISM0007")
    assert len(lines) <= 3
    assert lines[-1]["BMCLINK_COUNT"] == "20"


def test_plugging_is_a_line_with_a_count(lab, journal):
    """Twelve times pulled and plugged in again: what happens each time is told once."""
    connect(lab)
    for _ in range(12):
        lab.unplug()
        lab.agent.wait(lambda s: s["state"] != "connected", 30, "lost")
        lab.plug()
        lab.agent.wait_connected("ipv4", 30)
    lab.agent.stop()
    wait_for(lambda: journal("BMCLINK_EVENT=ISM1022"), 10, "the end in the journal")
    assert not journal("BMCLINK_EVENT=ISM1206"), "the NIC was gone: no trouble with /etc/hosts"
    for event, count in (("ISM0007", 12), ("ISM0005", 12), ("ISM1025", 12)):
        lines = journal("BMCLINK_EVENT=" + event)
        assert len(lines) <= 3 and lines[-1]["BMCLINK_COUNT"] == str(count), \
            "\n".join(entry["MESSAGE"] for entry in journal("_COMM=bmclinkd-worker"))
