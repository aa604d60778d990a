# SPDX-License-Identifier: Apache-2.0
"""What a hostile host, or a program on it, does to the endpoint: one row an attack.

An attack is a function of a Client: a connection that has come as far as the row says (TCP, or TLS
as nobody, or TLS as the known host). It is done again and again, by several at a time. To add one:
write it, and a row in ATTACKS.
"""
import contextlib
import json
import os
import socket
import ssl
import threading

import hostile_tls
from hostile import pour, send, silence
from hostile_attacks import POISON, SERVER_HELLO, make_chain, record
from service import CERTIFICATES, ENTRIES, PORT, STREAM, client_context

ANY = ("tcp", "nobody", "host")
TLS = ("nobody", "host")
TARGET = "/redfish/v1/Managers/bmc"


class Over(Exception):
    pass


class Client:
    """One connection of an attacker, from an address of his."""

    def __init__(self, crowd, step):
        self.over, self.crowd = crowd.over, crowd
        raw = socket.socket()
        raw.settimeout(10)
        raw.bind((crowd.source(), 0))
        self.socket = raw
        crowd.hold(self)
        raw.connect(("127.0.0.1", PORT))
        if step != "tcp":
            context = client_context(crowd.certificate if step == "host" else None)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.maximum_version = crowd.version
            if crowd.chain:
                context.load_cert_chain(crowd.chain)
                crowd.hits += 1  # the handshake is the attack, whether or not it comes to its end
            self.socket = context.wrap_socket(raw)
        if not crowd.chain:
            crowd.hits += 1

    def send(self, data):
        if self.over.is_set():
            raise Over
        self.socket.sendall(data)
        self.crowd.count(len(data))

    def pour(self, piece):
        while True:
            self.send(piece)

    def drip(self, data, pause=0.1):
        for byte in data:
            self.send(bytes([byte]))
            if self.over.wait(pause):
                raise Over

    def wait(self):
        while self.socket.recv(65536):
            if self.over.is_set():
                raise Over

    def hang(self):
        self.over.wait(60)

    def end(self):
        with contextlib.suppress(OSError, ValueError):
            self.socket.close()

    def interrupt(self):
        """From another thread: it is not closed under the feet of whoever is using it."""
        with contextlib.suppress(OSError, ValueError):
            with socket.socket(fileno=os.dup(self.socket.fileno())) as raw:
                raw.shutdown(socket.SHUT_RDWR)


class Crowd:
    """So many attackers at a time, from so many addresses, until stop()."""

    def __init__(self, row, step, certificate, folder):
        self.row, self.step, self.certificate = row, step, certificate
        self.version = row.version
        self.chain = None
        if row.chain:
            self.chain = os.path.join(str(folder), "chain.pem")
            with open(certificate.path) as file, open(self.chain, "w") as out:
                leaf, key = file.read().split("-----BEGIN PRIVATE", 1)
                out.write(leaf + row.chain().decode() + "-----BEGIN PRIVATE" + key)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.clients = set()
        self.hits = self.sent = self.pieces = self.number = 0
        self.problems = set()  # what attacks could not do: an assertion in a thread
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(row.count)]
        for thread in self.threads:
            thread.start()

    def source(self):
        """The known host has one address; others have as many as they like."""
        with self.lock:
            self.number += 1
            return "127.0.0.1" if self.step == "host" else "127.0.1.%d" % (self.number % 200 + 1)

    def hold(self, client):
        with self.lock:
            self.clients.add(client)

    def count(self, bytes_sent):
        self.sent += bytes_sent
        self.pieces += 1

    def _run(self):
        while not self.over.is_set():
            client = None
            try:
                client = Client(self, self.step)
                self.row.attack(client)
            except (OSError, ValueError, Over):
                self.over.wait(0.01)  # turned away: again
            except Exception as error:  # the test raises it: here nobody would hear
                self.problems.add("the attack: %r" % error)
                self.over.wait(0.01)
            finally:
                if client:
                    client.end()
                    with self.lock:
                        self.clients.discard(client)

    def stop(self):
        self.over.set()
        with self.lock:
            for client in list(self.clients):
                client.interrupt()
        for thread in self.threads:
            thread.join(15)


def request(method="GET", path=TARGET, *lines, body=b""):
    head = ["%s %s HTTP/1.1" % (method, path), "Host: b", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode("utf-8", "replace") + body


def post(body, *lines, path=CERTIFICATES, length=None):
    return request("POST", path, "Content-Type: application/json",
                   "Content-Length: %d" % (len(body) if length is None else length), *lines,
                   body=body)


def drip(data):
    return lambda client: client.drip(data)


def close(client):
    pass


def reset(client):
    raw = client.socket
    if isinstance(raw, ssl.SSLSocket):
        raw = socket.socket(fileno=raw.detach())
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()


def many(client):
    """Thousands that are opened and kept."""
    kept = []
    try:
        while not client.over.is_set() and len(kept) < 3000:
            one = socket.socket()
            kept.append(one)
            one.settimeout(2)
            one.bind((client.crowd.source(), 0))
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", PORT))
                client.crowd.hits += 1
        client.hang()
    finally:
        for one in kept:
            one.close()


def flood(function, **more):
    def attack(client):
        while not client.over.is_set() and function(client.socket, client.over.is_set, **more):
            client.crowd.count(0)
    return attack


def unread(data):
    """Asks on and on, and takes not one answer."""
    def attack(client):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.pour(data)
    return attack


def stream_unread(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(request("GET", STREAM, "Accept: text/event-stream"))
    client.hang()


def guess(client):
    """Passwords, with poison for a name."""
    name = __import__("base64").b64encode(
        ("adm\x1b[2J%d:wrong" % client.crowd.hits).encode()).decode()
    client.send(request("GET", "/redfish/v1/Managers", "Authorization: Basic " + name))
    client.socket.recv(65536)


def poisoned(client):
    text = POISON.replace("\r", "").replace("\n", "").replace("\0", "")
    client.send(request("GET", TARGET + "/\x1b[2J", "User-Agent: " + text, "X-Auth-Token: " + text))
    client.socket.recv(65536)


def poisoned_body(client):
    client.send(post(json.dumps({"CertificateString": POISON, POISON: POISON}).encode()))
    client.socket.recv(65536)


HELLO = record(22, b"\x01\x00\x00\x2c\x03\x03" + bytes(32) + b"\x00\x00\x02\xc0\x2b\x01\x00"
               + b"\x00\x00", b"\x03\x01")


class Row:
    def __init__(self, name, steps, attack, count=8, version=ssl.TLSVersion.TLSv1_3, chain=None):
        self.name, self.steps, self.attack, self.count = name, steps, attack, count
        self.version, self.chain = version, chain
        self.sends = attack not in (silence, close, reset, many)


V12 = ssl.TLSVersion.TLSv1_2
ATTACKS = [
    Row("silence", ANY, silence, count=40),
    Row("close", ANY, close),
    Row("reset", ANY, reset),
    Row("garbage", ANY, lambda c: c.send(os.urandom(999))),
    Row("bytes without end", ANY, pour(os.urandom(1 << 16))),
    Row("zeros without end", ANY, pour(bytes(1 << 16))),
    Row("thousands of connections", ("tcp",), many, count=2),
    Row("HTTP without TLS", ("tcp",), send(request())),
    Row("slow ClientHello", ("tcp",), drip(HELLO * 9), count=40),
    Row("half a ClientHello", ("tcp",), send(HELLO[:20])),
    Row("ClientHello in single bytes", ("tcp",), pour(record(22, b"\x01", b"\x03\x01"))),
    Row("ClientHello of 16 MB", ("tcp",), pour(
        record(22, b"\x01\xff\xff\xff" + bytes(16000), b"\x03\x01"))),
    Row("empty records", ("tcp",), pour(record(22, b"", b"\x03\x01") * 500)),
    Row("warnings without end", ("tcp",), pour(HELLO + record(21, b"\x01\x00") * 500)),
    Row("ServerHello", ("tcp",), send(record(22, SERVER_HELLO))),
    Row("SSL 2", ("tcp",), send(b"\x80\x2e\x01\x00\x02" + bytes(60))),
    Row("handshakes", TLS, close, count=16),
    Row("slow head", TLS, drip(request() * 9), count=40),
    Row("slow body", TLS, lambda c: (c.send(post(b"", length=9000)), c.drip(b"{" * 900)),
        count=40),
    Row("header line without end", TLS, pour(b"x" * 4096, b"GET / HTTP/1.1\r\nX: ")),
    Row("headers without end", TLS, pour(b"X: y\r\n" * 500, b"GET / HTTP/1.1\r\n")),
    Row("request line without end", TLS, pour(b"a" * 4096, b"GET /")),
    Row("lines without end", TLS, pour(b"\r\n" * 4096)),
    Row("body without end", TLS, pour(b" " * 65536, post(b"", length=1 << 40))),
    Row("chunks without end", TLS, pour(
        b"1000\r\n" + b" " * 4096 + b"\r\n",
        request("POST", CERTIFICATES, "Transfer-Encoding: chunked"))),
    Row("chunk extension without end", TLS, pour(
        b"x" * 65536, request("POST", CERTIFICATES, "Transfer-Encoding: chunked") + b"5;")),
    Row("trailers without end", TLS, pour(
        b"X: y\r\n" * 500, request("POST", CERTIFICATES, "Transfer-Encoding: chunked")
        + b"2\r\n{}\r\n0\r\n")),
    Row("length too long", TLS, send(post(b"{}", length=10))),
    Row("length too short", TLS, send(post(b"{}" + request() * 50, length=2))),
    Row("both lengths", TLS, send(post(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))),
    Row("deep JSON", TLS, send(post(b"[" * 16000))),
    Row("wide JSON", TLS, send(post(b'{"a":[' + b"{}," * 5000 + b"0]}"))),
    Row("wrong type", TLS, send(request("POST", CERTIFICATES, "Content-Type: text/html",
                                        "Content-Length: 2", body=b"{}"))),
    Row("expect and wait", TLS, send(post(b"", "Expect: 100-continue", length=2))),
    Row("unknown methods", TLS, send(request("BREW") * 100)),
    Row("paths of 2 kB", TLS, send(request("GET", "/redfish/v1/" + "x/" * 1000) * 20)),
    Row("answers not read", TLS, unread(request("GET", "/redfish/v1/") * 50)),
    Row("log not read", ("host",), unread(request("GET", ENTRIES) * 50)),
    Row("streams not read", TLS, stream_unread, count=40),
    Row("streams opened and closed", ("host",), lambda c: (
        c.send(request("GET", STREAM, "Accept: text/event-stream")), c.socket.recv(9))),
    Row("poison", TLS, poisoned),
    Row("poison in a body", TLS, poisoned_body),
    Row("guessed passwords", TLS, guess),
    Row("chain of 150 certificates", ("host",), close, chain=lambda: make_chain(150)),
    Row("chain of 1000 certificates", ("host",), close, chain=lambda: make_chain(1000)),
    Row("certificate of 600 kB", ("host",), close, chain=lambda: make_chain(1, 6000)),
    Row("key updates", TLS, flood(hostile_tls.key_update)),
    Row("key updates both ways", TLS, flood(hostile_tls.key_update, ask_back=True)),
    Row("renegotiation", TLS, flood(hostile_tls.renegotiate), version=V12),
]
