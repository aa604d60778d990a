# SPDX-License-Identifier: Apache-2.0
"""The package store: what comes in over Redfish and over the command line, what goes out, and what
it does not take. Rows S16 and S20, the BMC's side."""
import hashlib
import json
import os
import socket
import subprocess
import sys
import time

import pytest

from netns import wait_for
from service import PASSWORD, PORT, Stream
from test_bootstrap import ipmi

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from signing import Key  # noqa: E402

UPDATE = "/redfish/v1/UpdateService"
INVENTORY = UPDATE + "/SoftwareInventory"
PUSH = UPDATE + "/update-multipart"
DEB = "bmclink_0.2.0-1_amd64.deb"
RPM = "bmclink-0.2.0-1.fc40.x86_64.rpm"


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path)


def make_file(tmp_path, name=DEB, size=300000, seed=0):
    """Bytes with many line ends in them: what a parser of boundaries stumbles over."""
    path = tmp_path / name
    piece = bytes((i * 7 + seed) % 256 for i in range(997)) + b"\r\n--\r\n\r\r\n--x" * 3
    path.write_bytes((piece * (size // len(piece) + 1))[:size])
    return str(path)


def push(bmc, path, signature=None, parameters="{}", name=None, options=(), port=PORT,
         user="admin:" + PASSWORD):
    """curl's multipart push: (status, body)."""
    command = ["curl", "-sk", "--noproxy", "*", "--max-time", "60", "-w", "\n%{http_code}"]
    if user:
        command += ["-u", user]
    command += ["-F", "UpdateParameters=%s;type=application/json" % parameters]
    command += ["-F", "UpdateFile=@%s;type=application/octet-stream%s" % (
        path, ";filename=" + name if name else "")]
    if signature:
        command += ["-F", "OemBmclinkSignature=<" + signature]
    out = subprocess.run(command + list(options) + ["https://%s:%d%s" % (bmc.address, port, PUSH)],
                         stdout=subprocess.PIPE, text=True)
    body, _, code = out.stdout.rpartition("\n")
    return int(code), json.loads(body) if body else None


def members(bmc):
    body = bmc.get(INVENTORY, password=PASSWORD).json()
    assert body["Members@odata.count"] == len(body["Members"])
    return [m["@odata.id"].rpartition("/")[2] for m in body["Members"]]


def stored(bmc):
    return sorted(os.listdir(os.path.join(bmc.state_dir, "packages")))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# --- in and out -----------------------------------------------------------------------------------

def test_s20_pushed_with_curl_shown_and_fetched(bmc, tmp_path, key, host):
    path = make_file(tmp_path)
    before = bmc.memory_kb()
    assert bmc.enrol(host).status == 201
    code, body = push(bmc, path, key.sign(path))
    assert code == 201 and body["@odata.id"] == INVENTORY + "/" + DEB
    service = bmc.get(UPDATE, password=PASSWORD).json()
    assert service["MultipartHttpPushUri"] == PUSH and service["ServiceEnabled"] is True
    assert service["MaxImageSizeBytes"] == 64 << 20
    # as the host sees it, by its certificate
    member = bmc.get(INVENTORY + "/" + DEB, host).json()
    oem = member["Oem"]["Bmclink"]
    assert member["Version"] == "0.2.0-1" and oem["PackageFormat"] == "deb"
    assert oem["Architecture"] == "amd64" and oem["SizeBytes"] == os.path.getsize(path)
    assert oem["SHA256"] == digest(path) and oem["KeyId"] == key.id
    with open(path + ".minisig") as file:
        assert oem["Signature"] == file.read()
    answer = bmc.get(oem["PackageUri"], host)
    with open(path, "rb") as file:
        assert answer.status == 200 and answer.body == file.read()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    bmc.assert_memory_within(before, 4096)
    entry = bmc.wait_entry("ISM1250")[0]
    assert DEB in entry["Message"] and key.id in entry["Message"]


def test_a_large_package_stays_out_of_memory(bmc, tmp_path):
    path = make_file(tmp_path, size=40 << 20)
    push(bmc, make_file(tmp_path, RPM, 1000))
    before = bmc.memory_kb()
    assert push(bmc, path)[0] == 201
    bmc.assert_memory_within(before, 3000)
    got = tmp_path / "got"
    subprocess.run(["curl", "-sk", "--noproxy", "*", "-u", "admin:" + PASSWORD, "-o", str(got),
                    "https://%s:%d%s/%s/Package" % (bmc.address, PORT, INVENTORY, DEB)], check=True)
    assert digest(got) == digest(path)
    bmc.assert_memory_within(before, 3000)


def test_chunked_and_without_a_signature(bmc, tmp_path):
    path = make_file(tmp_path, RPM)
    assert push(bmc, path, options=["-H", "Transfer-Encoding: chunked"])[0] == 201
    oem = bmc.get(INVENTORY + "/" + RPM, password=PASSWORD).json()["Oem"]["Bmclink"]
    assert oem["Signature"] is None and "KeyId" not in oem and oem["PackageFormat"] == "rpm"
    assert oem["SHA256"] == digest(path)


RANGES = [
    ("bytes=0-9", 206, 0, 10), ("bytes=100-", 206, 100, None), ("bytes=-5", 206, -5, None),
    ("bytes=0-99999999", 206, 0, None), ("bytes=299999-", 206, 299999, None),
    ("bytes=300000-", 416, 0, 0), ("bytes=-0", 416, 0, 0),
    ("bytes=5-2", 200, 0, None), ("bytes=0-1,5-6", 200, 0, None), ("lines=1-2", 200, 0, None),
    ("bytes=x-", 200, 0, None), ("bytes=99999999999999999999-", 200, 0, None),
]


@pytest.mark.parametrize("field,status,first,last", RANGES)
def test_ranges(bmc, tmp_path, field, status, first, last):
    path = make_file(tmp_path)
    push(bmc, path)
    with open(path, "rb") as file:
        data = file.read()
    answer = bmc.get(INVENTORY + "/" + DEB + "/Package", password=PASSWORD,
                     headers={"Range": field})
    assert answer.status == status
    if status == 416:
        assert answer.headers["Content-Range"] == "bytes */300000"
        return
    assert answer.body == data[first:last]
    if status == 206:
        begin = first % len(data)
        assert answer.headers["Content-Range"] == "bytes %d-%d/%d" % (
            begin, begin + len(answer.body) - 1, len(data))


def test_a_lost_transfer_goes_on_where_it_was(bmc, tmp_path):
    path = make_file(tmp_path, size=2 << 20)
    push(bmc, path)
    url = "https://%s:%d%s/%s/Package" % (bmc.address, PORT, INVENTORY, DEB)
    got = tmp_path / "got"
    options = ["curl", "-sk", "--noproxy", "*", "-u", "admin:" + PASSWORD, "-o", str(got), url]
    subprocess.run(options + ["-r", "0-1000000"], check=True)
    subprocess.run(options + ["-C", "-"], check=True)
    assert digest(got) == digest(path)


def test_if_range_of_another_package_brings_all(bmc, tmp_path):
    path = make_file(tmp_path)
    push(bmc, path)
    uri = INVENTORY + "/" + DEB + "/Package"
    etag = bmc.get(uri, password=PASSWORD).headers["ETag"]
    for tag, status in ((etag, 206), ('"other"', 200)):
        answer = bmc.get(uri, password=PASSWORD, headers={"Range": "bytes=0-1", "If-Range": tag})
        assert answer.status == status
    head = bmc.request("HEAD", uri, password=PASSWORD)
    assert head.status == 200 and head.headers["Content-Length"] == "300000" and not head.body


# --- who may --------------------------------------------------------------------------------------

def test_s20_only_an_administrator_pushes_and_deletes(bmc, tmp_path, host, stranger):
    path = make_file(tmp_path)
    assert bmc.enrol(host).status == 201
    for user, options, status in (
            (None, [], 401), ("admin:wrong", [], 401),
            (None, ["--cert", host.path, "--key", host.path], 403)):
        assert push(bmc, path, user=user, options=options)[0] == status
    assert members(bmc) == [] and stored(bmc) == []
    assert push(bmc, path)[0] == 201
    uri = INVENTORY + "/" + DEB
    assert bmc.request("DELETE", uri, host).status == 403
    assert bmc.request("DELETE", uri).status == 401
    assert bmc.get(uri + "/Package").status == 401
    assert bmc.get(uri + "/Package", host).status == 200
    assert bmc.request("DELETE", uri, password=PASSWORD).status == 204
    assert members(bmc) == [] and stored(bmc) == []
    assert bmc.get(uri, password=PASSWORD).status == 404
    assert DEB in bmc.wait_entry("ISM1251")[0]["Message"]


def test_the_body_of_a_stranger_is_not_waited_for(bmc):
    """Refused by its head: the service does not take megabytes from who may not."""
    with bmc.tls() as stream:
        stream.sendall(("POST %s HTTP/1.1\r\nHost: b\r\nContent-Type: multipart/form-data; "
                        "boundary=x\r\nContent-Length: 60000000\r\n\r\n" % PUSH).encode())
        stream.settimeout(5)
        assert b" 401 " in stream.recv(4096).split(b"\r\n")[0]


def test_a_plain_channel_sees_and_does_not_fetch(endpoint, tmp_path):
    endpoint.set_password()
    path = make_file(tmp_path)
    assert endpoint.command("package", "add", path).returncode == 0
    endpoint.start(tls="off")
    answer = endpoint.get(INVENTORY + "/" + DEB, plain=8080)
    assert answer.status == 200 and answer.json()["Version"] == "0.2.0-1"
    assert endpoint.get(INVENTORY + "/" + DEB + "/Package", plain=8080).status == 403


# --- what is not taken ----------------------------------------------------------------------------

@pytest.mark.parametrize("name", [
    "other_0.2.0-1_amd64.deb", "bmclink_0.2.0-1_amd64.txt", "bmclink-endpoint_0.2.0-1_amd64.deb",
    "bmclink_0.2.0-1.deb", "bmclink__amd64.deb", "bmclink-0.2.0.x86_64.rpm", ".deb", "x.rpm",
    "bmclink_0.2;0-1_amd64.deb", "bmclink_" + "1" * 60 + "_amd64.deb", "bmclink_.._amd64.deb"])
def test_other_names(bmc, tmp_path, name):
    path = make_file(tmp_path)
    code, body = push(bmc, path, name='"%s"' % name)
    assert code == 400, body
    assert members(bmc) == [] and stored(bmc) == []


def test_a_path_in_the_name(bmc, tmp_path):
    path = make_file(tmp_path)
    code, _ = push(bmc, path, name='"../../%s"' % DEB)
    assert code == 400 and stored(bmc) == []


def test_signatures_that_are_none(bmc, tmp_path, key):
    path = make_file(tmp_path)
    bad = tmp_path / "bad"
    good = open(key.sign(path)).read()
    old = open(key.sign(path, legacy=True)).read()
    for text in ("x", good[:-20], good.replace("trusted comment: ", "comment: "), old,
                 good + "more\n", "\0" * 100):
        bad.write_text(text)
        code, body = push(bmc, path, str(bad))
        assert code == 400, (text, body)
    assert members(bmc) == [] and stored(bmc) == []
    assert bmc.wait_entry("ISM1252")
    bad.write_text(good.replace("\n", "\r\n"))
    assert push(bmc, path, str(bad))[0] == 201


def test_parameters(bmc, tmp_path):
    path = make_file(tmp_path)
    for text in ("[]", "x", '{"Targets": ["/redfish/v1/x"]}', '{"Unknown": 1}'):
        assert push(bmc, path, parameters=text)[0] == 400, text
    assert members(bmc) == [] and stored(bmc) == []
    assert push(bmc, path, parameters='{"Targets": [], "ForceUpdate": true, '
                '"@Redfish.OperationApplyTime": "Immediate"}')[0] == 201


def raw_push(bmc, body, boundary="B", content_type=None):
    return bmc.request("POST", PUSH, password=PASSWORD, body=body, headers={
        "Content-Type": content_type or "multipart/form-data; boundary=" + boundary})


def part(name, data, file=None):
    return (b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (
        name, b'; filename="%s"' % file if file else b"")) + data + b"\r\n"


GOOD = part(b"UpdateParameters", b"{}") + part(b"UpdateFile", b"x", DEB.encode()) + b"--B--\r\n"
BROKEN = {
    "nothing": b"", "no boundary": b"hello", "cut": GOOD[:-8], "behind it": GOOD + b"x",
    "no file": part(b"UpdateParameters", b"{}") + b"--B--\r\n",
    "no parameters": part(b"UpdateFile", b"x", DEB.encode()) + b"--B--\r\n",
    "no file name": part(b"UpdateParameters", b"{}") + part(b"UpdateFile", b"x") + b"--B--\r\n",
    "twice": part(b"UpdateFile", b"x", DEB.encode()) + GOOD,
    "unknown": part(b"Other", b"x") + GOOD,
    "no name": GOOD.replace(b'; name="UpdateFile"', b""),
    "two names": GOOD.replace(b'name="UpdateFile"', b'name="UpdateFile"; name="x"'),
    "no head": b"--B\r\n\r\nx\r\n--B--\r\n",
    "long head": GOOD.replace(b"\r\n\r\nx", b"\r\nX-A: " + b"a" * 4000 + b"\r\n\r\nx"),
    "zero in head": GOOD.replace(b"UpdateFile", b"Update\0File"),
    "empty file": GOOD.replace(b"\r\n\r\nx\r\n", b"\r\n\r\n\r\n"),
    "long parameters": GOOD.replace(b"{}", b'{"x": "' + b"a" * 5000 + b'"}'),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_broken_bodies(bmc, what):
    answer = raw_push(bmc, BROKEN[what])
    assert answer.status in (400, 413), answer.body
    assert "error" in answer.json()
    assert members(bmc) == [] and stored(bmc) == []
    assert raw_push(bmc, GOOD).status == 201


def test_other_content_types(bmc):
    for kind in ("application/json", "multipart/mixed; boundary=B", "multipart/form-data",
                 'multipart/form-data; boundary=""', "multipart/form-data; boundary=" + "b" * 71,
                 "multipart/form-data; boundary=B; boundary=B"):
        assert raw_push(bmc, GOOD, content_type=kind).status == 415, kind
    assert raw_push(bmc, GOOD, content_type='Multipart/Form-Data; boundary="B"').status == 201


def test_too_long_is_refused_by_its_head(bmc):
    with bmc.tls() as stream:
        token = "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"
        stream.sendall(("POST %s HTTP/1.1\r\nHost: b\r\nAuthorization: Basic %s\r\nContent-Type: "
                        "multipart/form-data; boundary=B\r\nContent-Length: 99000000\r\n\r\n--B\r\n"
                        % (PUSH, token)).encode())
        stream.settimeout(5)
        assert b" 413 " in stream.recv(4096).split(b"\r\n")[0]


# --- bounds ---------------------------------------------------------------------------------------

def test_the_same_again_and_another_of_its_name(bmc, tmp_path):
    path = make_file(tmp_path)
    assert push(bmc, path)[0] == 201 and push(bmc, path)[0] == 201
    assert members(bmc) == [DEB]
    first = digest(path)
    assert push(bmc, make_file(tmp_path, seed=1))[0] == 409
    assert bmc.get(INVENTORY + "/" + DEB, password=PASSWORD).json()["Oem"]["Bmclink"][
        "SHA256"] == first


def test_as_many_as_may_be(endpoint, tmp_path):
    endpoint.set_password()
    endpoint.start(update_packages=2, update_megabytes=1)
    for n in range(2):
        assert push(endpoint, make_file(tmp_path, "bmclink_0.%d-1_amd64.deb" % n, 1000))[0] == 201
    assert push(endpoint, make_file(tmp_path, "bmclink_0.9-1_amd64.deb", 1000))[0] == 507
    assert endpoint.request("DELETE", INVENTORY + "/bmclink_0.0-1_amd64.deb",
                            password=PASSWORD).status == 204
    assert push(endpoint, make_file(tmp_path, "bmclink_0.8-1_amd64.deb", 1 << 20))[0] == 507
    assert push(endpoint, make_file(tmp_path, "bmclink_0.9-1_amd64.deb", 1000))[0] == 201
    assert members(endpoint) == ["bmclink_0.1-1_amd64.deb", "bmclink_0.9-1_amd64.deb"]
    endpoint.reload(update_packages=0)
    wait_for(lambda: endpoint.get(UPDATE, password=PASSWORD).json()["ServiceEnabled"] is False, 10,
             "the store is closed")
    assert push(endpoint, make_file(tmp_path, "bmclink_0.7-1_amd64.deb", 1000))[0] == 507


def test_what_cannot_be_removed_stays(bmc, tmp_path):
    """As long as its bytes are on the disk they count, and can be removed again."""
    path = make_file(tmp_path)
    assert push(bmc, path)[0] == 201
    file = os.path.join(bmc.state_dir, "packages", DEB)
    os.rename(file, file + ".kept")
    os.mkdir(file)  # unlink() of root fails here
    assert bmc.request("DELETE", INVENTORY + "/" + DEB, password=PASSWORD).status == 500
    os.rmdir(file)
    os.rename(file + ".kept", file)
    assert members(bmc) == [DEB] and push(bmc, path)[0] == 201
    assert bmc.request("DELETE", INVENTORY + "/" + DEB, password=PASSWORD).status == 204
    assert members(bmc) == [] and stored(bmc) == []


def test_a_full_disk_leaves_the_store_as_it_was(endpoint, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(small)], check=True)
    try:
        endpoint.state_dir = str(small / "state")
        endpoint.set_password()
        endpoint.start()
        assert push(endpoint, make_file(tmp_path, size=1 << 20))[0] == 201
        big = make_file(tmp_path, RPM, 10 << 20)
        for options in ([], ["-H", "Transfer-Encoding: chunked"]):
            code, body = push(endpoint, big, options=options)
            assert code == 507 and "disk is full" in json.dumps(body)
            assert members(endpoint) == [DEB] and stored(endpoint) == [DEB, DEB + ".json"]
        out = endpoint.command("package", "add", big)
        assert out.returncode == 1 and "full" in out.stderr
        assert stored(endpoint) == [DEB, DEB + ".json"]
        # what the log needs is still there
        assert push(endpoint, make_file(tmp_path, RPM, 1 << 20))[0] == 201
        endpoint.wait_entry("ISM1250", 2)
        endpoint.finish()
    finally:
        endpoint.process = None
        subprocess.run(["umount", str(small)], check=True)


def test_one_at_a_time_and_a_broken_one_leaves_nothing(bmc, tmp_path):
    head = ("POST %s HTTP/1.1\r\nHost: b\r\nAuthorization: Basic "
            "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5\r\nContent-Type: multipart/form-data; boundary=B"
            "\r\nContent-Length: 1000000\r\n\r\n" % PUSH).encode()
    stream = bmc.tls()
    stream.sendall(head + part(b"UpdateFile", b"x" * 5000, DEB.encode())[:-2])
    wait_for(lambda: "upload.part" in stored(bmc), 10, "the first is under way")
    code, _ = push(bmc, make_file(tmp_path, RPM))
    assert code == 503
    stream.close()
    wait_for(lambda: stored(bmc) == [], 10, "nothing is left of it")
    assert push(bmc, make_file(tmp_path, RPM))[0] == 201


def test_killed_in_a_push_nothing_is_left(bmc, tmp_path):
    path = make_file(tmp_path)
    push(bmc, path)
    head = ("POST %s HTTP/1.1\r\nHost: b\r\nAuthorization: Basic "
            "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5\r\nContent-Type: multipart/form-data; boundary=B"
            "\r\nContent-Length: 1000000\r\n\r\n" % PUSH).encode()
    stream = bmc.tls()
    stream.sendall(head + part(b"UpdateFile", b"x" * 5000, RPM.encode())[:-2])
    wait_for(lambda: "upload.part" in stored(bmc), 10, "it is under way")
    bmc.kill()
    stream.close()
    open(os.path.join(bmc.state_dir, "packages", RPM), "w").close()
    bmc.start()
    assert stored(bmc) == [DEB, DEB + ".json"] and members(bmc) == [DEB]
    assert bmc.get(INVENTORY + "/" + DEB + "/Package", password=PASSWORD).body == open(
        path, "rb").read()


def test_a_slow_reader_does_not_stop_the_others(bmc, tmp_path, host):
    push(bmc, make_file(tmp_path, size=30 << 20))
    assert bmc.enrol(host).status == 201
    before = bmc.memory_kb()
    slow = bmc.tls(host)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(("GET %s/%s/Package HTTP/1.1\r\nHost: b\r\n\r\n" % (INVENTORY, DEB)).encode())
    begin = time.monotonic()
    assert bmc.root()["Id"] == "RootService"
    assert time.monotonic() - begin < 2
    bmc.assert_memory_within(before, 3000)
    slow.close()


# --- the command line -----------------------------------------------------------------------------

@pytest.mark.parametrize("running", [True, False])
def test_the_command_line(endpoint, tmp_path, key, running):
    path = make_file(tmp_path)
    key.sign(path)
    if running:
        endpoint.set_password()
        endpoint.start()
    out = endpoint.command("package", "add", path)
    assert out.returncode == 0, out.stderr
    listed = endpoint.command("package", "list").stdout
    assert DEB in listed and key.id in listed and digest(path) in listed
    assert stored(endpoint) == [DEB, DEB + ".json"]
    other = make_file(tmp_path, "some.deb")
    out = endpoint.command("package", "add", other)
    assert out.returncode == 1 and "named like" in out.stderr
    out = endpoint.command("package", "add", str(tmp_path / "none"))
    assert out.returncode == 1 and "No such file" in out.stderr
    assert stored(endpoint) == [DEB, DEB + ".json"]
    if not running:
        endpoint.set_password()
        endpoint.start()
        assert members(endpoint) == [DEB]
        endpoint.stop()
    assert endpoint.command("package", "remove", "none").returncode == 1
    assert endpoint.command("package", "remove", DEB).returncode == 0
    assert stored(endpoint) == []
    assert endpoint.command("package").returncode == 2
    if running:
        assert "administrator of the BMC" in endpoint.wait_entry("ISM1251")[0]["Message"]


def test_a_push_is_in_the_stream(bmc, tmp_path, host):
    """A host need not wait for a day."""
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    push(bmc, make_file(tmp_path))
    stream.until("ISM1250")
    stream.close()


def test_who_got_an_account_over_ipmi_is_no_administrator(bmc, tmp_path):
    """A host cannot give itself a package, even where its accounts are administrators."""
    answer = bmc.request("PATCH", "/redfish/v1/Managers/bmc/HostInterfaces/1", password=PASSWORD,
                         body={"CredentialBootstrapping": {"RoleId": "Administrator"}})
    assert answer.status in (200, 204), answer.body
    _, data = ipmi(bmc, 2, 0x52, 0xa5)
    user = data[1:17].rstrip(b"\0").decode() + ":" + data[17:33].rstrip(b"\0").decode()
    path = make_file(tmp_path)
    # it is somebody: what it may not do is this
    code, _ = bmc.curl("/redfish/v1/Managers", options=["-u", user])
    assert code == 200
    assert push(bmc, path, user=user)[0] == 403
    assert members(bmc) == [] and stored(bmc) == []
    assert push(bmc, path)[0] == 201
    # nor does it take away what a person gave
    code, body = bmc.curl(INVENTORY + "/" + DEB, options=["-u", user, "-X", "DELETE"])
    assert code == 403 and "InsufficientPrivilege" in body
    assert members(bmc) == [DEB] and stored(bmc) != []
    assert bmc.entries("ISM1251") == []
    assert bmc.request("DELETE", INVENTORY + "/" + DEB, password=PASSWORD).status == 204


def test_wrong_password_counts_once(bmc, tmp_path):
    """It is asked at the head and again at the end: five guesses are five, as everywhere."""
    path = make_file(tmp_path, size=1000)
    codes = [push(bmc, path, user="admin:guess %d" % i)[0] for i in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert stored(bmc) == []


def test_head_knows_no_ranges(bmc, tmp_path):
    assert push(bmc, make_file(tmp_path))[0] == 201
    for field in ("bytes=0-9", "bytes=999999-"):
        answer = bmc.request("HEAD", INVENTORY + "/" + DEB + "/Package", password=PASSWORD,
                             headers={"Range": field})
        assert answer.status == 200 and answer.headers["Content-Length"] == "300000"
        assert "Content-Range" not in answer.headers
