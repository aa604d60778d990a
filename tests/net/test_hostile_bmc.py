# SPDX-License-Identifier: Apache-2.0
"""The NIC must not own the host: a BMC that was taken over attracts no traffic and reaches no
listening service. Each wall has its twin without it."""
import os
import socket
import struct
import threading
import time

import pytest

from lab import BMC_IPV4, BMC_MAC, BMC_NIC, BMC_ULA, HOST_IPV4, HOST_MAC, HOST_NIC, HOST_ULA
from netns import wait_for
from probe import NOTICE_RELOAD, Gone, Probe  # noqa: F401

PAIR = {"host4": HOST_IPV4, "bmc4": BMC_IPV4}
EVERYBODY = "33:33:00:00:00:01"
# Of a net of its own: a host must never send to it through this NIC.
EVIL_PREFIX, EVIL_ADDRESS = "2000::", "2606:4700::1111"


def checksum(source, target, payload):
    data = (socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
            + struct.pack("!II", len(payload), 58) + payload)
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def advertisement(source, prefix, length, from_mac=BMC_MAC):
    """RFC 4861 4.2: default router for 1800 s, on-link autonomous prefix, link-layer address."""
    target = "ff02::1"
    mac = bytes.fromhex(from_mac.replace(":", ""))
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    options = b"\x01\x01" + mac
    for bits in (length, 64):
        options += (struct.pack("!BBBBIII", 3, 4, bits, 0xc0, 86400, 86400, 0)
                    + socket.inet_pton(socket.AF_INET6, prefix))
    payload = header + options
    payload = payload[:2] + struct.pack("!H", checksum(source, target, payload)) + payload[4:]
    ip = (struct.pack("!IHBB", 6 << 28, len(payload), 58, 255)
          + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target))
    return (bytes.fromhex(EVERYBODY.replace(":", "")) + mac + b"\x86\xdd" + ip + payload)


def advertise(lab, times=3):
    source = lab.bmc.link_local(BMC_NIC)
    with lab.bmc.enter(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((BMC_NIC, 0))
        for _ in range(times):
            raw.send(advertisement(source, EVIL_PREFIX, 3))


def evil(lab):
    """What of the advertisement came to be: routes and addresses of the host."""
    routes = [r["dst"] for r in lab.host.ip_json("-6 route show table all dev " + HOST_NIC)]
    addresses = [a["local"] for a in lab.host.addresses(HOST_NIC, 6)]
    return [x for x in routes + addresses if x == "default" or x[0] in "23"]


@pytest.fixture
def probe(lab):
    made = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(made.kill)
    made.lab = lab
    made.start()
    made.must("claim", ifindex=lab.ifindex)
    yield made
    made.stop()
    assert not made.trouble()


def icmp6_in(lab):
    with lab.host.enter(), open("/proc/net/dev_snmp6/" + HOST_NIC) as file:
        return dict(line.split() for line in file)


def test_router_advertisements_do_nothing(probe):
    lab = probe.lab
    probe.must("configure", **PAIR)
    probe.must("care", on=True)
    lab.host.link_local(HOST_NIC)
    # without the filter too, so that this proves accept_ra and not the drop
    probe.reload(nic_filter="off")
    probe.wait_notice(NOTICE_RELOAD)
    before = int(icmp6_in(lab)["Icmp6InRouterAdvertisements"])
    advertise(lab)
    wait_for(lambda: int(icmp6_in(lab)["Icmp6InRouterAdvertisements"]) >= before + 3, 5,
             "the advertisements have arrived")
    assert evil(lab) == []
    route = lab.host.run(["ip", "-6", "route", "get", EVIL_ADDRESS], check=False)
    assert route.returncode != 0 or HOST_NIC not in route.stdout


def test_twin_an_unprotected_nic_is_owned(probe):
    lab = probe.lab
    lab.host_up()
    lab.host.link_local(HOST_NIC)
    advertise(lab)
    wait_for(lambda: "default" in evil(lab), 5, "an unprotected host follows")
    assert HOST_NIC in lab.host.run(["ip", "-6", "route", "get", EVIL_ADDRESS]).stdout
    # care that comes late takes the routes back
    probe.must("care", on=True)
    routes = [r["dst"] for r in lab.host.ip_json("-6 route show table main dev " + HOST_NIC)]
    assert all(r.startswith(("fe80:", "fd")) for r in routes), routes
    route = lab.host.run(["ip", "-6", "route", "get", EVIL_ADDRESS], check=False)
    assert route.returncode != 0 or HOST_NIC not in route.stdout


class Service:
    """A service of the host, on all addresses, that answers who connects."""

    def __init__(self, namespace, port=2222):
        self.port = port
        with namespace.enter():
            self.listener = socket.socket(socket.AF_INET6)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("::", port))
            self.listener.listen()
            self.datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.datagrams.bind(("::", port))
        self.seen = []
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._receive, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            self.seen.append(("tcp", peer[0]))
            connection.close()

    def _receive(self):
        while True:
            try:
                _, peer = self.datagrams.recvfrom(64)
            except OSError:
                return
            self.seen.append(("udp", peer[0]))

    def close(self):
        self.listener.close()
        self.datagrams.close()


def can_connect(namespace, address, port, timeout=1.0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespace.enter(), socket.socket(family) as s:
        s.settimeout(timeout)
        try:
            s.connect((address, port))
            return True
        except OSError:
            return False


def ping(namespace, address):
    return namespace.run(["ping", "-n", "-c", "1", "-W", "2", address], check=False).returncode == 0


@pytest.mark.parametrize("nic_filter", ["replies", "off"])
def test_filter(make_lab, nic_filter):
    lab = make_lab(bmc_ula=True)
    probe = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(probe.kill)
    probe.start(nic_filter=nic_filter)
    probe.must("claim", ifindex=lab.ifindex)
    probe.must("configure", **PAIR, host6=HOST_ULA, bmc6=BMC_ULA, prefix=128)
    probe.must("care", on=True)
    # another address of the host, elsewhere: the weak host model would answer for it
    lab.host.ip("addr add 192.0.2.1/32 dev lo")
    lab.bmc.ip("route add 192.0.2.1 via %s dev %s onlink" % (HOST_IPV4, BMC_NIC))
    wait_for(lambda: ping(lab.bmc, HOST_ULA), 5, "IPv6 is usable")
    service = Service(lab.host)
    lab.on_close(service.close)
    reachable = nic_filter == "off"
    for address in (HOST_IPV4, HOST_ULA, "192.0.2.1"):
        assert can_connect(lab.bmc, address, service.port) is reachable, address
        with lab.bmc.enter(), socket.socket(
                socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", (address, service.port))
    if reachable:
        wait_for(lambda: len(service.seen) == 6, 5, "all of them came in")
    else:
        # what is answered by the kernel came after what was sent before it
        assert ping(lab.bmc, HOST_IPV4) and ping(lab.bmc, HOST_ULA)
        assert service.seen == []
    # what we begin, works either way
    with lab.bmc.enter():
        listener = socket.socket(socket.AF_INET6)
        listener.bind(("::", 4433))
        listener.listen()
    with listener:
        for family, address in ((4, BMC_IPV4), (6, BMC_ULA)):
            answer = probe.must("tcp", family=family, address=address, port=4433)
            assert answer["connect"] == 0, address
    # other NICs are not concerned
    assert can_connect(lab.host, "127.0.0.1", service.port)
    probe.stop()
    assert can_connect(lab.bmc, HOST_IPV4, service.port), "put back at stop"


def test_nothing_is_forwarded_from_the_nic(make_lab):
    """A host that forwards (containers, virtual machines) is no way for the BMC to go on."""
    lab = make_lab()
    probe = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(probe.kill)
    lab.host.sysctl("ipv4/conf/all/forwarding", 1)
    lab.host.sysctl("ipv6/conf/all/forwarding", 1)
    probe.start()
    probe.must("claim", ifindex=lab.ifindex)
    probe.must("configure", **PAIR)
    # a machine behind the host, in a namespace of its own
    from netns import Namespace
    inside = Namespace(lab.host.name + "-lan")
    lab.on_close(inside.close)
    lab.host.ip("link add lan0 type veth peer name eth0 netns " + inside.name)
    lab.host.ip("link set lan0 up")
    lab.host.ip("addr add 10.9.0.1/24 dev lan0")
    inside.ip("link set eth0 up")
    inside.ip("addr add 10.9.0.2/24 dev eth0")
    inside.ip("route add default via 10.9.0.1")
    lab.bmc.ip("route add 10.9.0.0/24 via %s dev %s onlink" % (HOST_IPV4, BMC_NIC))
    lab.host.ip("addr add fd00:9::1/64 dev lan0 nodad")
    inside.ip("addr add fd00:9::2/64 dev eth0 nodad")
    inside.ip("route add default via fd00:9::1")
    lab.host.ip("addr add fd00:8::2/64 dev %s nodad" % HOST_NIC)
    lab.bmc.ip("addr add fd00:8::1/64 dev %s nodad" % BMC_NIC)
    lab.bmc.ip("route add fd00:9::/64 via fd00:8::2")
    for there, back in (("10.9.0.2", BMC_IPV4), ("fd00:9::2", "fd00:8::1")):
        wait_for(lambda: ping(lab.bmc, there), 5, "without care the BMC goes through")
        wait_for(lambda: ping(inside, back), 5, "and others to the BMC")
    probe.must("care", on=True)
    for there, back in (("10.9.0.2", BMC_IPV4), ("fd00:9::2", "fd00:8::1")):
        assert not ping(lab.bmc, there)
        assert not ping(inside, back), "and nobody from there to the BMC"
        assert ping(lab.host, back)
    probe.stop()
    assert ping(lab.bmc, "10.9.0.2") and ping(lab.bmc, "fd00:9::2"), "put back at stop"


def test_the_bmc_speaks_in_its_own_name_only(probe):
    """Packets in the name of others (into connections of other NICs) are dropped."""
    lab = probe.lab
    probe.must("configure", **PAIR)
    lab.host.ip("link add lan0 type veth peer name lan1")
    lab.host.ip("link set lan0 up")
    lab.host.ip("link set lan1 up")
    lab.host.ip("addr add 10.9.0.1/24 dev lan0")

    def spoof():
        """An echo request from 10.9.0.7, which lives on lan0; answered: seen by a counter."""
        ours, theirs = (bytes.fromhex(m.replace(":", "")) for m in (HOST_MAC, BMC_MAC))
        icmp = b"\x08\x00\xf7\xfd\x00\x01\x00\x01"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 1, 0,
                         socket.inet_aton("10.9.0.7"), socket.inet_aton(HOST_IPV4))
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack("!H", ~total & 0xffff) + ip[12:]
        with lab.bmc.enter(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((BMC_NIC, 0))
            raw.send(ours + theirs + b"\x08\x00" + ip + icmp)
        # what was sent before this answer has been looked at
        assert ping(lab.bmc, HOST_IPV4)

    def echos():
        with lab.host.enter(), open("/proc/net/snmp") as file:
            lines = [line.split() for line in file if line.startswith("Icmp:")]
        return int(dict(zip(lines[0], lines[1]))["InEchos"])
    wait_for(lambda: ping(lab.bmc, HOST_IPV4), 5, "link")
    start = echos()
    spoof()
    assert echos() == start + 2, "the twin: without care it comes in"
    probe.must("care", on=True)
    start = echos()
    spoof()
    assert echos() == start + 1


def test_neighbour_timers_make_ipv6_quick(probe):
    """Care from the start: usable at once instead of after two seconds."""
    lab = probe.lab
    probe.must("care", on=True)
    lab.host_up()
    begin = time.monotonic()
    lab.host.link_local(HOST_NIC)
    target = lab.bmc.link_local(BMC_NIC)
    assert ping(lab.host, "%s%%%s" % (target, HOST_NIC))
    assert time.monotonic() - begin < 1.0
