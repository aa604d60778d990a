# SPDX-License-Identifier: Apache-2.0
"""The kernel's view of the NICs (nic.h), of the neighbour (neighbour.h) and of udev (udev_watch.h),
through nic_probe, which prints what it is told."""
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemons import program
from netns import Namespace, die_with_parent, wait_for


class Probe:
    """One nic_probe: its lines in a queue, so that a test can wait for one and see the order."""

    def __init__(self, namespace, *arguments):
        self.process = subprocess.Popen(
            namespace.wrap([program("nic_probe"), *arguments]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, preexec_fn=die_with_parent)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_line("^ready$")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def wait_line(self, pattern, timeout=10):
        """The next line that matches; those before it are skipped."""
        end = time.monotonic() + timeout
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError("no line %s, but %s" % (pattern, seen)) from None
            if re.search(pattern, line):
                return line
            seen.append(line)

    def ask(self, command):
        """The lines of the answer, and of changes that were told meanwhile."""
        self.process.stdin.write(command + "\n")
        answer = []
        while True:
            line = self.wait_line(".")
            if line == "end":
                return answer
            answer.append(line)

    def state(self, name):
        """The NIC of this name as a dictionary, or None."""
        for line in self.ask("state"):
            if line.startswith("link ") and " name=%s " % name in line:
                words = line.split()[2:]
                found = {"ifindex": int(line.split()[1]), "v4": [], "v6": []}
                for key, value in (word.split("=", 1) for word in words):
                    if key in ("v4", "v6"):
                        found[key].append(value)
                    else:
                        found[key] = value
                return found
        return None

    def count(self, what):
        return int([s for s in self.ask("state") if s.startswith(what + " ")][0].split()[1])

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(20) == 0
        assert self.process.returncode == 0


@pytest.fixture
def host():
    namespace = Namespace("nic%d" % os.getpid())
    yield namespace
    namespace.close()


@pytest.fixture
def bmc():
    namespace = Namespace("nic%d-bmc" % os.getpid())
    yield namespace
    namespace.close()


@pytest.fixture
def make_probe(host):
    probes = []

    def make(*arguments):
        probes.append(Probe(host, *arguments))
        return probes[-1]
    yield make
    for probe in probes:
        probe.close()


def plug(host, bmc, name="bmc0", index=""):
    host.ip("link add %s %s type veth peer name usb0 netns %s" % (name, index, bmc.name))
    return host.link(name)["ifindex"]


def test_what_is_there_at_start(host, bmc, make_probe):
    index = plug(host, bmc)
    host.ip("addr add 169.254.1.2 peer 169.254.1.1/32 dev bmc0")
    host.ip("addr add 10.1.2.3/24 dev bmc0")
    host.ip("addr add fde1::2/64 dev bmc0 nodad")
    nic = make_probe().state("bmc0")
    assert nic["ifindex"] == index
    assert (nic["up"], nic["carrier"], nic["ipv6"]) == ("0", "0", "on")
    assert nic["mac"] == host.link("bmc0")["address"]
    assert nic["v4"] == ["169.254.1.2,169.254.1.1/32", "10.1.2.3,10.1.2.3/24"]
    assert nic["v6"] == ["fde1::2/64"]


def test_loopback_is_no_nic(make_probe):
    assert not [s for s in make_probe().ask("state") if s.startswith("link ")]


def test_birth_rename_death(host, bmc, make_probe):
    probe = make_probe()
    index = plug(host, bmc)
    probe.wait_line("^link-new %d name=bmc0 " % index)
    host.ip("link set bmc0 name idrac")
    probe.wait_line("^link-changed %d name=idrac up=0" % index)
    host.ip("link set idrac address 02:00:00:00:00:09")
    probe.wait_line("^link-changed %d .*mac=02:00:00:00:00:09" % index)
    host.ip("link del idrac")
    probe.wait_line("^link-gone %d$" % index)
    assert probe.state("idrac") is None
    second = plug(host, bmc, "idrac", "index %d" % (index + 100))
    probe.wait_line("^link-new %d name=idrac " % second)
    assert second != index


def test_same_index_born_again(host, bmc, make_probe):
    """Nothing of the old NIC's is believed of the new one."""
    probe = make_probe()
    index = plug(host, bmc)
    host.ip("addr add 10.1.2.3/24 dev bmc0")
    probe.wait_line("^address-new %d .*10.1.2.3" % index)
    host.ip("link del bmc0")
    probe.wait_line("^link-gone %d$" % index)
    assert plug(host, bmc, "bmc0", "index %d" % index) == index
    assert "v4=" not in probe.wait_line("^link-new %d " % index)
    assert probe.state("bmc0")["v4"] == []


def test_up_down_carrier(host, bmc, make_probe):
    index = plug(host, bmc)
    probe = make_probe()
    host.ip("link set bmc0 up")
    probe.wait_line("^link-changed %d name=bmc0 up=1 carrier=0" % index)
    bmc.ip("link set usb0 up")
    probe.wait_line("^link-changed %d name=bmc0 up=1 carrier=1" % index)
    bmc.ip("link set usb0 down")
    probe.wait_line("^link-changed %d name=bmc0 up=1 carrier=0" % index)
    host.ip("link set bmc0 down")
    probe.wait_line("^link-changed %d name=bmc0 up=0 carrier=0" % index)


def test_addresses(host, bmc, make_probe):
    index = plug(host, bmc)
    probe = make_probe()
    host.ip("addr add 169.254.1.2 peer 169.254.1.1/32 dev bmc0 scope link")
    probe.wait_line("^address-new %d .*v4=169.254.1.2,169.254.1.1/32" % index)
    host.ip("addr add 169.254.1.2/24 dev bmc0")  # the same address, other prefix: another one
    probe.wait_line("^address-new %d .*v4=169.254.1.2,169.254.1.2/24" % index)
    host.ip("addr del 169.254.1.2 peer 169.254.1.1/32 dev bmc0")
    probe.wait_line("^address-gone %d " % index)
    assert probe.state("bmc0")["v4"] == ["169.254.1.2,169.254.1.2/24"]
    host.ip("addr add fde1::2 peer fde1::1/128 dev bmc0 nodad")
    probe.wait_line("^address-new %d .*v6=fde1::2/128" % index)
    host.ip("addr flush dev bmc0")
    probe.wait_line("^address-gone %d " % index)
    wait_for(lambda: not probe.state("bmc0")["v4"] and not probe.state("bmc0")["v6"], 5,
             "no address")


def test_tentative_then_usable(host, bmc, make_probe):
    index = plug(host, bmc)
    probe = make_probe()
    bmc.ip("link set usb0 up")
    host.ip("link set bmc0 up")
    probe.wait_line("^address-new %d .*v6=fe80::[^ ]*,tentative" % index)
    probe.wait_line(r"^address-new %d .*v6=fe80::[0-9a-f:]*/64( |$)" % index)


def test_duplicate(host, bmc, make_probe):
    index = plug(host, bmc)
    probe = make_probe()
    bmc.ip("link set usb0 up")
    bmc.ip("addr add fde1::7/64 dev usb0 nodad")
    host.ip("link set bmc0 up")
    host.ip("addr add fde1::7/64 dev bmc0")
    probe.wait_line("^address-new %d .*v6=fde1::7/64,tentative" % index)
    probe.wait_line("^address-new %d .*v6=fde1::7/64(,tentative)?,dadfailed" % index)


@pytest.mark.parametrize("state", ["up", "down"])
def test_disable_ipv6(host, bmc, make_probe, state):
    """The kernel has no message for it; with the NIC down there is not even an address to go."""
    index = plug(host, bmc)
    bmc.ip("link set usb0 up")
    if state == "up":
        host.ip("link set bmc0 up")
        host.link_local("bmc0")
    probe = make_probe()
    assert probe.state("bmc0")["ipv6"] == "on"
    host.sysctl("ipv6/conf/bmc0/disable_ipv6", 1)
    if state == "down":
        host.ip("link set bmc0 up")
    probe.wait_line("^link-changed %d .*ipv6=off" % index)
    assert probe.state("bmc0")["v6"] == []
    host.sysctl("ipv6/conf/bmc0/disable_ipv6", 0)
    probe.wait_line("^link-changed %d .*ipv6=on" % index)
    probe.wait_line("^address-new %d .*v6=fe80::" % index)


def test_no_ipv6_at_start(host, bmc, make_probe):
    plug(host, bmc)
    host.sysctl("ipv6/conf/bmc0/disable_ipv6", 1)
    assert make_probe().state("bmc0")["ipv6"] == "off"


def test_mtu_too_small_for_ipv6(host, bmc, make_probe):
    """No AF_INET6 part in the message: as on a kernel without an IPv6 stack."""
    index = plug(host, bmc)
    host.ip("link set bmc0 mtu 1000")
    bmc.ip("link set usb0 up")
    host.ip("link set bmc0 up")
    probe = make_probe()
    assert probe.state("bmc0")["ipv6"] == "off"
    host.ip("link set bmc0 mtu 1500")
    probe.wait_line("^link-changed %d .*ipv6=on" % index)


def test_bridge_port_is_not_gone(host, bmc, make_probe):
    """Leaving a bridge is told by an RTM_DELLINK of the family AF_BRIDGE."""
    plug(host, bmc)
    host.ip("link add br0 type bridge")
    probe = make_probe()
    host.ip("link set bmc0 master br0")
    host.ip("link set bmc0 nomaster")
    host.ip("link set bmc0 name idrac")
    assert not [s for s in probe.ask("state") if s.startswith("link-gone")]
    wait_for(lambda: probe.state("idrac"), 5, "the new name")


def test_lost_notifications(host, bmc, make_probe):
    """300 changes while the probe sleeps, with the smallest buffer: it ends in the right state."""
    index = plug(host, bmc)
    probe = make_probe("1")
    os.kill(probe.process.pid, signal.SIGSTOP)
    try:
        batch = []
        for i in range(100):
            batch += ["addr add 10.0.%d.1/24 dev bmc0" % i, "link set bmc0 mtu %d" % (1300 + i),
                      "addr del 10.0.%d.1/24 dev bmc0" % i]
        batch += ["addr add 10.9.9.9/24 dev bmc0", "link set bmc0 name last"]
        host.run(["ip", "-batch", "-"], text_input="\n".join(batch))
    finally:
        os.kill(probe.process.pid, signal.SIGCONT)
    probe.wait_line("^rescan 0")
    assert probe.count("rescans") >= 1
    nic = probe.state("last")
    assert nic["ifindex"] == index
    assert nic["v4"] == ["10.9.9.9,10.9.9.9/24"]
    assert probe.state("bmc0") is None
    # And it listens on.
    host.ip("addr add 10.8.8.8/24 dev last")
    probe.wait_line("^address-new %d .*10.8.8.8" % index)


def test_lost_death(host, bmc, make_probe):
    """A NIC that went, and one that came, while notifications were lost."""
    index = plug(host, bmc)
    host.ip("link add other type veth peer name other2")
    probe = make_probe("1")
    os.kill(probe.process.pid, signal.SIGSTOP)
    try:
        changes = ["link set other mtu %d" % (1300 + i) for i in range(100)]
        host.run(["ip", "-batch", "-"], text_input="\n".join(
            changes + ["link del bmc0", "link add late type veth peer name late2"]))
    finally:
        os.kill(probe.process.pid, signal.SIGCONT)
    late = host.link("late")["ifindex"]
    probe.wait_line("^link-gone %d$" % index)
    probe.wait_line("^link-new %d name=late " % late)
    probe.wait_line("^rescan 0")


def test_hundreds_of_links(host, bmc, make_probe):
    """More links than are kept: said once, nothing breaks, and a place that falls free is used."""
    host.run(["ip", "-batch", "-"], text_input="\n".join(
        "link add v%d type veth peer name w%d" % (i, i) for i in range(40)))
    probe = make_probe()
    links = [s for s in probe.ask("state") if s.startswith("link ")]
    assert len(links) == 64
    index = plug(host, bmc)  # a veth as well: no place for it
    assert probe.state("bmc0") is None
    host.ip("link del v0")
    host.ip("link del v1")
    for i in range(2, 40):
        host.ip("link del v%d" % i)
    assert wait_for(lambda: probe.state("bmc0"), 5, "the free place")["ifindex"] == index


def test_quiet_network_costs_no_wakeup(host, bmc, make_probe):
    plug(host, bmc)
    probe = make_probe()
    before = probe.count("wakeups")
    bmc.ip("link set lo mtu 1400")  # somebody else's business
    bmc.ip("addr add 10.77.0.1/24 dev usb0")
    assert probe.count("wakeups") - before <= 1  # the command itself


# --- the neighbour --------------------------------------------------------------------------------

@pytest.fixture
def link(host, bmc):
    index = plug(host, bmc)
    for namespace, name in ((host, "bmc0"), (bmc, "usb0")):
        namespace.sysctl("ipv6/neigh/%s/retrans_time_ms" % name, 50)
        namespace.sysctl("ipv6/conf/%s/router_solicitation_delay" % name, 0)
        namespace.ip("link set %s up" % name)
    host.link_local("bmc0")
    return index, bmc.link_local("usb0")


def test_neighbour_from_the_table(host, bmc, make_probe, link):
    index, address = link
    probe = make_probe()
    assert probe.ask("neighbour %d" % index) == ["neighbour error ENOENT"]
    mac = bmc.link("usb0")["address"]
    host.ip("neigh replace %s lladdr %s dev bmc0 nud stale" % (address, mac))
    host.ip("neigh replace fde1::1 lladdr %s dev bmc0 nud stale" % mac)  # not link-local
    host.ip("neigh replace fe80::dead dev bmc0 nud failed")
    assert probe.ask("neighbour %d" % index) == ["neighbour " + address]
    assert probe.ask("neighbour %d" % (index + 1)) == ["neighbour error ENOENT"]
    host.ip("neigh replace fe80::beef lladdr %s dev bmc0 nud stale" % mac)
    assert probe.ask("neighbour %d" % index) == ["neighbour error ENOTUNIQ"]


def test_ask_for_the_neighbour(host, bmc, make_probe, link):
    """Found by asking, with an unprivileged process behind a socket that was made for it; also when
    the BMC does not answer echo requests to all nodes; again and again; the table knows it, too."""
    index, address = link
    bmc.sysctl("ipv6/icmp/echo_ignore_multicast", 1)
    probe = make_probe()
    for _ in range(3):
        assert probe.ask("ask %d" % index)[-1] == "ask 0"
        assert probe.wait_line("^neighbour ") == "neighbour " + address
        time.sleep(1.1)  # the BMC's kernel limits its ICMP messages to one a second
    assert probe.ask("neighbour %d" % index) == ["neighbour " + address]


def test_ask_nobody(host, bmc, make_probe, link):
    """A BMC without IPv6 does not answer, and we do not answer ourselves."""
    index, _ = link
    bmc.sysctl("ipv6/conf/usb0/disable_ipv6", 1)
    probe = make_probe()
    assert probe.ask("ask %d" % index)[-1] == "ask 0"
    with pytest.raises(AssertionError):
        probe.wait_line("^neighbour ", timeout=1)


def test_ask_without_an_address(host, bmc, make_probe):
    index = plug(host, bmc)
    host.sysctl("ipv6/conf/bmc0/addr_gen_mode", 1)
    for namespace, name in ((host, "bmc0"), (bmc, "usb0")):
        namespace.ip("link set %s up" % name)
    answer = make_probe().ask("ask %d" % index)[-1]
    assert answer != "ask 0"


# --- udev -----------------------------------------------------------------------------------------

def send_as_udev(namespace, group):
    with namespace.enter():
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    with sock:
        sock.bind((0, 0))
        sock.sendto(b"libudev\0" + b"x" * 200, (0, group))


def test_udev_hints(host, make_probe):
    probe = make_probe()
    send_as_udev(host, 2)  # nobody is waiting
    assert probe.ask("udev on") == ["udev 0"]
    send_as_udev(host, 2)
    probe.wait_line("^udev-hint$")
    assert probe.ask("udev off") == ["udev 0"]
    before = probe.count("wakeups")
    for _ in range(10):
        send_as_udev(host, 2)
    assert probe.count("wakeups") - before <= 1
    assert "udev-hint" not in probe.ask("state")
    assert probe.ask("udev on") == ["udev 0"]
    assert "udev-hint" not in probe.ask("state") + probe.ask("state")  # what came meanwhile is gone
    send_as_udev(host, 2)
    probe.wait_line("^udev-hint$")


def test_udev_only_from_its_group(host, make_probe):
    """The kernel lets only root send to the group; what comes one to one is no hint either."""
    probe = make_probe()
    assert probe.ask("udev on") == ["udev 0"]
    with host.enter():
        ports = [int(line.split()[2]) for line in open("/proc/thread-self/net/netlink")
                 if line.split()[1] == "15" and line.split()[3] == "00000002"]
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    assert len(ports) == 1
    with sock:
        sock.bind((0, 0))
        sock.sendto(b"libudev\0", (ports[0], 0))
    assert "udev-hint" not in probe.ask("state") + probe.ask("state")
    send_as_udev(host, 2)
    probe.wait_line("^udev-hint$")
