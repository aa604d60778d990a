# SPDX-License-Identifier: Apache-2.0
"""monitor_probe: a real monitor and a worker in its real sandbox that does what the test says."""
import errno
import json
import os
import socket

from daemons import Agent
from netns import wait_for

ARMED, REAPPLY, SPENT = 0, 1, 2
NOTICE_STOP, NOTICE_RELOAD, NOTICE_ARP, NOTICE_EVENT = 0, 1, 2, 3
EPERM, ENODEV, EADDRINUSE = -errno.EPERM, -errno.ENODEV, -errno.EADDRINUSE


class Gone(Exception):
    """The worker ended instead of answering."""


class Probe(Agent):
    program = "monitor_probe"

    def _answers(self):
        assert self.is_running(), "monitor_probe ended: " + self.log()[-2000:]
        try:
            return "machine" in self.do("machine")
        except (OSError, Gone):
            return False

    def ask(self, what, **arguments):
        """One command; returns the answer as a dictionary."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(self.control)
            stream.sendall(json.dumps(dict({"do": what}, **arguments)).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                try:
                    more = stream.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    raise Gone(what)
                data += more
        return json.loads(data)

    do = ask

    def r(self, what, **arguments):
        return self.ask(what, **arguments)["r"]

    def must(self, what, **arguments):
        answer = self.ask(what, **arguments)
        assert answer["r"] == 0, "%s: %s" % (what, os.strerror(-answer["r"]))
        return answer

    def wait_notice(self, notice, timeout=5, **also):
        seen = []

        def found():
            seen.extend(self.must("notices")["notices"])
            return [n for n in seen if n["notice"] == notice
                    and all(n.get(k) == v for k, v in also.items())]
        return wait_for(found, timeout, "notice %d %s" % (notice, also))[0]
