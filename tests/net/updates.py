# SPDX-License-Identifier: Apache-2.0
"""A host whose packages are texts: what dpkg and systemd do for an update is played here, all else
is real. With the real ones: tests/packaging/test_update.py and tests/vm/test_update.py."""
import json
import os
import shutil
import subprocess
import sys
import threading
import time

from daemons import program
from netns import die_with_parent, run, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from signing import Key  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHITECTURE = run(["dpkg", "--print-architecture"]).stdout.strip()
OLD, NEW = "1.0-1", "1.1-1"


class Host:
    """The host of a lab: its package database, keys, and the two jobs of its init."""
    program = "bmclink-update"

    def __init__(self, lab, version=OLD, connect_seconds=20, lock_seconds=2):
        self.lab = lab
        self.tools = os.path.join(lab.folder, "tools")
        self.packages = os.path.join(lab.folder, "packages")
        self.keys = os.path.join(lab.trees.etc, "bmclink", "update-keys")
        for folder in (self.tools, self.packages, self.keys):
            os.makedirs(folder)
        for name in ("dpkg", "dpkg-deb", "dpkg-query"):
            shutil.copy(os.path.join(HERE, "fake_dpkg"), os.path.join(self.tools, name))
        self.key = Key(self.packages)
        self.trust(self.key)
        note = [program("bmclinkd"), "--foreground", "--state-dir", lab.agent.state_dir]
        self.write("note", " ".join(note + lab.trees.options()))
        self.write("db", "installed\nbmclink\n%s\n%s\n" % (version, ARCHITECTURE))
        run(note + lab.trees.options() + ["--package", "deb", "--installed", version])
        self.options = ["--connect-seconds", str(connect_seconds), "--lock-seconds",
                        str(lock_seconds)]
        self.installer = None
        self.environment = {}  # of the installer
        self.log = os.path.join(lab.folder, "installer.log")
        self.starts = 0
        self.broken = set()  # versions that do not start
        self.ended = False
        self.paused = False
        self.thread = threading.Thread(target=self._init, daemon=True)
        self.thread.start()
        lab.on_close(self.close)

    def write(self, name, text):
        with open(os.path.join(self.tools, name), "w") as file:
            file.write(text)

    def trust(self, key):
        shutil.copy(key.public, self.keys)

    # init: bmclink-update.path, and the restart that a package's script asks for

    @property
    def folder(self):
        return os.path.join(self.lab.agent.state_dir, "monitor", "update")

    def _init(self):
        while not self.ended:
            time.sleep(0.02)
            if self.installer is not None and self.installer.poll() is not None:
                self.installer = None
            if self.installer is None and not self.paused and os.path.exists(
                    os.path.join(self.folder, "request")):
                self._start_installer()
            flag = os.path.join(self.tools, "restart")
            if os.path.exists(flag):
                with open(flag) as file:
                    version = file.read()
                self.lab.agent.stop()
                if version not in self.broken:
                    self.lab.agent.start(wait=False)
                os.unlink(flag)

    def _start_installer(self):
        command = [program(self.program), "--state-dir", self.lab.agent.state_dir,
                   "--runtime-dir", self.lab.agent.runtime_dir, "--etc-root", self.lab.trees.etc,
                   "--tool-dir", self.tools, "--dpkg-dir", self.tools] + self.options
        self.starts += 1
        with open(self.log, "ab") as log:
            self.installer = subprocess.Popen(command, stdout=log, stderr=log,
                                              env=dict(os.environ, **self.environment),
                                              preexec_fn=die_with_parent)

    def close(self):
        self.ended = True
        self.thread.join()
        if self.installer is not None:
            self.installer.kill()
            self.installer.wait()
        with open(self.log, "a") as log:
            log.write("")
        with open(self.log) as log:
            print("----- installer\n" + log.read()[-6000:], file=sys.stderr)

    # packages, on the BMC

    def make(self, version=NEW, name="bmclink", architecture=ARCHITECTURE, size=1000,
             file_version=None, file_architecture=None):
        path = os.path.join(self.packages, "bmclink_%s_%s.deb" % (
            file_version or version, file_architecture or architecture))
        text = "Package: %s\nVersion: %s\nArchitecture: %s\n" % (name, version, architecture)
        with open(path, "w") as file:
            file.write(text + "x" * (size - len(text)))
        return path

    def give(self, path, key=None, signature=True, **options):
        """Over the command line of the BMC. signature: True: make it; None: take what is there."""
        if signature is True:
            (key or self.key).sign(path, **options)
        elif signature is False and os.path.exists(path + ".minisig"):
            os.unlink(path + ".minisig")
        endpoint = self.lab.endpoint
        out = run([program("bmclink-endpoint"), "--config", endpoint.config, "--state-dir",
                   endpoint.state_dir, "--runtime-dir", endpoint.runtime_dir, "package", "add",
                   path], check=False)
        assert out.returncode == 0, out.stderr

    def take(self, path):
        endpoint = self.lab.endpoint
        run([program("bmclink-endpoint"), "--config", endpoint.config, "--state-dir",
             endpoint.state_dir, "--runtime-dir", endpoint.runtime_dir, "package", "remove",
             os.path.basename(path)])

    # what became of it

    def state(self):
        try:
            with open(os.path.join(self.folder, "state.json")) as file:
                return json.load(file)
        except FileNotFoundError:
            return {"step": "none"}

    def installed(self):
        with open(os.path.join(self.tools, "db")) as file:
            lines = file.read().splitlines()
        assert lines[0] == "installed", lines
        return lines[2]

    def history(self):
        """Every version that dpkg was made to install."""
        try:
            with open(os.path.join(self.tools, "installed")) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def wait_step(self, step, timeout=40):
        """And nothing under way any more."""
        wait_for(lambda: self.state()["step"] == step and not os.path.exists(
            os.path.join(self.folder, "request")), timeout, "the update is " + step)
        return self.state()

    def feature(self):
        return self.lab.agent.status()["features"]["auto-update"]

    def assert_old_goes_on(self):
        """The one thing that every failure has in common."""
        assert self.installed() == OLD
        status = self.lab.agent.wait_connected("ipv4")
        assert status["package"] == OLD
