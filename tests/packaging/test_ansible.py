# SPDX-License-Identifier: Apache-2.0
"""The Ansible play: its form, and a real run. Its hosts are small Debian systems, each in a folder
of its own, into which the .deb of this checkout is installed with apt; what plays bmclinkd there
gives the answers that the test wants, for there is no systemd and no BMC in a folder."""
import functools
import http.server
import json
import os
import socket
import threading

import pytest

import rpms
from rpms import ROOT, root, run

PLAY = os.path.join(ROOT, "packaging/ansible/install.yml")
PLUGINS = os.path.join(ROOT, "tests/packaging/ansible_plugins")

CONNECTED = {"state": "connected", "reason": None, "mend": None}
INCOMPLETE = {"state": "incomplete-configuration", "mend": "ip link set bmc0 up",
              "reason": {"id": "ISM0057", "text": "bmc0 is down"}}

pytestmark = pytest.mark.xdist_group("ansible")


def environment():
    return dict(os.environ, ANSIBLE_CONNECTION_PLUGINS=PLUGINS, ANSIBLE_NOCOLOR="1",
                ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_RETRY_FILES_ENABLED="0",
                ANSIBLE_DEPRECATION_WARNINGS="0", LC_ALL="C.UTF-8", NO_COLOR="1")


def test_syntax_and_lint(tmp_path):
    inventory = os.path.join(ROOT, "packaging/ansible/inventory.example.yml")
    run(["ansible-playbook", "-i", inventory, "--syntax-check", PLAY], env=environment())
    hosts = run(["ansible-inventory", "-i", inventory, "--list"], env=environment()).stdout
    assert len(json.loads(hosts)["_meta"]["hostvars"]) == 2000
    done = run(["ansible-lint", "--offline", "-q", "--nocolor", os.path.basename(PLAY)],
               check=False, cwd=os.path.dirname(PLAY),
               env=dict(environment(), HOME=str(tmp_path)))
    assert done.returncode == 0, done.stdout


class FakeDaemon:
    """Answers every command with one status."""

    def __init__(self, path, status):
        self.status = status
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                if client.makefile("rb").readline():
                    client.sendall(json.dumps({"result": self.status}).encode() + b"\n")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("hosts"))
    first = os.path.join(folder, "good")
    os.mkdir(first)
    rpms.unpack_system(first)
    for name in ("incomplete", "stopped"):
        other = os.path.join(folder, name)
        root("cp", "-al", first, other)
        # what is changed in place, dpkg's locks above all, is to be their own
        root("rm", "-rf", other + "/var")
        root("cp", "-a", first + "/var", other)
    daemons = [FakeDaemon(os.path.join(folder, "good/run/bmclink/control"), CONNECTED),
               FakeDaemon(os.path.join(folder, "incomplete/run/bmclink/control"), INCOMPLETE)]
    yield folder
    for daemon in daemons:
        daemon.listener.close()
    root("rm", "-rf", folder)


@pytest.fixture(scope="module")
def url():
    """The .deb on a web server."""
    path = rpms.build_deb()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler,
                                directory=os.path.dirname(path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://127.0.0.1:%d/%s" % (server.server_port, os.path.basename(path))
        server.shutdown()


def play(hosts, url, result, pattern="all", serial=4, **more):
    lines = {name: {"ansible_host": os.path.join(hosts, name)}
             for name in ("good", "incomplete", "stopped", "away")}
    inventory = os.path.join(hosts, "inventory.json")
    with open(inventory, "w") as file:
        json.dump({"all": {"hosts": lines, "vars": dict({
            "ansible_connection": "tree", "bmclink_become": False, "bmclink_wait_seconds": 5,
            "ansible_python_interpreter": "/usr/bin/python3",
            "bmclink_deb_url": url, "bmclink_result_file": result}, **more)}}, file)
    done = root("ansible-playbook", "-i", inventory, "-e", "bmclink_serial=%d" % serial, "-e",
                "bmclink_hosts=" + pattern, PLAY, check=False, env=environment())
    assert os.path.exists(result), done.stdout[-5000:]
    with open(result) as file:
        return done, json.load(file)


def test_a_run_installs_and_tells_who_is_not_connected(hosts, url, tmp_path):
    done, lists = play(hosts, url, str(tmp_path / "result"))
    assert lists["connected"] == ["good"], done.stdout
    assert done.returncode == 0 and lists["failed"] == [], done.stdout
    others = {line.split(":")[0]: line for line in lists["others"]}
    assert others["incomplete"] == ("incomplete: incomplete-configuration: bmc0 is down (ISM0057), "
                                    "to mend it: ip link set bmc0 up")
    assert "bmclinkd is not running" in others["stopped"]
    assert others["away"].startswith("away: unreachable: ")
    assert "1 of 4 hosts are connected" in done.stdout
    for name in ("good", "incomplete", "stopped"):
        status = root("chroot", os.path.join(hosts, name), "dpkg-query", "-W",
                      "-f=${db:Status-Status}", "bmclink").stdout
        assert status == "installed"
    # once more: nothing is installed anew, the list is the same
    done, again = play(hosts, url, str(tmp_path / "again"))
    assert again == lists
    assert "good                       : ok=" in done.stdout
    good = [line for line in done.stdout.splitlines() if line.startswith("good ")][-1]
    assert "changed=0" in good, good


def test_a_wrong_package_is_not_installed_and_ends_the_play(hosts, url, tmp_path):
    """One at a time: the first fails, the second is not tried, and the list tells of both."""
    root("chroot", os.path.join(hosts, "incomplete"), "dpkg", "--purge", "bmclink")
    root("rm", "-rf", os.path.join(hosts, "incomplete/var/cache/bmclink"))
    done, lists = play(hosts, url, str(tmp_path / "result"), "incomplete:stopped", 1,
                       bmclink_deb_checksum="sha256:" + "0" * 64)
    assert done.returncode != 0 and lists["failed"] == ["incomplete"], done.stdout
    assert lists["connected"] == []
    assert "Fetch the package" in lists["others"][0] and "checksum" in lists["others"][0]
    assert lists["others"][1] == "stopped: was not tried: the play ended before"
    status = root("chroot", os.path.join(hosts, "incomplete"), "dpkg-query", "-W",
                  "-f=${db:Status-Status}", "bmclink", check=False).stdout
    assert status.split("\n")[0] != "installed"
