# SPDX-License-Identifier: Apache-2.0
"""TLS: versions, client certificates, refusals that say why, and clients without TLS."""
import ssl

import pytest

import hostile_tls
from netns import wait_for
from service import PLAIN_PORT, PORT, alert_of, make_certificate, read_all, read_until

VERSIONS = {"1.0": ("-tls1", "TLSv1"), "1.1": ("-tls1_1", "TLSv1.1"),
            "1.2": ("-tls1_2", "TLSv1.2"), "1.3": ("-tls1_3", "TLSv1.3")}
WEAK = ["-cipher", "DEFAULT@SECLEVEL=0"]


def offer_only(bmc, version):
    """openssl s_client that offers this version alone; its output."""
    return bmc.s_client(VERSIONS[version][0], *WEAK, stdin="Q\n")


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_version_taken(bmc, version):
    out = offer_only(bmc, version)
    assert "New, %s" % VERSIONS[version][1] in out or \
        "Protocol  : %s" % VERSIONS[version][1] in out, out


def test_version_1_0_refused(bmc):
    out = offer_only(bmc, "1.0")
    assert "alert number 70" in out, out


@pytest.mark.parametrize("low,high", [("1.1", "1.1"), ("1.2", "1.2"), ("1.1", "1.2"),
                                      ("1.3", "1.3"), ("1.2", "1.3")])
def test_versions_by_configuration(endpoint, low, high):
    endpoint.start(tls_min_version=low, tls_max_version=high)
    for version in VERSIONS:
        out = offer_only(endpoint, version)
        if low <= version <= high:
            assert "Cipher is (NONE)" not in out, out
        else:
            # Our alert, or the client does not take the lower version that we chose.
            assert "Cipher is (NONE)" in out, out
            assert "alert number 70" in out or (
                version > high and "unsupported protocol" in out), out


def test_highest_common_version(bmc):
    with bmc.tls() as stream:
        assert stream.version() == "TLSv1.3"


def test_no_resumption(bmc):
    out = bmc.s_client("-reconnect", "-tls1_2", stdin="Q\n")
    assert out.count("New, TLSv1.2") == 6 and "Reused" not in out, out


def test_no_certificate(bmc):
    """Nobody: the service root and nothing else."""
    assert bmc.get("/redfish/v1/").status == 200
    for path in ("/redfish/v1/Managers", "/redfish/v1/Managers/bmc", "/redfish/v1/EventService",
                 "/redfish/v1/EventService/SSE", "/redfish/v1/AccountService",
                 "/redfish/v1/no/such/thing"):
        answer = bmc.get(path)
        assert answer.status == 401
        assert "error" in answer.json()
        assert "Basic" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("version", [
    ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_unknown_certificate(bmc, host, stranger, version):
    assert bmc.enrol(host).status == 201

    def attempt(certificate):
        with bmc.tls(certificate, version) as stream:
            stream.sendall(b"GET /redfish/v1/Managers/bmc HTTP/1.1\r\nHost: b\r\n\r\n")
            assert stream.recv(100).startswith(b"HTTP/1.1 200 ")

    assert alert_of(lambda: attempt(stranger)) == 48
    assert alert_of(lambda: attempt(host)) is None
    entry = bmc.wait_entry("ISM1016")[0]
    assert entry["MessageArgs"][0] == "127.0.0.1" and "not known" in entry["Message"]


@pytest.mark.parametrize("version", [
    ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_expired_certificate(bmc, tmp_path, version):
    """Refused also in an open window: nobody may enrol with it."""
    expired = make_certificate(tmp_path, "expired", seconds=-60)
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Open"

    def attempt():
        with bmc.tls(expired, version) as stream:
            stream.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\n\r\n")
            stream.recv(100)

    assert alert_of(attempt) == 45
    assert "expired" in bmc.wait_entry("ISM1016")[0]["Message"]


def test_refusals_do_not_flood_the_log(bmc, host, stranger):
    assert bmc.enrol(host).status == 201
    for _ in range(10):
        with pytest.raises((ssl.SSLError, OSError)):
            with bmc.tls(stranger) as stream:
                stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert not stream.recv(1)
    assert len(bmc.entries("ISM1016")) == 3


@pytest.mark.parametrize("port", [PORT, PLAIN_PORT])
def test_without_tls_on_both_ports(bmc, port):
    code, body = bmc.curl("/redfish/v1/", "http", port)
    assert code == 426 and "TLS" in body and '"error"' in body
    entry = bmc.wait_entry("ISM0050")[0]
    assert entry["Severity"] == "Warning"
    assert entry["MessageArgs"] == ["127.0.0.1", "1", "IPv4"]


@pytest.mark.parametrize("port", [PORT, PLAIN_PORT])
@pytest.mark.parametrize("request_text", [
    b"POST /redfish/v1/x HTTP/1.1\r\nHost: b\r\nContent-Length: 300000\r\n\r\n" + b"x" * 20000,
    b"PATCH /redfish/v1/x HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}",
    b"HEAD /redfish/v1/x HTTP/1.1\r\nHost: b\r\n\r\n",
])
def test_without_tls_every_method(bmc, port, request_text):
    with bmc.connect(port) as stream:
        stream.sendall(request_text)
        assert read_all(stream).startswith(b"HTTP/1.1 426 ")
    assert bmc.wait_entry("ISM0050")


def test_ism0050_first_three_then_held_back(bmc):
    """Attempts 1 to 3 are recorded each, the others in one record a minute later; a stop tells
    what was held back, so that none is lost."""
    for i in range(8):
        assert bmc.curl("/redfish/v1/", "http", PLAIN_PORT if i % 2 else PORT)[0] == 426
    assert [e["MessageArgs"][1] for e in bmc.entries("ISM0050")] == ["3", "2", "1"]
    assert bmc.stop() == 0
    bmc.start()
    assert [e["MessageArgs"][1] for e in bmc.entries("ISM0050")] == ["8", "3", "2", "1"]


def test_plain_client_reads_its_answer(bmc):
    """The 426 on the TLS port is not lost to a reset, time after time."""
    for _ in range(30):
        with bmc.connect() as stream:
            stream.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\nX: " + b"y" * 3000
                           + b"\r\n\r\n")
            data = read_all(stream)
            assert data.startswith(b"HTTP/1.1 426 ") and data.rstrip().endswith(b"}"), data


@pytest.mark.parametrize("known", [False, True])
def test_key_updates_without_end(bmc, host, known):
    """OpenSSL would read them in one call, for as long as they come, and nobody else be served."""
    assert bmc.enrol(host).status == 201
    sent = 0
    with bmc.tls(host if known else None) as stream:
        while sent < 100000 and hostile_tls.key_update(stream, lambda: False):
            sent += 1
    assert 100 < sent < 60000  # a few are taken, or it was refused for something else
    assert bmc.get("/redfish/v1/").status == 200


def test_twin_a_few_key_updates_are_taken(bmc):
    with bmc.tls() as stream:
        for _ in range(20):
            for _ in range(200):
                assert hostile_tls.key_update(stream, lambda: False)
            stream.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\n\r\n")
            assert read_until(stream, b"}}}").startswith(b"HTTP/1.1 200 ")


def test_a_handshake_in_single_bytes_without_end(bmc):
    with bmc.connect() as stream, pytest.raises(OSError):
        for _ in range(5000):
            stream.sendall(b"\x16\x03\x01\x00\x01\x01" * 1000)
    assert bmc.get("/redfish/v1/").status == 200


@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"a" * 500,
                                     b"\x80\x2e\x01\x00\x02" + b"z" * 60, b"hello\r\n\r\n",
                                     b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"])
def test_garbage_instead_of_tls(bmc, garbage):
    with bmc.connect() as stream:
        stream.sendall(garbage)
        wait_for(lambda: not read_all(stream) or True, 10, "closed")
    assert bmc.get("/redfish/v1/").status == 200
    assert not bmc.entries("ISM0050")
