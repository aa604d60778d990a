# SPDX-License-Identifier: Apache-2.0
"""How a host becomes known, and how it ceases to be."""
import fcntl
import glob
import http.client
import json
import os
import socket
import subprocess
import termios

import pytest

from daemons import program
from netns import wait_for
from service import (CERTIFICATES, PASSWORD, PLAIN_PORT, STREAM, Stream, alert_of,
                     make_certificate)


def enrolment(bmc):
    return bmc.root()["Oem"]["Bmclink"]["Enrolment"]


def is_known(bmc, certificate):
    return bmc.get("/redfish/v1/Managers/bmc", certificate).status == 200


def is_refused(bmc, certificate):
    return alert_of(lambda: bmc.get("/redfish/v1/", certificate)) == 48


def test_first_use(bmc, host, stranger):
    assert enrolment(bmc) == "Open"
    # In the window a stranger may look at the root and enrol, and do nothing else.
    assert bmc.get("/redfish/v1/", host).status == 200
    assert bmc.get("/redfish/v1/Managers/bmc", host).status == 401
    assert bmc.get(CERTIFICATES, host).status == 401
    answer = bmc.enrol(host)
    assert answer.status == 201
    assert answer.headers["Location"] == answer.json()["@odata.id"] == CERTIFICATES + "/1"
    assert answer.json()["Fingerprint"] == host.fingerprint
    # One enrolment closes the window.
    assert enrolment(bmc) == "Closed"
    assert is_known(bmc, host)
    assert is_refused(bmc, stranger)
    entry = bmc.wait_entry("ISM1015")[0]
    assert entry["MessageArgs"] == [host.fingerprint, "IPv4", "127.0.0.1"]


def test_the_very_certificate_of_the_connection(bmc, host, stranger):
    answer = bmc.enrol(host, given=stranger)
    assert answer.status == 403
    assert enrolment(bmc) == "Open"
    assert not is_known(bmc, stranger) and not is_known(bmc, host)
    # In the window a second one may not bring in another either, and shuts nothing.
    assert bmc.enrol(stranger, given=host).status == 403
    assert enrolment(bmc) == "Open"


def test_known_host_names_its_next(bmc, host, stranger, tmp_path):
    """Renewal: both work until the next is used, then the old one is gone. Durable."""
    following = make_certificate(tmp_path, "following")
    assert bmc.enrol(host).status == 201
    assert bmc.enrol(host, given=following).status == 201
    bmc.kill()
    bmc.start()
    assert is_known(bmc, host)
    assert is_known(bmc, following)
    assert is_refused(bmc, host)
    assert is_refused(bmc, stranger)
    assert is_known(bmc, following)
    bmc.kill()
    bmc.start()
    assert is_known(bmc, following) and is_refused(bmc, host)


def test_certificates_without_end(bmc, host, tmp_path):
    """Each is a record and a write to the disk: a known host has so many, and one a minute."""
    assert bmc.enrol(host).status == 201
    for i in range(29):
        assert bmc.enrol(host, given=make_certificate(tmp_path, "next%d" % i)).status == 201
    more = make_certificate(tmp_path, "more")
    answer = bmc.enrol(host, given=more)
    assert answer.status == 429 and answer.headers["Retry-After"] == "60"
    before = len(bmc.entries())
    for _ in range(5):
        assert bmc.enrol(host, given=more).status == 429
    assert len(bmc.entries()) == before
    # What is known already costs nothing; the administrator, and the end of trust, are not bounded.
    assert bmc.enrol(host).status == 409
    assert bmc.request("POST", CERTIFICATES, password=PASSWORD, body={
        "CertificateString": more.pem, "CertificateType": "PEM"}).status == 201
    assert bmc.request("DELETE", CERTIFICATES + "/1", host).status == 204
    assert bmc.enrol(make_certificate(tmp_path, "again")).status == 429
    bmc.stop()  # the sum is told before its minute is over
    bmc.start()
    assert "7 too many certificates" in bmc.wait_entry("ISM1034")[0]["Message"]


def test_without_certificate_nobody_enrols(bmc, host):
    answer = bmc.request("POST", CERTIFICATES, body={
        "CertificateString": host.pem, "CertificateType": "PEM"})
    assert answer.status == 401
    assert enrolment(bmc) == "Open"


def test_two_in_one_window(bmc, host, stranger):
    """Both got in while the window was open; the first to enrol shuts it for the other."""
    with bmc.tls(stranger) as late:
        assert bmc.enrol(host).status == 201
        body = b'{"CertificateType": "PEM", "CertificateString": "x"}'
        late.sendall(b"POST %s HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n%s"
                     % (CERTIFICATES.encode(), len(body), body))
        assert late.recv(100).startswith(b"HTTP/1.1 401 ")
    assert is_refused(bmc, stranger)


@pytest.mark.parametrize("body,status", [
    ("{", 400), ("[]", 400), ("", 400), ("{}", 400),
    ('{"CertificateString": 5, "CertificateType": "PEM"}', 400),
    ('{"CertificateString": "x", "CertificateType": "PEM"}', 400),
    ('{"CertificateString": "x", "CertificateType": "PKCS7"}', 400),
    ('{"CertificateString": "x", "CertificateString": "y", "CertificateType": "PEM"}', 400),
    ('{"CertificateString": "\\u0000", "CertificateType": "PEM"}', 400),
    ("[" * 20000, 413), ('"' + "x" * 20000, 413)])
def test_broken_bodies(bmc, host, body, status):
    answer = bmc.request("POST", CERTIFICATES, host, body=body)
    assert answer.status == status and "error" in answer.json()
    assert enrolment(bmc) == "Open"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_trust_outlives_the_process(bmc, host, stranger, end):
    assert bmc.enrol(host).status == 201
    getattr(bmc, end)()
    bmc.start()
    assert is_known(bmc, host)
    assert enrolment(bmc) == "Closed"
    assert is_refused(bmc, stranger)
    assert bmc.entries("ISM1015")


def test_identity_outlives_the_process(bmc):
    def identity():
        with bmc.tls() as stream:
            return stream.getpeercert(True)
    before = identity()
    bmc.kill()
    bmc.start()
    assert identity() == before


def test_administrator_forgets(bmc, host, stranger):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    out = bmc.command("trust", "forget")
    assert out.returncode == 0, out.stderr
    # Its connections end, it is a stranger like any other, and the window is open.
    wait_for(lambda: stream.next_event() is None, 5, "the stream ends")
    assert enrolment(bmc) == "Open"
    assert not is_known(bmc, host)
    assert bmc.entries("ISM1038")[0]["MessageArgs"][0] == host.fingerprint
    assert bmc.enrol(stranger).status == 201
    assert is_refused(bmc, host)


def test_administrator_opens(bmc, host, stranger):
    assert bmc.enrol(host).status == 201
    assert is_refused(bmc, stranger)
    assert bmc.command("trust", "open").returncode == 0
    assert enrolment(bmc) == "Open"
    assert bmc.enrol(stranger).status == 201
    assert is_known(bmc, host) and is_known(bmc, stranger)  # a host with two systems


def test_host_reset_opens(bmc, host, stranger):
    assert bmc.enrol(host).status == 201
    assert bmc.command("notice", "host-reset").returncode == 0
    assert enrolment(bmc) == "Open"
    assert "reset" in bmc.entries("ISM1033")[0]["Message"]


@pytest.mark.parametrize("running", [True, False])
def test_administrator_adds_from_file(endpoint, host, stranger, running):
    if running:
        endpoint.start()
    out = endpoint.command("trust", "add", host.path)
    assert out.returncode == 0, out.stderr
    assert host.fingerprint in endpoint.command("trust", "list").stdout
    if not running:
        endpoint.start()
    assert is_known(endpoint, host)
    assert is_refused(endpoint, stranger)
    assert endpoint.command("trust", "add", host.path).returncode == 1
    assert endpoint.command("trust", "add", endpoint.config).returncode == 1


def test_certificate_comes_in_pieces(bmc, host):
    """From a pipe: what was read first is not all of it."""
    with open(host.path, "rb") as file:
        text = file.read()
    adding = subprocess.Popen([program("bmclink-endpoint")] + bmc.options()
                              + ["trust", "add", "/dev/stdin"], stdin=subprocess.PIPE)
    adding.stdin.write(text[:100])
    adding.stdin.flush()
    wait_for(lambda: fcntl.ioctl(adding.stdin, termios.FIONREAD, b"\0" * 4) == b"\0" * 4, 10,
             "the first piece was read")
    adding.communicate(text[100:])
    assert adding.returncode == 0
    assert is_known(bmc, host)


def test_commands_without_endpoint(endpoint, host):
    assert endpoint.command("trust", "open").returncode == 4
    assert endpoint.command("trust", "add", host.path).returncode == 0
    assert endpoint.command("trust", "forget").returncode == 0
    assert host.fingerprint not in endpoint.command("trust", "list").stdout
    assert endpoint.command("trust").returncode == 2
    assert endpoint.command("nonsense").returncode == 2


def test_host_forgets_itself(bmc, host, stranger):
    assert bmc.enrol(host).status == 201
    assert bmc.command("trust", "add", stranger.path).returncode == 0
    # It sees its own certificate and no other; what it does not see it cannot delete.
    members = bmc.get(CERTIFICATES, host).json()["Members"]
    assert members == [{"@odata.id": CERTIFICATES + "/1"}]
    assert bmc.request("DELETE", CERTIFICATES + "/2", host).status == 404
    answer = bmc.request("DELETE", CERTIFICATES + "/1", host)
    assert answer.status == 204
    assert is_known(bmc, stranger)
    assert enrolment(bmc) == "Open"
    assert not is_known(bmc, host)


def test_expiry_of_a_connected_host(bmc, tmp_path):
    """Its stream ends when its certificate does, and the window opens for its next one."""
    brief = make_certificate(tmp_path, "brief", seconds=4)
    assert bmc.enrol(brief).status == 201
    stream = Stream(bmc, brief)
    assert stream.status == 200 and enrolment(bmc) == "Closed"
    wait_for(lambda: stream.next_event(15) is None, 15, "the stream ends")
    assert alert_of(lambda: bmc.get("/redfish/v1/", brief)) == 45
    assert enrolment(bmc) == "Open"
    assert "expired" in bmc.wait_entry("ISM1033", 2)[0]["Message"]
    fresh = make_certificate(tmp_path, "fresh")
    assert bmc.enrol(fresh).status == 201
    assert is_known(bmc, fresh) and enrolment(bmc) == "Closed"


def test_clock_of_1970(endpoint, tmp_path, host):
    """A BMC whose clock was never set: dates say nothing, fingerprints do."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    endpoint.environment = {
        "LD_PRELOAD": library[0], "FAKETIME": "@1970-01-02 00:00:00",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    expired = make_certificate(tmp_path, "expired", seconds=-60)
    endpoint.start()
    assert endpoint.get("/redfish/v1/").headers["Date"].endswith("1970 00:00:00 GMT")
    assert endpoint.enrol(expired).status == 201
    assert is_known(endpoint, expired)
    assert is_refused(endpoint, host)


def test_control_socket_takes_no_garbage(bmc):
    path = bmc.runtime_dir + "/endpoint-control"
    for line in (b"\n", b"[]\n", b"{}\n", b'{"command": 5}\n', b"x" * 70000,
                 b'{"command": "trust-add"}\n', b'{"command": "passwd", "password": {}}\n'):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(path)
            try:
                stream.sendall(line)
                answer = stream.recv(4096)
            except OSError:
                continue
            assert not answer or b'"error"' in answer
    assert bmc.command("trust", "list").returncode == 0


@pytest.mark.parametrize("mode, taken", [("first-use", True), ("kcs", False)])
def test_a_host_without_tls_is_remembered(endpoint, host, stranger, mode, taken):
    """Not where hosts come over IPMI: nobody there needs it, and any user could be first."""
    store = os.path.join(endpoint.state_dir, "trust.json")
    bmc = endpoint.start(tls="off", enrolment=mode)
    assert bmc.get("/redfish/v1/", plain=PLAIN_PORT).status == 200
    assert not os.path.exists(store), "who only looks is no host"
    stream = Stream(bmc, plain=True)
    stream.until("ISM1019")
    stream.close()
    with open(store) as file:
        assert json.load(file)["WasPlain"] is True
    bmc.stop()
    bmc.start(tls="on")
    if not taken:
        assert is_refused(bmc, host) and enrolment(bmc) == "Closed"
        return
    assert bmc.enrol(host).status == 201
    with open(store) as file:
        assert json.load(file)["WasPlain"] is False
    assert is_refused(bmc, stranger)


def test_a_host_without_tls_is_remembered_later(endpoint, host):
    """The store could not be written when it came first: it comes again."""
    bmc = endpoint.start(tls="off")
    obstacle = os.path.join(bmc.state_dir, ".trust.json.tmp")
    os.mkdir(obstacle)
    Stream(bmc, plain=True).close()
    wait_for(lambda: "trust: not saved" in bmc.log(), 10, "it cannot be written")
    os.rmdir(obstacle)
    stream = Stream(bmc, plain=True)
    with open(os.path.join(bmc.state_dir, "trust.json")) as file:
        assert json.load(file)["WasPlain"] is True
    stream.close()


@pytest.mark.parametrize("content", [
    "", "{", "[]", "{}", '{"Version": 1, "NextId": 2}', '{"Version": 2, "NextId": 2, "Hosts": []}',
    '{"Version": 1, "NextId": 2, "Hosts": [{"Id": 1, "Added": 0, "Certificate": "x"}]}', None])
def test_damaged_store_is_no_first_use(bmc, host, stranger, content):
    """Who can damage a file (a power cut, worn flash) must not thereby open the window."""
    assert bmc.enrol(host).status == 201
    bmc.stop()
    path = os.path.join(bmc.state_dir, "trust.json")
    os.unlink(path)
    if content is None:
        os.mkdir(path)  # it cannot be read at all
    else:
        with open(path, "w") as file:
            file.write(content)
    bmc.start()
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Closed"
    assert alert_of(lambda: bmc.enrol(stranger)) == 48
    assert bmc.entries("ISM1041")
    bmc.reload(firmware_version="9.9.9")  # starts listening anew
    bmc.wait_entry("ISM1030")
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Closed"
    if content is None:
        os.rmdir(path)
    # The administrator's word is needed, and is enough, for this and the next start.
    assert bmc.command("trust", "forget").returncode == 0
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Open"
    bmc.stop()
    bmc.start()
    assert bmc.enrol(host).status == 201


def test_no_store_is_a_first_use(bmc, host):
    """The other side of the test above."""
    assert bmc.enrol(host).status == 201
    bmc.stop()
    os.unlink(os.path.join(bmc.state_dir, "trust.json"))
    bmc.start()
    assert bmc.enrol(host).status == 201


def test_connection_that_enrolled_is_a_host_s(bmc, host):
    """No stranger's from then on, of which the oldest goes to make room."""
    connection = http.client.HTTPConnection(bmc.address)
    connection.sock = bmc.tls(host)
    connection.request("POST", CERTIFICATES, json.dumps(
        {"CertificateString": host.pem, "CertificateType": "PEM"}),
        {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 201 and answer.read()
    connection.request("GET", STREAM)
    stream = connection.getresponse()
    assert stream.status == 200
    crowd = [bmc.connect() for _ in range(40)]
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    for line in stream:
        if b"ISM0050" in line:
            break
    else:
        raise AssertionError("the stream ended")
    for one in crowd:
        one.close()
