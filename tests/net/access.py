# SPDX-License-Identifier: Apache-2.0
"""A lab with a remote client: client namespace - host - BMC, and what stands behind the BMC's port.

The client's network is 192.0.2.0/24 and 2001:db8::/64; the host is .1 and ::1 there, the client .2
and ::2, and it has .3 and ::3 to come from as well. Nothing is routed.
"""
import hashlib
import os
import socket
import subprocess
import threading

from daemons import program
from lab import BMC_IPV4, Lab
from netns import Namespace, die_with_parent, run, wait_for

PORT = 1266
HOST, HOST6 = "192.0.2.1", "2001:db8::1"
CLIENT, CLIENT6 = "192.0.2.2", "2001:db8::2"
OTHER, OTHER6 = "192.0.2.3", "2001:db8::3"
ALLOW = "192.0.2.0/24 2001:db8::/64"
TLS = b"\x16\x03\x01\x00\x05hello"  # what begins like TLS; a server that is none takes it


class AccessLab(Lab):
    def __enter__(self):
        super().__enter__()
        self.client = self._own(Namespace(self.host.name.replace("-host", "-client")))
        self.host.ip("link add lan0 type veth peer name eth0 netns " + self.client.name)
        for address in (HOST + "/24", HOST6 + "/64 nodad"):
            self.host.ip("addr add %s dev lan0" % address)
        for address in (CLIENT + "/24", OTHER + "/24", CLIENT6 + "/64 nodad",
                        OTHER6 + "/64 nodad preferred_lft 0"):
            self.client.ip("addr add %s dev eth0" % address)
        self.host.ip("link set lan0 up")
        self.client.ip("link set eth0 up")
        return self

    # The feature

    def connect(self, allow=ALLOW, endpoint=None, **keys):
        """Connected over IPv4, and access open by the configuration file."""
        self.endpoint.start(**(endpoint or {}))
        self.agent.start({"InbandAccess": dict(enabled="on", allow=allow, **keys)})
        self.agent.wait_connected("ipv4")
        return self.wait_open()

    def access(self):
        return self.agent.status()["features"]["inband-access"]

    def connections(self):
        return self.access()["connections"]

    def wait_open(self, timeout=10):
        last = {}

        def is_open():
            last.update(self.access())
            return last["active"] and last
        try:
            return wait_for(is_open, timeout, "in-band access is open")
        except AssertionError as error:
            raise AssertionError("%s; last seen: %s" % (error, last)) from None

    def wait_closed(self, reason="", timeout=10):
        def closed():
            access = self.access()
            return not access["active"] and reason in (access["reason"] or "") \
                and not self.relays() and access
        return wait_for(closed, timeout, "in-band access is closed: " + reason)

    def wait_counts(self, timeout=10, **counts):
        def reached():
            now = self.connections()
            return all(now[name] == value for name, value in counts.items()) and now
        return wait_for(reached, timeout, "counts %s; now %s" % (counts, self.connections()))

    def relays(self):
        """Process ids of the relay: one, or none."""
        found = []
        for pid in self.agent.children():
            try:
                with open("/proc/%d/cmdline" % pid) as file:
                    if "--relay" in file.read().split("\0"):
                        found.append(pid)
            except FileNotFoundError:
                pass
        return found

    def relay(self):
        """The one; where it was started just now, its name comes with its exec."""
        found = wait_for(self.relays, 5, "there is a relay")
        assert len(found) == 1
        return found[0]

    def listening(self):
        """TCP ports of the host that somebody listens at."""
        out = self.host.run(["ss", "-Hltn"]).stdout
        return sorted(line.split()[3] for line in out.splitlines())

    # Clients

    def open(self, address=HOST, port=PORT, source=None, timeout=10):
        """A TCP connection of the client."""
        with self.client.enter():
            return socket.create_connection((address, port), timeout=timeout,
                                            source_address=(source, 0) if source else None)

    def curl_client(self, path="/redfish/v1/", address=HOST, source=None, options=(), check=False):
        """curl in the client's namespace, which verifies the BMC's own certificate."""
        certificate = os.path.join(self.endpoint.state_dir, "endpoint.crt")
        host = "[%s]" % address if ":" in address else address
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", certificate,
                   "--connect-to", "%s:%d:%s:%d" % (BMC_IPV4, PORT, host, PORT),
                   *(["--interface", source] if source else []), *options,
                   "https://%s:%d%s" % (BMC_IPV4, PORT, path)]
        return self.client.run(command, check=check, timeout=60)

    # Instead of the endpoint, for what comes through the relay alone

    def divert(self, port):
        """Relayed connections go to another port of the BMC; the agent's own stay."""
        self.bmc.nft("table ip divert {\n chain in { type nat hook prerouting priority -100; }\n}\n"
                     "flush chain ip divert in\n"
                     "add rule ip divert in tcp dport 443 tcp sport 16384-32767 "
                     "redirect to :%d\n" % port)


class Server:
    """A TCP server of a test in a namespace: handler(connection) in a thread for each."""

    def __init__(self, namespace, port, handler):
        with namespace.enter():
            self.listener = socket.create_server(("0.0.0.0", port), backlog=512)
        self.handler = handler
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self.handler(connection)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def echo(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(data)


def sink(digests):
    """A handler that reads to the end, notes SHA-256 and length, and says so."""
    def handler(connection):
        digest, length = hashlib.sha256(), 0
        while True:
            data = connection.recv(1 << 20)
            if not data:
                break
            digest.update(data)
            length += len(data)
        digests.append((digest.hexdigest(), length))
        connection.sendall(b"taken")
    return handler


def is_sanitized():
    out = run(["nm", "-D", program("bmclinkd")], check=False).stdout
    return "__asan" in out


def start(namespace, command, **options):
    return subprocess.Popen(namespace.wrap(command), preexec_fn=die_with_parent, **options)
