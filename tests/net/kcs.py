# SPDX-License-Identifier: Apache-2.0
"""The BMC's side of a KCS interface, as a script: what bmclinkd's /dev/ipmi0 (fake_ipmi.c) says.

By default it does what an IPMI daemon on a BMC would: it forwards the bytes of group 52h to
bmclink-endpoint's control socket.
"""
import contextlib
import json
import os
import socket
import struct
import threading
import time

from daemons import program

RESPONSE = 1


class Kcs:
    """kcs = Kcs(lab); kcs.answers = function(command, argument) -> bytes, None (silence)."""

    def __init__(self, lab, device=True):
        self.lab = lab
        self.path = os.path.join(lab.folder, "ipmi0")
        self.asked = []  # (command, argument), in order
        self.answers = self.forward
        self.listener, self.streams = None, []
        self.lock = threading.Lock()
        lab.agent.environment.update({
            "LD_PRELOAD": program("libfake-ipmi.so"), "FAKE_IPMI": self.path,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        lab.on_close(self.close)
        if device:
            self.plug()

    def plug(self):
        """The driver is there."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        if self.listener:
            self.listener.close()
            os.unlink(self.path)
        self.listener = None
        for stream in self.streams:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            self.streams.append(stream)
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        while True:
            try:
                packet = stream.recv(4096)
            except OSError:
                return
            if not packet:
                return
            msgid, netfn, command = struct.unpack("<qBB", packet[:10])
            assert netfn == 0x2c and packet[10] == 0x52 and len(packet) == 12, packet
            with self.lock:
                self.asked.append((command, packet[11]))
            answer = self.answers(command, packet[11])
            if answer is not None:
                self.send(stream, msgid, command, answer)

    def send(self, stream, msgid, command, data, kind=RESPONSE, netfn=0x2d):
        with contextlib.suppress(OSError):
            stream.send(struct.pack("<qqBB", kind, msgid, netfn, command) + data)

    def count(self, command):
        return len([c for c, _ in self.asked if c == command])

    # Answers

    def forward(self, command, argument):
        """What the endpoint's `ipmi` verb says."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            try:
                control.connect(os.path.join(self.lab.endpoint.runtime_dir, "endpoint-control"))
            except OSError:
                return b"\xc1"
            control.sendall(json.dumps({
                "command": "ipmi", "request": "2c%02x52%02x" % (command, argument)}).encode()
                + b"\n")
            result = json.loads(control.makefile().readline())["result"]
        return bytes([result["completion"]]) + bytes.fromhex(result["data"])

    def slowly(self, seconds):
        def answers(command, argument):
            time.sleep(seconds)
            return self.forward(command, argument)
        return answers
