# SPDX-License-Identifier: Apache-2.0
"""A BMC that is honest up to a step of the protocol, and hostile from there on.

It stands between the agent and a real bmclink-endpoint, with that one's key and towards it with the
agent's: what it does not attack is the endpoint's own answer. So a cell of the matrix is "all is
right until X", and the attack's end is the return of the real endpoint.
"""
import contextlib
import os
import re
import socket
import ssl
import threading

from peers import reset
from servers import Server

# A step is where a connection has come to; those of HTTP are told by method and path.
HTTP_STEPS = (
    ("root", r"GET /redfish/v1/"),
    ("manager", r"GET /redfish/v1/Managers/bmc"),
    ("enrolment", r"POST /redfish/v1/AccountService/.*/Certificates"),
    ("events", r"GET /redfish/v1/EventService"),
    ("sse", r"GET /redfish/v1/EventService/SSE"),
    ("log", r"GET /redfish/v1/Managers/bmc/LogServices.*"),
    ("interfaces", r"GET /redfish/v1/Managers/bmc/HostInterfaces.*"),
    ("features", r"GET /redfish/v1/Managers/bmc/Oem/.*"),
)
REAL_PORT = 8443


class Over(Exception):
    """The attack has ended, or the agent has had enough."""


def shut(connection):
    """End a connection that another thread is waiting in."""
    with contextlib.suppress(OSError, ValueError):
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.shutdown(socket.SHUT_RDWR)


def receive(connection):
    data = connection.recv(65536)
    if not data:
        raise Over
    return data


def ask(upstream, request):
    """(head, body) of a service that says how long its bodies are."""
    upstream.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(upstream)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += receive(upstream)
    return head, body


class Hit:
    """A connection that has come to the step: what an attack has in its hands."""

    def __init__(self, bmc, connection, request=b"", upstream=None):
        self.bmc, self.socket, self.request, self.upstream = bmc, connection, request, upstream
        self.over = bmc.over
        bmc.hits += 1

    def send(self, data):
        if self.over.is_set():
            raise Over
        try:
            self.socket.sendall(data)
        except (OSError, ValueError) as error:
            raise Over from error
        self.bmc.sent += len(data)
        self.bmc.pieces += 1

    def pour(self, piece, times=1 << 40):
        """Without end, as fast as it is taken."""
        for _ in range(times):
            self.send(piece)

    def drip(self, data, pause=0.2):
        for byte in data:
            self.send(bytes([byte]))
            if self.over.wait(pause):
                raise Over

    def wait(self):
        """Until the agent or the attack ends it; whatever comes is taken."""
        with contextlib.suppress(OSError, ValueError):
            while self.socket.recv(65536):
                pass

    def hang(self):
        """The same, and nothing is taken."""
        self.over.wait(60)

    def reset(self):
        reset(self.socket)

    def honest(self):
        """What the real service answers: (head, body)."""
        return ask(self.upstream, self.request)


class HostileBmc:
    """On port 443 of the BMC's side of a lab; the endpoint listens on its loopback device."""

    def __init__(self, lab):
        self.lab = lab
        self.step = self.attack = None
        self.over = threading.Event()
        self.hits = self.sent = self.pieces = 0
        self.seen = []          # (step, method and path), in the order of arrival
        self.problems = []      # what attacks found, or could not do: an assertion in a thread
        self.versions = ("1.1", "1.3")
        self.chain = b""        # PEM, behind the certificate
        self.lock = threading.Lock()
        self.open = set()
        self.server = None
        self.streams = 0        # honest ones that were opened

    # Life

    def start(self):
        self.lab.endpoint.start({"Endpoint": {"interface": "lo", "port": REAL_PORT,
                                              "plain_port": 8080}})
        if not self.server:
            self.server = Server(self.lab.bmc, self._serve, backlog=256)
        return self

    def close(self):
        self.over.set()
        if self.server:
            self.server.close()
        self.kick()

    def kick(self):
        """The BMC's service restarts: every connection ends."""
        with self.lock:
            for connection in list(self.open):
                shut(connection)

    def arm(self, step, attack, versions=("1.1", "1.3"), chain=b""):
        self.over = threading.Event()
        self.hits = self.sent = self.pieces = 0
        self.versions, self.chain = versions, chain
        self.step, self.attack = step, attack

    def disarm(self):
        """From now on the real service, as after a restart: what the attack held is closed."""
        self.step = self.attack = None
        self.versions, self.chain = ("1.1", "1.3"), b""
        self.over.set()
        self.kick()

    # One connection

    @contextlib.contextmanager
    def _held(self, connection):
        with self.lock:
            self.open.add(connection)
        try:
            yield connection
        finally:
            with self.lock:
                self.open.discard(connection)
            with contextlib.suppress(OSError, ValueError):
                connection.close()

    def _try(self, step, *what):
        """True: the attack has had this connection."""
        with self.lock:
            if step != self.step:
                return False
            attack, hit = self.attack, Hit(self, *what)
        try:
            attack(hit)
        except (Over, OSError, ValueError):
            pass
        except Exception as error:  # the test raises it: here nobody would hear
            self.problems.append("the attack: %r" % error)
        return True

    def _serve(self, raw):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(60)
        with self._held(raw):
            if self._try("accept", raw):
                return
            if self.step in ("tls", "handshake") and not raw.recv(5, socket.MSG_PEEK):
                return  # the agent has gone: nothing was attacked
            if self._try("tls", raw):
                return
            try:
                context = self._context()
                if self.step == "handshake":  # the chain goes out, whatever the agent makes of it
                    self.hits += 1
                connection = context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError, ValueError):
                return
        with self._held(connection), contextlib.suppress(OSError, ValueError, Over):
            if not self._try("session", connection):
                self._relay(connection)

    def _context(self):
        folder = os.path.join(self.lab.endpoint.state_dir, "endpoint")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = (
            {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
             "1.3": ssl.TLSVersion.TLSv1_3}[v] for v in self.versions)
        path = folder + ".crt"
        if self.chain:
            path = os.path.join(self.lab.folder, "chain.pem")
            with open(folder + ".crt", "rb") as file, open(path, "wb") as out:
                out.write(file.read() + self.chain)
        context.load_cert_chain(path, folder + ".key")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self._agents() + ".crt")
        return context

    def _agents(self):
        return os.path.join(self.lab.agent.state_dir, "worker", "agent")

    @contextlib.contextmanager
    def _upstream(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self._agents() + ".crt", self._agents() + ".key")
        with self.lab.bmc.enter():
            raw = socket.create_connection(("127.0.0.1", REAL_PORT), 60)
        with context.wrap_socket(raw) as upstream:
            yield upstream

    def _relay(self, connection):
        with self._upstream() as upstream:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    buffer += receive(connection)
                head, _, rest = buffer.partition(b"\r\n\r\n")
                found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                length = int(found.group(1)) if found else 0
                while len(rest) < length:
                    rest += receive(connection)
                request, buffer = head + b"\r\n\r\n" + rest[:length], rest[length:]
                step = self._step_of(head)
                if self._try(step, connection, request, upstream):
                    return
                if self._open_stream(step, connection, request, upstream):
                    return
                if step == "sse":
                    self._stream(connection, request, upstream)
                    return
                head, body = ask(upstream, request)
                connection.sendall(head + b"\r\n\r\n" + body)

    def _step_of(self, head):
        line = b" ".join(head.split(b" ")[:2]).decode("latin-1")
        step = next((s for s, pattern in HTTP_STEPS if re.fullmatch(pattern, line)), "other")
        with self.lock:
            self.seen.append((step, line))
        return step

    def _open_stream(self, step, connection, request, upstream):
        """The attack begins within a stream that was opened as it should be."""
        if step != "sse" or self.step != "stream":
            return False
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n")
        return self._try("stream", connection, request, upstream)

    def _stream(self, connection, request, upstream):
        """The honest one, until either end has enough."""
        upstream.sendall(request)
        watch = threading.Thread(target=self._end_with, args=(connection, upstream), daemon=True)
        watch.start()
        with contextlib.suppress(OSError, ValueError, Over):
            while True:
                data = receive(upstream)
                connection.sendall(data)
                if data.startswith(b"HTTP/1.1 200"):
                    self.streams += 1
        shut(connection)
        watch.join()

    def _end_with(self, connection, upstream):
        with contextlib.suppress(OSError, ValueError):
            while connection.recv(65536):
                pass
        shut(upstream)
