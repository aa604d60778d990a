# SPDX-License-Identifier: Apache-2.0
"""Hostile hosts: each attack (hostile_hosts.py) as far as TCP, as nobody and as the known host.

What must hold: the endpoint lives, memory stays under MAX_PSS_KB, no descriptor is lost, the
Lifecycle log gets no more than MAX_ENTRIES, nothing comes out as it went in; and an administrator
at another address is served meanwhile within SERVED_S, on a connection that he has, and on new
ones. Variables of the environment: hostile.py of tests/net.
"""
import json
import os
import subprocess
import sys
import time

import hostile
from hostile_hosts import ATTACKS, Crowd
from netns import die_with_parent, wait_for
from service import ENTRIES, PASSWORD, PORT

HOLD_S = hostile.number("HOLD", 1.5)
SLACK_S = hostile.number("SLACK", 20.0)

MAX_PSS_KB = 16 * 1024
MAX_ENTRIES = 64  # the first 30 streams of the host, and their ends; all else a handful
MAX_LINES = 30
SERVED_S = 1.0
FOUND = {("nobody", "key updates"), ("host", "streams opened and closed")}


class Administrator:
    """bystander.py in a process of its own: what we are busy with is not what he waits for."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "bystander.py"), str(PORT),
             "admin:" + PASSWORD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)
        assert self.process.stdout.readline() == "served\n"

    def stop(self):
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out)


def log_of(bmc, offset):
    with open(bmc.log_path, "rb") as file:
        file.seek(offset)
        return file.read()


def check_text(bmc, offset, entries, figures):
    text = log_of(bmc, offset)
    said = json.dumps(entries, ensure_ascii=False).encode() \
        + "".join(str(a) for e in entries for a in [e["Message"], *e["MessageArgs"]]).encode()
    for where, what in (("log", text), ("Lifecycle log", said)):
        figures["problems"] += hostile.find_raw_text(where, what)
    figures["problems"] += hostile.find_forged_lines("bmclink-endpoint", text)
    return len([line for line in text.split(b"\n") if line and b"] debug: " not in line])


def read_entries(bmc):
    """The Lifecycle log; a crowd that has just gone may be in the way for a moment. From an address
    that is no attacker's: who guesses passwords locks his own out."""
    def read():
        try:
            return [bmc.entries(options=["--interface", "127.0.9.8"])]
        except ConnectionError:
            return None
    return wait_for(read, 60, "the Lifecycle log")[0]


def run_cell(bmc, row, step, host, folder):
    figures = {"name": "%s: %s" % (step, row.name), "pss": 0, "problems": []}
    before, records = bmc.descriptors(), len(read_entries(bmc))
    offset, cpu = os.path.getsize(bmc.log_path), bmc.cpu_seconds()
    administrator = Administrator()
    began = time.monotonic()
    crowd = Crowd(row, step, host, folder)

    def has_begun():
        return crowd.pieces if row.sends else crowd.hits
    while time.monotonic() - began < (HOLD_S if has_begun() else 30):
        figures["pss"] = max(figures["pss"], bmc.memory_kb())
        crowd.over.wait(0.05)
    figures["cpu"] = (bmc.cpu_seconds() - cpu) / (time.monotonic() - began)
    crowd.stop()
    served = administrator.stop()
    figures.update(hits=crowd.hits, pieces=crowd.pieces, sent=crowd.sent, **served)
    problems = figures["problems"]
    problems += sorted(crowd.problems)
    if not has_begun():
        problems.append("nothing was attacked")
    if served["lost"]:
        problems.append("his connection was lost %d times" % served["lost"])
    for kind in ("kept", "new"):
        if not 0 <= figures[kind] < SERVED_S + SLACK_S:
            problems.append("served after %.1f s (%s)" % (figures[kind], kind))
    begin = time.monotonic()
    wait_for(lambda: bmc.descriptors() <= before, 40, "descriptors as before")
    figures["closed"] = time.monotonic() - begin
    entries = read_entries(bmc)
    entries = entries[:max(0, len(entries) - records)]
    figures["entries"], figures["lines"] = len(entries), check_text(bmc, offset, entries, figures)
    if figures["lines"] > MAX_LINES:
        problems.append("%d lines in the log" % figures["lines"])
    if len(entries) > MAX_ENTRIES:
        problems.append("%d records in the Lifecycle log" % len(entries))
    if not hostile.has_sanitizer("bmclink-endpoint") and figures["pss"] > MAX_PSS_KB:
        problems.append("memory: %d kB" % figures["pss"])
    return figures


def test_hostile_hosts(endpoint, host, tmp_path):
    endpoint.set_password()
    endpoint.debug = False  # as it is in life: then lines are folded
    bmc = endpoint.start()
    assert bmc.enrol(host).status == 201
    assert bmc.curl(ENTRIES, options=["-u", "admin:" + PASSWORD])[0] == 200
    done = []
    for row, step in hostile.choose(ATTACKS, FOUND, 6):
        done.append(run_cell(bmc, row, step, host, tmp_path))
        hostile.tell(done)
    hostile.judge(done)
