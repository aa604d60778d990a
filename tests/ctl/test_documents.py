# SPDX-License-Identifier: Apache-2.0
"""Every command in README.md and the administrators' pages works as it is printed: it is run where
that is harmless (bmclinkctl without a daemon), else taken apart and held against what there is."""
import configparser
import os
import re
import shutil
import shlex
from xml.etree import ElementTree

import pytest

from conftest import ROOT, run_ctl

PAGES = ["README.md", "SECURITY.md", "docs/administrators.md", "docs/packages.md",
         "packaging/ansible/README.md", "packaging/yocto/README.md"]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def commands(page):
    """Lines of the ```sh blocks, and code in the text that begins with the name of a program."""
    text = read(page)
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.strip().startswith("#"):
                yield line.strip()
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    for code in re.findall(r"`([^`\n]+)`", plain):
        if re.match(r"(bmclinkctl|systemctl|journalctl|apt-get|dnf|ansible-playbook) [a-z-]", code):
            yield code


FOUND = [(page, command) for page in PAGES if os.path.exists(os.path.join(ROOT, page))
         for command in commands(page)]


def units():
    return {name.split(".service")[0] for name in os.listdir(os.path.join(ROOT, "data/systemd"))
            if ".service" in name} | {"dcismeng"}  # the one that people come from


def check_bmclinkctl(words, folder):
    """No daemon is there: the command is understood (not 2) and says so (4), or it needs none."""
    config = str(folder / "bmclinkd.conf")  # a copy: some commands write beside it
    shutil.copy(os.path.join(ROOT, "data/bmclinkd.conf"), config)
    done = run_ctl("--runtime-dir", str(folder / "none"), "--state-dir", str(folder / "none"),
                   "--config", config, *words[1:])
    assert done.returncode in (0, 4), done.stderr


def check_unit(words, folder):
    names = [w for w in words[1:] if not w.startswith("-") and w not in (
        "status", "start", "stop", "restart", "reload", "edit", "disable", "daemon-reload")]
    assert names and {n.split(".service")[0] for n in names} <= units(), words


def check_package(words, folder):
    version = re.search(r"version: '([^']+)'", read("meson.build")).group(1)
    control = read("packaging/debian/control") + read("packaging/rpm/bmclink.spec")
    assert words[1] in ("install", "remove", "purge"), words
    for word in words[2:]:
        if word.startswith("-"):
            continue
        name = re.match(r"(\./)?([a-z-]+?)([-_](\d.*))?$", word)
        short = name.group(2).rstrip("-_")
        assert short in ("bmclink", "bmclink-endpoint", "bmclink-selinux"), word
        assert re.search(r"Package: %s$|^%%package %s$|^Name: +%s$" % (
            short, short.replace("bmclink-", ""), short), control, re.M), word
        if name.group(4):
            assert name.group(4).startswith(version + "-1"), word


def check_file(words, folder):
    """A program of the tree, and the files that are named after it."""
    path = os.path.join(ROOT, words[0])
    assert os.access(path, os.X_OK), words[0]
    text = read(words[0])
    for word in words[1:]:
        if word.startswith("-"):
            assert word in text, word


def check_play(words, folder):
    play = [w for w in words if w.endswith("install.yml")]
    assert play and os.path.exists(os.path.join(ROOT, play[0])), words


def check_build(words, folder):
    assert words[0] in ("meson", "ninja") and words[1] in ("setup", "-C", "test", "install"), words


CHECKS = {"bmclinkctl": check_bmclinkctl, "systemctl": check_unit, "journalctl": check_unit,
          "apt-get": check_package, "dnf": check_package, "ansible-playbook": check_play,
          "meson": check_build, "ninja": check_build}
# Of the build of an image, where nothing of ours is run
ELSEWHERE = {"bitbake-layers"}


def test_there_are_commands():
    assert len(FOUND) > 40
    assert len({command for _, command in FOUND if command.startswith("bmclinkctl")}) > 12


@pytest.mark.parametrize("page,command", FOUND)
def test_command(page, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in re.split(r" (?:\||&&) ", command.split("  #")[0]):
        words = shlex.split(part)
        if words[0] in ELSEWHERE:
            continue
        if words[0].startswith(("./", "packaging/", "tests/", "data/")):
            check_file(words, tmp_path)
        else:
            assert words[0] in CHECKS, "nobody knows how to check: " + command
            CHECKS[words[0]](words, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    if not os.path.exists(os.path.join(ROOT, page)):
        pytest.skip("not written yet")
    folder = os.path.dirname(os.path.join(ROOT, page))
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
        assert os.path.exists(os.path.join(folder, link)), link


def test_every_number_of_a_message_exists():
    known = set(re.findall(r'"(ISM\d{4})"', read("data/messages.json")))
    for page in PAGES:
        if os.path.exists(os.path.join(ROOT, page)):
            assert set(re.findall(r"ISM\d{4}", read(page))) <= known, page


def test_the_firewalls_know_the_port_of_inband_access():
    """firewalld's service and ufw's profile name the default that the agent has."""
    default = re.search(r'"InbandAccess", "port"[^}]*\.fallback = "(\d+)"',
                        read("src/host/settings.c")).group(1)
    folder = os.path.join(ROOT, "data/firewall")
    service = ElementTree.parse(os.path.join(folder, "bmclink-access.xml")).getroot()
    assert service.tag == "service" and service.find("short").text
    assert [p.attrib for p in service.findall("port")] == [{"protocol": "tcp", "port": default}]
    profile = configparser.ConfigParser()
    assert profile.read(os.path.join(folder, "bmclink-access.ufw"))
    (name,) = profile.sections()
    assert re.fullmatch("[a-z-]+", name)
    assert profile[name]["ports"] == default + "/tcp" and profile[name]["title"]
