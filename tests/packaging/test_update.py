# SPDX-License-Identifier: Apache-2.0
"""The installer of updates with the real dpkg and the real packages, in a root without a machine
(rows S16, S20). Who asks for it is in tests/net/test_update.py; with systemd: tests/vm."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from conftest import TREE, pick, run
from test_deb import new_revision

sys.path.insert(0, os.path.join(TREE, "tests", "lib"))
from signing import Key  # noqa: E402

UPDATE = "/var/lib/bmclink/monitor/update"


class Agent:
    """Answers as an agent that came with the package that is configured, and is connected."""

    def __init__(self, root):
        self.root, self.connected = root, True
        os.makedirs(root.path + "/run/bmclink", exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(root.path + "/run/bmclink/control")
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.recv(4096)
                mark = json.loads(self.root.read("/var/lib/bmclink/monitor/installed.json"))
                client.sendall(json.dumps({"result": {
                    "state": "connected" if self.connected else "connecting",
                    "package": mark["version"]}}).encode() + b"\n")

    def close(self):
        """Nothing of it may hold the root's file system."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class System:
    def __init__(self, root, built, tmp_path):
        self.root, self.tmp_path = root, tmp_path
        self.old = pick(built, "bmclink")
        root.install(self.old)
        self.old_version = self.installed()
        self.key = Key(tmp_path)
        os.makedirs(root.path + "/etc/bmclink/update-keys")
        shutil.copy(self.key.public, root.path + "/etc/bmclink/update-keys/test.pub")
        run(["chown", "-R", "0:0", root.path + "/etc/bmclink/update-keys"])
        self.folder = root.path + UPDATE
        os.makedirs(self.folder, mode=0o700)
        self.agent = Agent(root)

    def put(self, path, name):
        shutil.copy(path, os.path.join(self.folder, name + ".pkg"))
        shutil.copy(self.key.sign(path), os.path.join(self.folder, name + ".minisig"))

    def ask(self, path, version, back=True):
        """As the monitor does, when it has verified the signature."""
        self.put(path, "new")
        if back:
            copy = str(self.tmp_path / "old.deb")
            shutil.copy(self.old, copy)
            self.put(copy, "back")
        with open(os.path.join(self.folder, "state.json"), "w") as file:
            json.dump({"step": "requested", "version": version, "from": self.old_version,
                       "why": "", "key": "", "at": 1, "attempts": 0, "no_way_back": False,
                       "told": False, "back": self.old_version if back else "", "floor": "",
                       "refused": ""}, file)
        open(os.path.join(self.folder, "request"), "w").close()

    def update(self, *options):
        out = self.root.sh("/usr/libexec/bmclink/bmclink-update --connect-seconds 2 "
                           "--lock-seconds 1 " + " ".join(options), check=False)
        assert out.returncode == 0, out.stderr
        assert not os.path.exists(os.path.join(self.folder, "request"))
        return self.state()

    def state(self):
        with open(os.path.join(self.folder, "state.json")) as file:
            return json.load(file)

    def installed(self):
        out = self.root.sh("dpkg-query -W -f='${db:Status-Status} ${Version}' bmclink").stdout
        status, version = out.split()
        assert status == "installed"
        return version


@pytest.fixture
def system(root, built, tmp_path):
    system = System(root, built, tmp_path)
    yield system
    system.agent.close()


def test_the_package_has_the_installer_and_no_key(system):
    assert system.root.files("/usr/share/bmclink/update-keys") == ["README"]
    units = os.listdir(system.root.path + "/lib/systemd/system")
    assert {"bmclink-update.path", "bmclink-update.service"} <= set(units)
    assert not system.root.exists("/etc/systemd/system/multi-user.target.wants/"
                                  "bmclink-update.path"), "bmclinkd.service wants it"


def test_s20_a_newer_package_is_installed_by_dpkg(system, built, tmp_path):
    new, version = new_revision(built, tmp_path)
    system.ask(new, version)
    state = system.update()
    assert state["step"] == "done" and system.installed() == version
    assert state["back"] == version and state["floor"] == version
    # what was installed is the way back of the next one
    with open(new, "rb") as a, open(os.path.join(system.folder, "back.pkg"), "rb") as b:
        assert a.read() == b.read()


def test_s20_what_does_not_connect_is_taken_back_by_dpkg(system, built, tmp_path):
    new, version = new_revision(built, tmp_path)
    system.agent.connected = False
    system.ask(new, version)
    state = system.update()
    assert state["step"] == "returned" and state["refused"] == version
    assert system.installed() == system.old_version


def refused(system, path, version, words, **options):
    system.ask(path, version, **options)
    state = system.update()
    assert state["step"] == "failed" and words in state["why"], state
    assert system.installed() == system.old_version
    assert not os.path.exists(os.path.join(system.folder, "new.pkg"))


def changed(built, tmp_path, field, value, name="bmclink"):
    """A package of ours with another word in its control file."""
    folder, deb = str(tmp_path / ("changed-" + value)), str(tmp_path / (value + ".deb"))
    run(["dpkg-deb", "-R", pick(built, name), folder])
    control = os.path.join(folder, "DEBIAN", "control")
    with open(control) as file:
        text = file.read()
    with open(control, "w") as file:
        file.write(re.sub(r"^%s: .*$" % field, "%s: %s" % (field, value), text, flags=re.M))
    run(["dpkg-deb", "-b", folder, deb])
    return deb


def test_packages_that_are_not_for_here(system, built, tmp_path):
    """Signed by the right key, all of them."""
    refused(system, changed(built, tmp_path, "Architecture", "s390x"), "9", "architecture")
    refused(system, changed(built, tmp_path, "Version", "0.0.1-1"), "9", "not newer")
    refused(system, changed(built, tmp_path, "Package", "other"), "9", "something else")
    refused(system, changed(built, tmp_path, "Version", "9.9-1"), "9.8-1", "its name says")
    garbage = tmp_path / "garbage.deb"
    garbage.write_bytes(os.urandom(4000))
    refused(system, str(garbage), "9", "dpkg-deb")


def test_without_a_way_back(system, built, tmp_path):
    new, version = new_revision(built, tmp_path)
    refused(system, new, version, "no way back", back=False)


def test_other_bytes_behind_the_monitors_back(system, built, tmp_path):
    """The installer believes nobody: what it installs it verifies."""
    new, version = new_revision(built, tmp_path)
    system.ask(new, version)
    with open(os.path.join(system.folder, "new.pkg"), "ab") as file:
        file.write(b"x")
    state = system.update()
    assert state["step"] == "failed" and "signature is wrong" in state["why"]
    assert system.installed() == system.old_version


def test_dpkg_is_locked(system, built, tmp_path):
    import fcntl
    new, version = new_revision(built, tmp_path)
    path = system.root.path + "/var/lib/dpkg/lock-frontend"
    with open(path, "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        refused(system, new, version, "package database")
    system.ask(new, version)
    assert system.update()["step"] == "done"


def test_nothing_asked_nothing_done(system):
    out = system.root.sh("/usr/libexec/bmclink/bmclink-update", check=False)
    assert out.returncode == 0 and system.installed() == system.old_version


def versions(name):
    """The list of tests/unit/test_update.c: [(version, is it equal to the one before)]."""
    with open(os.path.join(TREE, "tests", "unit", "test_update.c")) as file:
        text = file.read()
    text = text[text.index("*const %s[]" % name):]
    found = re.findall(r'"([^"]*)"', text[:text.index("};")])
    return [(v.lstrip("="), v.startswith("=")) for v in found]


def test_dpkg_agrees_about_the_order_of_versions():
    listed = versions("debs")
    assert len(listed) > 20
    for (a, _), (b, equal) in zip(listed, listed[1:]):
        run(["dpkg", "--compare-versions", a, "eq" if equal else "lt", b])


@pytest.mark.skipif(not shutil.which("rpm"), reason="rpm is not installed")
def test_rpm_agrees_about_the_order_of_versions():
    listed = versions("rpms")
    assert len(listed) > 15
    for (a, _), (b, equal) in zip(listed, listed[1:]):
        out = subprocess.run(["rpm", "--eval", '%%{lua: print(rpm.vercmp("%s", "%s"))}' % (a, b)],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        assert out == ("0" if equal else "-1"), (a, b, out)
