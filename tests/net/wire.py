# SPDX-License-Identifier: Apache-2.0
"""What may go wrong on the way between agent and BMC, byte by byte and frame by frame.

A proxy between the two ends of a TCP connection (Proxied), and a bridge in the place of the cable
(Bridged): this kernel need not have netem.
"""
import array
import fcntl
import heapq
import random
import select
import socket
import struct
import threading
import time

from lab import BMC_MAC, BMC_NIC, HOST_MAC, HOST_NIC, Lab
from netns import Namespace

INNER, INNER_BMC = "10.99.99.2", "10.99.99.1"  # proxy and endpoint
SIOCETHTOOL = 0x8946
# Whole frames with right checksums: nobody else will make them so.
OFFLOADS = {"tx checksum": 0x17, "scatter-gather": 0x19, "tso": 0x1f, "gso": 0x24, "gro": 0x2c}


class Fault:
    """One fault: at a byte of one direction of the n-th connection since it was armed."""

    def __init__(self, kind, connection, direction, offset, seconds=0.0, mask=0xff):
        self.kind, self.connection = kind, connection
        self.direction, self.offset = direction, offset
        self.seconds, self.mask = seconds, mask
        self.done = threading.Event()

    def __str__(self):
        return "%s at byte %d %s of connection %d" % (
            {"cut": "cut", "flip": "flipped with %02x" % self.mask,
             "delay": "delayed %.2f s" % self.seconds}[self.kind],
            self.offset, self.direction, self.connection)


class Proxied(Lab):
    """The endpoint is one namespace further: what comes to the BMC's port 443 goes through us."""

    def __enter__(self):
        super().__enter__()
        self.inner = self._own(Namespace(self.bmc.name + "2"))
        self.bmc.ip("link add mid0 type veth peer name %s netns %s" % (BMC_NIC, self.inner.name))
        self.bmc.ip("addr add %s/24 dev mid0" % INNER)
        self.bmc.ip("link set mid0 up")
        self.inner.ip("addr add %s/24 dev %s" % (INNER_BMC, BMC_NIC))
        self.inner.ip("link set %s up" % BMC_NIC)
        self.endpoint.namespace = self.inner
        self.lock = threading.Lock()
        self.fault, self.open = None, set()
        self.lengths = []  # of each connection since it was armed: {direction: bytes}
        with self.bmc.enter():
            self.listener = socket.create_server(("0.0.0.0", 443), backlog=64)
        self.on_close(self._close_proxy)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def arm(self, fault=None):
        """From here on connections are counted, from 0; those that are there already are not."""
        with self.lock:
            self.fault, self.lengths = fault, []

    def _close_proxy(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                outer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(outer,), daemon=True).start()

    def _serve(self, outer):
        with outer:
            with self.lock:
                number, fault, lengths = len(self.lengths), self.fault, {"up": 0, "down": 0}
                self.lengths.append(lengths)
            if fault and fault.connection != number:
                fault = None
            with self.bmc.enter():
                inner = socket.socket()
            with inner:
                try:
                    inner.connect((INNER_BMC, 443))
                    for end in (outer, inner):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._copy(outer, inner, fault, lengths)
                except OSError:
                    self._reset(outer)

    def _reset(self, end):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _copy(self, outer, inner, fault, lengths):
        ways = {outer: (inner, "up"), inner: (outer, "down")}
        while ways:
            for end in select.select(list(ways), [], [])[0]:
                other, direction = ways[end]
                data = end.recv(65536)
                if not data:
                    del ways[end]
                    other.shutdown(socket.SHUT_WR)
                    continue
                place = fault.offset - lengths[direction] \
                    if fault and fault.direction == direction else -1
                lengths[direction] += len(data)
                if not 0 <= place < len(data):
                    other.sendall(data)
                elif self._apply(fault, other, data, place):
                    for cut in (outer, inner):
                        self._reset(cut)
                    return

    def _apply(self, fault, other, data, place):
        """True when the connection ends by it."""
        if fault.kind == "flip":
            data = data[:place] + bytes([data[place] ^ fault.mask]) + data[place + 1:]
            fault.done.set()
            other.sendall(data)
            return False
        other.sendall(data[:place])
        if fault.kind == "delay":
            time.sleep(fault.seconds)  # what it is about
            other.sendall(data[place:])
        fault.done.set()
        return fault.kind == "cut"


class Weather:
    """What happens to a frame, drawn from a seed."""

    def __init__(self, seed=0, loss=0.0, duplicates=0.0, delay=0.0, spread=0.0):
        self.random = random.Random(seed)
        self.loss, self.duplicates, self.delay, self.spread = loss, duplicates, delay, spread

    def delays(self):
        """Of each copy that arrives; a spread larger than the gap between frames reorders them."""
        copies = 0 if self.random.random() < self.loss else \
            2 if self.random.random() < self.duplicates else 1
        return [self.delay + self.random.random() * self.spread for _ in range(copies)]


class Bridged(Lab):
    """Between the two ends of the cable lies a namespace of its own, with a bridge of ours."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.weather, self.frames = Weather(), 0
        self.ended = threading.Event()
        self.thread = self.cable = None

    def plug(self, host_name=HOST_NIC):
        if self.cable is None:
            self.cable = self._own(Namespace(self.bmc.name + "-cable"))
        self.next_ifindex += 1
        self.trees.plug(host_name, self.next_ifindex, HOST_MAC, self.ids)
        self.host.ip("link add %s index %d address %s type veth peer name m0 netns %s" % (
            host_name, self.next_ifindex, HOST_MAC, self.cable.name))
        self.bmc.ip("link add %s address %s type veth peer name m1 netns %s" % (
            BMC_NIC, BMC_MAC, self.cable.name))
        for namespace, name in ((self.host, host_name), (self.bmc, BMC_NIC), (self.cable, "m0"),
                                (self.cable, "m1")):
            plain_frames(namespace, name)
        for name in ("m0", "m1"):
            self.cable.sysctl("ipv6/conf/%s/disable_ipv6" % name, 1)
            self.cable.ip("link set %s up" % name)
        self.bmc.ip("link set %s up" % BMC_NIC)
        self.bmc.ip("addr add %s/16 dev %s" % (self.bmc_ipv4, BMC_NIC))
        self.on_close(self._end)
        self.thread = threading.Thread(target=self._carry, args=(self._sockets(),), daemon=True)
        self.thread.start()

    def _sockets(self):
        made = []
        for name in ("m0", "m1"):
            with self.cable.enter():
                end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            end.bind((name, 3))  # ETH_P_ALL
            end.setblocking(False)
            made.append(end)
        return made

    def _end(self):
        self.ended.set()
        self.thread.join(5)

    def _carry(self, ends):
        waiting, n = [], 0
        other = {ends[0]: ends[1], ends[1]: ends[0]}
        while not self.ended.is_set():
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, end, frame = heapq.heappop(waiting)
                try:
                    end.send(frame)
                except OSError:
                    pass  # that side is down
            pause = min(0.2, waiting[0][0] - now) if waiting else 0.2
            for end in select.select(ends, [], [], max(0, pause))[0]:
                try:
                    frame, where = end.recvfrom(65536)
                except OSError:
                    continue
                if where[2] == socket.PACKET_OUTGOING:
                    continue
                self.frames += 1
                for delay in self.weather.delays():
                    n += 1
                    heapq.heappush(waiting, (time.monotonic() + delay, n, other[end], frame))
        for end in ends:
            end.close()


def plain_frames(namespace, name):
    with namespace.enter():
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with control:
        for command in OFFLOADS.values():
            value = array.array("I", [command, 0])
            request = struct.pack("16sP16x", name.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(control, SIOCETHTOOL, request)
            except OSError:
                pass  # not every one is there to be switched off
