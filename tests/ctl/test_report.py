# SPDX-License-Identifier: Apache-2.0
"""bmclinkctl report: what it says of records that do not fit the system, and the bundle, in which
no secret may be, wherever one was."""
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import tarfile
import time

import pytest

from conftest import CTL, ROOT, run_ctl

PEM = "PRIVATE " + "KEY-----"  # not in one piece: who looks for keys in a tree is not to find this
KEY_LINE = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSecretKeyLine00"
SECRETS = {  # one a source, and in the form in which it would stand there
    "password-of-the-account": "{}",
    "tok-of-the-state": '"session_token": "{}"',
    "pw-in-the-configuration": "# password = {}",
    "pw-in-a-drop-in": "#password={}",
    "pw-of-the-endpoint": "# password: {}",
    "tok-in-the-status": None,
    "tok-in-the-events": None,
    "pw-in-the-journal": "-- login failed, password={} was refused",
    "tok-in-the-journal": "X-Auth-Token: {}",
    "pw-in-the-unit": "Environment=BMC_PASSWORD={}",
    "pw-in-nft": '  tcp dport 443 accept comment "token={}"',
    "pw-in-ip": "    alias secret={}",
    "pw-in-a-url": "proxy https://root:{}@10.1.2.3/",
    KEY_LINE: "-----BEGIN " + PEM + "\n{}\n-----END " + PEM,
}
SERIAL, HOST_MAC, PUBLIC = "CNFCP0012A00B3", "02:00:5e:aa:bb:cc", "192.0.2.77"


def secret(name):
    return SECRETS[name].format(name)


class Host:
    """A prepared host: files, records, and programs that print what the test wants."""

    def __init__(self, folder, daemon):
        self.folder, self.daemon = str(folder), daemon
        self.etc, self.state = self.path("etc"), self.path("state")
        self.programs, self.sys = self.path("programs"), self.path("sys")
        self.dmi = self.path("dmi")
        for name in ("etc/bmclink/bmclinkd.conf.d", "state/worker", "state/monitor", "programs",
                     "sys/class/dmi/id", "sys/class/net", "dmi/entries/42-0"):
            os.makedirs(self.path(name))
        self.config = self.path("etc/bmclink/bmclinkd.conf")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def program(self, name, text):
        self.write("programs/" + name + ".out", text)
        self.write("programs/" + name, '#!/bin/sh\nexec cat "$0.out"\n', 0o755)

    def fill(self):
        """Secrets and identifiers in every source."""
        self.write("password", "password-of-the-account\n", 0o600)
        self.write("state/worker/agent.key", secret(KEY_LINE), 0o600)
        self.write("state/worker/session.json", "{%s}" % secret("tok-of-the-state"), 0o600)
        self.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/bmclink/bmclinkd.conf", "[Login]\nuser = agent\npassword_file = %s\n%s\n"
                   % (self.path("password"), secret("pw-in-the-configuration")))
        self.write("etc/bmclink/bmclinkd.conf.d/10-own.conf", secret("pw-in-a-drop-in") + "\n")
        self.write("etc/bmclink/endpoint.conf", secret("pw-of-the-endpoint") + "\n")
        self.write("sys/class/dmi/id/product_serial", SERIAL + "\n")
        shutil.copy(os.path.join(ROOT, "tests/data/smbios42/dell_r740.raw"),
                    self.path("dmi/entries/42-0/raw"))
        self.daemon.answer("status", {"result": {
            "state": "connected", "token": "tok-in-the-status", "note": "tok-of-the-state",
            "bmc": {"firmware_version": "3.30.30.30", "serial": SERIAL}}})
        self.daemon.answer("events", {"event": {
            "sequence": 1, "text": "the password is password-of-the-account",
            "cookie": "tok-in-the-events"}}, {"result": {}})
        self.daemon.answer("trust-show", {"result": {"pinned": True}})
        self.daemon.answer("certificate-show", {"error": {"exit": 1, "text": "none"}})
        self.program("journalctl", "\n".join([
            secret("pw-in-the-journal"), secret("tok-in-the-journal"), secret("pw-in-a-url"),
            secret(KEY_LINE), "a dump: " + KEY_LINE, "the account's: password-of-the-account",
            "connected to %s by %s of %s" % (PUBLIC, HOST_MAC, SERIAL)]) + "\n")
        self.program("systemctl", "Id=bmclinkd.service\n" + secret("pw-in-the-unit") + "\n")
        self.program("nft", "table inet x {\n" + secret("pw-in-nft") + "\n}\n")
        self.program("ip", "7: bmc0\n    link/ether %s\n%s\n" % (HOST_MAC, secret("pw-in-ip")))
        for name in ("ss", "uname", "lsmod", "dpkg-query", "dpkg", "rpm", "sestatus", "aa-status"):
            self.program(name, name + " says: nothing\n")

    def ctl(self, *arguments, **environment):
        return run_ctl(*self.options(), *arguments, **environment)

    def options(self):
        return ["report", "--runtime-dir", self.daemon.folder, "--state-dir", self.state,
                "--config", self.config, "--program-dir", self.programs, "--etc-root", self.etc,
                "--sys-root", self.sys, "--dmi-root", self.dmi]

    def report(self):
        done = self.ctl("--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def bundle(self, *arguments, name="bundle.tar.gz"):
        path = self.path(name)
        done = self.ctl("--bundle", path, *arguments)
        assert done.returncode == 0, done.stderr
        return read_bundle(path)


def read_bundle(path):
    with tarfile.open(path, "r:gz") as archive:
        return {m.name.split("/", 1)[1]: archive.extractfile(m).read().decode()
                for m in archive.getmembers()}


@pytest.fixture
def host(tmp_path, daemon):
    return Host(tmp_path, daemon)


def section(report, name):
    return [s for s in report["sections"] if s["name"] == name][0]


# --- the bundle -----------------------------------------------------------------------------------

def test_no_secret_is_in_the_bundle(host):
    host.fill()
    for options in ([], ["--keep-identifiers"]):
        files = host.bundle(*options, name="b%d" % len(options))
        assert len(files) > 20
        for name, text in files.items():
            for value in SECRETS:
                assert value not in text, (name, value)
        # its twin: each was where the bundle is made of
        sources = raw_sources(host)
        for value in SECRETS:
            assert value in sources, value
        assert files["journal.txt"].count("[removed]") >= 6
        assert "[removed]" in files["configuration/bmclinkd.conf"]
        assert "[removed]" in files["status.json"] and "[removed]" in files["units.txt"]


def raw_sources(host):
    text = ""
    for folder, _, names in os.walk(host.folder):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and not name.startswith("b"):
                with open(path, errors="replace") as file:
                    text += file.read()
    with open(host.config) as file:
        text += file.read()
    return text + json.dumps([line for lines in host.daemon.script.values() for line in lines])


def test_identifiers_have_one_pseudonym_each(host):
    host.fill()
    first, again = host.bundle(), host.bundle(name="second")
    everything = "".join(first.values())
    for value in (SERIAL, HOST_MAC, PUBLIC):
        assert value not in everything, value
    words = [w for w in first["journal.txt"].split() if w.startswith(("ip4-", "mac-", "name-"))]
    assert len(words) == 3
    assert words[1] in first["ip-address.txt"] and words[2] in first["status.json"]
    assert all(w in again["journal.txt"] for w in words), "the same in the next bundle"
    host.write("etc/machine-id", "f" * 31 + "0\n")
    assert words[1] not in host.bundle(name="third")["journal.txt"], "another machine"
    kept = host.bundle("--keep-identifiers", name="fourth")
    assert HOST_MAC in kept["ip-address.txt"] and SERIAL in kept["status.json"]
    assert '"firmware_version": "3.30.30.30"' in first["status.json"]


def test_smbios_bytes_are_there_and_redacted(host):
    host.fill()
    with open(host.path("dmi/entries/42-0/raw"), "rb") as file:
        raw = file.read()
    kept = bytes.fromhex(host.bundle("--keep-identifiers")["smbios42/0.hex"].replace("\n", " "))
    assert kept == raw
    changed = bytes.fromhex(host.bundle(name="other")["smbios42/0.hex"].replace("\n", " "))
    assert len(changed) == len(raw) and changed != raw
    assert changed[:6] == raw[:6], "type, length, handle, kind"


def test_manifest_names_what_is_inside(host):
    host.fill()
    os.unlink(host.path("programs/ss"))
    host.write("programs/ss", "#!/bin/sh\necho 'token=tok-in-the-status' >&2\nexit 3\n", 0o755)
    files = host.bundle()
    for name, text in files.items():
        if name != "MANIFEST":
            assert "  %s, %d, " % (name, len(text.encode())) in files["MANIFEST"]
    assert "exit status 3: token=[removed]" in files["MANIFEST"]
    assert "NOT THERE: certificate.json" in files["MANIFEST"]
    assert "in all bundles of this host" in files["MANIFEST"]


def test_bundle_of_a_dead_daemon(host):
    host.fill()
    host.daemon.stop()
    os.unlink(host.daemon.path)
    files = host.bundle()
    assert "status.json" not in files
    assert "NOT THERE: status.json" in files["MANIFEST"]
    assert "bmclinkd is not running" in files["MANIFEST"]
    assert "journal.txt" in files and "discovery.json" in files
    assert json.loads(files["report.json"])["daemon_running"] is False


def test_bundle_is_for_its_owner_only(host):
    host.fill()
    old = os.umask(0)
    try:
        host.bundle()
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(host.path("bundle.tar.gz")).st_mode) == 0o600


def test_nothing_is_overwritten(host):
    host.fill()
    host.write("bundle.tar.gz", "mine")
    os.symlink("nowhere", host.path("link"))
    for name in ("bundle.tar.gz", "link"):
        done = host.ctl("--bundle", host.path(name))
        assert done.returncode == 1 and "nothing is overwritten" in done.stderr
    with open(host.path("bundle.tar.gz")) as file:
        assert file.read() == "mine"
    assert not os.path.lexists(host.path("nowhere"))
    done = host.ctl("--bundle", host.path("no/such/folder.tar.gz"))
    assert done.returncode == 1 and "No such file or directory" in done.stderr


def test_disk_full(host):
    """A limit on the size of files is what a test can have without a disk of its own."""
    host.fill()
    path = host.path("bundle.tar.gz")
    done = subprocess.run([CTL] + host.options() + ["--bundle", path], capture_output=True,
                          text=True, timeout=60, preexec_fn=lambda: resource.setrlimit(
                              resource.RLIMIT_FSIZE, (1024, 1024)))
    assert done.returncode == 1
    assert "could not be written" in done.stderr and "is removed" in done.stderr
    assert not os.path.exists(path)


def test_signal_leaves_nothing(host):
    host.fill()
    host.write("programs/journalctl", "#!/bin/sh\necho > %s\nexec sleep 30\n"
               % host.path("reached"), 0o755)
    path = host.path("bundle.tar.gz")
    with subprocess.Popen([CTL] + host.options() + ["--bundle", path]) as process:
        end = time.monotonic() + 20
        while not os.path.exists(host.path("reached")) and time.monotonic() < end:
            time.sleep(0.01)
        assert os.path.exists(path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert not os.path.exists(path)


# --- the report -----------------------------------------------------------------------------------

def test_report_without_records(host):
    shutil.rmtree(host.state)
    report = host.report()
    assert report["differences"] == 0
    assert "has never run here" in section(report, "addresses")["none"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root can make a file that is somebody else's")
def test_report_of_somebody_else(host):
    host.fill()
    os.chmod(host.state, 0o700)
    os.chmod(host.folder, 0o755)
    os.chmod(host.daemon.folder, 0o700)
    folder = os.path.dirname(CTL)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CTL]
                          + host.options() + ["--json"], capture_output=True, text=True)
    if "Permission denied" in done.stderr and not done.stdout:
        pytest.skip("nobody cannot reach %s" % folder)
    report = json.loads(done.stdout)
    assert any("(be root)" in text for text in section(report, "addresses")["unread"])
    assert report["unread"] > 0


def test_keys_that_others_can_read_are_seen(host):
    host.fill()
    assert host.report()["differences"] == 0
    os.chmod(host.path("state/worker/agent.key"), 0o644)
    report = host.report()
    assert report["differences"] == 1
    changed = [i for i in section(report, "directories")["items"] if i["state"] == "changed"]
    assert changed[0]["note"] == "a private key that others can read"
    text = host.ctl().stdout
    assert "changed       " in text and max(len(line) for line in text.splitlines()) <= 80


def test_damaged_records_are_told(host):
    host.fill()
    host.write("state/monitor/profile.json", "{broken")
    host.write("state/monitor/care.json", "[]")
    report = host.report()
    assert "profile.json" in section(report, "addresses")["items"][0]["what"]
    assert "care.json" in section(report, "sysctls")["unread"][0]


UPDATE = {"step": "done", "version": "1.1-1", "from": "1.0-1", "why": "", "key": "00",
          "at": 1000000000, "attempts": 1, "no_way_back": False, "told": True, "back": "1.1-1",
          "floor": "1.1-1", "refused": ""}


def updates(host, files=(), **changes):
    """The section, with this record and these files: state and note of each line."""
    folder = host.path("state/monitor/update")
    if not os.path.exists(folder):
        os.makedirs(folder)
    host.write("state/monitor/update/state.json", json.dumps(dict(UPDATE, **changes)), 0o600)
    for name in files:
        host.write("state/monitor/update/" + name, "x" * 10, 0o600)
    report = host.report()
    return {i["what"]: (i["state"], i["note"]) for i in section(report, "updates")["items"]}, report


def test_updates_as_recorded(host):
    host.fill()
    assert section(host.report(), "updates")["none"] == "there was none, and no package is kept"
    found, report = updates(host, ["back.pkg"])
    assert found == {
        "last update: 1.0-1 -> 1.1-1: done, 2001-09-09T01:46:40Z": ("as-recorded", None),
        "nothing below 1.1-1 is installed": ("as-recorded", None),
        "back.pkg: the way back, 1.1-1, 10 bytes": ("as-recorded", None)}
    assert report["differences"] == 0


def test_an_update_under_way(host):
    host.fill()
    host.write("state/worker/update.pkg", "x" * 5)
    found, report = updates(host, ["back.pkg", "new.pkg", "incoming.pkg", "request"],
                            step="installing", refused="1.2-1")
    assert report["differences"] == 0, found
    assert "new.pkg: to be installed, 1.1-1, 10 bytes" in found
    assert "update.pkg: fetched from the BMC, not verified, 5 bytes" in found
    assert "incoming.pkg: being copied by the monitor, not verified, 10 bytes" in found
    assert any(what.startswith("request: ") for what in found)
    assert "1.2-1 was put back, and is not installed by itself again" in found


def test_updates_that_do_not_fit_their_record(host):
    host.fill()
    found, report = updates(host, ["new.pkg", "request"], step="lost", why="no room")
    assert report["differences"] == 4, found
    (last,) = [v for k, v in found.items() if k.startswith("last update")]
    assert last == ("changed", "no room")
    assert found["back.pkg: the way back, 1.1-1"] == ("missing", None)
    assert found["new.pkg: to be installed, 10 bytes"] == (
        "changed", "left of an update that is over")
    found, report = updates(host, ["back.pkg"], back="")
    assert found["back.pkg: the way back, 10 bytes"][0] == "changed"
    host.write("state/monitor/update/state.json", "{broken", 0o600)
    report = host.report()
    assert "state.json" in section(report, "updates")["unread"][0]
    text = host.ctl().stdout
    assert "Updates of the agent" in text and "state.json" in text


def test_units_that_failed_and_files_of_the_package(host):
    host.fill()
    host.program("systemctl", "Id=bmclinkd.service\nLoadState=loaded\nActiveState=failed\n"
                 "SubState=failed\nUnitFileState=enabled\nFragmentPath=/lib/x\n\n"
                 "Id=bmclink-endpoint.service\nLoadState=not-found\nActiveState=inactive\n")
    host.program("dpkg-query", "bmclink 0.1.0-1 installed")
    host.program("dpkg", "??5?????? c /etc/bmclink/bmclinkd.conf\n??5??????   /usr/sbin/bmclinkd\n")
    report = host.report()
    units = section(report, "units")["items"]
    assert [(u["state"], u["what"].split()[0]) for u in units] == [("changed", "bmclinkd.service:")]
    package = {i["what"]: i["state"] for i in section(report, "package")["items"]}
    assert package["bmclink 0.1.0-1 installed (dpkg)"] == "as-recorded"
    assert package["/usr/sbin/bmclinkd (??5??????)"] == "changed"
    assert package["/etc/bmclink/bmclinkd.conf"] == "not-ours"


def test_options_that_do_not_fit(host):
    assert host.ctl("--keep-identifiers").returncode == 2
    assert run_ctl("status", "--bundle", "x").returncode == 2
