# SPDX-License-Identifier: Apache-2.0
"""One endpoint with 1 to 1,000 connections: memory, handshakes, requests."""
import json
import os

import growth
import machine
from figures import Section
from handshakes import Servers
from idle import SOURCES, connections, hold, with_own_libraries
from lab import HOST_NIC, Lab
from machine import Peers
from netns import wait_for

MOST = 1000
MAXIMUM = 1024  # what max_connections can be; the client that measures is one of them
FEW = 50  # connections: what they take may be less than what the allocator has at hand


def rows_of(section, n):
    name = "%d connection%s" % (n, "" if n == 1 else "s")
    return {
        "memory": section.row(name + ": PSS of the endpoint", "MB", digits=2),
        "handshake": section.row(name + ": one more, its handshake", "ms", digits=2),
        "handshake 99": section.row(name + ": the same, 99 %", "ms", digits=2),
        "cost": section.row(name + ": the same, the server's processor time", "us", digits=0),
        "request": section.row(name + ": a request on one of them", "ms", digits=3),
        "request 99": section.row(name + ": the same, 99 %", "ms", digits=3),
    }


def measure_one(servers, n, seconds, held):
    """{what: figure}; held: what hold() said of its own requests."""
    endpoint = servers.lab.endpoint
    assert connections(servers.lab) == n, "%d connections, not %d" % (
        connections(servers.lab), n)
    memory = machine.pss_kb([endpoint.pid]) / 1024
    cpu = machine.run_seconds([endpoint.pid])
    result = servers.load("rate", "endpoint", "--in-flight", "1", "--seconds", str(seconds))
    cpu = machine.run_seconds([endpoint.pid]) - cpu
    assert result.returncode == 0, "handshakes beside %d connections: %s" % (n, result.stderr)
    got = json.loads(result.stdout)
    assert got["failed"] == 0, "%d of the handshakes failed" % got["failed"]
    return {"memory": memory, "handshake": got["handshake_ms"],
            "handshake 99": got["handshake_ms_99"], "cost": cpu / got["connections"] * 1e6,
            "request": held["request_ms"], "request 99": held["request_ms_99"]}


def run_one(servers, n, seconds):
    holder = hold(servers, n)
    try:
        return measure_one(servers, n, seconds, holder.got)
    finally:
        holder.stdin.close()
        holder.wait()
        wait_for(lambda: connections(servers.lab) == 0, 20, "all connections are closed")


def measure(options):
    section = Section(
        "One endpoint with N connections, mutual TLS 1.3",
        "max_connections = %d, the most it can be, all else as installed; a third of them for one"
        % MAXIMUM,
        "source, so they come from %d. Requests: a small GET, on each of the N in turn." %
        len(SOURCES),
        "Load average %.2f before, others used %.0f %% of the machine." % (
            os.getloadavg()[0], machine.warn_if_loaded() * 100))
    rows = {n: rows_of(section, n) for n in options.connections}
    more = None
    if options.connections[-1] - options.connections[0] >= FEW:
        more = section.row("each connection more", "kB")
    seconds = 0.5 if options.quick else 3
    totals = {"time of N handshakes": {}, "processor time of N handshakes": {},
              "time of N requests": {}}
    if more:
        totals["memory of N more connections"] = {}
    last = None
    try:
        with Lab(os.path.join(options.folder, "scale-connections")) as lab:
            with_own_libraries(lab.endpoint, lab)
            lab.endpoint.configure(max_connections=MAXIMUM)
            servers = Servers(lab, Peers())
            servers.start(["endpoint"])
            for source in SOURCES:
                lab.host.ip("addr add %s/16 dev %s" % (source, HOST_NIC))
            run_one(servers, 1, seconds)  # what is made once, at the first connection
            for n in options.connections:
                got = run_one(servers, n, seconds)
                for what, figure in got.items():
                    rows[n][what].add(figure)
                if more and last and n - last[0] >= FEW:
                    more.add((got["memory"] - last[1]) * 1024 / (n - last[0]))
                    totals["memory of N more connections"][n - last[0]] = got["memory"] - last[1]
                last = n, got["memory"]
                totals["time of N handshakes"][n] = got["handshake"] * n
                totals["processor time of N handshakes"][n] = got["cost"] * n
                totals["time of N requests"][n] = got["request"] * n
                machine.say("  %d: %s" % (n, ", ".join("%s %.3f" % i for i in got.items())))
    except AssertionError as error:
        section.problem = str(error)
    growth.add_rows(section, totals)
    return [section]
