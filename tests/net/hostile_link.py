# SPDX-License-Identifier: Apache-2.0
"""What a hostile BMC sends that is no TCP connection of the agent: frames, and its own SYNs."""
import contextlib
import errno
import select
import socket
import struct

from hostile_attacks import ATTACKS, Row
from hostile_bmc import Over
from lab import BMC_IPV4, BMC_MAC, BMC_NIC, HOST_IPV4, HOST_MAC, HOST_NIC
from servers import Server
from test_hostile_bmc import advertisement, checksum, evil

EVIL_MAC = "02:00:5e:00:00:99"
SERVICE = 8022  # a port of the host where one listens


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def arp(operation, sender_mac, sender, target_mac, target, to=HOST_MAC):
    return (mac(to) + mac(sender_mac) + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4,
                                                                  operation)
            + mac(sender_mac) + socket.inet_aton(sender) + mac(target_mac)
            + socket.inet_aton(target))


def neighbour(source, target, to_mac=HOST_MAC):
    """RFC 4861 4.4: solicited, override, and a link-layer address that nobody has."""
    payload = (struct.pack("!BBHI", 136, 0, 0, 0x60000000) + socket.inet_pton(socket.AF_INET6,
                                                                              source)
               + b"\x02\x01" + mac(EVIL_MAC))
    payload = payload[:2] + struct.pack("!H", checksum(source, target, payload)) + payload[4:]
    return (mac(to_mac) + mac(BMC_MAC) + b"\x86\xdd"
            + struct.pack("!IHBB", 6 << 28, len(payload), 58, 255)
            + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, target) + payload)


def frames(make, pause=0.0005):
    """The frames that make(lab) gives, again and again."""
    def attack(hit):
        lab = hit.bmc.lab
        made = make(lab)
        with lab.bmc.enter(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((BMC_NIC, 0))
            while not hit.over.wait(pause):
                for frame in made:
                    with contextlib.suppress(BlockingIOError):
                        raw.send(frame)
                    hit.bmc.pieces += 1
        assert evil(lab) == [], "the host obeys"
    return attack


def advertisements(lab):
    return [advertisement(lab.bmc.link_local(BMC_NIC), "2000::", 3)]


def spoofed_bmc(lab):
    """The BMC's address is said to be where nobody is."""
    return [arp(2, EVIL_MAC, BMC_IPV4, HOST_MAC, HOST_IPV4),
            arp(1, EVIL_MAC, BMC_IPV4, "00:00:00:00:00:00", HOST_IPV4)]


def spoofed_host(lab):
    """Somebody else has the host's own address."""
    return [arp(1, EVIL_MAC, HOST_IPV4, "00:00:00:00:00:00", HOST_IPV4, "ff:ff:ff:ff:ff:ff"),
            arp(2, EVIL_MAC, HOST_IPV4, HOST_MAC, HOST_IPV4)]


def spoofed_neighbours(lab):
    bmc, host = lab.bmc.link_local(BMC_NIC), lab.host.link_local(HOST_NIC)
    return [neighbour(bmc, host), neighbour(host, "ff02::1", "33:33:00:00:00:01")]


def connected(clients):
    """The ports of those that stand; the others are still trying, or were refused."""
    poll, found = select.poll(), {client.fileno(): port for port, client in clients.items()}
    for fd in found:
        poll.register(fd, select.POLLOUT)
    ready = [found[fd] for fd, what in poll.poll(0) if what & select.POLLOUT]
    return [port for port in ready
            if clients[port].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0]


def connections(hit):
    """To every port of the host, thousands, and not one is taken: not by a service, either."""
    lab, port, taken = hit.bmc.lab, SERVICE, []
    with Server(lab.host, lambda c: None, SERVICE):
        while not hit.over.is_set():
            with contextlib.ExitStack() as stack, lab.bmc.enter():
                clients = {}
                for _ in range(512):
                    clients[port] = client = stack.enter_context(socket.socket())
                    client.setblocking(False)
                    code = client.connect_ex((HOST_IPV4, port))
                    assert code in (0, errno.EINPROGRESS, errno.EAGAIN), code
                    hit.bmc.pieces += 1
                    port = port % 65535 + 1
                taken += connected(clients)
    assert not taken, "the host took connections: %s" % taken
    raise Over


LINK = ("link",)
ATTACKS += [
    Row("router advertisements", LINK, frames(advertisements)),
    Row("ARP: the BMC is elsewhere", LINK, frames(spoofed_bmc)),
    Row("ARP: the host is elsewhere", LINK, frames(spoofed_host)),
    Row("neighbours: all are elsewhere", LINK, frames(spoofed_neighbours)),
    Row("connections to the host", LINK, connections),
]
