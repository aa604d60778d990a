# SPDX-License-Identifier: Apache-2.0
"""In-band access beside socat, haproxy and plain routing: throughput, latency, CPU."""
import json
import os
import statistics
import subprocess
import sys

import machine
from access import HOST, PORT, AccessLab
from figures import Section
from lab import BMC_IPV4
from netns import die_with_parent, wait_for

LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "access_load.py")
BEHIND = 8443   # where the server is
AROUND = 444    # of the BMC, for those that are not ours
PORTS = {"socat": 2001, "haproxy": 2002, "haproxy, spliced": 2003}
HAPROXY = """
global
    nbthread 1
    maxconn 512
    maxpipes 256
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    %s
listen bench
    bind 0.0.0.0:%d
    server bmc %s:%d
"""


class Ways:
    """From the client to the BMC, side by side: each on the same core, with the same ends."""

    def __init__(self, lab, peers):
        self.lab, self.peers = lab, peers
        self.core, self.ends_core = machine.cores()
        self.problems = []
        self.ways = {}  # name: (address, port, process ids)

    def start(self):
        lab = self.lab
        lab.endpoint.debug = lab.agent.debug = False
        lab.endpoint.prefix = machine.pinned(self.core, [])
        lab.agent.prefix = machine.pinned(self.core, [])
        # what is forwarded would be dropped at the pass-through NIC
        lab.agent.configure({"Link": {"nic_filter": "off"}})
        lab.connect(max_connections=256, max_connections_per_source=256)
        lab.divert(BEHIND)
        lab.bmc.nft("add rule ip divert in tcp dport %d redirect to :%d" % (AROUND, BEHIND))
        self._spawn(lab.bmc, self.ends_core,
                    [sys.executable, LOAD, "server", "0.0.0.0", str(BEHIND)], "server")
        wait_for(lambda: lab.bmc.run(["ss", "-Hltn", "sport = :%d" % BEHIND]).stdout, 10,
                 "the server listens")
        self._route()
        self.ways["in-band access"] = (HOST, PORT, lambda: [lab.relay()])
        if not self.peers.problem:
            self._start_peers()

    def _route(self):
        lab = self.lab
        lab.host.sysctl("ipv4/ip_forward", 1)
        lab.client.ip("route add %s/32 via %s" % (BMC_IPV4, HOST))
        host, = [a["local"] for a in lab.host.addresses("bmc0", 4)]
        lab.bmc.ip("route add 192.0.2.0/24 via %s dev usb0 onlink" % host)
        self.ways["routing"] = (BMC_IPV4, AROUND, lambda: [])

    def _start_peers(self):
        for name, port in PORTS.items():
            if name == "socat":
                command = [self.peers.program("socat"), "-b", "65536",
                           "TCP-LISTEN:%d,fork,reuseaddr,nodelay,backlog=128" % port,
                           "TCP:%s:%d,nodelay" % (BMC_IPV4, AROUND)]
            else:
                path = os.path.join(self.lab.folder, "haproxy%d" % port)
                with open(path, "w") as file:
                    file.write(HAPROXY % ("option splice-request\n    option splice-response"
                                          if "spliced" in name else "", port,
                                          BMC_IPV4, AROUND))
                command = [self.peers.program("haproxy"), "-db", "-f", path]
            process = self._spawn(self.lab.host, self.core, command, "peer%d" % port)
            try:
                wait_for(lambda port=port, process=process: self._listens(process, port), 10,
                         name + " listens")
                self.ways[name] = (HOST, port, lambda pid=process.pid: machine.family(pid))
            except AssertionError as error:
                self.problems.append(str(error))

    def _spawn(self, namespace, core, command, name):
        log = open(os.path.join(self.lab.folder, name + ".out"), "wb")
        process = subprocess.Popen(
            namespace.wrap(machine.pinned(core, command)), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=self.peers.environment, preexec_fn=die_with_parent)
        self.lab.on_close(lambda: (process.terminate(), process.wait()))
        return process

    def _listens(self, process, port):
        assert process.poll() is None, "%s ended" % process.args
        return self.lab.host.run(["ss", "-Hltn", "sport = :%d" % port]).stdout.strip()

    def run(self, name, what, count):
        """(seconds of each, CPU seconds of the process between)."""
        address, port, pids = self.ways[name]
        before = machine.cpu_seconds(pids())
        command = [sys.executable, LOAD, "client", address, str(port), what, str(count)]
        client = subprocess.Popen(
            self.lab.client.wrap(machine.pinned(self.ends_core, command)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        line = client.stdout.readline()
        cpu = machine.cpu_seconds(pids()) - before
        client.stdin.close()
        assert client.wait(60) == 0 and line, "%s: %s failed" % (name, what)
        return json.loads(line)["seconds"], cpu


def make_rows(section, names):
    """{(name, what): row}; ours comes after those that it is compared with."""
    rows = {}
    for what, unit, text, goals in (
            ("down", "MB/s", "from the BMC", {"socat": 1.0, "haproxy": 1.0,
                                              "haproxy, spliced": 1.0}),
            ("up", "MB/s", "to the BMC", {"socat": 1.0, "haproxy": 1.0, "haproxy, spliced": 1.0}),
            ("cpu", "ms/GB", "CPU of the process between", {}),
            ("ask", "us", "a small request", {}),
            ("connect", "us", "connection and a small request", {})):
        for name in names:
            if what != "cpu" or name != "routing":
                rows[name, what] = section.row("%s: %s" % (name, text), unit, digits=0)
        for name in names:
            if name == "in-band access" or (name, what) not in rows:
                continue
            row = section.row("in-band access to %s: %s" % (name, text), unit, digits=0,
                              peer=rows[name, what],
                              goal=("ratio", ">=", goals[name]) if name in goals else None)
            row.samples = rows["in-band access", what].samples  # the same figures
    return rows


def measure(options, peers):
    size = (64 if options.quick else 1024) << 20
    asks, connects = (200, 50) if options.quick else (4000, 500)
    names = ["routing", "socat", "haproxy", "haproxy, spliced", "in-band access"]
    section = Section(
        "In-band access: one TCP connection through the host, veth on both sides",
        "%d MiB each way; requests of 200 bytes. What is between runs on core %d, client and"
        % (size >> 20, machine.cores()[0]),
        "server on core %d. Ratios of time: less is better; of MB/s: more." % machine.cores()[1])
    rows = make_rows(section, names)
    try:
        with AccessLab(os.path.join(options.folder, "access")) as lab:
            ways = Ways(lab, peers)
            ways.start()
            for run in range(options.runs):
                for name in names:
                    if name in ways.ways:
                        measure_one(ways, name, rows, (size, asks, connects))
                machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
                    "%s %.0f MB/s" % (n, rows[n, "down"].samples[-1]) for n in names
                    if rows[n, "down"].samples)))
        section.problem = "; ".join(ways.problems) or None
    except AssertionError as error:
        section.problem = str(error)
    if peers.problem:
        section.problem = peers.problem
    return [section]


def measure_one(ways, name, rows, counts):
    size, asks, connects = counts
    cpu = 0
    for what in ("down", "up"):
        seconds, used = ways.run(name, what, size)
        rows[name, what].add(size / 1e6 / seconds[0])
        cpu += used
    if (name, "cpu") in rows:
        rows[name, "cpu"].add(cpu * 1000 / (2 * size / 1e9))
    for what, count in (("ask", asks), ("connect", connects)):
        seconds, _ = ways.run(name, what, count)
        rows[name, what].add(statistics.median(seconds) * 1e6)
