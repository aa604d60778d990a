# SPDX-License-Identifier: Apache-2.0
"""A hostile BMC at every step of the protocol: attacks (rows) times steps (hostile_attacks.py).

In each cell all is right up to the step, then the attack, then the real endpoint again. What must
hold: nobody crashes, no descriptor is lost, memory stays under MAX_PSS_KB, the log under MAX_LINES,
the agent answers its control socket all the while, not a byte of the BMC's text comes out as it
was, and the link is back within RESTORE_S of the end.
Variables of the environment: hostile.py.
"""
import os
import re
import shutil
import threading
import time

import pytest

import hostile
from audit import open_listener
from hostile_bmc import HostileBmc
from hostile_link import ATTACKS
from lab import BMC_NIC
from netns import wait_for

HOLD_S = hostile.number("HOLD", 1.0)
SLACK_S = hostile.number("SLACK", 30.0)

MAX_PSS_KB = 24 * 1024   # of the worker; 4,300 kB when nothing happens
MAX_LINES = 40           # of the log, in a cell; a start of the agent is 20 more
RESTORE_S = 5.0
TRUST_S = 10.0           # where trust was refused: 5 s, and 10 s at the second time
ANSWER_S = 2.0           # status, while the attack goes on

pytestmark = pytest.mark.xdist_group("audit")  # one switch of auditing in a machine


# What has found something; always part of it.
FOUND = {("root", "objects of nothing"), ("stream", "events without end"),
         ("sse", "chunk extension without end in the stream"),
         ("link", "ARP: the BMC is elsewhere")}


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return int(re.search(r"Pss:\s+(\d+)", file.read()).group(1))


class Audit:
    """What the agent's records say; nothing where there is no auditing."""

    def __init__(self):
        self.listener, why = open_listener()
        if self.listener:
            self.listener.reader.setblocking(False)
        else:
            print("the audit records are not looked at: " + why)

    def close(self):
        if self.listener:
            self.listener.__exit__()

    def take(self, pid):
        found = []
        while self.listener:
            try:
                data = self.listener.reader.recv(16384)[16:].rstrip(b"\0\n")
            except BlockingIOError:
                break
            except OSError:
                continue  # too many at once: those of others
            if b"pid=%d " % pid in data:
                found.append(data)
        return found


class Stage:
    """A lab whose BMC can be hostile; one for all cells, made anew after one that failed."""

    def __init__(self, lab):
        self.lab, self.agent = lab, lab.agent
        self.bmc = HostileBmc(lab)
        lab.on_close(self.bmc.close)
        self.agent.debug = False
        self.audit = Audit()
        lab.on_close(self.audit.close)
        self.sanitized = hostile.has_sanitizer("bmclinkd")
        self.most = None

    def begin(self):
        self.bmc.start()
        self.agent.start()
        self.wait_healthy(30)

    def wait_healthy(self, timeout):
        self.agent.wait(lambda s: s["state"] == "connected" and s["events"]["by"] == "stream"
                        and s["log"]["available"], timeout, "all is well")

    def forget(self):
        """Both ends as on the first day: enrolment is the next thing."""
        for daemon in (self.agent, self.lab.endpoint):
            daemon.stop()
            shutil.rmtree(daemon.state_dir, ignore_errors=True)
        self.bmc.kick()
        self.bmc.start()

    def flap(self):
        """An end and a begin of the carrier: everything from the start, at once."""
        self.lab.bmc.ip("link set %s down" % BMC_NIC)
        self.agent.wait(lambda s: s["state"] != "connected", 10, "lost")
        self.lab.bmc.ip("link set %s up" % BMC_NIC)

    def descriptors(self):
        return [len(os.listdir("/proc/%d/fd" % pid)) for pid in self.pids]

    @property
    def pids(self):
        return [*self.agent.children(), self.agent.pid]


class Figures:
    def __init__(self, name):
        self.name = name
        self.pss = self.lines = self.events = self.slowest = self.cpu = 0
        self.hits = self.pieces = self.sent = 0
        self.restored = None
        self.polling = False
        self.problems = []

    def check(self, right, what):
        if not right:
            self.problems.append(what)

    def as_dict(self):
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in vars(self).items()}


def attack(stage, row, step, figures):
    """From the first bad byte to the last."""
    bmc, agent = stage.bmc, stage.agent
    bmc.arm(step, row.attack, row.versions, row.chain() if row.chain else b"")
    thread = None
    if step == "link":
        thread = threading.Thread(target=bmc._try, args=("link", None))
        thread.start()
    elif step == "enrolment":
        agent.start()
    else:
        bmc.kick()
    try:
        wait_for(lambda: bmc.pieces if row.sends else bmc.hits, 30,
                 "the agent comes to the step, and is attacked there")
        worker = agent.children()[0]
        began, cpu = time.monotonic(), cpu_seconds(worker)
        while time.monotonic() - began < HOLD_S:
            asked = time.monotonic()
            agent.status()
            figures.slowest = max(figures.slowest, time.monotonic() - asked)
            for _ in range(5):
                figures.pss = max(figures.pss, pss_kb(worker))
                bmc.over.wait(0.05)
        figures.cpu = (cpu_seconds(worker) - cpu) / (time.monotonic() - began)
        figures.pss = max(figures.pss, pss_kb(worker))
    finally:
        figures.hits, figures.pieces, figures.sent = bmc.hits, bmc.pieces, bmc.sent
        streams = bmc.streams
        ended = time.monotonic()
        bmc.disarm()
        if thread:
            thread.join(30)
    return ended, streams


def is_back(stage, streams):
    """With a stream of the real endpoint. A link that was kept, where only the stream was refused,
    is there as well: it asks until the stream is looked for again (a minute)."""
    status = stage.agent.status()
    return status["state"] == "connected" and (
        stage.bmc.streams > streams or status["events"]["by"] == "polling")


def restore(stage, row, ended, streams, figures):
    limit = (TRUST_S if row.trust else RESTORE_S) + SLACK_S
    wait_for(lambda: is_back(stage, streams), limit + 30, "the link again")
    figures.restored = time.monotonic() - ended
    figures.check(figures.restored < limit, "restored only after %.1f s" % figures.restored)
    events = stage.agent.status()["events"]  # none, where it has just been lost once more
    if events and events["by"] == "polling":
        figures.polling = True
        stage.flap()
    stage.wait_healthy(60)


def check_text(stage, offset, figures):
    with open(stage.agent.log_path, "rb") as file:
        file.seek(offset)
        text = file.read()
    lines = text.splitlines() if text else []
    figures.lines = len(lines)
    figures.check(figures.lines <= MAX_LINES + (20 if "enrolment" in figures.name else 0),
                  "%d lines in the log" % figures.lines)
    said = stage.agent.ctl("status", check=False).stdout + stage.agent.ctl("events").stdout
    records = b"".join(stage.audit.take(stage.agent.pid) + stage.audit.take(stage.pids[0]))
    for where, what in (("log", text), ("bmclinkctl", said.encode()), ("audit", records)):
        figures.problems += hostile.find_raw_text(where, what)
    figures.problems += hostile.find_forged_lines("bmclinkd", text)


def run_cell(stage, row, step):
    figures = Figures("%s: %s" % (step, row.name))
    if step == "enrolment":
        stage.forget()
        before = None
    else:
        before, pids = stage.descriptors(), stage.pids
    offset = os.path.getsize(stage.agent.log_path)
    ended, streams = attack(stage, row, step, figures)
    restore(stage, row, ended, streams, figures)
    if before:
        figures.check(stage.pids == pids, "another worker: the old one has ended")
        # connections come and go; what is lost would add up
        stage.most = stage.most or [number + 2 for number in before]
        wait_for(lambda: all(now <= most for now, most in zip(stage.descriptors(), stage.most)),
                 10, "descriptors: %s, more than %s" % (stage.descriptors(), stage.most))
    check_text(stage, offset, figures)
    figures.problems += stage.bmc.problems
    stage.bmc.problems.clear()
    if not stage.sanitized:
        figures.check(figures.pss < MAX_PSS_KB, "memory: %d kB" % figures.pss)
    figures.check(figures.slowest < ANSWER_S + SLACK_S, "status took %.1f s" % figures.slowest)
    figures.check(not stage.agent.trouble(), str(stage.agent.trouble()))
    return figures


def summary(done):
    times = sorted(f.restored for f in done if f.restored is not None)
    return "%d cells, %d hits, %d pieces, %.1f MB; restored after %.1f s (median), " \
        "%.1f s (most); memory %d kB, log %d lines, CPU %.0f %%, status %.2f s at most" % (
            len(done), sum(f.hits for f in done), sum(f.pieces for f in done),
            sum(f.sent for f in done) / 1e6, times[len(times) // 2] if times else -1,
            times[-1] if times else -1, max(f.pss for f in done), max(f.lines for f in done),
            100 * max(f.cpu for f in done), max(f.slowest for f in done))


def test_matrix(make_lab):
    stage, done = None, []
    for row, step in hostile.choose(ATTACKS, FOUND, 5):
        if not stage:
            stage = Stage(make_lab())
            stage.begin()
        try:
            figures = run_cell(stage, row, step)
        except AssertionError as error:
            figures = Figures("%s: %s" % (step, row.name))
            figures.problems.append(str(error)[:600])
            print("".join(stage.agent.log().splitlines(True)[-30:]))
            stage.bmc.close()
            stage = None
        done.append(figures)
        hostile.tell([f.as_dict() for f in done])
    print(summary(done))
    hostile.judge([f.as_dict() for f in done])


def test_every_step_is_attacked():
    """A step that no row names would be attacked by nobody; the table is the matrix."""
    steps = {step for row in ATTACKS for step in row.steps}
    assert steps == {"accept", "tls", "handshake", "session", "root", "manager", "enrolment",
                     "events", "sse", "stream", "interfaces", "features", "log", "link"}
    assert len({row.name for row in ATTACKS}) == len(ATTACKS) > 80


def test_what_must_not_come_out_would_be_seen():
    for char in "\x1b\r\x00\x7f\u0085\u2028\u202e":
        assert hostile.find_raw_text("log", ("a%sb" % char).encode()), repr(char)
    assert not hostile.find_raw_text("log", "a\tb\u00e4\n".encode())
    line = b"12:00:00.000Z bmclinkd[7] notice: main: started\n"
    assert not hostile.find_forged_lines("bmclinkd", line)
    assert hostile.find_forged_lines("bmclinkd", line + b"FORGED: 1 May root: hello\n")
