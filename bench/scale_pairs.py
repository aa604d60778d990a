# SPDX-License-Identifier: Apache-2.0
"""N agents, each with a BMC of its own, on one machine: memory, idle costs, time to connect."""
import concurrent.futures
import contextlib
import json
import os
import random
import selectors
import socket
import statistics
import subprocess
import time

import connect
import growth
import machine
from figures import Section
from idle import SETTLE
from lab import HOST_NIC, Lab
from netns import Namespace, wait_for

WINDOW = 120  # s: the endpoint's keep-alive comes once in it
ONE_BY_ONE = 30  # carriers that come back alone
REST = 2  # s: what a connection still does when it is there (events, log, stream)
KB_EACH = 20000  # without sharing anything
NEIGHBOURS_OF_OTHERS = 50
CONNECT_SECONDS, END_SECONDS = 300, 120
MAKERS = 4


class LightNamespace(Namespace):
    """
    Entered without `ip netns exec`: that gives each program a mount namespace with a copy of all
    mounts, one for each namespace that has a name. They would be what grows with the square of N.
    """

    def nft(self, rules):
        """The lab counts and drops packets for tests; nobody asks here."""

    def wrap(self, command):
        return ["nsenter", "--net=/run/netns/" + self.name, "--"] + list(command)


class ManyLab(Lab):
    namespace = LightNamespace


class Watchers:
    """The status streams of all agents, read by one loop."""

    def __init__(self, labs):
        self.selector = selectors.DefaultSelector()
        self.pending, self.connected = {}, {}
        for i, lab in enumerate(labs):
            stream = socket.socket(socket.AF_UNIX)
            wait_for(lambda: self._connects(stream, lab), 60, "agent %d listens" % i)
            stream.sendall(b'{"command": "status", "watch": true}\n')
            stream.setblocking(False)
            self.pending[i] = b""
            self.selector.register(stream, selectors.EVENT_READ, i)

    def _connects(self, stream, lab):
        assert lab.agent.is_running(), "bmclinkd ended: " + lab.agent.log()[-2000:]
        with contextlib.suppress(OSError):
            stream.connect(lab.agent.control)
            return True
        return False

    def pump(self, timeout):
        for key, _ in self.selector.select(timeout):
            self._read(key.fileobj, key.data)

    def _read(self, stream, i):
        data = stream.recv(65536)
        moment = time.monotonic()
        assert data, "agent %d closed its control socket" % i
        *lines, self.pending[i] = (self.pending[i] + data).split(b"\n")
        for line in lines:
            status = json.loads(line).get("result", {})
            if status.get("state") == "connected" and status["protocol"] == "ipv4":
                self.connected.setdefault(i, moment)

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Pairs:
    """N labs, ready: endpoints listen, agents wait for a carrier, no state on either side."""

    def __init__(self, stack, folder, n):
        self.labs = [ManyLab(os.path.join(folder, str(i))) for i in range(n)]
        # Only what makes them: a daemon would end with the thread that has started it.
        with concurrent.futures.ThreadPoolExecutor(MAKERS) as makers:
            list(makers.map(stack.enter_context, self.labs))
        for lab in self.labs:
            lab.agent.debug = lab.endpoint.debug = False
        stack.callback(self._end_all)
        self.cables = [connect.Cable(lab) for lab in self.labs]

    def _end_all(self):
        """All at once, which takes its time; then each lab finds its own ended."""
        running = [d for lab in self.labs for d in (lab.agent, lab.endpoint) if d.is_running()]
        for daemon in running:
            daemon.expected_end = True
            daemon.process.terminate()
        for daemon in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.process.wait(END_SECONDS)

    def start(self):
        for lab, cable in zip(self.labs, self.cables):
            cable.set(False)
            lab.endpoint.start(wait=False)
        for lab in self.labs:
            wait_for(lambda: self._listens(lab), 60, "the endpoint listens")
        for lab in self.labs:
            lab.agent.start(wait=False)
        self.watchers = Watchers(self.labs)
        for lab in self.labs:
            interface = connect.Interface(lab, lab.host, HOST_NIC)
            wait_for(interface.is_up, 60, "the agent brought the NIC up")

    def _listens(self, lab):
        assert lab.endpoint.is_running(), "bmclink-endpoint ended: " + lab.endpoint.log()[-2000:]
        return connect.is_listening(lab)

    def connect_all(self):
        """All carriers as fast as they can be switched: [ms to connected]."""
        began = []
        for cable in self.cables:
            began.append(cable.set(True))
            self.watchers.pump(0)
        end = time.monotonic() + CONNECT_SECONDS
        while len(self.watchers.connected) < len(began):
            self.watchers.pump(1)
            assert time.monotonic() < end, "%d of %d connected within %d s" % (
                len(self.watchers.connected), len(began), CONNECT_SECONDS)
        moments = self.watchers.connected
        self.watchers.close()
        return [connect.milliseconds(began[i], moments[i]) for i in range(len(began))]

    def pids(self):
        """{"bmclinkd": [[monitor, worker] of each], "endpoint": [[pid] of each]}"""
        found = {"bmclinkd": [], "endpoint": []}
        for lab in self.labs:
            found["bmclinkd"].append(machine.family(lab.agent.pid))
            found["endpoint"].append(machine.family(lab.endpoint.pid))
        return found

    def flat_pids(self):
        return [pid for group in self.pids().values() for pids in group for pid in pids]

    def assert_connected(self):
        for i, lab in enumerate(self.labs):
            state = next(lab.agent._watch(time.monotonic() + 10))["state"]
            assert state == "connected", "agent %d is %s" % (i, state)


def percentile(samples, share):
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * share))]


class Figures:
    """The rows of one N, and what all N cost together: {what: {N: cost}}."""

    def __init__(self):
        self.totals = {}

    def rows(self, section, n):
        name = "%d pair%s" % (n, "" if n == 1 else "s")

        def row(text, unit, **options):
            return section.row("%s: %s" % (name, text), unit, **options)
        self.n, self.section = n, section
        self.row = {
            "bmclinkd private": row("private memory of a bmclinkd", "MB", digits=2),
            "endpoint private": row("private memory of an endpoint", "MB", digits=2),
            "bmclinkd pss": row("PSS of a bmclinkd", "MB", digits=2),
            "endpoint pss": row("PSS of an endpoint", "MB", digits=2),
            "together": row("carrier -> connected, all at once", "ms"),
            "together 95": row("the same, 95 % of them", "ms"),
            "cost": row("processor time of connecting, a pair", "ms"),
            "alone": row("carrier -> connected, one among them", "ms"),
            "idle": row("idle, processor time a minute, a pair", "ms", digits=2),
            "wakes": row("idle, wake-ups a minute, a pair", "", digits=2),
        }

    def total(self, what, cost):
        self.totals.setdefault(what, {})[self.n] = cost

    def memory(self, pids):
        sums = [0, 0]
        for name, groups in pids.items():
            for group in groups:
                pss, private = machine.memory_kb(group)
                self.row[name + " pss"].add(pss / 1024)
                self.row[name + " private"].add(private / 1024)
                sums = [sums[0] + pss, sums[1] + private]
        self.total("memory (PSS)", sums[0])
        self.total("private memory", sums[1])

    def connects(self, samples, seconds):
        for sample in samples:
            self.row["together"].add(sample)
        self.row["together 95"].add(percentile(samples, 0.95))
        self.row["cost"].add(seconds * 1000 / self.n)
        self.total("time until all are connected", max(samples))
        self.total("processor time of connecting", seconds)

    def one_by_one(self, samples):
        for sample in samples:
            self.row["alone"].add(sample)
        # Each by itself, one after the other: N times as long is linear.
        self.total("time to connect one among N, N times", statistics.mean(samples) * self.n)

    def idles(self, seconds, cpu, wakes):
        self.row["idle"].add(cpu * 1000 / self.n * 60 / seconds)
        self.row["wakes"].add(wakes / self.n * 60 / seconds)
        self.total("idle processor time", cpu)
        self.total("idle wake-ups", wakes)


def check_machine(n):
    """Has it room for n? What it has not is said before anything is begun."""
    spare = machine.available_kb()
    assert spare > n * KB_EACH, "%d pairs may need %d MB, the machine has %d MB left" % (
        n, n * KB_EACH // 1024, spare // 1024)
    for protocol in ("ipv4", "ipv6"):  # all namespaces share one table
        limit = "net/%s/neigh/default/gc_thresh3" % protocol
        with contextlib.suppress(FileNotFoundError), open("/proc/sys/" + limit) as file:
            room = int(file.read())
            assert room > 2 * n + NEIGHBOURS_OF_OTHERS, "%d pairs are %d neighbours, the kernel " \
                "has room for %d (%s)" % (n, 2 * n, room, limit.replace("/", "."))


def run_one(options, n, figures):
    settle, window = (2, 5) if options.quick else (SETTLE, WINDOW)
    with contextlib.ExitStack() as stack:
        pairs = Pairs(stack, os.path.join(options.folder, "pairs-%d" % n), n)
        pairs.start()
        pids = pairs.flat_pids()
        before = machine.run_seconds(pids)
        samples = pairs.connect_all()
        time.sleep(REST)
        figures.connects(samples, machine.run_seconds(pids) - before)
        machine.say("  %d: connected, median %.0f ms, last %.0f ms" % (
            n, percentile(samples, 0.5), max(samples)))
        chosen = random.sample(range(n), min(n, ONE_BY_ONE))
        figures.one_by_one([connect.carrier(pairs.labs[i], pairs.cables[i])
                            for i in (chosen * ONE_BY_ONE)[:5 if options.quick else ONE_BY_ONE]])
        time.sleep(settle)
        pids = pairs.flat_pids()
        assert len(pids) == 3 * n, "%d processes, not %d" % (len(pids), 3 * n)
        before = machine.run_seconds(pids), machine.wakeups(pids)
        time.sleep(window)
        assert pids == pairs.flat_pids(), "one was started anew meanwhile"
        figures.idles(window, machine.run_seconds(pids) - before[0],
                      machine.wakeups(pids) - before[1])
        figures.memory(pairs.pids())
        pairs.assert_connected()


def measure(options):
    section = Section(
        "N agents, each with its BMC, on one machine",
        "Each in network namespaces of its own, a veth pair as the NIC, no state before. Private:",
        "what no other process shares; what all share (programs, libraries) is there once. All at",
        "once: as many carriers as there are pairs, on %d cores. One among them: the others are" %
        len(os.sched_getaffinity(0)),
        "connected and idle. A minute idle is taken from %d s." % (
            5 if options.quick else WINDOW))
    figures = Figures()
    try:
        for n in options.pairs:
            figures.rows(section, n)
            check_machine(n)
            section.text.append("%d: others used %.0f %% of the machine before, load average %.2f."
                                % (n, machine.warn_if_loaded() * 100, os.getloadavg()[0]))
            run_one(options, n, figures)
    except AssertionError as error:
        section.problem = str(error)
    growth.add_rows(section, figures.totals)
    return [section]
