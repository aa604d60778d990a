# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment of a renewal, and a full disk, never lose the link for good.

Either end is killed at each system call that makes something durable or sends something, one after
the other (strace's injection), and started again. Both ends then find each other by themselves, and
in the end there is one certificate and one pin at each.
"""
import collections
import json
import os
import shutil
import subprocess

import pytest

from daemons import program
from netns import die_with_parent, run, wait_for
from servers import fingerprint
from test_monitor_kill import Strace
from test_renewal import assert_one_at_each_end, certificate, plain, worker
from test_rollover import bmc, endpoint_command, trust

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")

# What is done between two of these cannot be seen from outside after a kill.
CALLS = {"openat", "fchmod", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlinkat",
         "sendto", "sendmsg"}


def own_files(folder, prefix):
    return sorted(n for n in os.listdir(folder) if n.startswith((prefix, "." + prefix)))


class Renewal:
    """One kind of renewal: how it is begun, whose process is killed, and when it has settled."""

    def __init__(self, lab, whose, victim):
        self.lab, self.whose, self.victim = lab, whose, victim
        self.command = None
        lab.on_close(self.end_command)

    def process(self):
        """The process that does it: of the agent, the worker."""
        return self.lab.agent.children()[0] if self.victim is self.lab.agent \
            else self.lab.endpoint.real_pid()

    def begin(self):
        """Not waited for: whoever is asked may die, and who is killed at the BMC is waited for."""
        lab = self.lab
        if self.whose == "bmc":
            endpoint_command(lab, "certificate", "renew", check=False)
            return
        self.end_command()
        self.command = subprocess.Popen(
            lab.agent.namespace.wrap([program("bmclinkctl"), "--runtime-dir",
                                      lab.agent.runtime_dir, "certificate", "renew"]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def end_command(self):
        if self.command:
            self.command.kill()
            self.command.wait()
        self.command = None

    def current(self):
        return fingerprint(worker(self.lab, "agent.crt") if self.whose == "host"
                           else bmc(self.lab, "endpoint.crt"))

    def find_unsettled(self):
        """What is not as it is to be in the end; "": all is."""
        lab = self.lab
        status = lab.agent.status()
        if status["state"] != "connected" or not status["events"]["by"] == "stream":
            return "%s, events %s, %s" % (status["state"], status["events"], status["reason"])
        left = [path for path in (worker(lab, "agent.next.crt"), bmc(lab, "endpoint.next.crt"))
                if os.path.exists(path)]
        if left:
            return "there is " + ", ".join(left)
        if certificate(lab)["renewal"]["state"] != "idle":
            return "renewal %s" % certificate(lab)["renewal"]
        if plain(status["bmc_fingerprint"]) != fingerprint(bmc(lab, "endpoint.crt")):
            return "the BMC was seen with another certificate than it has"
        return ""

    def settle(self, what):
        lab, last = self.lab, []

        def is_settled():
            last[:] = [self.find_unsettled()]
            return last == [""]
        try:
            wait_for(is_settled, 40, what)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (error, last)) from error
        wait_for(lambda: trust(lab)["next_pin"] is None, 5, "one pin")
        assert plain(trust(lab)["pin"]) == fingerprint(bmc(lab, "endpoint.crt"))
        assert own_files(worker(lab), "agent.") == ["agent.crt", "agent.key"]
        assert own_files(bmc(lab), "endpoint.") == ["endpoint.crt", "endpoint.key"]
        assert_one_at_each_end(lab)

    def trace(self, path):
        """The calls of one renewal that was left alone."""
        trace = Strace(self.process(), path)
        before = self.current()
        self.begin()
        wait_for(lambda: self.current() != before, 20, "renewed")
        self.settle("left alone")
        trace.end()
        return [name for name in trace.calls() if name in CALLS]

    def kill_at(self, path, name, number):
        """True when it came that far."""
        victim = self.victim
        process = self.process()
        trace = Strace(process, path, "%s:signal=KILL:when=%d" % (name, number))
        victim.expected_end = True
        self.begin()

        def is_dead():
            return not os.path.exists("/proc/%d" % process) or process not in victim.alive()
        try:
            wait_for(is_dead, 3, "killed")
        except AssertionError:
            trace.end()
            return False
        trace.end()
        return True

    def again(self):
        self.end_command()
        self.victim.kill()
        self.victim.start()


def alive(daemon):
    """The agent's worker, or the endpoint: the pids that have not ended."""
    try:
        pids = daemon.children() or [daemon.pid]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid for pid in pids if "zombie" not in state_of(pid)]


def state_of(pid):
    try:
        with open("/proc/%d/status" % pid) as file:
            return [line for line in file if line.startswith("State:")][0]
    except (FileNotFoundError, ProcessLookupError):
        return "zombie"


@pytest.fixture
def started(lab):
    for daemon in (lab.agent, lab.endpoint):
        daemon.alive = lambda daemon=daemon: alive(daemon)
    lab.endpoint.real_pid = lambda: lab.endpoint.pid
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream", 10, "connected")
    return lab


@pytest.mark.plain_only
@pytest.mark.parametrize("whose", ["host", "bmc"])
@pytest.mark.parametrize("who", ["agent", "endpoint"])
def test_kill_at_every_durable_step(started, tmp_path, whose, who):
    lab = started
    renewal = Renewal(lab, whose, getattr(lab, who))
    calls = renewal.trace(tmp_path / "trace")
    assert "fsync" in calls and any(name.startswith("rename") for name in calls)
    seen, table = collections.Counter(), collections.Counter()
    for name in calls:
        seen[name] += 1
        what = "%s of %s's renewal killed at %s %d" % (who, whose, name, seen[name])
        if whose == "host" and sum(table.values()) % 20 == 19:
            # a BMC takes 30 certificates at once, then one a minute: it counts anew
            lab.endpoint.kill()
            lab.endpoint.start()
            renewal.settle("another BMC before " + what)
        before = renewal.current()
        killed = renewal.kill_at(tmp_path / "kill", name, seen[name])
        renewal.again()
        renewal.settle(what)
        table[(killed, renewal.current() != before)] += 1
    print("(killed, another certificate in the end): times", dict(table))
    killed = table[(True, False)] + table[(True, True)]
    assert table[(True, True)] and killed > len(calls) / 2
    # Whoever makes the new one may die before it is made: then the old one stays. The other end
    # only delays it: what is made is offered again.
    own = (whose, who) in (("host", "agent"), ("bmc", "endpoint"))
    assert bool(table[(True, False)]) == own


# --- full disks -----------------------------------------------------------------------------------

class SmallDisk:
    """The daemon's state on a file system that can be filled."""

    def __init__(self, lab, daemon, size):
        self.path = daemon.state_dir
        os.makedirs(self.path)
        run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=0755" % size, "tmpfs", self.path])
        lab.on_close(lambda: run(["umount", "-l", self.path], check=False))

    def fill(self):
        with open(os.path.join(self.path, "ballast"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def free(self):
        os.unlink(os.path.join(self.path, "ballast"))


def test_full_disk_of_the_host(lab):
    disk = SmallDisk(lab, lab.agent, 1024 * 1024)
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")
    old = plain(certificate(lab)["fingerprint"])
    disk.fill()
    done = lab.agent.ctl("certificate", "renew", check=False)
    assert done.returncode == 1 and "No space" in done.stderr and not done.stdout
    assert "No space" in lab.agent.wait_event("ISM1111")["args"][1]
    assert plain(certificate(lab)["fingerprint"]) == old
    # the BMC's next certificate cannot be saved: it is not acknowledged, and not used
    endpoint_command(lab, "certificate", "renew")
    wait_for(lambda: "next certificate could not be saved" in lab.agent.log(), 10, "said so")
    bmc_before = fingerprint(bmc(lab, "endpoint.crt"))
    assert os.path.exists(bmc(lab, "endpoint.next.crt"))
    assert lab.agent.status()["state"] == "connected"
    lab.agent.kill()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert fingerprint(bmc(lab, "endpoint.crt")) == bmc_before
    disk.free()
    assert "renewed" in lab.agent.ctl("certificate", "renew").stdout
    assert_one_at_each_end(lab)
    wait_for(lambda: fingerprint(bmc(lab, "endpoint.crt")) != bmc_before, 10, "used now")
    lab.agent.wait_connected("ipv4")


def test_full_disk_of_the_bmc(lab):
    disk = SmallDisk(lab, lab.endpoint, 4 * 1024 * 1024)
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")
    old, bmc_old = plain(certificate(lab)["fingerprint"]), fingerprint(bmc(lab, "endpoint.crt"))
    disk.fill()
    done = lab.agent.ctl("certificate", "renew", check=False)
    assert done.returncode == 1 and "500" in done.stderr and not done.stdout
    done = endpoint_command(lab, "certificate", "renew", check=False)
    assert done.returncode == 1 and "No space" in done.stderr
    for _ in range(2):
        assert plain(certificate(lab)["fingerprint"]) == old
        assert plain(lab.agent.wait_connected("ipv4")["bmc_fingerprint"]) == bmc_old
        lab.agent.kill()
        lab.agent.start()
    disk.free()
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: "renewed" in lab.agent.ctl("certificate", "renew", check=False).stdout, 20,
             "renewed")
    endpoint_command(lab, "certificate", "renew")
    wait_for(lambda: fingerprint(bmc(lab, "endpoint.crt")) != bmc_old, 10, "used")
    lab.agent.wait_connected("ipv4")
    assert_one_at_each_end(lab)
    assert json.loads(lab.agent.ctl("trust", "show", "--json").stdout)["next_pin"] is None
