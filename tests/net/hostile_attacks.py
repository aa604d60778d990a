# SPDX-License-Identifier: Apache-2.0
"""What a hostile BMC does at a step: one row an attack, with the steps where it makes sense.

An attack is a function of a Hit (hostile_bmc.py). To add one: write it, and a row in ATTACKS.
"""
import contextlib
import datetime
import json
import os
import re
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import hostile_tls
from hostile import pour, send, silence
from lab import HOST_IPV4

HTTP = ("root", "manager", "enrolment", "events", "sse", "interfaces", "features", "log")
READS = tuple(step for step in HTTP if step not in ("enrolment", "sse"))
STREAM = ("stream",)
BYTES = ("accept", "tls", "session", *HTTP, *STREAM)

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# What must not come out anywhere as it is: a terminal's escapes, a line of its own, audit fields,
# a journal's field, and what looks like the end of one of our own quotes.
POISON = "\x1b[2J\x1b]0;owned\x07\r\nFORGED: 1 May root: hello\nmsg=audit(1.2:3): uid=0 res=yes" \
    "\u202e\u0085\u2028 PRIORITY=0\n\x00\x7f\" 'x' %s%n \\ ' res=success"
SEED = 20261123


def body(data, *headers, length=None):
    lines = [b"Content-Length: %d" % (len(data) if length is None else length), *headers]
    return JSON_HEAD + b"\r\n".join(lines) + b"\r\n\r\n" + data


def not_reading(hit):
    hit.hang()


def close(hit):
    pass


def reset(hit):
    hit.reset()


def drip(hit):
    hit.drip(JSON_HEAD + b"Content-Length: 9000\r\n\r\n{" + b" " * 9000)


def garbage(hit):
    """Other bytes each time, and the same ones in the next run."""
    value = SEED + hit.bmc.hits
    while True:
        value = (value * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        hit.send((value.to_bytes(8, "big") * 4)[:1 + value % 31])
        if value % 64 == 0:
            return


def half_body(hit):
    head, whole = hit.honest()
    hit.send(head + b"\r\n\r\n" + whole[:len(whole) // 2])


def half_head(hit):
    head, _ = hit.honest()
    hit.send(head[:len(head) // 2])


def too_long(hit):
    """Content-Length says more than there is, and the connection stays."""
    _, whole = hit.honest()
    hit.send(body(whole, length=len(whole) + 10))
    hit.wait()


def too_short(hit):
    """And less: what is over is another answer, for who asks next."""
    _, whole = hit.honest()
    hit.send(body(b"{}", length=2) + body(whole) + body(POISON.encode()) * 20)
    hit.wait()


def both_lengths(hit):
    _, whole = hit.honest()
    hit.send(body(b"%x\r\n%s\r\n0\r\n\r\n" % (len(whole), whole), b"Transfer-Encoding: chunked",
                  length=3))
    hit.wait()


def other_type(kind):
    def attack(hit):
        _, whole = hit.honest()
        hit.send(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                 % (kind, len(whole), whole))
        hit.wait()
    return attack


def redirect(target):
    def attack(hit):
        path = hit.request.split(b" ")[1].decode()
        where = target.replace("PATH", path).encode()
        hit.send(b"HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % where)
        hit.wait()
    return attack


def status(number):
    def attack(hit):
        hit.send(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
                 % number)
        hit.wait()
    return attack


def poisoned(value):
    """Every string but the links, and every name of a member that is nobody's."""
    if isinstance(value, dict):
        made = {key: v if key.startswith("@odata") or key in ("Id", "Enrolment")
                else poisoned(v) for key, v in value.items()}
        return dict(made, **{POISON: POISON})
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    if isinstance(value, str) and not value.startswith("/redfish"):
        return POISON + value
    return value


def poison(hit):
    """The honest answer with poison in every string, and in its header's lines."""
    _, whole = hit.honest()
    text = json.dumps(poisoned(json.loads(whole or b"{}")), ensure_ascii=False).encode()
    hit.send(body(text, b"X-Odd: \x1b[2J msg=audit(1.2:3): res=success", b"Server: \x1b]0;x\x07"))
    hit.wait()


def poisoned_links(hit):
    """In the links too: nobody may follow or print them as they are."""
    _, whole = hit.honest()
    text = re.sub(rb"/redfish/v1/", b"/redfish/v1/\\\\u001b[2J\\\\nFORGED: msg=audit(1.2:3) ",
                  whole)
    hit.send(body(text))
    hit.wait()


def poisoned_status(hit):
    hit.send(b"HTTP/1.1 503 \x1b[2J\x1b]0;x\x07 msg=audit(1.2:3): res=success\r\n"
             b"Content-Length: 0\r\n\r\n")
    hit.wait()


def pages_without_end(hit):
    """A log whose next page is always one more, or the same one."""
    path = hit.request.split(b" ")[1].split(b"?")[0].decode()
    number = hit.bmc.hits if hit.bmc.hits % 2 else 1
    entry = {"@odata.id": path + "/9", "Id": "9", "Message": POISON, "MessageId": POISON,
             "Severity": POISON, "Created": POISON, "EntryType": "Oem"}
    hit.send(body(json.dumps({
        "@odata.id": path, "Entries": {"@odata.id": path},
        "Members": [dict(entry, Id=str(number * 50 + i)) for i in range(50)],
        "Members@odata.count": 1 << 62,
        "Members@odata.nextLink": "%s?$skip=%d" % (path, number * 50)}).encode()))
    hit.wait()


# Sizes: just below what is taken, and above

def wide(piece, size=1000000):
    data = b"[" + piece * (size // len(piece)) + b"0]"
    return send(body(b'{"RedfishVersion":"1.17.0","x":%s}' % data))


def members(size=1000000):
    data = b",".join(b'"%x":{}' % i for i in range(size // 11))
    return send(body(b'{"RedfishVersion":"1.17.0",%s}' % data))


def deep(opening, count):
    return send(body(b'{"RedfishVersion":"1.17.0","x":' + opening * count))


# Events

SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def event(data):
    return b"id: 1\ndata: " + data + b"\n\n"


def events_of_poison(hit):
    text = json.dumps({"Id": "1", "Events": [{
        "MessageId": POISON, "Message": POISON, "EventId": POISON, "Severity": POISON,
        "OriginOfCondition": {"@odata.id": POISON}}] * 20}).encode()
    for _ in range(200):
        hit.send(event(text))
    hit.wait()


# TLS after the handshake

def flood(function, **more):
    def attack(hit):
        while not hit.over.is_set() and function(hit.socket, hit.over.is_set, **more):
            hit.bmc.pieces += 1
            if more.get("ask_back") and hit.bmc.pieces % 16 == 0:
                hit.socket.settimeout(0)
                with contextlib.suppress(ssl.SSLWantReadError):
                    hit.socket.recv(65536)
                hit.socket.settimeout(60)
    return attack


# TLS before it

def record(kind, data, version=b"\x03\x03"):
    return bytes([kind]) + version + len(data).to_bytes(2, "big") + data


def after_hello(data, then="wait"):
    def attack(hit):
        hit.socket.recv(16384)
        hit.send(data)
        getattr(hit, then)()
    return attack


def pour_records(data):
    def attack(hit):
        hit.socket.recv(16384)
        hit.pour(data)
    return attack


SERVER_HELLO = b"\x02\x00\x00\x26\x03\x03" + bytes(32) + b"\x00\xc0\x2b\x00"


def make_chain(count, names=1):
    """So many further certificates, each with so many names of poison."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = "".join(c for c in POISON if c not in "\0")[:60]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] * names)
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1).not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM) * count


class Row:
    """name, steps, attack; trust: it is refused for reasons of trust, where the agent waits from
    5 s on, doubling, instead of 4 s at most."""

    def __init__(self, name, steps, attack, trust=False, versions=("1.1", "1.3"), chain=None):
        self.name, self.steps, self.attack, self.trust = name, steps, attack, trust
        self.versions, self.chain = versions, chain
        self.sends = attack not in (None, silence, not_reading, close, reset)


ELSEWHERE = "https://%s:8022PATH" % HOST_IPV4
ATTACKS = [
    Row("silence", BYTES, silence),
    Row("reads nothing", BYTES, not_reading),
    Row("close", BYTES, close),
    Row("reset", BYTES, reset),
    Row("garbage", BYTES, garbage),
    Row("bytes without end", BYTES, pour(os.urandom(1 << 16))),
    Row("slow bytes", BYTES, drip),
    Row("half a head", READS, half_head),
    Row("half a body", READS, half_body),
    Row("header line without end", HTTP, pour(b"x" * 4096, JSON_HEAD + b"X: ")),
    Row("headers without end", HTTP, pour(b"X: y\r\n" * 500, JSON_HEAD)),
    Row("folded header without end", HTTP, pour(b" y\r\n" * 500, JSON_HEAD + b"X: y\r\n")),
    Row("interim answers without end", HTTP, pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    Row("trailers without end", READS, pour(
        b"X: y\r\n" * 500, JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")),
    Row("body without end", HTTP, pour(b" " * 65536, JSON_HEAD + b"\r\n")),
    Row("body of 1 GB", HTTP, pour(
        b" " * 65536, JSON_HEAD + b"Content-Length: 1073741824\r\n\r\n")),
    Row("chunks without end", HTTP, pour(b"1000\r\n" + b" " * 4096 + b"\r\n",
                                         JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")),
    Row("chunk extension without end", HTTP, pour(
        b"x" * 65536, JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;")),
    Row("chunk size that is none", HTTP, send(
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}")),
    Row("chunk size beyond all", HTTP, send(
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\n")),
    Row("length too long", READS, too_long),
    Row("length too short", READS, too_short),
    Row("both lengths", READS, both_lengths),
    Row("two lengths", HTTP, send(
        JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 90\r\n\r\n{}")),
    Row("negative length", HTTP, send(JSON_HEAD + b"Content-Length: -1\r\n\r\n{}")),
    Row("length beyond all", HTTP, send(JSON_HEAD + b"Content-Length: " + b"9" * 400
                                        + b"\r\n\r\n{}")),
    Row("gzip bomb", HTTP, send(body(b"\x1f\x8b\x08" + bytes(900000), b"Content-Encoding: gzip"))),
    Row("HTTP/0.9", HTTP, send(b'{"RedfishVersion": "1.17.0"}', "reset")),
    Row("HTTP/2", HTTP, send(b"\0\0\x12\4\0\0\0\0\0" + bytes(18) + b"HTTP/2 200\r\n\r\n")),
    Row("text/html", READS, other_type(b"text/html")),
    Row("type of 30 kB", READS, other_type(b"application/" + b"j" * 30000)),
    Row("event stream instead", READS, send(SSE_HEAD + b"\r\n" + event(b"{}") * 10)),
    Row("redirect to the host", HTTP, redirect(ELSEWHERE)),
    Row("redirect to itself", HTTP, redirect("PATH")),
    Row("redirect to a file", HTTP, redirect("file:///etc/passwd")),
    Row("redirect with poison", HTTP, redirect("https://\x1b[2Jx/ msg=audit(1.2:3): res=success")),
    Row("redirect of 30 kB", HTTP, redirect("/redfish/v1/" + "a" * 30000)),
    Row("401", HTTP, status(401), trust=True),
    Row("403", HTTP, status(403), trust=True),
    Row("426", HTTP, status(426)),
    Row("500", HTTP, status(500)),
    Row("503", HTTP, status(503)),
    Row("status 999", HTTP, status(999)),
    Row("deep arrays", HTTP, deep(b"[", 100000)),
    Row("deep objects", HTTP, deep(b'{"a":', 100000)),
    Row("a million values", HTTP, wide(b"0,")),
    Row("arrays of arrays", HTTP, wide(b"[],")),
    Row("objects of nothing", HTTP, wide(b"{},")),
    Row("objects in objects", HTTP, wide(b'{"a":{}},')),
    Row("ninety thousand members", HTTP, members()),
    Row("wrong UTF-8", HTTP, send(body(b'{"RedfishVersion":"1\xff\xfe\xc0\x80"}'))),
    Row("poison in every string", HTTP[:1] + HTTP[1:2] + READS[2:], poison),
    Row("poison in every link", READS, poisoned_links),
    Row("poison in the status line", HTTP, poisoned_status),
    Row("pages without end", ("log",), pages_without_end),
    # the stream
    Row("no newline", STREAM, pour(b"x" * 4096)),
    Row("one event without end", STREAM, pour(b"data: " + b"x" * 4000 + b"\n")),
    Row("fields without end", STREAM, pour(b"odd: x\n" * 500)),
    Row("comments without end", STREAM, pour(b":\n" * 2000)),
    Row("events without end", STREAM, pour(event(b'{"Events": [{}]}') * 500)),
    Row("deep events", STREAM, pour(event(b'{"a":' + b"[" * 100000))),
    Row("wide events", STREAM, pour(event(b'{"a":[' + b"{}," * 80000 + b"0]}"))),
    Row("events of poison", STREAM, events_of_poison),
    Row("ids of poison", STREAM, pour(b"id: " + POISON.replace("\n", "").encode() * 20
                                      + b"\ndata: {}\n\n")),
    Row("retry for ever", STREAM, pour(b"retry: 99999999999999999999\n\n" * 100)),
    Row("stream of empty chunks", ("sse",), pour(
        b"1;" + b"x" * 4000 + b"\r\n:\r\n",
        SSE_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")),
    Row("chunk extension without end in the stream", ("sse",), pour(
        b"x" * 65536, SSE_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;")),
    Row("compressed stream", ("sse",), pour(
        bytes(4096), SSE_HEAD + b"Content-Encoding: gzip\r\n\r\n")),
    # TLS, from outside
    Row("HTTP instead", ("tls",), after_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", "reset"),
        trust=True),
    Row("half a ServerHello", ("tls",), after_hello(record(22, SERVER_HELLO)[:20], "reset")),
    Row("slow ServerHello", ("tls",), lambda hit: hit.drip(record(22, SERVER_HELLO) * 9)),
    Row("message of 16 MB", ("tls",), pour_records(
        record(22, SERVER_HELLO) + record(22, b"\x0b\xff\xff\xff" + bytes(16000)) * 10)),
    Row("message in single bytes", ("tls",), pour_records(record(22, b"\x02") * 500)),
    Row("empty records", ("tls",), pour_records(record(22, b"") * 500)),
    Row("warnings without end", ("tls",), pour_records(record(21, b"\x01\x00") * 500)),
    Row("ChangeCipherSpec without end", ("tls",), pour_records(record(20, b"\x01") * 500)),
    Row("record of 64 kB", ("tls",), after_hello(record(22, bytes(65535)))),
    Row("SSL 2", ("tls",), after_hello(b"\x80\x2e\x04\x00\x01\x00\x02" + bytes(40))),
    Row("alert: certificate unknown", ("tls",), after_hello(record(21, b"\x02\x2e"), "reset"),
        trust=True),
    Row("alert: internal error", ("tls",), after_hello(record(21, b"\x02\x50"), "reset")),
    Row("chain of 150 certificates", ("handshake",), None, chain=lambda: make_chain(150)),
    Row("chain of 5000 certificates", ("handshake",), None, chain=lambda: make_chain(5000)),
    Row("certificate of 600 kB", ("handshake",), None, chain=lambda: make_chain(1, 6000)),
    # TLS, from within
    Row("key updates", ("session", "root", "log", "stream"), flood(hostile_tls.key_update),
        versions=("1.3", "1.3")),
    Row("key updates both ways", ("session", "root", "log", "stream"),
        flood(hostile_tls.key_update, ask_back=True), versions=("1.3", "1.3")),
    Row("session tickets", ("session", "root", "log", "stream"),
        flood(hostile_tls.session_ticket), versions=("1.3", "1.3")),
    Row("renegotiation", ("session", "root", "log", "stream"),
        flood(hostile_tls.renegotiate), versions=("1.2", "1.2")),
]
