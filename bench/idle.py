# SPDX-License-Identifier: Apache-2.0
"""What both ends cost while nothing happens, and what connections cost the endpoint."""
import json
import os
import subprocess
import time

import machine
from daemons import program
from figures import Section
from handshakes import Servers
from lab import HOST_NIC, Lab
from netns import die_with_parent, wait_for

SECONDS = 60
# s: what a connection's beginning leaves behind happens within two minutes (a record about it, its
# delivery, idle connections that end); what is idle comes after.
SETTLE = 130

CHRONY_SERVER = "local stratum 8\nallow 169.254.0.0/16\ncmdport 0\npidfile %(folder)s/server.pid\n"
CHRONY_CLIENT = "server 169.254.1.1\ncmdport 0\nbindcmdaddress %(folder)s/chronyd.sock\n" \
                "pidfile %(folder)s/client.pid\ndriftfile %(folder)s/drift\n"


class Rivals:
    """qemu-ga, lldpd and chronyd on the host's side, as a server runs them."""

    def __init__(self, lab, peers):
        self.lab, self.peers = lab, peers
        self.processes = {}

    def start(self):
        folder = os.path.join(self.lab.folder, "rivals")
        os.makedirs(folder)
        for name, text in (("server", CHRONY_SERVER), ("client", CHRONY_CLIENT)):
            with open(os.path.join(folder, name + ".conf"), "w") as file:
                file.write(text % {"folder": folder})
        self._spawn("time-server", self.lab.bmc, "chronyd",
                    ["-d", "-x", "-u", "root", "-f", folder + "/server.conf"])
        self._spawn("chronyd", self.lab.host, "chronyd",
                    ["-d", "-x", "-u", "root", "-f", folder + "/client.conf"])
        self._spawn("qemu-ga", self.lab.host, "qemu-ga",
                    ["-m", "unix-listen", "-p", folder + "/qga.sock", "-t", folder])
        os.makedirs("/run/lldpd", exist_ok=True)
        self._add_user("_lldpd")
        self._spawn("lldpd", self.lab.host, "lldpd",
                    ["-d", "-L", self.peers.program("lldpcli"), "-u", "/run/lldpd.socket",
                     "-I", HOST_NIC])

    def _add_user(self, name):
        """lldpd drops to a user that its package makes: a line that only our processes see."""
        for path, line in (("/etc/passwd", "%s:x:64999:64999::/run/lldpd:/bin/false\n"),
                           ("/etc/group", "%s:x:64999:\n")):
            with open(path) as file:
                text = file.read()
            copy = os.path.join(self.lab.folder, os.path.basename(path))
            with open(copy, "w") as file:
                file.write(text + line % name)
            subprocess.run(["mount", "--bind", copy, path], check=True)
            self.lab.on_close(lambda path=path: subprocess.run(["umount", path], check=True))

    def _spawn(self, name, namespace, binary, arguments):
        path = self.peers.program(binary)
        libraries = machine.own_libraries(
            path, os.path.join(self.lab.folder, "lib-" + name), self.peers.environment)
        log = open(os.path.join(self.lab.folder, name + ".out"), "wb")
        process = subprocess.Popen(
            namespace.wrap([path, *arguments]), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(os.environ, LD_LIBRARY_PATH=libraries), preexec_fn=die_with_parent)
        self.processes[name] = process
        self.lab.on_close(lambda: (process.terminate(), process.wait()))

    def pids(self, name):
        process = self.processes[name]
        if process.poll() is not None:
            with open(os.path.join(self.lab.folder, name + ".out")) as file:
                raise AssertionError("%s ended: %s" % (name, file.read()[-500:]))
        return machine.family(process.pid)


def with_own_libraries(daemon, lab):
    daemon.environment["LD_LIBRARY_PATH"] = machine.own_libraries(
        program(daemon.program), os.path.join(lab.folder, "lib-" + daemon.program))


def measure(options, peers):
    seconds = 5 if options.quick else SECONDS
    names = {"bmclinkd": "bmclinkd, both processes", "endpoint": "bmclink-endpoint",
             "lldpd": "lldpd, both processes", "chronyd": "chronyd", "qemu-ga": "qemu-ga"}
    section = Section(
        "Idle and connected: memory and wake-ups",
        "PSS of smaps_rollup; each program with copies of its libraries but for the C library, so",
        "that nobody shares them: what it costs on a machine where nothing else uses them.",
        "Wake-ups: how often its threads began to wait (voluntary context switches) in %d s, as a"
        % seconds, "minute's.")
    memory, wakes = {}, {}
    for name in list(names)[2:] + list(names)[:2]:
        goal = {"bmclinkd": 12, "endpoint": 8}.get(name)
        memory[name] = section.row(names[name] + ": PSS", "MB", digits=2,
                                   goal=("median", "<=", goal) if goal else None,
                                   peer=memory["lldpd"] if goal else None)
    for name in list(names)[2:] + list(names)[:2]:
        ours = name in ("bmclinkd", "endpoint")
        wakes[name] = section.row(names[name] + ": wake-ups a minute", "", digits=1,
                                  goal=("median", "<=", 2) if ours else None,
                                  peer=wakes["lldpd"] if ours else None)
    try:
        with Lab(os.path.join(options.folder, "idle")) as lab:
            run_idle(options, peers, lab, seconds, memory, wakes)
    except AssertionError as error:
        section.problem = str(error)
    if peers.problem:
        section.problem = peers.problem
    return [section]


def run_idle(options, peers, lab, seconds, memory, wakes):
    lab.agent.debug = lab.endpoint.debug = False
    with_own_libraries(lab.agent, lab)
    with_own_libraries(lab.endpoint, lab)
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    pids = {"bmclinkd": lambda: machine.family(lab.agent.pid),
            "endpoint": lambda: machine.family(lab.endpoint.pid)}
    if not peers.problem:
        rivals = Rivals(lab, peers)
        rivals.start()
        for name in ("lldpd", "chronyd", "qemu-ga"):
            pids[name] = lambda name=name: rivals.pids(name)
        wait_for(lambda: len(pids["lldpd"]()) >= 2, 10, "lldpd has its two processes")
    assert len(pids["bmclinkd"]()) == 2, "bmclinkd has not two processes"
    time.sleep(2 if options.quick else SETTLE)
    for run in range(options.runs):
        before = {name: (get(), machine.wakeups(get())) for name, get in pids.items()}
        time.sleep(seconds)
        for name, get in pids.items():
            assert before[name][0] == get(), name + " was started anew meanwhile"
            wakes[name].add((machine.wakeups(get()) - before[name][1]) * 60 / seconds)
            memory[name].add(machine.pss_kb(get()) / 1024)
        assert lab.agent.status()["state"] == "connected", "the link was lost meanwhile"
        machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
            "%s %.2f MB, %.0f wake-ups" % (name, memory[name].samples[-1], wakes[name].samples[-1])
            for name in pids)))


# --- the endpoint and its connections -------------------------------------------------------------

COUNTS = (1, 10, 50, 100, 200)
SOURCES = ["169.254.1.%d" % i for i in range(10, 18)]  # a host may have only so many from one


def measure_connections(options, peers):
    counts = COUNTS[:3] if options.quick else COUNTS
    section = Section(
        "Endpoint: memory with open mutual-TLS connections",
        "PSS as above, after one GET on each; max_connections = 256, all else as installed.")
    rows = {n: section.row("%d connection%s: PSS" % (n, "" if n == 1 else "s"), "MB", digits=2)
            for n in counts}
    each = section.row("each connection", "kB")
    after = section.row("3 s after all were closed: PSS", "MB", digits=2)
    try:
        for run in range(options.runs):
            figures = one_run(options, peers, run, counts)
            for n in counts:
                rows[n].add(figures[n] / 1024)
            each.add((figures[counts[-1]] - figures[1]) / (counts[-1] - 1))
            after.add(figures["after"] / 1024)
            machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
                "%s: %.2f MB" % (n, kb / 1024) for n, kb in figures.items())))
    except AssertionError as error:
        section.problem = str(error)
    return [section]


def one_run(options, peers, run, counts):
    figures, holders = {}, []
    with Lab(os.path.join(options.folder, "connections-%d" % run)) as lab:
        with_own_libraries(lab.endpoint, lab)
        lab.endpoint.configure(max_connections=256)
        servers = Servers(lab, peers)
        servers.start(["endpoint"])
        for source in SOURCES:
            lab.host.ip("addr add %s/16 dev %s" % (source, HOST_NIC))
        try:
            for n in counts:
                holders.append(hold(servers, n - sum(h.count for h in holders)))
                figures[n] = machine.pss_kb([lab.endpoint.pid])
        finally:
            for holder in holders:
                holder.stdin.close()
                holder.wait()
        wait_for(lambda: connections(lab) == 0, 10, "all connections are closed")
        time.sleep(3)  # lingering ones, and giving memory back, by timers of 1 and 2 s
        figures["after"] = machine.pss_kb([lab.endpoint.pid])
    return figures


def connections(lab):
    return len(lab.bmc.run(["ss", "-Htn", "state", "established"]).stdout.split("\n")) - 1


def hold(servers, count):
    command = [machine.tlsload(), "hold", "--to", "169.254.1.1", "443", "--count", str(count),
               "--certificate", servers.certificate, "--key", servers.key]
    for source in SOURCES:
        command += ["--source", source]
    holder = subprocess.Popen(servers.lab.host.wrap(command), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    holder.count = count
    line = holder.stdout.readline()
    holder.got = got = json.loads(line) if line else {}
    assert got.get("held") == count and got["lost"] == 0, "%d connections: %s" % (count, got)
    return holder
