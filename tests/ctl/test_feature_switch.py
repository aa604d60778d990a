# SPDX-License-Identifier: Apache-2.0
"""The host's switch of a feature: what the command line writes, and what it never touches."""
import os
import subprocess

import pytest

from conftest import CTL

MARK = "# Written by bmclinkctl"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the switch is root's")


class Place:
    def __init__(self, folder, daemon, ctl):
        self.config = str(folder / "bmclinkd.conf")
        self.dropins = folder / "bmclinkd.conf.d"
        self.dropin = self.dropins / "60-local-names.conf"
        self.daemon, self._ctl = daemon, ctl
        (folder / "bmclinkd.conf").write_text("[Link]\nipv6 = on\n")
        daemon.answer("reload", {"result": {}})
        self.say(enabled=True, active=True)

    def say(self, **feature):
        """What the daemon's status has of the feature."""
        names = dict({"enabled": False, "enabled_by_host": True, "enabled_by_bmc": True,
                      "available": True, "active": False, "reason": None, "trouble": None},
                     **feature)
        self.daemon.answer("status", {"result": {"state": "connected",
                                                 "features": {"local-names": names}}})

    def ctl(self, *arguments, **environment):
        return self._ctl("--config", self.config, *arguments, **environment)

    def asked(self):
        return [request["command"] for request in self.daemon.requests]

    def files(self):
        return sorted(os.listdir(self.dropins)) if self.dropins.exists() else []


@pytest.fixture
def place(tmp_path, daemon, ctl):
    return Place(tmp_path, daemon, ctl)


@needs_root
def test_enable_and_disable(place):
    done = place.ctl("names", "enable")
    assert (done.returncode, done.stderr) == (0, "") and "on" in done.stdout
    text = place.dropin.read_text()
    assert text.startswith(MARK) and text.endswith("[LocalNames]\nenabled = on\n")
    assert os.stat(place.dropin).st_mode & 0o7777 == 0o644
    assert place.asked() == ["reload", "status"]
    place.say(reason="switched off on this host")
    done = place.ctl("names", "disable")
    assert done.returncode == 0 and "off" in done.stdout
    assert place.dropin.read_text().endswith("[LocalNames]\nenabled = off\n")
    assert place.files() == ["60-local-names.conf"]


@needs_root
def test_other_keys_of_ours_are_kept(place):
    place.dropins.mkdir()
    place.dropin.write_text(MARK + "\n[LocalNames]\nnames = bmc.local\nenabled = off\n")
    assert place.ctl("names", "enable").returncode == 0
    assert place.dropin.read_text().endswith("[LocalNames]\nnames = bmc.local\nenabled = on\n")


@needs_root
@pytest.mark.parametrize("feature,code,text", [
    ({"enabled": True, "available": False, "reason": "it needs IPv4"}, 5, "it needs IPv4"),
    ({"enabled_by_bmc": False, "reason": "switched off at the BMC"}, 5, "switched off at the BMC"),
    ({"enabled": True, "reason": "disk full", "trouble": "disk full"}, 5, "disk full"),
])
def test_enabled_and_not_at_work(place, feature, code, text):
    place.say(**feature)
    done = place.ctl("names", "enable")
    assert (done.returncode, done.stdout) == (code, "")  # never a word of success
    assert text in done.stderr and "switched on on this host" in done.stderr
    assert place.dropin.read_text().endswith("enabled = on\n")  # the switch is kept


@needs_root
def test_the_bmc_is_being_asked(place):
    """A status that is not settled yet is asked for again."""
    answers = [{"available": True, "enabled_by_bmc": None, "reason": "not yet"},
               {"available": True, "enabled": True}, {"enabled": True, "active": True}]

    def status(request):
        feature = dict({"available": True, "reason": None, "trouble": None}, **answers.pop(0))
        return [{"result": {"features": {"local-names": feature}}}]
    place.daemon.script["status"] = status
    assert place.ctl("names", "enable").returncode == 0
    assert answers == []


@needs_root
def test_disabled_and_something_is_left(place):
    place.say(trouble="/etc/hosts: it is immutable", reason="/etc/hosts: it is immutable")
    done = place.ctl("names", "disable")
    assert (done.returncode, done.stdout) == (1, "") and "immutable" in done.stderr


@needs_root
def test_no_daemon(place, tmp_path):
    done = place.ctl("--runtime-dir", str(tmp_path), "names", "disable")
    assert (done.returncode, done.stdout) == (4, "") and "takes it over" in done.stderr
    assert place.dropin.read_text().endswith("enabled = off\n")


@needs_root
def test_an_administrators_file_is_not_touched(place):
    place.dropins.mkdir()
    place.dropin.write_text("[LocalNames]\nenabled = off\n")
    done = place.ctl("names", "enable")
    assert done.returncode == 1 and "not written by bmclinkctl" in done.stderr
    assert place.dropin.read_text() == "[LocalNames]\nenabled = off\n"
    assert place.asked() == []


@needs_root
def test_a_link_is_not_followed(place, tmp_path):
    place.dropins.mkdir()
    (tmp_path / "target").write_text(MARK + "\n")
    os.symlink(tmp_path / "target", place.dropin)
    assert place.ctl("names", "enable").returncode == 1
    assert (tmp_path / "target").read_text() == MARK + "\n"


@needs_root
@pytest.mark.parametrize("name,text,where", [
    ("bmclinkd.conf", "[Link]\nipv6 = perhaps\n", "bmclinkd.conf:2: "),
    ("bmclinkd.conf.d/10-a.conf", "\n\nwhat\n", "10-a.conf:3: "),
    ("bmclinkd.conf.d/90-z.conf", "[Linc]\n", "90-z.conf:1: ")])
def test_a_configuration_that_is_broken_elsewhere(place, tmp_path, name, text, where):
    place.dropins.mkdir()
    (tmp_path / name).write_text(text)
    before = place.files()
    done = place.ctl("names", "enable")
    assert done.returncode == 1 and where in done.stderr and "nothing was changed" in done.stderr
    assert place.files() == before and place.asked() == []


@needs_root
def test_a_later_file_would_win(place):
    place.dropins.mkdir()
    (place.dropins / "70-mine.conf").write_text("[LocalNames]\nenabled = off\n")
    done = place.ctl("names", "enable")
    assert done.returncode == 1 and "later file" in done.stderr
    assert place.files() == ["70-mine.conf"]
    place.say(reason="switched off on this host")
    assert place.ctl("names", "disable").returncode == 0  # which says the same


@needs_root
def test_read_only_and_full(place):
    """Nothing is changed, and the file that was there stays whole."""
    place.dropins.mkdir()
    mount = ["unshare", "--mount", "sh", "-c"]
    for script, text in (
            ("mount -t tmpfs tmpfs $0 && mount -o remount,ro $0", "ead-only"),
            ("mount -t tmpfs -o size=4k tmpfs $0 && echo '%s' >$0/60-local-names.conf" % MARK,
             "No space")):
        script += " && %s --runtime-dir %s --config %s names enable; code=$?; ls -A $0; exit $code"
        done = subprocess.run(mount + [script % (CTL, place.daemon.folder, place.config),
                                       str(place.dropins)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and text in done.stderr
        assert "Nothing was changed" in done.stderr
        assert ".tmp" not in done.stdout
    assert place.asked() == []


@needs_root
@pytest.mark.parametrize("words", [
    ("names", "enable"), ("names", "disable"), ("snmp", "enable", "--community", "bmcread"),
    ("access", "enable", "--port", "47123", "--allow", "192.0.2.0/24"), ("access", "disable"),
    ("update", "mode", "install")], ids=" ".join)
def test_not_root(place, tmp_path, words):
    os.chmod(tmp_path, 0o755)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(folder, 0o755)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", CTL,
                           "--config", place.config, *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "only root" in done.stderr
    assert place.files() == []
