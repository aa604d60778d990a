# SPDX-License-Identifier: Apache-2.0
"""The channel against real and scripted peers: each ends in the right outcome, in time."""
import contextlib
import datetime
import json
import os
import socket
import subprocess
import threading
import time

import pytest

import hostile_tls
import netns
from peers import (MANAGER, ROOT, Service, Tls, answer, reset, resources, wait_for_end,
                   with_stream)
from servers import Server, full_backlog, make_certificate

PROBE = os.path.join(os.environ.get("BMCLINK_BUILD", "build"), "tests/net/channel_probe")
PORT, PLAIN = 8443, 8080
NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)
SLACK = 600  # ms that a busy machine may add


@pytest.fixture(scope="module")
def space():
    namespace = netns.Namespace("channel-%d" % os.getpid())
    yield namespace
    namespace.close()


class Bench:
    """A pair of the agent, and the probe."""

    def __init__(self, folder, namespace):
        self.folder = str(folder)
        self.namespace = namespace
        self.cert, _ = make_certificate(self.folder, "agent", common_name="bmclink-host")

    def tls(self, name="bmc", **options):
        return Tls(self.folder, name=name, **options)

    def service(self, table=None, tls=None, port=PORT, **options):
        return Service(self.namespace, port, table or resources(),
                       tls.context if tls else None, **options)

    def plain(self, table=None, port=PLAIN):
        return self.service(table, port=port)

    def raw(self, handler, port=PORT):
        return Server(self.namespace, handler, port=port)

    def start(self, *options, pair=True, address="127.0.0.1"):
        command = [PROBE, "--address", address, "--port", str(PORT), "--plain-port", str(PLAIN)]
        if pair:
            command += ["--pair", self.folder]
        environment = dict(os.environ)
        if "--sandbox" in options:  # where the search for leaks cannot start its process
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
        return subprocess.Popen(self.namespace.wrap(command + list(options)), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                                preexec_fn=netns.die_with_parent)

    def finish(self, process, timeout=40):
        out, errors = process.communicate(timeout=timeout)
        assert process.returncode == 0, errors
        assert "ERROR" not in errors and "runtime error" not in errors, errors
        result = json.loads(out)
        assert result["leaked_fds"] == 0
        return result

    def probe(self, *options, **more):
        return self.finish(self.start(*options, **more))


@pytest.fixture
def bench(tmp_path, space):
    return Bench(tmp_path, space)


def check(result, outcome, least_ms=0, most_ms=1000, key="done"):
    got = result[key]
    assert got["outcome"] == outcome, got
    # a timer may be early by a part of a millisecond
    assert least_ms - 5 <= got["ms"] <= most_ms + SLACK, got
    assert got["detail"].isprintable()
    return got


# --- trust ---

@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_each_version_alone(bench, version):
    tls = bench.tls(minimum=version, maximum=version, clients=[bench.cert])
    with bench.service(tls=tls) as service:
        result = bench.probe("--stored-pin", tls.fingerprint)
    check(result, "connected")
    assert result["info"] == {
        "local_address": "127.0.0.1", "bmc_address": "127.0.0.1", "encrypted": True,
        "tls_version": "TLS " + version, "tls_cipher": result["info"]["tls_cipher"],
        "fingerprint": tls.fingerprint, "vendor": "Test", "model": "T-1000",
        "firmware_version": "4.2", "clock_unset": False}
    assert [r[1] for r in service.requests] == ["/redfish/v1/", "/redfish/v1/Managers/bmc"]
    assert result["done"]["spoke_tls"] and not result["done"]["first_use"]


def test_highest_common_version(bench):
    tls = bench.tls(clients=[bench.cert])
    with bench.service(tls=tls):
        assert bench.probe("--stored-pin", tls.fingerprint)["info"]["tls_version"] == "TLS 1.3"
        result = bench.probe("--stored-pin", tls.fingerprint, "--max", "1.2")
        assert result["info"]["tls_version"] == "TLS 1.2"


def test_version_too_old(bench):
    """TLS 1.0 is TLS: no communication, and no fall-back to plain either."""
    tls = bench.tls(minimum="1.0", maximum="1.0")
    with bench.service(tls=tls) as service, bench.plain() as plain:
        got = check(bench.probe("--window"), "tls-version")
        assert "TLS 1.1 to TLS 1.3" in got["detail"] and got["spoke_tls"]
    assert plain.accepted == 0 and service.requests == []


def test_version_floor_raised(bench):
    tls = bench.tls(minimum="1.1", maximum="1.1", clients=[bench.cert])
    with bench.service(tls=tls):
        check(bench.probe("--stored-pin", tls.fingerprint, "--min", "1.2"), "tls-version")
        check(bench.probe("--stored-pin", tls.fingerprint, "--min", "1.1"), "connected")


@pytest.mark.parametrize("flag,outcome", [
    ("-tls1", "tls-version"), ("-tls1_1", "connected"), ("-tls1_2", "connected"),
    ("-tls1_3", "connected")])
def test_openssl_server(bench, flag, outcome):
    """Another implementation of the server's side than Python's use of it."""
    files = os.path.join(bench.folder, "redfish", "v1")
    os.makedirs(os.path.join(files, "Managers"))
    tls = bench.tls()
    root = dict(ROOT, Links={"ManagerProvidingService": {"@odata.id": "/redfish/v1/Managers/bmc"}})
    with open(os.path.join(files, "root"), "w") as file:
        file.write("HTTP/1.0 200 ok\r\nContent-Type: application/json\r\n\r\n" + json.dumps(root))
    with open(os.path.join(files, "Managers", "bmc"), "w") as file:
        file.write("HTTP/1.0 200 ok\r\nContent-Type: application/json\r\n\r\n"
                   + json.dumps(MANAGER))
    # s_server answers files, one connection each; it has no name for a folder
    command = ["openssl", "s_server", "-accept", str(PORT), flag, "-HTTP", "-cert",
               os.path.join(bench.folder, "bmc.crt"), "-key",
               os.path.join(bench.folder, "bmc.key"), "-cipher", "DEFAULT@SECLEVEL=0",
               "-verify", "1", "-quiet"]
    server = subprocess.Popen(bench.namespace.wrap(command), cwd=bench.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, preexec_fn=netns.die_with_parent)
    try:
        wait_for_listener(bench)
        result = bench.probe("--stored-pin", tls.fingerprint)
        if outcome == "connected":
            # "/redfish/v1/" is a folder for it: the handshake and the pin are what counts here
            assert result["done"]["fingerprint"] == tls.fingerprint
            assert result["info"]["tls_version"] == "TLS 1." + flag[-1].replace("s", "0")
            check(result, "bad-answer")
        else:
            check(result, outcome)
    finally:
        server.kill()
        server.wait()


def wait_for_listener(bench):
    def listening():
        return ":%d" % PORT in bench.namespace.run(["ss", "-tln"]).stdout
    netns.wait_for(listening, 5, "a listener")


def server_hello(version):
    """What a server says that knows nothing of supported_versions, and stops there."""
    body = bytes([3, version]) + bytes(32) + b"\x00" + b"\xc0\x09" + b"\x00"
    handshake = b"\x02" + len(body).to_bytes(3, "big") + body
    return bytes([0x16, 3, version]) + len(handshake).to_bytes(2, "big") + handshake


def test_old_server_chooses_1_0(bench):
    def serve(connection):
        connection.recv(4096)
        connection.sendall(server_hello(1))
        wait_for_end(connection)
    with bench.raw(serve):
        got = check(bench.probe("--window"), "tls-version")
    assert got["peer_version"] == "TLS 1.0" and "chose TLS 1.0" in got["detail"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_wrong_pin_says_nothing(bench, version):
    tls = bench.tls(minimum=version, maximum=version)
    with bench.service(tls=tls) as service:
        got = check(bench.probe("--stored-pin", "ab" * 32), "identity-changed")
        assert "ab" * 32 in got["detail"] and tls.fingerprint in got["detail"]
        assert got["fingerprint"] == tls.fingerprint
        service.gone.wait(5)
    assert service.received == b"" and service.requests == []


def test_configured_pin(bench):
    tls = bench.tls(clients=[bench.cert])
    with bench.service(tls=tls):
        check(bench.probe("--trust", "pinned", "--pin", tls.fingerprint), "connected")
        check(bench.probe("--trust", "pinned", "--pin", "cd" * 32, "--stored-pin",
                          tls.fingerprint), "identity-changed")
        check(bench.probe("--trust", "pinned", "--window"), "not-pinned")


def test_no_pin_no_window(bench):
    tls = bench.tls(clients=[bench.cert])
    with bench.service(tls=tls) as service:
        check(bench.probe(), "not-pinned")
        got = check(bench.probe("--damaged", "--window"), "not-pinned")
        assert "damaged" in got["detail"]
    assert service.received == b""


def test_first_use(bench):
    tls = bench.tls(clients=[bench.cert])
    with bench.service(tls=tls):
        got = check(bench.probe("--window"), "enrolled")
    assert got["first_use"] and got["fingerprint"] == tls.fingerprint


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_peer_expired(bench, version):
    tls = bench.tls(minimum=version, maximum=version, clients=[bench.cert],
                    not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    with bench.service(tls=tls) as service:
        got = check(bench.probe("--stored-pin", tls.fingerprint), "bmc-certificate-expired")
        assert (NOW - DAY).strftime("%Y-%m-%d") in got["detail"]
        check(bench.probe("--window"), "bmc-certificate-expired")
        assert service.received == b""
        # the same certificate while it was valid, and with a clock that was never set
        then = str(int(time.time()) - 2 * 86400)
        check(bench.probe("--stored-pin", tls.fingerprint, "--now", then, "--build", "1"),
              "connected")
        result = bench.probe("--stored-pin", tls.fingerprint, "--now", "60")
        check(result, "connected")
        assert result["info"]["clock_unset"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_own_expired_is_shown_and_nothing_said(bench, version):
    """The BMC may open its window for it; communication there is none, not even where it would."""
    make_certificate(bench.folder, "agent", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    tls = bench.tls(minimum=version, maximum=version)
    with bench.service(tls=tls) as service, bench.plain() as plain:
        result = bench.probe("--stored-pin", tls.fingerprint)
        check(result, "own-certificate-expired", most_ms=2000)
        check(bench.probe("--window"), "own-certificate-expired", most_ms=2000)
        check(bench.probe("--window", "--no-tls"), "connected")  # plain needs none
    assert service.accepted == 2 and not service.requests and not service.received
    assert plain.accepted == 1


def test_own_expired_and_the_port_refused_is_never_plain(bench):
    make_certificate(bench.folder, "agent", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    with bench.plain() as plain:
        check(bench.probe("--window"), "own-certificate-expired", most_ms=2000)
    assert plain.accepted == 0


def test_no_own_certificate(bench):
    with bench.service(tls=bench.tls()) as service, bench.plain() as plain:
        check(bench.probe("--window", pair=False), "local-failure")
    assert service.accepted == plain.accepted == 0


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_bmc_does_not_know_us(bench, version):
    """In TLS 1.3 the refusal comes after our side believes the handshake done."""
    other, _ = make_certificate(bench.folder, "other")
    tls = bench.tls(minimum=version, maximum=version, clients=[other])
    with bench.service(tls=tls) as service, bench.plain() as plain:
        got = check(bench.probe("--stored-pin", tls.fingerprint), "certificate-not-known")
        assert "alert 48" in got["detail"]
        check(bench.probe("--window"), "certificate-not-known")
    assert service.requests == [] and plain.accepted == 0


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_bmc_says_ours_is_expired(bench, version):
    """By its clock, not by ours."""
    make_certificate(bench.folder, "agent", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    tls = bench.tls(minimum=version, maximum=version, clients=[bench.cert])
    with bench.service(tls=tls):
        then = str(int(time.time()) - 2 * 86400)
        got = check(bench.probe("--stored-pin", tls.fingerprint, "--now", then, "--build", "1"),
                    "own-certificate-expired")
        assert "alert 45" in got["detail"]


# --- no TLS: what counts, and what does not ---

def plain_text(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def banner(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    wait_for_end(connection)


def close_at_once(connection):
    pass


def read_and_close(connection):
    connection.recv(4096)


def reset_at_once(connection):
    connection.recv(4096)
    reset(connection)


def alert(description):
    def serve(connection):
        connection.recv(4096)
        connection.sendall(bytes([0x15, 3, 3, 0, 2, 2, description]))
        wait_for_end(connection)
    return serve


def slow(data, pause=0.25):
    def serve(connection):
        with contextlib.suppress(OSError):
            for byte in data:
                connection.sendall(bytes([byte]))
                time.sleep(pause)
    return serve


def half_hello(connection):
    connection.recv(4096)
    connection.sendall(server_hello(3)[:20])


NEVER_PLAIN = [
    ("silence", wait_for_end, "tls-timeout", 3000, 3000),
    ("close at once", close_at_once, "tls-broken", 0, 500),
    ("read and close", read_and_close, "tls-broken", 0, 500),
    ("reset", reset_at_once, "tls-broken", 0, 500),
    ("alert 40", alert(40), "tls-version", 0, 500),
    ("alert 42", alert(42), "refused", 0, 500),
    ("alert 45", alert(45), "own-certificate-expired", 0, 500),
    ("alert 46", alert(46), "certificate-not-known", 0, 500),
    ("alert 48", alert(48), "certificate-not-known", 0, 500),
    ("alert 70", alert(70), "tls-version", 0, 500),
    ("alert 80", alert(80), "tls-broken", 0, 500),
    ("alert 86", alert(86), "tls-version", 0, 500),
    ("alert 116", alert(116), "refused", 0, 500),
    ("slow bytes of TLS", slow(server_hello(3)), "tls-timeout", 3000, 3000),
    ("half a ServerHello", half_hello, "tls-broken", 0, 500),
    ("four bytes that are not TLS", lambda c: c.sendall(b"HTTP"), "tls-broken", 0, 500),
]


@pytest.mark.parametrize("handler,outcome,least,most", [row[1:] for row in NEVER_PLAIN],
                         ids=[row[0] for row in NEVER_PLAIN])
def test_never_plain(bench, handler, outcome, least, most):
    """A Redfish service waits on the plain port, this BMC was never seen with TLS: not touched."""
    with bench.raw(handler) as server, bench.plain() as plain:
        check(bench.probe("--window"), outcome, least, most)
    assert server.accepted == 1 and plain.accepted == 0


def test_no_answer_is_never_plain(bench):
    filler = full_backlog(bench.namespace, port=PORT)
    with filler, bench.plain() as plain:
        check(bench.probe("--window"), "no-answer", 700, 700)
    assert plain.accepted == 0


def test_unreachable_is_never_plain(bench):
    check(bench.probe("--window", address="192.0.2.1"), "unreachable", 0, 100)


NOT_TLS = [("plain HTTP", plain_text), ("banner", banner)]


@pytest.mark.parametrize("handler", [row[1] for row in NOT_TLS], ids=[row[0] for row in NOT_TLS])
def test_not_tls_not_redfish(bench, handler):
    """Bytes that are not TLS lead to a plain try on the same port, and no further."""
    with bench.raw(handler) as server, bench.plain() as plain:
        check(bench.probe("--window"), "tls-broken", 0, 3500)
        assert server.accepted == 2
        for seen in (["--window", "--seen-tls"], ["--stored-pin", "ab" * 32], ["--damaged"]):
            check(bench.probe(*seen), "downgrade")
        assert server.accepted == 5
    assert plain.accepted == 0


def test_plain_on_service_port(bench):
    def serve(connection):
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            plain_text(connection)
            return
        service._talk(connection)
    service = bench.plain()
    with service, bench.raw(serve) as server:
        result = bench.probe("--window")
        check(result, "connected")
        assert not result["info"]["encrypted"] and result["info"]["tls_version"] == "none"
        check(bench.probe("--window", "--seen-tls"), "downgrade")
        check(bench.probe("--window", "--trust", "pinned"), "tls-broken")
    assert server.accepted == 4 and service.accepted == 0


def test_plain_port_when_refused(bench):
    with bench.plain() as plain:
        result = bench.probe("--window")
        check(result, "connected")
        assert not result["info"]["encrypted"] and not result["done"]["spoke_tls"]
        assert result["info"]["model"] == "T-1000"
        check(bench.probe("--window", "--seen-tls"), "downgrade")
        check(bench.probe("--stored-pin", "ab" * 32), "downgrade")
        check(bench.probe("--window", "--trust", "pinned"), "port-refused")
    # what a downgraded BMC heard is one question that says nothing
    assert [r[1] for r in plain.requests].count("/redfish/v1/Managers/bmc") == 1
    for word in (b"authorization", b"x-auth-token", b"cookie", b"certificate"):
        assert word not in plain.received.lower()


@pytest.mark.parametrize("table,handler,most", [
    (None, None, 500),
    ({"/redfish/v1/": answer(426, {})}, None, 500),
    ({"/redfish/v1/": answer(301, {}, ["Location: https://127.0.0.1/"])}, None, 500),
    ({"/redfish/v1/": answer(200, {"hello": "world"})}, None, 500),
    (None, wait_for_end, 3500),
    (None, reset_at_once, 500),
    (None, banner, 3500),
], ids=["refused too", "426", "redirect", "not redfish", "silence", "reset", "banner"])
def test_refused_and_no_redfish_on_plain(bench, table, handler, most):
    """A BMC that restarts refuses its port, too: nothing is concluded."""
    with contextlib.ExitStack() as stack:
        if table:
            stack.enter_context(bench.plain(table))
        elif handler:
            stack.enter_context(bench.raw(handler, port=PLAIN))
        for seen in ("--window", "--seen-tls"):
            check(bench.probe(seen), "port-refused", 0, most)


def test_tls_off(bench):
    with bench.service(tls=bench.tls()) as service:
        with bench.plain() as plain:
            check(bench.probe("--no-tls", pair=False), "connected")
            assert plain.accepted == 1
        with bench.plain({"/redfish/v1/": answer(426, {}, ["Upgrade: TLS/1.2"])}):
            check(bench.probe("--no-tls"), "tls-required")
        with bench.plain(resources(manager=answer(401, {}))):
            check(bench.probe("--no-tls"), "refused")
    assert service.accepted == 0


# --- what is not Redfish, within TLS ---

def send(data, end=wait_for_end):
    def serve(connection):
        with contextlib.suppress(OSError):
            connection.sendall(data)
            end(connection)
        return False
    return serve


def pour(head, piece):
    """Without end, until the other side has enough."""
    def serve(connection):
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for _ in range(100000):
                connection.sendall(piece)
        return False
    return serve


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BAD_ANSWERS = [
    ("wrong JSON", answer(200, b"{\"RedfishVersion\":"), "bad-answer", 0, 500),
    ("JSON array", answer(200, [ROOT]), "bad-answer", 0, 500),
    ("JSON of something else", answer(200, {"hello": "world"}), "bad-answer", 0, 500),
    ("empty", answer(200, b""), "bad-answer", 0, 500),
    ("deep JSON", answer(200, b"[" * 100000), "bad-answer", 0, 500),
    ("twice the same name", answer(200, b'{"RedfishVersion":"1","RedfishVersion":"2"}'),
     "bad-answer", 0, 500),
    ("401", answer(401, {}), "refused", 0, 500),
    ("403", answer(403, {}), "refused", 0, 500),
    ("404", answer(404, {}), "bad-answer", 0, 500),
    ("426", answer(426, {}), "bad-answer", 0, 500),
    ("500", answer(500, {}), "bad-answer", 0, 500),
    ("204", answer(204, b""), "bad-answer", 0, 500),
    ("HTTP/0.9", send(json.dumps(ROOT).encode(), close_at_once), "bad-answer", 0, 500),
    ("no HTTP", send(b"\0\1\2\3\r\n\r\n", close_at_once), "bad-answer", 0, 500),
    ("over-long header", pour(HEAD + b"X: ", b"x" * 4096), "bad-answer", 0, 2000),
    ("headers without end", pour(HEAD, b"X: y\r\n" * 1000), "bad-answer", 0, 2000),
    ("interim answers without end", pour(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
     "bad-answer", 0, 2000),
    ("over-long body", pour(HEAD + b"Content-Length: 100000000\r\n\r\n", b"x" * 65536),
     "bad-answer", 0, 3000),
    ("over-long body without length", pour(HEAD + b"\r\n", b"x" * 65536), "bad-answer", 0, 3000),
    ("over-long chunked body", pour(HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
                                    b"1000\r\n" + b"x" * 4096 + b"\r\n"), "bad-answer", 0, 3000),
    ("chunk size that is none", send(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
     "bad-answer", 0, 500),
    ("chunk size beyond all", send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
                                   + b"f" * 40 + b"\r\n"), "bad-answer", 0, 500),
    ("chunk cut short", send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n{}",
                             close_at_once), "bad-answer", 0, 500),
    ("body cut short", send(HEAD + b"Content-Length: 100\r\n\r\n{}", close_at_once),
     "bad-answer", 0, 500),
    ("negative length", send(HEAD + b"Content-Length: -1\r\n\r\n{}", close_at_once),
     "bad-answer", 0, 500),
    ("gzip unasked", answer(200, b"\x1f\x8b\x08" + bytes(40), ["Content-Encoding: gzip"]),
     "bad-answer", 0, 500),
    ("silence", wait_for_end, "answer-timeout", 3000, 3000),
    ("slow header", slow(HEAD, 0.1), "answer-timeout", 3000, 6000),
    ("slow body", lambda c: (c.sendall(HEAD + b"Content-Length: 9999\r\n\r\n"),
                             slow(b"{" + b" " * 90, 0.1)(c)), "answer-timeout", 3000, 6000),
    ("close", read_and_close, "tls-broken", 0, 3500),
]


@pytest.mark.parametrize("entry,outcome,least,most", [row[1:] for row in BAD_ANSWERS],
                         ids=[row[0] for row in BAD_ANSWERS])
def test_bad_answers(bench, entry, outcome, least, most):
    if entry is read_and_close:
        def entry(connection):
            return False
    tls = bench.tls(clients=[bench.cert])
    table = resources(root=entry)
    with bench.service(table, tls), bench.plain() as plain:
        check(bench.probe("--stored-pin", tls.fingerprint), outcome, least, most)
    assert plain.accepted == 0


@pytest.mark.parametrize("entry,outcome", [
    (answer(200, b"{"), "bad-answer"), (answer(200, []), "bad-answer"),
    (answer(404, {}), "bad-answer"), (answer(503, {}), "bad-answer"),
    (lambda c: False, "tls-broken"), (wait_for_end, "answer-timeout")],
    ids=["wrong JSON", "array", "404", "503", "close", "silence"])
def test_bad_answers_of_the_manager(bench, entry, outcome):
    """The second step is judged by the same measure as the first."""
    tls = bench.tls(clients=[bench.cert])
    with bench.service(resources(manager=entry), tls) as service:
        check(bench.probe("--stored-pin", tls.fingerprint), outcome, most_ms=3500)
    # a connection that was used before may have been closed by chance: once more, on a new one
    assert [r[1] for r in service.requests[:2]] == ["/redfish/v1/", "/redfish/v1/Managers/bmc"]
    assert len(service.requests) == 2 + (outcome == "tls-broken")


def test_redirect_is_not_followed(bench):
    tls = bench.tls(clients=[bench.cert])
    for status in (301, 302, 307, 308):
        away = answer(status, {}, ["Location: http://127.0.0.1:%d/redfish/v1/" % PLAIN])
        with bench.service(resources(root=away), tls), bench.plain() as plain:
            check(bench.probe("--stored-pin", tls.fingerprint), "bad-answer")
        assert plain.accepted == 0


@pytest.mark.parametrize("link", [
    "//127.0.0.1:8080/x", "http://127.0.0.1:8080/", "x", "", "/a b", "/a\r\nX: y", "/\u00e9",
    "/" + "a" * 2000, None, 7, ["/x"], {"@odata.id": 7}], ids=repr)
def test_hostile_links(bench, link):
    tls = bench.tls(clients=[bench.cert])
    root = dict(ROOT, Links={"ManagerProvidingService": {"@odata.id": link}})
    del root["Managers"]
    with bench.service(resources(root=answer(200, root)), tls) as service, bench.plain() as plain:
        check(bench.probe("--stored-pin", tls.fingerprint), "bad-answer")
    assert len(service.requests) == 1 and plain.accepted == 0


def test_manager_by_collection(bench):
    tls = bench.tls(clients=[bench.cert])
    root = {key: value for key, value in ROOT.items() if key != "Links"}
    with bench.service(resources(root=answer(200, root)), tls) as service:
        check(bench.probe("--stored-pin", tls.fingerprint), "connected")
    assert [r[1] for r in service.requests] == [
        "/redfish/v1/", "/redfish/v1/Managers", "/redfish/v1/Managers/bmc"]


def test_foreign_text_is_made_harmless(bench):
    tls = bench.tls(clients=[bench.cert])
    manager = {"Model": "\x1b[2Jgone\nMay 1 root: hello", "FirmwareVersion": "x" * 500}
    with bench.service(resources(manager=answer(200, manager)), tls):
        info = bench.probe("--stored-pin", tls.fingerprint)["info"]
    assert info["model"] == "?[2Jgone?May 1 root: hello"
    assert len(info["firmware_version"]) <= 63


def test_not_known_by_status(bench):
    """A stock BMC takes the certificate in the handshake, and then knows nobody by it."""
    tls = bench.tls(clients=[bench.cert])
    for status in (401, 403):
        with bench.service(resources(manager=answer(status, {})), tls):
            check(bench.probe("--stored-pin", tls.fingerprint), "certificate-not-known")
            check(bench.probe("--window"), "certificate-not-known")


def test_every_answer_closes(bench):
    """Connection: close after each answer costs a connect each, and nothing else."""
    tls = bench.tls(clients=[bench.cert])

    def closing(body):
        return lambda c: (c.sendall(answer(200, body, ["Connection: close"])), False)[1]
    table = resources(root=closing(ROOT), manager=closing(MANAGER))
    with bench.service(table, tls) as service:
        result = bench.probe("--stored-pin", tls.fingerprint)
        check(result, "connected")
    assert service.accepted == 2 == result["sockets"]


def test_no_socket(bench):
    with bench.service(tls=bench.tls()) as service, bench.plain() as plain:
        got = check(bench.probe("--window", "--sockets", "0"), "local-failure")
        assert "Too many open files" in got["detail"]
    assert service.accepted == plain.accepted == 0


# --- enrolment (the scripted half; the endpoint's own tests have the other) ---

def offering(window):
    account = {"@odata.id": "/redfish/v1/AccountService/Accounts/host"}
    return dict(ROOT, Oem={"Bmclink": {"Enrolment": window, "HostAccount": account}})


CERTIFICATES = "AccountService/Accounts/host/Certificates"


@pytest.mark.parametrize("window,status,outcome", [
    ("Open", 201, "enrolled"), ("Open", 403, "certificate-not-known"),
    ("Open", 500, "certificate-not-known"), ("Closed", 201, "certificate-not-known")])
def test_enrolment(bench, window, status, outcome):
    tls = bench.tls(clients=[bench.cert])
    table = resources(root=answer(200, offering(window)), manager=answer(401, {}),
                      **{CERTIFICATES: answer(status, {})})
    with bench.service(table, tls) as service:
        for trust in (["--window"], ["--stored-pin", tls.fingerprint]):
            got = check(bench.probe(*trust), outcome)
            assert got["first_use"] == (outcome == "enrolled" and trust == ["--window"])
    posts = [r for r in service.requests if r[0] == "POST"]
    assert len(posts) == (2 if window == "Open" else 0)
    for post in posts:
        with open(bench.cert) as file:
            assert json.loads(post[2]) == {"CertificateString": file.read(),
                                           "CertificateType": "PEM"}


def test_plain_never_enrols(bench):
    table = resources(root=answer(200, offering("Open")), manager=answer(401, {}),
                      **{CERTIFICATES: answer(201, {})})
    with bench.plain(table) as plain:
        check(bench.probe("--window"), "refused")
    assert [r[0] for r in plain.requests] == ["GET", "GET"] and b"CERTIFICATE" not in plain.received


# --- the life of a connection ---

def lost(bench, table, outcome, *options, stay="15000", least=0, most=1000):
    tls = bench.tls(clients=[bench.cert])
    with bench.service(table, tls) as service:
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", stay, *options)
    check(result, "connected")
    check(result, outcome, least, most, key="lost")
    return result, service


def test_stream_delivers(bench):
    tls = bench.tls(clients=[bench.cert])
    table = with_stream(b": hi\n\ndata: {\"Id\":\n", b"data: \"1\"}\n\ndata:[]\n\nda", b"ta: x\r",
                        b"\n\r\nid:4\ndata:{\"Id\": \"2\"}\n\n")
    with bench.service(table, tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "9000", "--pushed", "2")
    assert result["pushed"] == [{"Id": "1"}, {"Id": "2"}] and "lost" not in result


def test_stream_ends(bench):
    lost(bench, with_stream(end=close_at_once), "closed")
    lost(bench, with_stream(b"data: {}\n\n", end=reset), "closed")


def test_stream_without_newline(bench):
    lost(bench, with_stream(end=pour(b"", b"x" * 4096)), "bad-answer", most=3000)
    lost(bench, with_stream(end=pour(b"", b"data: " + b"x" * 4096 + b"\n")), "bad-answer",
         most=3000)


def chunked_stream(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n5;")
    pour(b"", b"x" * 16384)(connection)
    return False


def endless(function):
    def serve(connection):
        over = threading.Event()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\n")
        with contextlib.suppress(OSError):
            for _ in range(50000):
                if not function(connection, over.is_set):
                    break
        wait_for_end(connection)
        return False
    return serve


@pytest.mark.parametrize("version,serve", [
    ("1.3", chunked_stream), ("1.3", endless(hostile_tls.key_update)),
    ("1.3", endless(hostile_tls.session_ticket)), ("1.2", endless(hostile_tls.renegotiate))],
    ids=["chunk extension", "key updates", "tickets", "renegotiation"])
def test_bytes_of_which_nothing_comes(bench, version, serve):
    """OpenSSL and libcurl would read them for ever, in a stream without any deadline."""
    tls = bench.tls(clients=[bench.cert], minimum=version, maximum=version)
    table = with_stream()
    table["/redfish/v1/SSE"] = serve
    with bench.service(table, tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "15000")
    got = check(result, "bad-answer", most_ms=12000, key="lost")
    assert "brought nothing" in got["detail"]


def test_twin_a_few_key_updates_are_taken(bench):
    def serve(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for _ in range(20):  # 2000 each time, and then something
            for _ in range(2000):
                hostile_tls.key_update(connection, lambda: False)
            connection.sendall(b"data: {}\n\n")
        wait_for_end(connection)
        return False
    tls = bench.tls(clients=[bench.cert])
    table = with_stream()
    table["/redfish/v1/SSE"] = serve
    with bench.service(table, tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "15000", "--pushed", "20")
    assert len(result["pushed"]) == 20 and "lost" not in result


def test_stream_refused_falls_back_to_asking(bench):
    tls = bench.tls(clients=[bench.cert])
    for table in (resources(),  # no ServerSentEventUri
                  resources(events=answer(404, {})),
                  resources(events=answer(200, {"ServerSentEventUri": "/redfish/v1/SSE"}),
                            SSE=answer(403, {})),
                  resources(events=answer(200, {"ServerSentEventUri": "/redfish/v1/SSE"}),
                            SSE=answer(200, {}))):
        with bench.service(table, tls):
            result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "700")
        assert "lost" not in result and result["done"]["outcome"] == "connected"


@pytest.mark.parametrize("where", ["events", "SSE"])
def test_stream_that_was_refused_is_looked_for_again(bench, where):
    """By one answer to one question, of ours: the stream, and not questions for ever."""
    tls = bench.tls(clients=[bench.cert])
    table = with_stream(b"data: {\"Id\": \"1\"}\n\n")
    right = table["/redfish/v1/EventService" if where == "events" else "/redfish/v1/SSE"]

    def once(connection):
        table[path] = right
        connection.sendall(answer(503, {}))
    path = next(p for p, entry in table.items() if entry is right)
    table[path] = once
    with bench.service(table, tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--poll", "50", "--stay", "9000",
                             "--pushed", "1")
    assert result["pushed"] == [{"Id": "1"}]
    assert [by for by, _ in result["events"]][-2:] == ["polling", "stream"]


def test_silent_death_is_seen_by_keep_alive(bench):
    """The link is dead without a word: the kernel notices, for an idle process."""
    tls = bench.tls(clients=[bench.cert])
    table = with_stream(b"data: {}\n\n")
    with bench.service(table, tls) as service:
        process = bench.start("--stored-pin", tls.fingerprint, "--stay", "20000", "--keep-alive")
        netns.wait_for(lambda: any(r[1].endswith("SSE") for r in service.requests), 5, "stream")
        bench.namespace.nft("table ip dead {\n chain in {\n  type filter hook input priority 0;\n"
                            "  tcp sport %d drop\n  tcp dport %d drop\n }\n}\n" % (PORT, PORT))
        try:
            result = bench.finish(process)
        finally:
            bench.namespace.nft("delete table ip dead\n")
    check(result, "keepalive", 1000, 6000, key="lost")


def beating(seconds):
    return dict(ROOT, Oem={"Bmclink": {"StreamKeepAliveSeconds": seconds}})


def test_service_that_hangs_is_seen_by_its_silence(bench):
    """TCP lives, and the comments that were promised do not come."""
    table = with_stream(b"data: {}\n\n", root=answer(200, beating(1)))
    result, _ = lost(bench, table, "keepalive", least=2000, most=4500)
    assert "each 1 s" in result["lost"]["detail"]


@pytest.mark.parametrize("seconds", [None, 0, -1, 4000, 1 << 62, "1", 1.0, [1]])
def test_twin_silence_of_who_promised_nothing(bench, seconds):
    tls = bench.tls(clients=[bench.cert])
    root = beating(seconds) if seconds is not None else ROOT
    with bench.service(with_stream(b"data: {}\n\n", root=answer(200, root)), tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "4000")
    assert "lost" not in result and result["done"]["outcome"] == "connected"


def test_twin_who_keeps_the_promise(bench):
    def beat(connection):
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b": keep-alive\n\n")
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(4096):
                        return
    tls = bench.tls(clients=[bench.cert])
    with bench.service(with_stream(end=beat, root=answer(200, beating(1))), tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "5000")
    assert "lost" not in result and result["done"]["outcome"] == "connected"


@pytest.mark.parametrize("whose", ["own", "bmc"])
def test_expiry_of_a_live_connection(bench, whose):
    """The date passes while connected: both ways round, and the other one does not matter."""
    tls = bench.tls(clients=[bench.cert],
                    not_after=NOW + (400 if whose == "own" else 300) * DAY)
    make_certificate(bench.folder, "agent", not_after=NOW + (300 if whose == "own" else 400) * DAY)
    tls.context.load_verify_locations(bench.cert)
    end = int((NOW + 300 * DAY).replace(tzinfo=datetime.timezone.utc).timestamp())
    with bench.service(with_stream(), tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "15000", "--now",
                             str(end - 1))
    check(result, "connected")
    check(result, "%s-certificate-expired" % whose, 1000, 3500, key="lost")


def test_requests(bench):
    tls = bench.tls(clients=[bench.cert])
    many = [item for _ in range(17) for item in ("--request", "GET /redfish/v1/x")]
    table = with_stream(x=answer(200, {"x": 1}))
    with bench.service(table, tls) as service:
        result = bench.probe("--stored-pin", tls.fingerprint, *many, "--stay", "1500")
    # sixteen wait, the next is refused at once
    assert result["answers"][0] == {"error": -16}
    assert result["answers"][1:] == [{"status": 200, "body": {"x": 1}}] * 16
    assert service.accepted == 2  # the life line, and one for all requests


def test_request_kinds(bench):
    tls = bench.tls(clients=[bench.cert])
    table = with_stream(a=answer(201, {"made": True}), b=answer(204, b""),
                        c=answer(200, b"no json"), d=lambda c: False)
    requests = ["POST /redfish/v1/a {\"q\": 1}", "DELETE /redfish/v1/b", "GET /redfish/v1/c",
                "GET /redfish/v1/d", "PATCH /redfish/v1/a {\"r\": 2}"]
    options = [item for request in requests for item in ("--request", request)]
    with bench.service(table, tls) as service:
        result = bench.probe("--stored-pin", tls.fingerprint, *options)
        assert result["answers"] == [
            {"status": 201, "body": {"made": True}}, {"status": 204, "body": None},
            {"status": 200, "body": None}, {"status": 0, "body": None},
            {"status": 201, "body": {"made": True}}]
        bad = bench.probe("--stored-pin", tls.fingerprint, "--request", "TRACE /redfish/v1/",
                          "--request", "GET http://127.0.0.1/", "--request", "GET /x\r\nY:z",
                          "--stay", "300")
        assert bad["answers"] == [{"error": -22}] * 3
    sent = [(r[0], r[1][-1], r[2]) for r in service.requests if r[1][-2:] in ("/a", "/b")]
    assert sent == [("POST", "a", b'{"q":1}'), ("DELETE", "b", b""), ("PATCH", "a", b'{"r":2}')]


def test_close_from_within(bench):
    """The owner closes from its handlers: nothing more is called, nothing is left."""
    tls = bench.tls(clients=[bench.cert])
    with bench.service(with_stream(b"data: {}\n\ndata: {}\n\n"), tls):
        check(bench.probe("--stored-pin", tls.fingerprint, "--close-in-done"), "connected")
        result = bench.probe("--stored-pin", tls.fingerprint, "--stay", "9000", "--close-in-push")
        assert result["pushed"] == [{}] and "lost" not in result
    check(bench.probe("--window", "--close-in-done"), "port-refused")


def test_within_the_sandbox(bench):
    """After channel_init_library() nothing needs a socket, a file or a name."""
    tls = bench.tls(clients=[bench.cert])
    with bench.service(with_stream(b"data: {}\n\n", x=answer(200, {})), tls):
        result = bench.probe("--stored-pin", tls.fingerprint, "--sandbox", "--request",
                             "GET /redfish/v1/x", "--stay", "500")
        check(result, "connected")
        assert result["answers"] == [{"status": 200, "body": {}}] and result["pushed"] == [{}]
        check(bench.probe("--stored-pin", "ab" * 32, "--sandbox"), "identity-changed")
    check(bench.probe("--window", "--sandbox"), "port-refused")


def test_ipv6_link_local(bench):
    """By ifindex alone: libcurl is never told the scope, and never needs it."""
    space = bench.namespace
    space.ip("link add name pass0 type veth peer name pass1")
    try:
        for nic in ("pass0", "pass1"):
            space.sysctl("ipv6/conf/%s/accept_dad" % nic, "0")
        space.ip("addr add fe80::7/64 dev pass0 nodad")
        space.ip("link set pass0 up")
        space.ip("link set pass1 up")
        tls = bench.tls(clients=[bench.cert])
        with bench.service(tls=tls, family=socket.AF_INET6) as service:
            result = bench.probe("--stored-pin", tls.fingerprint, "--ifindex", "pass0",
                                 "--sandbox", address="fe80::7")
        check(result, "connected")
        assert result["info"]["bmc_address"] == "fe80::7"
        assert b"Host: [fe80::7]:%d" % PORT in service.received
    finally:
        space.ip("link del pass0")


def test_environment_is_ignored(bench, monkeypatch):
    """Neither proxies nor a key log come from the environment."""
    log = os.path.join(bench.folder, "keys")
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:%d" % PLAIN)
    monkeypatch.setenv("SSLKEYLOGFILE", log)
    tls = bench.tls(clients=[bench.cert])
    with bench.service(tls=tls), bench.plain() as proxy:
        check(bench.probe("--stored-pin", tls.fingerprint), "connected")
    assert proxy.accepted == 0 and not os.path.exists(log)
