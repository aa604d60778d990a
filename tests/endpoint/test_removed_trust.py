# SPDX-License-Identifier: Apache-2.0
"""Trust that is taken away ends what rests on it at once: connections, and streams, for each way
to take it; and it ends nothing else."""
import base64
import json
import os
import threading

import pytest

from netns import wait_for
from service import CERTIFICATES, PASSWORD, STREAM, make_certificate
from test_bootstrap import ACCOUNTS, credentials, patch
from test_bootstrap import basic as bootstrap_basic

SESSIONS = "/redfish/v1/SessionService/Sessions"
MANAGER = "/redfish/v1/Managers/bmc"
AT_ONCE = 3  # seconds, on a machine that does much else


class Held:
    """A connection that stays open: its end is noticed when it comes."""

    def __init__(self, bmc, certificate=None, fields=(), path=MANAGER):
        self.socket = bmc.tls(certificate)
        text = "GET %s HTTP/1.1\r\nHost: b\r\n%s\r\n" % (
            path, "".join("%s: %s\r\n" % field for field in fields))
        self.socket.sendall(text.encode())
        self.head = self.socket.recv(4096)
        self.ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        try:
            while self.socket.recv(4096):
                pass
        except OSError:
            pass
        self.ended.set()

    @property
    def status(self):
        return int(self.head.split()[1])


def log_in(bmc):
    answer = bmc.request("POST", SESSIONS, body={"UserName": "admin", "Password": PASSWORD})
    assert answer.status == 201
    return answer.headers["X-Auth-Token"], answer.headers["Location"]


def basic(password=PASSWORD):
    return ("Authorization", "Basic " + base64.b64encode(("admin:" + password).encode()).decode())


class Stage:
    """Everybody who may be connected, each with an idle connection and with a stream."""

    def __init__(self, bmc, folder):
        self.bmc = bmc
        self.folder = folder
        self.host = make_certificate(folder, "host")
        self.other = make_certificate(folder, "other")
        assert bmc.enrol(self.host).status == 201
        assert bmc.command("trust", "add", self.other.path).returncode == 0
        self.token, self.session = log_in(bmc)
        self.token2, self.session2 = log_in(bmc)
        self.held = {}
        for name, certificate, fields in (
                ("host", self.host, ()), ("other host", self.other, ()),
                ("session", None, (("X-Auth-Token", self.token),)),
                ("other session", None, (("X-Auth-Token", self.token2),)),
                ("password", None, (basic(),)), ("nobody", None, ())):
            for kind, path in (("", MANAGER), (" stream", STREAM)):
                if name == "nobody":
                    path = "/redfish/v1/"
                held = Held(bmc, certificate, fields, path)
                assert held.status == 200, (name, held.head)
                self.held[name + kind] = held

    def expect_end_of(self, *names):
        gone = {name + kind for name in names for kind in ("", " stream")}
        for name in sorted(gone):
            assert self.held[name].ended.wait(AT_ONCE), name + " goes on"
        # those who lost nothing are still served: the answer of a request proves it
        for name, held in self.held.items():
            assert name in gone or not held.ended.is_set(), name + " was ended, too"
        for name in ("host", "other host", "nobody"):
            if name not in gone:
                held = self.held[name]
                held.socket.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: b\r\n\r\n")
                assert not held.ended.wait(0.2), name

    # Ways to take trust away

    def forget(self):
        assert self.bmc.command("trust", "forget").returncode == 0

    def delete_by_administrator(self):
        assert self.bmc.request("DELETE", CERTIFICATES + "/1",
                                headers=dict([basic()])).status == 204

    def delete_by_itself(self):
        assert self.bmc.request("DELETE", CERTIFICATES + "/1", self.host).status == 204

    def replace(self):
        following = make_certificate(self.folder, "following")
        assert self.bmc.enrol(self.host, given=following).status == 201
        assert not self.held["host stream"].ended.wait(0.3)  # both count until it is used
        assert self.bmc.get(MANAGER, following).status == 200

    def evict(self):
        for i in range(7):
            path = make_certificate(self.folder, "more%d" % i).path
            assert self.bmc.command("trust", "add", path).returncode == 0

    def delete_session(self):
        assert self.bmc.request("DELETE", self.session,
                                headers={"X-Auth-Token": self.token2}).status == 204

    def delete_own_session(self):
        assert self.bmc.request("DELETE", self.session,
                                headers={"X-Auth-Token": self.token}).status == 204

    def crowd_out_sessions(self):
        # streams hold their sessions: only those without one make room
        tokens = [log_in(self.bmc) for _ in range(20)]
        assert self.bmc.get(MANAGER, headers={"X-Auth-Token": tokens[0][0]}).status == 401

    def change_password(self):
        self.bmc.set_password("another good one")

    def patch_password(self):
        answer = self.bmc.request("PATCH", "/redfish/v1/AccountService/Accounts/admin",
                                  headers=dict([basic()]), body={"Password": "another good one"})
        assert answer.status in (200, 204)


ROWS = [
    ("forget", ("host", "other host")),
    ("delete_by_administrator", ("host",)),
    ("delete_by_itself", ("host",)),
    ("replace", ("host",)),
    ("evict", ("host",)),
    ("delete_session", ("session",)),
    ("delete_own_session", ("session",)),
    ("crowd_out_sessions", ()),
    ("change_password", ("session", "other session", "password")),
    ("patch_password", ("session", "other session", "password")),
]


@pytest.mark.parametrize("way,gone", ROWS, ids=[row[0] for row in ROWS])
def test_at_once(bmc, tmp_path, way, gone):
    stage = Stage(bmc, tmp_path)
    getattr(stage, way)()
    stage.expect_end_of(*gone)


@pytest.mark.parametrize("way", ["delete", "reset of the host", "role", "crowded out", "none"])
def test_bootstrap_account(bmc, way):
    """An account that came over IPMI, with a password and with a session."""
    assert patch(bmc, RoleId="Administrator").status in (200, 204)
    account = credentials(bmc)
    password = tuple(bootstrap_basic(account).items())[0]
    answer = bmc.request("POST", SESSIONS, body=dict(zip(("UserName", "Password"), account)))
    token = ("X-Auth-Token", answer.headers["X-Auth-Token"])
    held = [Held(bmc, fields=(field,)) for field in (password, token)]  # it gets no stream
    administrator = Held(bmc, fields=(basic(),), path=STREAM)
    assert [one.status for one in held] == [200] * 2
    if way == "delete":
        assert bmc.request("DELETE", ACCOUNTS + account[0], password=PASSWORD).status == 204
    elif way == "reset of the host":
        assert bmc.command("notice", "host-reset").returncode == 0
    elif way == "role":
        assert patch(bmc, RoleId="ReadOnly").status in (200, 204)
    elif way == "crowded out":
        while bmc.get(ACCOUNTS + account[0], password=PASSWORD).status == 200:
            credentials(bmc)
    for one in held:
        assert one.ended.wait(0.3 if way == "none" else AT_ONCE) == (way != "none")
    assert not administrator.ended.is_set()


def test_expiry_during_the_connection(bmc, tmp_path):
    brief = make_certificate(tmp_path, "brief", seconds=5)
    other = make_certificate(tmp_path, "other")
    assert bmc.enrol(brief).status == 201
    assert bmc.command("trust", "add", other.path).returncode == 0
    held = [Held(bmc, brief, path=path) for path in (MANAGER, STREAM)]
    stays = Held(bmc, other, path=STREAM)
    for one in held:
        assert one.ended.wait(10)
    assert not stays.ended.is_set()


def test_successor_goes_with_its_host(bmc, tmp_path):
    """Whoever stole the host's key may have named one: removing the host removes it, too."""
    host, thief = make_certificate(tmp_path, "host"), make_certificate(tmp_path, "thief")
    assert bmc.enrol(host).status == 201
    assert bmc.enrol(host, given=thief).status == 201
    assert thief.fingerprint in bmc.command("trust", "list").stdout
    assert bmc.request("DELETE", CERTIFICATES + "/1", headers=dict([basic()])).status == 204
    assert thief.fingerprint not in bmc.command("trust", "list").stdout
    bmc.kill()
    bmc.start()
    assert thief.fingerprint not in bmc.command("trust", "list").stdout


def test_renewal_in_a_full_store_puts_nobody_out(bmc, tmp_path):
    hosts = [make_certificate(tmp_path, "host%d" % i) for i in range(8)]
    assert bmc.enrol(hosts[0]).status == 201
    for other in hosts[1:]:
        assert bmc.command("trust", "add", other.path).returncode == 0
    streams = [Held(bmc, host, path=STREAM) for host in hosts]
    following = make_certificate(tmp_path, "following")
    assert bmc.enrol(hosts[7], given=following).status == 201
    assert bmc.get(MANAGER, following).status == 200
    assert streams[7].ended.wait(AT_ONCE)
    for i in range(7):
        assert bmc.get(MANAGER, hosts[i]).status == 200 and not streams[i].ended.is_set()


def test_full_disk_changes_nobody(bmc, tmp_path):
    """What could not be saved did not happen: the old one is known, also after a restart."""
    host, following = make_certificate(tmp_path, "host"), make_certificate(tmp_path, "following")
    assert bmc.enrol(host).status == 201
    os.mkdir(os.path.join(bmc.state_dir, ".trust.json.tmp"))  # the next save fails
    assert bmc.enrol(host, given=following).status == 500
    for _ in range(2):
        assert bmc.get(MANAGER, host).status == 200
        assert following.fingerprint not in bmc.command("trust", "list").stdout
        bmc.stop()
        bmc.start()
    os.rmdir(os.path.join(bmc.state_dir, ".trust.json.tmp"))
    assert bmc.enrol(host, given=following).status == 201


def test_forgotten_when_the_disk_lets_it(bmc, host):
    """What could not be written at once is written later: a restart brings nobody back."""
    assert bmc.enrol(host).status == 201

    def hosts():
        with open(os.path.join(bmc.state_dir, "trust.json")) as file:
            return json.load(file)["Hosts"]
    obstacle = os.path.join(bmc.state_dir, ".trust.json.tmp")
    os.mkdir(obstacle)
    assert bmc.request("DELETE", CERTIFICATES + "/1", password=PASSWORD).status == 500
    assert bmc.get(CERTIFICATES + "/1", password=PASSWORD).status == 404
    assert len(hosts()) == 1
    os.rmdir(obstacle)
    wait_for(lambda: hosts() == [], 20, "nobody is known on the disk")
    assert bmc.log().count("not saved") == 1


def test_session_with_a_stream_is_in_use(endpoint):
    """It is in use, however long ago its last request was: others make room."""
    endpoint.set_password()
    endpoint.start()
    token, location = log_in(endpoint)
    stream = Held(endpoint, fields=(("X-Auth-Token", token),), path=STREAM)
    for _ in range(20):
        log_in(endpoint)
    assert endpoint.get(MANAGER, headers={"X-Auth-Token": token}).status == 200
    assert not stream.ended.is_set()
    assert endpoint.request("DELETE", location, headers={"X-Auth-Token": token}).status == 204
    assert stream.ended.wait(AT_ONCE)
