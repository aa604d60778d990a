#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays the IPMI firmware of the virtual server's BMC, as far as a driver and DSP0270 ask for it.

It is below the line of what bmclink has: a real BMC has ipmid or its like there. QEMU's
ipmi-bmc-extern talks OpenIPMI's VM protocol to it. Requests of group extension 52h (NetFn 2Ch) are
what `bmclink-endpoint ipmi` answers; the rest are the few that Linux' ipmi_si binds with.

    ipmi_bmc.py DEVICE MODE-FILE LOG-FILE [COMMAND...]

The word in MODE-FILE says how group extension requests are answered; it is read at each of them:

    endpoint      what COMMAND says to the request's hex bytes (the default)
    unpadded      the same, but credentials as two strings with their NULs, not two fields of 16
    code:80       this completion code
    raw:520141... these bytes as the whole answer, completion code first
    slow:2.5      the endpoint's answer, after that many seconds
    stall         none, ever (QEMU gives up after 4 s with C3h)
    dead          none to any request of whatever kind
"""

import os
import socket
import subprocess
import sys
import threading
import time

MESSAGE, COMMAND, ESCAPE = 0xa0, 0xa1, 0xaa
SPECIAL = (MESSAGE, COMMAND, ESCAPE)
# Hardware operations, and what we tell of ourselves: version 1 of the protocol, no more.
OP_VERSION, OP_NO_ATTENTION = 0xff, 0x00
PROTOCOL_VERSION = 1
GROUP_REQUEST, GROUP_REDFISH = 0x2c, 0x52

OK, INVALID_COMMAND, UNSPECIFIED = 0x00, 0xc1, 0xff
NETFN_APP = 0x06
GUID = bytes.fromhex('626d636c696e6b2d76697274756d6163')
ENABLES = 0x2e


def frame(payload, end):
    """A message or an operation as it goes over the wire."""
    out = bytearray()
    for byte in payload:
        out += bytes((ESCAPE, byte | 0x10)) if byte in SPECIAL else bytes((byte,))
    return bytes(out) + bytes((end,))


def checksum(data):
    return -sum(data) & 0xff


class Frames:
    """Bytes in, (kind, payload) out, kind being MESSAGE or COMMAND."""

    def __init__(self):
        self.data = bytearray()
        self.escaped = False

    def feed(self, chunk):
        for byte in chunk:
            if byte in (MESSAGE, COMMAND):
                yield byte, bytes(self.data)
                self.data.clear()
                self.escaped = False
            elif byte == ESCAPE:
                self.escaped = True
            else:
                # A request is 40 bytes at most (QEMU's MAX_IPMI_MSG_SIZE is 300).
                if len(self.data) < 512:
                    self.data.append(byte & ~0x10 if self.escaped else byte)
                self.escaped = False


class Bmc:
    def __init__(self, write, mode_file, log_file, command):
        self.write = write
        self.mode_file = mode_file
        self.log_file = log_file
        self.command = command
        self.enables = 0x08
        self.lock = threading.Lock()

    def send(self, payload, end):
        with self.lock:
            self.write(frame(payload, end))

    def hello(self):
        self.send((OP_VERSION, PROTOCOL_VERSION), COMMAND)
        self.send((OP_NO_ATTENTION,), COMMAND)

    def mode(self):
        try:
            with open(self.mode_file, encoding='ascii') as file:
                return file.read().strip() or 'endpoint'
        except FileNotFoundError:
            return 'endpoint'

    def take(self, kind, payload):
        if kind == COMMAND:
            # The other end's version and capabilities: nothing to do with them.
            return
        if len(payload) < 4 or checksum(payload[:-1]) != payload[-1]:
            self.log('damaged', payload, b'')
            return
        threading.Thread(target=self.request, args=(payload[:-1],), daemon=True).start()

    def request(self, message):
        sequence, netfn_lun, command, data = message[0], message[1], message[2], message[3:]
        mode = self.mode()
        if mode == 'dead':
            return
        if netfn_lun >> 2 == GROUP_REQUEST and data[:1] == bytes((GROUP_REDFISH,)):
            answer = self.group(mode, command, data)
            self.log(mode, message[1:], answer)
        else:
            answer = self.driver(netfn_lun >> 2, command, data)
        if answer is None:
            return
        answer = bytes((sequence, netfn_lun | 0x04, command)) + answer
        self.send(answer + bytes((checksum(answer),)), MESSAGE)

    def driver(self, netfn, command, data):
        """What ipmi_si and ipmi_msghandler ask before they make /dev/ipmi0."""
        if netfn == NETFN_APP and command == 0x2e and data:
            self.enables = data[0]
            return bytes((OK,))
        answers = {
            # Device 20h, revision 1, firmware 1.00, IPMI 2.0, manufacturer and product unassigned
            0x01: bytes((0x20, 0x01, 0x01, 0x00, 0x02, 0x00, 0, 0, 0, 0, 0)),
            0x2f: bytes((self.enables,)),
            0x30: b'',
            0x31: bytes((0,)),
            0x37: GUID,
        }
        if netfn != NETFN_APP or command not in answers:
            return bytes((INVALID_COMMAND,))
        return bytes((OK,)) + answers[command]

    def group(self, mode, command, data):
        word, _, value = mode.partition(':')
        if word == 'stall':
            return None
        if word == 'code':
            return bytes((int(value, 16),)) + bytes((GROUP_REDFISH,))
        if word == 'raw':
            return bytes.fromhex(value)
        if word == 'slow':
            time.sleep(float(value))
        answer = self.ask(command, data)
        if word == 'unpadded' and command == 0x02 and answer[0] == OK and len(answer) == 34:
            user, password = answer[2:18].rstrip(b'\0'), answer[18:34].rstrip(b'\0')
            answer = answer[:2] + user + b'\0' + password + b'\0'
        return answer

    def ask(self, command, data):
        """COMMAND gets NetFn, command and data as hex, and prints completion code and data."""
        if not self.command:
            return bytes((INVALID_COMMAND, GROUP_REDFISH))
        request = [f'{byte:02x}' for byte in (GROUP_REQUEST, command, *data)]
        try:
            done = subprocess.run([*self.command, *request], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=10, check=True, text=True)
            return bytes.fromhex(done.stdout) or bytes((UNSPECIFIED,))
        except FileNotFoundError:
            # A BMC without our endpoint has nobody who knows the group.
            return bytes((INVALID_COMMAND, GROUP_REDFISH))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f'{self.command[0]}: {error}', file=sys.stderr, flush=True)
            return bytes((UNSPECIFIED, GROUP_REDFISH))

    def log(self, mode, request, answer):
        """For tests: what came, and what went. Not the password of an account."""
        if answer and len(answer) > 18:
            answer = answer[:18] + b'...'
        with open(self.log_file, 'a', encoding='ascii') as file:
            print(mode, request.hex(), answer.hex() if answer is not None else 'none', file=file)


def tell_systemd():
    """The host's driver is loaded after this: it gives up when nobody answers in 20 s."""
    path = os.environ.get('NOTIFY_SOCKET')
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b'READY=1', path.replace('@', '\0', 1))


def main():
    device, mode_file, log_file, *command = sys.argv[1:]
    fd = os.open(device, os.O_RDWR)

    def write(data):
        while data:
            data = data[os.write(fd, data):]

    bmc = Bmc(write, mode_file, log_file, command)
    frames = Frames()
    bmc.hello()
    tell_systemd()
    while True:
        chunk = os.read(fd, 4096)
        if not chunk:
            # QEMU's other end is not connected yet.
            time.sleep(0.02)
            continue
        for kind, payload in frames.feed(chunk):
            bmc.take(kind, payload)


if __name__ == '__main__':
    main()
