# SPDX-License-Identifier: Apache-2.0
"""How long the agent takes: from carrier, from the end of IPv4, from the BMC's open port."""
import fcntl
import os
import random
import socket
import struct
import time

import machine
from figures import Section
from lab import BMC_NIC, HOST_IPV4, HOST_NIC, Lab
from netns import wait_for

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LISTEN, PORT = "0A", 443


class Interface:
    """One side of the NIC, seen and switched within this process: no program is started for it."""

    def __init__(self, lab, namespace, name):
        self.name = name.encode()
        with namespace.enter():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        lab.on_close(self.socket.close)

    def flags(self):
        request = struct.pack("16sh14x", self.name, 0)
        return struct.unpack("16sh14x", fcntl.ioctl(self.socket, SIOCGIFFLAGS, request))[1]

    def is_up(self):
        return bool(self.flags() & IFF_UP)

    def set(self, up):
        flags = self.flags() | IFF_UP if up else self.flags() & ~IFF_UP
        moment = time.monotonic()
        fcntl.ioctl(self.socket, SIOCSIFFLAGS, struct.pack("16sh14x", self.name, flags))
        return moment


class Cable(Interface):
    """The BMC's side of it."""

    def __init__(self, lab):
        super().__init__(lab, lab.bmc, BMC_NIC)


class Follower:
    """The agent's status as a stream that is open before anything happens."""

    def __init__(self, agent, timeout=30):
        self.stream = agent._watch(time.monotonic() + timeout)
        self.last = next(self.stream)

    def until(self, condition, what):
        """The moment when the status became so."""
        while not condition(self.last):
            try:
                self.last = next(self.stream)
            except StopIteration:
                raise AssertionError("not within its time: %s; last seen: %s" % (
                    what, self.last["state"]))
        return time.monotonic()

    def connected(self, protocol):
        return self.until(lambda s: s["state"] == "connected" and s["protocol"] == protocol,
                          "connected over " + protocol)

    def lost(self):
        return self.until(lambda s: s["state"] != "connected", "the loss is noticed")


def _has_listener():
    with open("/proc/thread-self/net/tcp") as file:
        for line in file:
            fields = line.split()
            if fields[3] == LISTEN and fields[1].endswith(":%04X" % PORT):
                return True
    return False


def is_listening(lab):
    with lab.bmc.enter():
        return _has_listener()


def listens(lab):
    """The moment when the endpoint's port was seen open, without a connection to it."""
    with lab.bmc.enter():
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if _has_listener():
                return time.monotonic()
            time.sleep(0.0005)
    raise AssertionError("the endpoint does not listen")


def milliseconds(begin, end):
    return (end - begin) * 1000


def carrier(lab, cable):
    follower = Follower(lab.agent)
    cable.set(False)
    follower.lost()
    wait_for(lambda: "LOWER_UP" not in lab.host.link(HOST_NIC)["flags"], 5, "no carrier")
    time.sleep(random.uniform(0.1, 0.3))  # at any moment of the agent's life, not of its waits
    began = cable.set(True)
    return milliseconds(began, follower.connected("ipv4"))


def enrol(lab, cable):
    """Both ends without state; the agent waits for the carrier of a NIC that has no address yet."""
    cable.set(False)
    lab.endpoint.start(wait=False)
    listens(lab)
    lab.agent.start()
    wait_for(lambda: "UP" in lab.host.link(HOST_NIC)["flags"], 5, "the agent brought the NIC up")
    follower = Follower(lab.agent)
    time.sleep(random.uniform(0.1, 0.3))
    began = cable.set(True)
    return milliseconds(began, follower.connected("ipv4"))


def port_opens(lab):
    follower = Follower(lab.agent)
    lab.endpoint.stop()
    follower.lost()
    time.sleep(random.uniform(1.0, 2.5))  # anywhere within the agent's wait of a second
    lab.endpoint.start(wait=False)
    began = listens(lab)
    return milliseconds(began, follower.connected("ipv4"))


def address_goes(lab):
    """Our IPv4 address is taken away: the kernel says so, nothing need time out."""
    lab.host.link_local(HOST_NIC)
    follower = Follower(lab.agent)
    began = time.monotonic()
    lab.host.ip("-4 addr flush dev " + HOST_NIC)
    took = milliseconds(began, follower.connected("ipv6"))
    lab.host.ip("addr add %s peer 169.254.1.1/32 dev %s scope link" % (HOST_IPV4, HOST_NIC))
    follower.connected("ipv4")
    return took


def ipv4_dies(lab):
    """Packets vanish. (until that is noticed, from then on to connected over IPv6)."""
    lab.host.link_local(HOST_NIC)
    follower = Follower(lab.agent)
    # What the BMC sends, too: its retransmissions would be signs of life.
    lab.bmc.nft("add chain inet lab mute { type filter hook output priority 0; }\n"
                "add rule inet lab mute meta nfproto ipv4 drop")
    began = time.monotonic()
    lab.silence_ipv4()
    noticed = follower.lost()
    connected = follower.connected("ipv6")
    return milliseconds(began, noticed), milliseconds(noticed, connected)


def measure(options, peers):
    section = Section(
        "Agent: how long until it is connected",
        "Connected: TLS is done and the first answer has come. The bench sees it on the control",
        "socket; what that takes is counted. The NIC is a veth pair.")
    rows = {
        "enrol": section.row("carrier -> connected over IPv4, fresh enrolment", "ms"),
        "carrier": section.row("carrier -> connected over IPv4", "ms",
                               goal=("median", "<=", 50)),
        "port": section.row("BMC's port opens -> connected", "ms", goal=("max", "<=", 1100)),
        "address": section.row("our IPv4 address goes -> connected over IPv6", "ms",
                               goal=("median", "<=", 1000)),
        "ipv6": section.row("IPv4 dead, noticed -> connected over IPv6", "ms",
                            goal=("median", "<=", 1000)),
        "notice": section.row("IPv4 silent -> noticed (TCP keepalive)", "ms"),
    }
    try:
        for run in range(options.runs):
            one_run(options, run, rows)
            machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
                "%s %.1f ms" % (name, row.samples[-1]) for name, row in rows.items())))
    except AssertionError as error:
        section.problem = str(error)
    return [section]


def one_run(options, run, rows):
    with Lab(os.path.join(options.folder, "connect-%d" % run)) as lab:
        lab.agent.debug = lab.endpoint.debug = False
        cable = Cable(lab)
        rows["enrol"].add(enrol(lab, cable))
        for _ in range(1 if options.quick else 3):
            rows["carrier"].add(carrier(lab, cable))
            rows["port"].add(port_opens(lab))
        rows["address"].add(address_goes(lab))
        noticed, connected = ipv4_dies(lab)
        rows["notice"].add(noticed)
        rows["ipv6"].add(connected)
