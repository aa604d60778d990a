# SPDX-License-Identifier: Apache-2.0
"""The kernel's audit records, as any reader of the log gets them (multicast, linux/audit.h).

Auditing is off where no auditd runs; it is then on for the time of the listener only.
"""
import errno
import os
import select
import socket
import struct
import time

NETLINK_AUDIT = 9
AUDIT_GET, AUDIT_SET = 1000, 1001
AUDIT_TRUSTED_APP = 1121
READLOG_GROUP = 1
NLM_F_REQUEST, NLM_F_ACK = 1, 4
STATUS_ENABLED = 1
# Of the kernel's first namespaces, always (linux/proc_ns.h)
FIRST_PID, FIRST_USER = "pid:[4026531836]", "user:[4026531837]"
CAP_AUDIT_CONTROL = 30


def may_listen():
    """Root in the first namespaces: there it works, unless the kernel has no auditing at all."""
    with open("/proc/self/status") as file:
        effective = int(file.read().split("CapEff:")[1].split()[0], 16)
    return effective >> CAP_AUDIT_CONTROL & 1 and \
        (os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/user")) == \
        (FIRST_PID, FIRST_USER)


def open_listener():
    """(listener, "") or (None, why not); OSError where it must work."""
    listener = None
    try:
        listener = AuditListener()
        return listener.__enter__(), ""
    except OSError as error:
        if may_listen() and (listener or error.errno != errno.EPROTONOSUPPORT):
            raise
        return None, "no auditing here: %s" % error


class AuditListener:
    def __init__(self):
        """OSError where the kernel or the namespace has no auditing."""
        self.control = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
        self.reader = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
        self.reader.bind((0, READLOG_GROUP))

    def __enter__(self):
        self.was_enabled = self._get_enabled()
        if not self.was_enabled:
            self._set_enabled(1)
        return self

    def __exit__(self, *_):
        if not self.was_enabled:
            self._set_enabled(0)
        self.control.close()
        self.reader.close()

    def _ask(self, kind, body=b""):
        header = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
        self.control.sendall(header + body)
        answers = []
        while select.select([self.control], [], [], 1)[0]:
            data = self.control.recv(16384)
            answer = struct.unpack("=H", data[4:6])[0]
            if answer == 2:  # NLMSG_ERROR, 0 when it is the acknowledgement
                error = -struct.unpack("=i", data[16:20])[0]
                if error:
                    raise OSError(error, os.strerror(error))
                if kind != AUDIT_GET or answers:
                    break
            else:
                answers.append(data[16:])
                if kind == AUDIT_GET:
                    break
        return answers

    def _get_enabled(self):
        (status,) = self._ask(AUDIT_GET)
        return struct.unpack("=II", status[:8])[1] != 0

    def _set_enabled(self, value):
        self._ask(AUDIT_SET, struct.pack("=II", STATUS_ENABLED, value) + b"\0" * 32)

    def wait(self, *words, timeout=5):
        """The first record of a trusted application that has all these words."""
        end = time.monotonic() + timeout
        seen = []
        while select.select([self.reader], [], [], max(0, end - time.monotonic()))[0]:
            data = self.reader.recv(16384)
            kind = struct.unpack("=H", data[4:6])[0]
            text = data[16:].rstrip(b"\0\n").decode(errors="replace")
            if kind != AUDIT_TRUSTED_APP:
                continue
            seen.append(text)
            if all(word.lower() in text.lower() for word in words):
                return text
        raise AssertionError("no audit record with %s; seen: %s" % (words, seen))
