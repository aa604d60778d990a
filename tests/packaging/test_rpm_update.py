# SPDX-License-Identifier: Apache-2.0
"""The installer of updates with the real rpm, its database, and the real packages (rows S16, S20):
as test_update.py has it with dpkg.

The system is the small Debian of test_rpm.py. It gets this machine's rpm, and a package that
provides what dpkg has installed there: rpm judges dependencies as it does where it is at home.
"""
import fcntl
import os
import shutil
import subprocess
import sys

import pytest

import rpms
from rpms import ROOT, run
from test_update import Agent, System as DebSystem

sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from signing import Key  # noqa: E402

pytestmark = [
    pytest.mark.xdist_group("rpm"),
    pytest.mark.skipif(os.geteuid() != 0, reason="rpm installs, and its scripts are root's")]
BASE = """Name: base
Version: 1
Release: 1
Summary: What another package manager has installed
License: Apache-2.0
BuildArch: noarch
Provides: selinux-policy-targeted
%s
%%description
%%{summary}.
%%files
"""


def put_rpm_into(folder):
    """The program, its tables, and such libraries as are not there. Debian's has its database in
    the home directory; this one has it where it is on systems that are made of rpms."""
    os.makedirs(folder + "/etc/rpm", exist_ok=True)
    with open(folder + "/etc/rpm/macros", "w") as file:
        file.write("%_dbpath /var/lib/rpm\n")
    shutil.copy("/usr/bin/rpm", folder + "/usr/bin/rpm")
    shutil.copytree("/usr/lib/rpm", folder + "/usr/lib/rpm", symlinks=True, dirs_exist_ok=True)
    for line in run(["ldd", "/usr/bin/rpm"]).stdout.splitlines():
        path = line.partition("=> ")[2].split(" ")[0]
        if path and not os.path.exists(folder + path):
            os.makedirs(os.path.dirname(folder + path), exist_ok=True)
            shutil.copy(path, folder + path)


def make_base(folder, packages):
    """A package with nothing in it that provides all that these require, and says that the system
    has SELinux's targeted policy."""
    wanted = set()
    for path in packages:
        wanted |= set(run(["rpm", "-qp", "--requires", path]).stdout.splitlines())
    spec = os.path.join(folder, "base.spec")
    provides = sorted(w for w in wanted if w and not w.startswith(("rpmlib(", "config(", "(")))
    with open(spec, "w") as file:
        file.write(BASE % "\n".join("Provides: " + p for p in provides))
    run(["rpmbuild", "-bb", "--quiet", "--define", "_topdir " + folder, spec])
    return os.path.join(folder, "RPMS/noarch/base-1-1.noarch.rpm")


class Root:
    def __init__(self, path):
        self.path = path

    def read(self, path):
        with open(self.path + path) as file:
            return file.read()

    def sh(self, command, check=True):
        done = subprocess.run(["chroot", self.path, "/bin/sh", "-c", command], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


class System(DebSystem):
    """Asks and updates as the one with dpkg does."""

    def __init__(self, folder):
        self.tmp_path = folder
        self.root = Root(str(folder / "root"))
        os.makedirs(self.root.path)
        rpms.unpack_system(self.root.path)
        put_rpm_into(self.root.path)
        self.old, self.new = rpms.build()["bmclink"], rpms.build("0.1.1")["bmclink"]
        policy = rpms.build()["bmclink-selinux"]
        base = make_base(str(folder), [self.old, self.new, policy])
        self.rpm("-i", base, self.old, policy)
        self.old_version = self.installed()
        self.key = Key(folder)
        os.makedirs(self.root.path + "/etc/bmclink/update-keys")
        shutil.copy(self.key.public, self.root.path + "/etc/bmclink/update-keys/test.pub")
        self.folder = self.root.path + "/var/lib/bmclink/monitor/update"
        os.makedirs(self.folder, mode=0o700)
        self.agent = Agent(self.root)

    def rpm(self, *words):
        """Inside; packages are handed in first."""
        inside = []
        for word in words:
            if word.endswith(".rpm"):
                shutil.copy(word, self.root.path + "/srv/")
                word = "/srv/" + os.path.basename(word)
            inside.append(word)
        return self.root.sh("rpm " + " ".join(inside)).stdout

    def installed(self):
        """One version of it, and whole; the configuration is the administrator's."""
        changed = self.root.sh("rpm -V --nodeps --noscripts bmclink", check=False).stdout
        assert [line for line in changed.splitlines() if " c " not in line] == []
        return self.rpm("-q", "--qf", "'%{VERSION}-%{RELEASE}\\n'", "bmclink").strip()

    def ask(self, path, version, back=True):
        copy = str(self.tmp_path / "asked.rpm")
        shutil.copy(path, copy)
        super().ask(copy, version, back)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = System(tmp_path_factory.mktemp("rpm-update"))
    yield made
    made.agent.close()
    shutil.rmtree(made.root.path)


@pytest.fixture
def system(made):
    """As it was at first, whatever the last test left."""
    made.agent.connected = True
    for name in os.listdir(made.folder):
        os.unlink(os.path.join(made.folder, name))
    if made.installed() != made.old_version:
        made.rpm("-U", "--oldpackage", made.old)
    assert made.installed() == made.old_version == "0.1.0-1"
    return made


def test_s20_a_newer_package_is_installed_by_rpm(system):
    root = system.root
    with open(root.path + "/etc/bmclink/bmclinkd.conf", "a") as file:
        file.write("# mine\n")
    system.ask(system.new, "0.1.1-1")
    state = system.update()
    assert state["step"] == "done", state["why"]
    assert system.installed() == "0.1.1-1"
    assert "bmclinkd 0.1.1" in root.sh("/usr/sbin/bmclinkd --version").stdout
    assert state["back"] == "0.1.1-1" and state["floor"] == "0.1.1-1" and state["from"] == "0.1.0-1"
    assert root.read("/etc/bmclink/bmclinkd.conf").endswith("# mine\n")
    with open(system.new, "rb") as a, open(os.path.join(system.folder, "back.pkg"), "rb") as b:
        assert a.read() == b.read()  # the way back of the next one


def test_s20_what_does_not_connect_is_taken_back_by_rpm(system):
    system.agent.connected = False
    system.ask(system.new, "0.1.1-1")
    state = system.update()
    assert state["step"] == "returned" and state["refused"] == "0.1.1-1", state
    assert system.installed() == "0.1.0-1"
    assert "bmclinkd 0.1.0" in system.root.sh("/usr/sbin/bmclinkd --version").stdout


def refused(system, path, version, words, **options):
    system.ask(path, version, **options)
    state = system.update()
    assert state["step"] == "failed" and words in state["why"], state
    assert system.installed() == "0.1.0-1"
    assert not os.path.exists(os.path.join(system.folder, "new.pkg"))


def test_packages_that_are_not_for_here(system, tmp_path):
    """Signed by the right key, all of them."""
    refused(system, system.old, "0.1.0-1", "not newer")
    refused(system, rpms.build()["bmclink-endpoint"], "9", "something else")
    refused(system, system.new, "9.8-1", "its name says")
    garbage = tmp_path / "garbage.rpm"
    garbage.write_bytes(os.urandom(4000))
    refused(system, str(garbage), "9", "rpm")


def test_without_a_way_back(system):
    refused(system, system.new, "0.1.1-1", "no way back", back=False)


def test_a_dependency_is_missing(system):
    """rpm itself says no; the old one goes on as it was."""
    system.rpm("-e", "--nodeps", "base")
    refused(system, system.new, "0.1.1-1", "is needed by bmclink-0.1.1")
    system.rpm("-i", str(system.tmp_path / "RPMS/noarch/base-1-1.noarch.rpm"))
    system.ask(system.new, "0.1.1-1")
    assert system.update()["step"] == "done"


def test_the_database_is_locked(system):
    with open(system.root.path + "/var/lib/rpm/.rpm.lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        refused(system, system.new, "0.1.1-1", "package database")
    system.ask(system.new, "0.1.1-1")
    assert system.update()["step"] == "done"
