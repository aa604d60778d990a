# SPDX-License-Identifier: Apache-2.0
"""The administrator's password, roles, and who sees what."""
import base64
import fcntl
import http.client
import os
import pty
import select
import signal
import socket
import subprocess
import termios

import pytest

from daemons import program
from service import PASSWORD, PORT, client_context

MANAGER = "/redfish/v1/Managers/bmc"
ACCOUNTS = "/redfish/v1/AccountService/Accounts"
ROLES = "/redfish/v1/AccountService/Roles"


def test_right_and_wrong_password(bmc):
    assert bmc.get(MANAGER, password=PASSWORD).status == 200
    assert bmc.get(MANAGER, password="wrong").status == 401
    # A wrong password is refused also where none is needed.
    assert bmc.get("/redfish/v1/", password="wrong").status == 401
    for value in ("Basic", "Basic ", "Basic !!!!", "Basic YWRtaW4=", "Bearer x",
                  "Basic " + "A" * 4000, "Basic YWRtaW4A"):
        bmc.stop()  # a fresh score of failures
        bmc.start()
        assert bmc.get(MANAGER, headers={"Authorization": value}).status == 401


def test_no_password_set(endpoint):
    endpoint.start()
    assert endpoint.get(MANAGER, password=PASSWORD).status == 401


def test_lockout(bmc):
    """Five failures lock a source out; a connection that is at work is not hindered by it."""
    work = http.client.HTTPConnection(bmc.address)
    work.sock = bmc.tls()
    right = {"Authorization": "Basic " + base64.b64encode(b"admin:" + PASSWORD.encode()).decode()}

    def ask():
        work.request("GET", MANAGER, headers=right)
        answer = work.getresponse()
        answer.read()
        return answer.status
    assert ask() == 200
    statuses = [bmc.get(MANAGER, password="guess %d" % i).status for i in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert ask() == 200
    work.close()


def test_who_is_locked_out_is_not_told_what_is_right(bmc):
    """Though it was right before, from this very address: guessing would go on by it."""
    assert bmc.get(MANAGER, password=PASSWORD).status == 200
    for i in range(5):
        assert bmc.get(MANAGER, password="guess %d" % i).status == 401
    for password in ("wrong", PASSWORD, "wrong", PASSWORD):
        answer = bmc.get(MANAGER, password=password)
        assert answer.status == 429 and "error" in answer.json()


def test_guesses_from_many_addresses_do_not_lock_out_who_was_right(bmc):
    """The budget of all is spent: who was right last goes on, and may not guess for that."""
    def get(address, password):
        connection = http.client.HTTPConnection(bmc.address)
        connection.sock = client_context().wrap_socket(
            socket.create_connection((bmc.address, PORT), 20, (address, 0)))
        token = base64.b64encode(("admin:" + password).encode()).decode()
        connection.request("GET", MANAGER, headers={"Authorization": "Basic " + token})
        status = connection.getresponse().status
        connection.close()
        return status
    assert get("127.0.5.1", PASSWORD) == 200
    statuses = [get("127.0.6.%d" % (i % 10 + 1), "guess %d" % i) for i in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    assert get("127.0.7.1", PASSWORD) == 429
    assert get("127.0.5.1", PASSWORD) == 200
    assert [get("127.0.5.1", "guess %d" % i) for i in range(5)] == [429] * 5
    assert get("127.0.5.1", PASSWORD) == 429


def test_lockout_holds_for_the_right_one(bmc):
    for i in range(5):
        assert bmc.get(MANAGER, password="guess %d" % i).status == 401
    answer = bmc.get(MANAGER, password=PASSWORD)
    assert answer.status == 429 and "error" in answer.json()


def test_password_is_changed_while_running(bmc):
    assert bmc.get(MANAGER, password=PASSWORD).status == 200
    bmc.set_password("another password")
    assert bmc.get(MANAGER, password=PASSWORD).status == 401
    assert bmc.get(MANAGER, password="another password").status == 200
    bmc.kill()
    bmc.start()
    assert bmc.get(MANAGER, password="another password").status == 200


def test_password_rules(endpoint):
    assert endpoint.command("passwd", stdin="short\n").returncode == 1
    assert endpoint.command("passwd", stdin="x" * 129 + "\n").returncode == 1
    assert endpoint.command("passwd", stdin="").returncode == 1
    assert endpoint.command("passwd", stdin="x" * 128 + "\n").returncode == 0


class Terminal:
    """Somebody at the keyboard, before `bmclink-endpoint passwd`."""

    def __init__(self, endpoint):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [program("bmclink-endpoint")] + endpoint.options() + ["passwd"], stdin=slave,
            stdout=slave, stderr=slave, start_new_session=True, preexec_fn=self.sit_down)
        self.slave, self.shown = slave, ""

    @staticmethod
    def sit_down():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # Whoever runs the tests in the background has them ignore it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def wait_for(self, text):
        while text not in self.shown:
            assert select.select([self.master], [], [], 30)[0], self.shown
            self.shown += os.read(self.master, 1000).decode()

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        code = self.process.wait(30)
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 1000).decode()
        assert self.echoes()
        os.close(self.master)
        os.close(self.slave)
        return code


@pytest.mark.parametrize("again", ["of a terminal", "of another"])
def test_password_at_a_terminal_is_not_shown(bmc, again):
    terminal = Terminal(bmc)
    terminal.wait_for("New password of 'admin': ")
    assert not terminal.echoes()
    terminal.type("of a terminal\n")
    terminal.wait_for("Once more: ")
    assert not terminal.echoes()
    terminal.type(again + "\n")
    assert terminal.end() == (0 if again == "of a terminal" else 1)
    assert "of a" not in terminal.shown
    assert bmc.get(MANAGER, password=again).status == (200 if again == "of a terminal" else 401)


def test_password_at_a_terminal_is_interrupted(bmc):
    terminal = Terminal(bmc)
    terminal.wait_for("New password of 'admin': ")
    terminal.type("of a term\x03")
    assert terminal.end() == -signal.SIGINT


def test_password_is_asked_for_again_after_a_pause(bmc):
    """^Z; nobody is here whose shell could continue it, so that the kernel does not stop it."""
    terminal = Terminal(bmc)
    terminal.wait_for("New password of 'admin': ")
    terminal.shown = ""
    terminal.type("of a term\x1a")
    for prompt in ("New password of 'admin': ", "Once more: "):
        terminal.wait_for(prompt)
        assert not terminal.echoes()
        terminal.type("of a terminal\n")
    assert terminal.end() == 0
    assert bmc.get(MANAGER, password="of a terminal").status == 200


def test_command_of_root_leaves_the_services_user_his_files(endpoint, monkeypatch):
    """The package runs the service as its own user; root's command while it is stopped must not
    leave it a file that it cannot read. Run as anybody else, the command writes as who it is."""
    # LeakSanitizer traces its own process, which the kernel refuses once it has changed its user.
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.makedirs(endpoint.state_dir, mode=0o700, exist_ok=True)
    os.chown(endpoint.state_dir, owner, -1)
    endpoint.set_password()
    names = os.listdir(endpoint.state_dir)
    assert "accounts.json" in names
    assert {os.stat(os.path.join(endpoint.state_dir, n)).st_uid for n in names} == {owner}


def test_nothing_secret_is_readable(bmc):
    for name in os.listdir(bmc.state_dir):
        mode = os.stat(os.path.join(bmc.state_dir, name)).st_mode & 0o777
        assert mode & 0o077 == 0 or name == "endpoint.crt", name
    with open(os.path.join(bmc.state_dir, "accounts.json")) as file:
        assert PASSWORD not in file.read()
    assert PASSWORD not in bmc.log()


def test_repeated_password_is_cheap(bmc):
    """The slow hash is for the first time, not for each request of a client at work."""
    assert bmc.get(MANAGER, password=PASSWORD).status == 200
    before = bmc.cpu_seconds()
    for _ in range(20):
        assert bmc.get(MANAGER, password=PASSWORD).status == 200
    assert bmc.cpu_seconds() - before < 0.5


def test_no_password_over_plain(endpoint):
    endpoint.set_password()
    endpoint.start(tls="off")
    answer = endpoint.get(MANAGER, password=PASSWORD, plain=8080)
    assert answer.status == 401 and "WWW-Authenticate" not in answer.headers


def test_who_sees_what(bmc, host):
    assert bmc.enrol(host).status == 201
    members = bmc.get(ACCOUNTS, password=PASSWORD).json()["Members"]
    assert [m["@odata.id"] for m in members] == [ACCOUNTS + "/admin", ACCOUNTS + "/host"]
    admin = bmc.get(ACCOUNTS + "/admin", password=PASSWORD).json()
    assert admin["RoleId"] == "Administrator" and admin["Enabled"] and admin["Password"] is None
    own = bmc.get(ACCOUNTS + "/host", host).json()
    assert own["RoleId"] == "BmclinkHost"
    assert own["Certificates"]["@odata.id"] == ACCOUNTS + "/host/Certificates"
    assert bmc.get(ACCOUNTS + "/admin", host).status == 404
    assert bmc.get(ACCOUNTS + "/nobody", password=PASSWORD).status == 404
    role = bmc.get(ROLES + "/BmclinkHost", host).json()
    assert role["AssignedPrivileges"] == ["Login"] and role["OemPrivileges"] == ["BmclinkHost"]
    for member in bmc.get(ROLES, host).json()["Members"]:
        assert bmc.get(member["@odata.id"], host).status == 200


def test_every_link_leads_somewhere(bmc, host):
    """Walk from the root: each @odata.id answers, with its own id and a type."""
    assert bmc.enrol(host).status == 201
    seen, todo = set(), ["/redfish/v1/"]

    def links(value):
        if isinstance(value, dict):
            for name, child in value.items():
                if name == "@odata.id":
                    yield child
                else:
                    yield from links(child)
        elif isinstance(value, list):
            for child in value:
                yield from links(child)
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = bmc.get(path, password=PASSWORD)
        assert answer.status == 200, path
        body = answer.json()
        assert body["@odata.id"] == path and body["@odata.type"].startswith("#"), path
        assert body["Name"]
        todo += [link for link in links(body) if link not in seen]
    assert len(seen) > 15
