# SPDX-License-Identifier: Apache-2.0
"""Hostile and clumsy HTTP: limits, deadlines, methods, framing."""
import contextlib
import json
import resource
import socket
import ssl
import time

import pytest

from netns import wait_for
from service import PASSWORD, PLAIN_PORT, PORT, Stream, read_all, read_until

ROOT = b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\n\r\n"
HANDSHAKE_S, HEAD_S, BODY_S, IDLE_S = 3, 5, 10, 30
MAX_PER_SOURCE = 32  # a third of max_connections


def talk(bmc, data):
    with bmc.tls() as stream:
        stream.sendall(data)
        return read_all(stream)


def split(data):
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


@pytest.mark.parametrize("data,status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET /redfish/v1/ HTTP/2.0\r\nHost: b\r\n\r\n", 505),
    (b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\nX: " + b"y" * 17000 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: b\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: b\r\n" + b"a: b\r\n" * 70 + b"\r\n", 431),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    (b"POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
     400),
    (b"POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: b\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}", 417),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000, 413),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000, 413),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 4294967298\r\n\r\n{}", 413),
    (b"\x00\x01\x02 garbage\r\n\r\n", 400),
], ids=range(15))
def test_refused_with_json_and_closed(bmc, data, status):
    """The answer arrives even where the client is still sending, and the connection ends."""
    code, head, body = split(talk(bmc, data))
    assert code == status
    assert b"connection: close" in head and b"application/json" in head
    assert json.loads(body)["error"]["@Message.ExtendedInfo"]


def test_refused_as_itself_after_a_head_request(bmc):
    """The method of the request before it says nothing of one that cannot be read."""
    with bmc.tls() as stream:
        stream.sendall(b"HEAD" + ROOT[3:])
        read_until(stream, b"\r\n\r\n")
        stream.sendall(ROOT[:-2] + b"X: " + b"y" * 17000 + b"\r\n\r\n")
        code, _, body = split(read_all(stream))
    assert code == 431 and json.loads(body)["error"]


def test_chunked_body_over_the_limit(bmc):
    with bmc.tls() as stream:
        stream.sendall(b"POST /redfish/v1/x HTTP/1.1\r\nHost: b\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100):
                stream.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except (OSError, ssl.SSLError):
            pass
        assert read_all(stream).startswith(b"HTTP/1.1 413 ")


def test_body_limit_of_an_administrator(bmc):
    """With a password 256 KiB, and not one more."""
    path = "/redfish/v1/AccountService/Accounts/host/Certificates"
    assert bmc.request("POST", path, password=PASSWORD, body="x" * 262144).status == 400
    assert bmc.request("POST", path, password=PASSWORD, body="x" * 262145).status == 413
    # Who only says so has to be somebody before.
    assert bmc.request("POST", path, password="wrong one", body="x" * 262144).status == 413


def test_methods(bmc):
    """What a resource has not is 405 with Allow; what HTTP has not is 501; both in JSON, and the
    connection goes on."""
    for method, path, status in (
            ("DELETE", "/redfish/v1/", 405), ("PUT", "/redfish/v1/", 405),
            ("PATCH", "/redfish/v1/Managers/bmc", 405), ("POST", "/redfish/v1/Managers", 405),
            ("BREW", "/redfish/v1/", 501), ("TRACE", "/redfish/v1/", 501),
            ("CONNECT", "/redfish/v1/", 501)):
        answer = bmc.request(method, path, password=PASSWORD, body="{}")
        assert answer.status == status, (method, path)
        assert "error" in answer.json()
        if status == 405:
            assert answer.headers["Allow"].startswith("GET, HEAD")
    answer = bmc.request("OPTIONS", "/redfish/v1/")
    assert answer.status == 204 and answer.headers["Allow"] == "GET, HEAD"


def test_head_does_not_desynchronise(bmc):
    head = ROOT.replace(b"GET", b"HEAD")
    with bmc.tls() as stream:
        stream.sendall(head + head + ROOT)
        data = read_until(stream, b"}}}")  # the end of the one body, whatever stands there
    parts = data.split(b"HTTP/1.1 200 OK\r\n")
    assert len(parts) == 4
    assert parts[1].endswith(b"\r\n\r\n") and parts[2].endswith(b"\r\n\r\n")
    length = int(parts[1].lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert length == len(parts[3].partition(b"\r\n\r\n")[2])


def test_pipelining(bmc):
    paths = [b"/redfish", b"/redfish/v1/", b"/redfish/v1/odata", b"/redfish/v1/none"] * 20
    with bmc.tls() as stream:
        stream.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: b\r\n\r\n" % p for p in paths[:-1])
                       + b"GET /redfish HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        data = read_all(stream)
    found = []
    while data:
        status, head, rest = split(data)
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append((status, rest[:length][:30]))
        data = rest[length:]
    assert len(found) == len(paths)
    assert [s for s, _ in found] == [200, 200, 200, 401] * 19 + [200, 200, 200, 200]


def test_body_and_next_request_in_one_piece(bmc):
    with bmc.tls() as stream:
        stream.sendall(b"POST /redfish/v1/ HTTP/1.1\r\nHost: b\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n"
                       b"2\r\n{}\r\n0\r\n\r\n" + ROOT)
        data = read_until(stream, b'"@odata.id":"/redfish/v1/"')
    assert data.startswith(b"HTTP/1.1 405 ")


def test_100_continue(bmc):
    with bmc.tls() as stream:
        stream.sendall(b"POST /redfish/v1/ HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n"
                       b"Content-Length: 2\r\n\r\n")
        assert read_until(stream, b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue\r\n")
        stream.sendall(b"{}")
        assert read_until(stream, b"}").startswith(b"HTTP/1.1 405 ")


def test_keep_alive_and_close(bmc):
    with bmc.tls() as stream:
        for _ in range(5):
            stream.sendall(ROOT)
            assert b"connection: close" not in read_until(stream, b"}}}").lower()
    assert b"connection: close" in talk(bmc, ROOT.replace(b"HTTP/1.1", b"HTTP/1.0")).lower()


def test_half_closed_client(endpoint):
    """One that shuts its side after asking, as `nc` does, gets its answer."""
    endpoint.start(tls="off")
    with endpoint.connect(8080) as stream:
        stream.sendall(ROOT)
        stream.shutdown(socket.SHUT_WR)
        assert b'"@odata.id":"/redfish/v1/"' in read_all(stream)


def drip(stream, data, seconds):
    """One byte each tenth of a second until the other end gives up; how long that took."""
    begin = time.monotonic()
    stream.setblocking(True)
    for byte in data:
        try:
            stream.sendall(bytes([byte]))
        except OSError:
            break
        if time.monotonic() - begin > seconds + 5:
            break
        stream.settimeout(0.1)
        try:
            if not stream.recv(4096):
                break
        except (socket.timeout, ssl.SSLWantReadError):
            continue
        except OSError:
            break
        finally:
            stream.settimeout(5)
    return time.monotonic() - begin


def assert_served(bmc):
    begin = time.monotonic()
    assert bmc.get("/redfish/v1/").status == 200
    return time.monotonic() - begin


def test_slow_clients_are_closed_in_time(bmc):
    """Silent and dripping, in the handshake, head and body, while others are served."""
    silent, idle = bmc.connect(), bmc.tls()
    begin = time.monotonic()
    with silent:
        assert_served(bmc)
        assert read_all(silent) == b""
        assert HANDSHAKE_S - 0.5 < time.monotonic() - begin < HANDSHAKE_S + 3
    with bmc.connect() as stream:  # a record that never becomes whole
        took = drip(stream, b"\x16\x03\x01\x40\x00" + b"\x01" * 500, HANDSHAKE_S)
        assert took < HANDSHAKE_S + 3
    with bmc.tls() as stream:
        took = drip(stream, b"GET /redfish/v1/ HTTP/1.1\r\nX: " + b"y" * 500, HEAD_S)
        assert HEAD_S - 1 < took < HEAD_S + 3
    assert_served(bmc)
    with bmc.tls() as stream:
        stream.sendall(b"POST /redfish/v1/x HTTP/1.1\r\nHost: b\r\nContent-Length: 5000\r\n\r\n")
        took = drip(stream, b"y" * 500, BODY_S)
        assert BODY_S - 1 < took < BODY_S + 3
    with idle:
        assert read_all(idle) == b""
        assert IDLE_S - 1 < time.monotonic() - begin < IDLE_S + 10


def test_client_that_does_not_read(bmc):
    """Many answers, not one taken: what waits for it is bounded, and it is closed."""
    stream = bmc.tls(timeout=5)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = bmc.memory_kb()
    try:
        for _ in range(20000):
            stream.sendall(ROOT * 10)
    except (OSError, ssl.SSLError):
        pass
    bmc.assert_memory_within(before, 3000)
    assert_served(bmc)
    stream.close()


def test_a_few_empty_lines_are_forgiven(bmc):
    """RFC 9112, 2.2; without end they are no request."""
    assert split(talk(bmc, b"\r\n" * 32 + ROOT.replace(b"1.1", b"1.0")))[0] == 200
    assert split(talk(bmc, b"\r\n" * 40 + ROOT))[0] == 400
    with bmc.tls() as stream:
        with contextlib.suppress(OSError):
            for _ in range(2000):
                stream.sendall(b"\r\n" * 2000)
            raise AssertionError("taken without end")


def test_twice_the_cap_of_strangers(bmc, host):
    """A host that is known gets in whatever strangers do, and stays in."""
    assert bmc.enrol(host).status == 201
    with bmc.tls(host) as known:
        known.sendall(ROOT)
        read_until(known, b"}}}")
        crowd = [bmc.connect() for _ in range(2 * MAX_PER_SOURCE)]
        assert bmc.get("/redfish/v1/Managers/bmc", host).status == 200
        wait_for(lambda: bmc.descriptors() < MAX_PER_SOURCE + 30, 5, "the cap")
        known.sendall(ROOT)
        read_until(known, b"}}}")
        for stream in crowd:
            stream.close()
    wait_for(lambda: bmc.descriptors() < 25, 10, "all closed")
    assert_served(bmc)
    assert "thrown out" in bmc.log()


def test_full_of_known_hosts(bmc, host):
    """At the cap of those who may stay, a further one waits or is turned away; no spinning."""
    assert bmc.enrol(host).status == 201
    streams = [bmc.tls(host) for _ in range(MAX_PER_SOURCE)]
    before = bmc.cpu_seconds()
    extra = bmc.connect()
    assert read_all(extra) == b""
    end = time.monotonic() + 1
    wait_for(lambda: time.monotonic() > end, 2, "a second of looking on")
    assert bmc.cpu_seconds() - before < 0.3
    streams[0].sendall(ROOT)
    read_until(streams[0], b"}}}")
    for stream in streams:
        stream.close()
    wait_for(lambda: bmc.descriptors() < 25, 10, "all closed")
    assert_served(bmc)


def try_stream(bmc, host):
    """A connection that was answered: the endpoint knows whose it is. None: it was not taken."""
    stream = bmc.tls(host)
    try:
        stream.sendall(ROOT)
        read_until(stream, b"}}}", timeout=20)
        return stream
    except (OSError, AssertionError):
        stream.close()
        return None


def open_streams(bmc, host, count):
    """The end of an earlier connection may not have been seen yet."""
    def one():
        with contextlib.suppress(OSError):
            return try_stream(bmc, host)
    return [wait_for(one, 20, "a connection") for _ in range(count)]


def test_max_connections(endpoint, host):
    """A third of them for one address; a reload with a larger number takes effect."""
    endpoint.start(max_connections=16)
    assert endpoint.enrol(host).status == 201
    streams = open_streams(endpoint, host, 5)
    assert read_all(endpoint.connect()) == b""
    endpoint.reload(max_connections=48)
    streams += open_streams(endpoint, host, 6)
    for stream in streams:
        stream.sendall(ROOT)
        read_until(stream, b"}}}")
        stream.close()
    wait_for(lambda: endpoint.descriptors() < 25, 10, "all closed")


def test_room_for_connections_is_made(bmc):
    """The soft limit of open files is no bound, the hard one is: said, and kept within."""
    pid = bmc.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 1000))
    bmc.reload(max_connections=96)
    wait_for(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] > 96, 10, "it is raised")
    assert "room for" not in bmc.log()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))
    bmc.reload(max_connections=97)
    wait_for(lambda: "room for 16 connections only: the limit of open files is 64" in bmc.log(),
             10, "it says so")
    crowd = [bmc.connect() for _ in range(30)]
    assert_served(bmc)
    for stream in crowd:
        stream.close()
    assert "accept:" not in bmc.log()


def test_want_of_descriptors_passes(bmc, host):
    """Also while no connection ends: a host's stream stays for months."""
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    pid = bmc.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    with bmc.connect():
        wait_for(lambda: "accept: Too many open files" in bmc.log(), 10, "it cannot")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert_served(bmc)
    assert bmc.log().count("accept: ") == 1
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    stream.until("ISM0050")


def test_want_of_descriptors_costs_no_processor(bmc):
    """A command that cannot be heard now waits, and is heard when it can be."""
    pid = bmc.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(20)
        stream.connect(bmc.runtime_dir + "/endpoint-control")
        stream.sendall(b'{"command": "trust-list"}\n')
        wait_for(lambda: "Too many open files" in bmc.log(), 10, "it cannot")
        before, lines = bmc.cpu_seconds(), len(bmc.log().splitlines())
        end = time.monotonic() + 3
        wait_for(lambda: time.monotonic() > end, 6, "three seconds")
        assert bmc.cpu_seconds() - before < 1
        assert len(bmc.log().splitlines()) - lines < 10
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert "result" in json.loads(stream.makefile().readline())


def test_idle_costs_nothing(bmc):
    """No wake-ups while nobody asks: the process is not scheduled once in three seconds."""
    assert_served(bmc)
    wait_for(lambda: bmc.descriptors() < 25, 5, "all closed")

    def switches():
        with open("/proc/%d/status" % bmc.process.pid) as file:
            return int(file.read().split("voluntary_ctxt_switches:")[1].split()[0])
    end = time.monotonic() + 1.5  # a closed connection may still linger
    wait_for(lambda: time.monotonic() > end, 3, "lingering is over")
    before = switches()
    end = time.monotonic() + 3
    wait_for(lambda: time.monotonic() > end, 4, "three seconds")
    assert switches() - before == 0


def test_query_parameters(bmc):
    def get(path):
        return bmc.get(path, password=PASSWORD).status
    assert get("/redfish/v1/Managers?$top=1") == 200
    assert get("/redfish/v1/Managers?$top=x") == 400
    assert get("/redfish/v1/Managers?$skip=-1") == 400
    assert get("/redfish/v1/Managers?$top=99999999999") == 400
    assert get("/redfish/v1/Managers?$select=Name") == 501
    assert get("/redfish/v1/Managers?$filter=Name") == 501
    assert get("/redfish/v1/Managers?other=1") == 200


def test_paths(bmc):
    def get(path):
        return bmc.get(path, password=PASSWORD).status
    assert get("/redfish/v1") == get("/redfish/v1/") == 200
    assert get("/redfish/v1/Managers/bmc/") == 200
    assert get("/redfish/v1/Managers/%62mc") == 200
    assert get("/") == 200  # the page for people
    for path in ("/page", "/redfish/v1//", "/redfish/v2", "/redfish/v1/Managers/other",
                 "/redfish/v1/Managers/../Managers/bmc", "/redfish/v1/Managers%2Fbmc",
                 "/redfish/v1/Managers/bmc%00", "/redfish/v1/Managers/{manager}",
                 "/redfish/v1/Managers/" + "x" * 500):
        assert get(path) == 404, path
    assert bmc.get("/redfish/v1/", headers={"OData-Version": "3.0"}).status == 412
    assert bmc.get("/redfish/v1/", headers={"OData-Version": "4.0"}).status == 200


def test_port_is_tls_only(bmc):
    assert PORT == 8443 and bmc.root()["Id"] == "RootService"
