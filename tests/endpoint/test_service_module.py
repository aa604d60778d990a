# SPDX-License-Identifier: Apache-2.0
"""The BMC's switches of the host's features: Oem.Bmclink's ServiceModule."""
import fcntl
import json
import os
import struct
import threading

import pytest

from service import PASSWORD, alert_of

MODULE = "/redfish/v1/Managers/bmc/Oem/Bmclink/ServiceModule"
NAMES = {"InbandAccess": "inband-access", "SnmpGet": "snmp-get", "LocalNames": "local-names",
         "AutoUpdate": "auto-update"}
ALL_ON = {name: {"Enabled": True} for name in NAMES}


def switches(bmc, **options):
    body = bmc.get(MODULE, **(options or {"password": PASSWORD})).json()
    return {name: body[name] for name in NAMES}


def patch(bmc, body, **options):
    return bmc.request("PATCH", MODULE, body=body, **dict({"password": PASSWORD}, **options))


def test_all_are_on_at_first(bmc):
    assert switches(bmc) == ALL_ON
    manager = bmc.get("/redfish/v1/Managers/bmc", password=PASSWORD).json()
    assert manager["Oem"]["Bmclink"]["ServiceModule"] == {"@odata.id": MODULE}
    schema = bmc.get("/redfish/v1/Schemas/BmclinkServiceModule_v1.xml").body.decode()
    assert all('Name="%s"' % name in schema for name in NAMES)
    assert "BmclinkServiceModule_v1.xml" in bmc.get("/redfish/v1/$metadata").body.decode()


@pytest.mark.parametrize("name", NAMES)
def test_a_change_is_durable_and_recorded(bmc, name):
    answer = patch(bmc, {name: {"Enabled": False}})
    assert answer.status == 200 and answer.json()[name] == {"Enabled": False}
    assert [e["MessageArgs"] for e in bmc.entries("ISM1202")] == [
        [NAMES[name], "off", "the administrator"]]
    bmc.kill()
    bmc.start()
    assert switches(bmc) == dict(ALL_ON, **{name: {"Enabled": False}})
    assert patch(bmc, {name: {"Enabled": True}}).status == 200
    assert patch(bmc, {name: {"Enabled": True}}).status == 200  # no change, no record
    assert len(bmc.entries("ISM1202")) == 2
    bmc.kill()
    bmc.start()
    assert switches(bmc) == ALL_ON


def test_who_may(bmc, host, stranger):
    """The administrator; not the host whose features they are, nor anybody else."""
    assert bmc.enrol(host).status == 201
    assert switches(bmc, certificate=host) == ALL_ON
    off = {"LocalNames": {"Enabled": False}}
    assert bmc.request("PATCH", MODULE, host, body=off).status == 403
    assert bmc.request("PATCH", MODULE, body=off).status == 401
    assert bmc.get(MODULE).status == 401
    assert alert_of(lambda: bmc.get(MODULE, stranger)) == 48
    assert switches(bmc) == ALL_ON


def test_a_look_for_the_snmp_service_takes_nothing(bmc, host):
    """ServiceRunning is a look at its lock: who starts in that moment must get it."""
    held = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    free = struct.pack("hhqqi4x", fcntl.F_UNLCK, 0, 0, 0, 0)
    path = "/redfish/v1/Managers/bmc/Oem/Bmclink/Snmp"
    assert bmc.enrol(host).status == 201
    with open(os.path.join(bmc.runtime_dir, "snmp.lock"), "w") as lock:
        assert bmc.get(path, host).json()["ServiceRunning"] is False
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, held)
        assert bmc.get(path, host).json()["ServiceRunning"] is True
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, free)

        looks = []

        def look():
            with bmc.tls(host) as stream:
                for _ in range(400):
                    stream.sendall(5 * (b"GET %s HTTP/1.1\r\nHost: b\r\n\r\n" % path.encode()))
                    seen = b""
                    while seen.count(b"HTTP/1.1 200") < 5:
                        more = stream.recv(65536)
                        assert more, "closed"
                        seen += more
                    looks.append(seen)
        looker = threading.Thread(target=look)
        looker.start()
        while looker.is_alive():
            fcntl.fcntl(lock, fcntl.F_OFD_SETLK, held)
            fcntl.fcntl(lock, fcntl.F_OFD_SETLK, free)
        assert len(looks) == 400


def test_on_the_plain_channel(endpoint):
    """Without TLS the host reads them, and cannot change them."""
    endpoint.start(tls="off")
    body = endpoint.get(MODULE, plain=8080).json()
    assert {name: body[name] for name in NAMES} == ALL_ON
    answer = endpoint.request("PATCH", MODULE, plain=8080,
                              body={"LocalNames": {"Enabled": False}})
    assert answer.status in (401, 403)


@pytest.mark.parametrize("body", [
    {"LocalNames": False}, {"LocalNames": {}}, {"LocalNames": {"Enabled": "off"}},
    {"LocalNames": {"Enabled": None}}, {"LocalNames": {"Enabled": False, "Other": 1}},
    {"Names": {"Enabled": False}}, {"HostConnected": True}, {}])
def test_bad_requests_change_nothing(bmc, body):
    assert patch(bmc, body).status == 400
    assert switches(bmc) == ALL_ON and bmc.entries("ISM1202") == []


def test_etag(bmc):
    tag = bmc.get(MODULE, password=PASSWORD).headers["ETag"]
    off = {"SnmpGet": {"Enabled": False}}
    assert patch(bmc, off, headers={"If-Match": '"another"'}).status == 412
    assert switches(bmc) == ALL_ON
    changed = patch(bmc, off, headers={"If-Match": tag})
    assert changed.status == 200 and changed.headers["ETag"] != tag
    assert patch(bmc, off, headers={"If-Match": tag}).status == 412


def shown(out):
    assert out.returncode == 0, out.stderr
    return dict(line.split() for line in out.stdout.splitlines())


def test_command_of_the_administrator(bmc):
    assert shown(bmc.command("features")) == {name: "on" for name in NAMES.values()}
    out = shown(bmc.command("features", "auto-update", "off"))
    assert out["auto-update"] == "off" and out["snmp-get"] == "on"
    assert switches(bmc)["AutoUpdate"] == {"Enabled": False}
    for words in (["telnet", "off"], ["auto-update", "perhaps"], ["auto-update"]):
        assert bmc.command("features", *words).returncode == 2
    bmc.stop()
    assert shown(bmc.command("features"))["auto-update"] == "off"
    shown(bmc.command("features", "local-names", "off"))  # no endpoint runs
    bmc.start()
    assert switches(bmc) == dict(ALL_ON, AutoUpdate={"Enabled": False},
                                 LocalNames={"Enabled": False})


@pytest.mark.parametrize("content", ["", "[]", '{"Version": 1, "SnmpGet": "off"}', "\0" * 64])
def test_a_damaged_file_switches_nothing_on(bmc, content):
    patch(bmc, {"LocalNames": {"Enabled": False}})
    bmc.stop()
    with open(os.path.join(bmc.state_dir, "features.json"), "w") as file:
        file.write(content)
    bmc.start()
    assert switches(bmc) == {name: {"Enabled": False} for name in NAMES}
    assert len(bmc.entries("ISM1207")) == 1


def test_a_full_disk_changes_nothing(bmc):
    """What could not be made durable is not true either."""
    path = os.path.join(bmc.state_dir, "features.json")
    os.mkdir(path)  # nothing can be renamed over it
    answer = patch(bmc, {"LocalNames": {"Enabled": False}})
    assert answer.status in (400, 500), answer.body
    assert switches(bmc) == ALL_ON and bmc.entries("ISM1202") == []
    assert bmc.command("features", "local-names", "off").returncode == 1
    os.rmdir(path)
    assert json.loads(patch(bmc, {"LocalNames": {"Enabled": False}}).body)["LocalNames"] == {
        "Enabled": False}
