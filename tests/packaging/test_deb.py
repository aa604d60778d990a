# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: clean, reproducible, and what their scripts do in a root without a machine.

Rows S24 and S26, as far as no daemon is needed; the rest is in tests/vm/test_install.py.
"""
import glob
import hashlib
import json
import os
import shutil

import pytest

from conftest import pick, run

STATE = "/var/lib/bmclink"


def hashes(debs):
    found = {}
    for deb in debs:
        with open(deb, "rb") as file:
            found[os.path.basename(deb)] = hashlib.sha256(file.read()).hexdigest()
    return found


@pytest.fixture
def with_agent(root, built):
    root.before = root.snapshot()
    root.install(pick(built, "bmclink"))
    return root


def mark(root):
    return json.loads(root.read(STATE + "/monitor/installed.json"))


def new_revision(built, tmp_path):
    """The same package one revision on, as dpkg sees it."""
    folder, deb = str(tmp_path / "unpacked"), str(tmp_path / "bmclink_next.deb")
    run(["dpkg-deb", "-R", pick(built, "bmclink"), folder])
    control = os.path.join(folder, "DEBIAN", "control")
    with open(control) as file:
        text = file.read()
    version = next(line.split()[1] for line in text.splitlines() if line.startswith("Version:"))
    with open(control, "w") as file:
        file.write(text.replace("Version: " + version, "Version: %s+next" % version))
    run(["dpkg-deb", "-b", folder, deb])
    return deb, version + "+next"


# --- the files ------------------------------------------------------------------------------------

def test_lintian_is_content(built):
    """Errors, warnings and remarks; what is overridden has its reason in the override's file."""
    changes = glob.glob(os.path.join(os.path.dirname(built[0]), "*.changes"))
    done = run(["lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info"]
               + changes, check=False)
    assert done.returncode == 0, done.stdout


def test_built_twice_the_bytes_are_the_same(checkout, built, tmp_path):
    """Another folder, other dates of the files, another time, umask, zone, and language."""
    tree = os.path.join(str(tmp_path), "a checkout elsewhere")
    shutil.copytree(checkout, tree)
    for folder, _, names in os.walk(tree):
        for name in names:
            os.utime(os.path.join(folder, name), (1000000000, 1000000000))
    other = os.path.join(str(tmp_path), "other")
    os.makedirs(os.path.join(other, "tmp"))
    env = dict(os.environ, DEB_BUILD_OPTIONS="nocheck parallel=1", TZ="Pacific/Kiritimati",
               LANG="de_DE.UTF-8", HOME=other, TMPDIR=os.path.join(other, "tmp"))
    out = os.path.join(other, "out")
    run(["sh", "-c", 'umask 077 && exec "$@"', "x",
         os.path.join(tree, "packaging", "build-deb"), out], env=env)
    again = [os.path.join(out, name) for name in os.listdir(out) if name.endswith(".deb")]
    assert hashes(again) == hashes(built)


def test_the_configuration_is_a_conffile(built):
    for package, name in (("bmclink", "bmclinkd.conf"), ("bmclink-endpoint", "endpoint.conf")):
        listed = run(["dpkg-deb", "-I", pick(built, package), "conffiles"]).stdout
        assert "/etc/bmclink/" + name in listed.splitlines()


# --- an image under construction ------------------------------------------------------------------

def test_s24_an_image_has_the_mark_and_no_key(with_agent):
    assert with_agent.files(STATE) == ["monitor/installed.json"]
    assert mark(with_agent)["count"] == 1
    assert with_agent.exists("/etc/systemd/system/multi-user.target.wants/bmclinkd.service")
    assert "bmclink:" in with_agent.read("/etc/passwd")
    with_agent.sh("bmclinkd --check-config && bmclinkctl --version")


def test_the_same_version_again_is_counted(with_agent, built):
    before = with_agent.snapshot()
    with_agent.install(pick(built, "bmclink"))
    assert mark(with_agent)["count"] == 2
    after = with_agent.snapshot()
    assert {p for p in before if before[p] != after.get(p)} <= {
        "." + STATE + "/monitor/installed.json"} and set(after) == set(before)


def test_an_upgrade_is_another_version(with_agent, built, tmp_path):
    deb, version = new_revision(built, tmp_path)
    with_agent.install(deb)
    assert mark(with_agent) == {"version": version, "count": 2, "package": "deb"}


def test_scripts_may_run_again(with_agent):
    """dpkg does after every interruption."""
    before = with_agent.snapshot()
    info = "/var/lib/dpkg/info/bmclink."
    version = mark(with_agent)["version"]
    for arguments in ("abort-upgrade " + version, "abort-remove", "abort-deconfigure"):
        with_agent.sh("%spostinst %s" % (info, arguments))
    for arguments in ("upgrade " + version, "failed-upgrade " + version,
                      "deconfigure in-favour x 1"):
        with_agent.sh("%sprerm %s" % (info, arguments))
    for arguments in ("upgrade " + version, "failed-upgrade " + version, "abort-install",
                      "abort-upgrade " + version, "disappear x 1"):
        with_agent.sh("%spostrm %s" % (info, arguments))
    assert with_agent.snapshot() == before


def test_an_administrators_configuration_is_kept(with_agent, built, tmp_path):
    with open(with_agent.path + "/etc/bmclink/bmclinkd.conf", "a") as file:
        file.write("[Link]\nipv6 = off\n")
    deb, _ = new_revision(built, tmp_path)
    with_agent.install(deb)
    assert with_agent.read("/etc/bmclink/bmclinkd.conf").endswith("ipv6 = off\n")
    with_agent.sh("dpkg -r bmclink")
    assert with_agent.exists("/etc/bmclink/bmclinkd.conf")


# --- removal --------------------------------------------------------------------------------------

def keys(root):
    """As after a first start."""
    folder = root.path + STATE + "/worker"
    os.makedirs(folder)
    for name in ("agent.key", "agent.crt", "trust.json", "stamp.json", "agent.next.key"):
        with open(os.path.join(folder, name), "w") as file:
            file.write("x")
    os.symlink("/etc", os.path.join(folder, "link"))


def test_removal_takes_keys_and_trust_and_purge_the_rest(with_agent):
    keys(with_agent)
    os.makedirs(with_agent.path + "/etc/bmclink/bmclinkd.conf.d")
    with open(with_agent.path + "/etc/bmclink/bmclinkd.conf.d/10-site.conf", "w") as file:
        file.write("[Link]\n")
    with_agent.sh("dpkg -r bmclink")
    assert not with_agent.exists(STATE)
    assert with_agent.exists("/etc/bmclink/bmclinkd.conf.d/10-site.conf")
    with_agent.sh("dpkg -P bmclink")
    after = with_agent.snapshot()
    changed = {p for p in set(after) | set(with_agent.before)
               if after.get(p) != with_agent.before.get(p)}
    # the files of users and groups were written again, with the same lines
    users = {"./etc/" + n for n in ("passwd", "passwd-", "shadow", "shadow-", "group", "group-",
                                    "gshadow", "gshadow-", ".pwd.lock")}
    assert changed <= users, sorted(changed - users)
    assert "bmclink" not in with_agent.read("/etc/passwd") + with_agent.read("/etc/group")


def test_purge_of_one_leaves_the_other(with_agent, built):
    """Both on one machine, as for a test of them."""
    with_agent.install(pick(built, "bmclink-endpoint"))
    endpoint = with_agent.path + STATE + "/endpoint"
    os.makedirs(endpoint, exist_ok=True)
    with open(endpoint + "/endpoint.key", "w") as file:
        file.write("x")
    keys(with_agent)
    with_agent.sh("dpkg -P bmclink")
    assert with_agent.files(STATE) == ["endpoint/endpoint.key"]
    assert with_agent.exists("/etc/bmclink/endpoint.conf")
    with_agent.sh("dpkg -P bmclink-endpoint")
    assert not with_agent.exists(STATE) and not with_agent.exists("/etc/bmclink")
    assert "bmclink" not in with_agent.read("/etc/passwd")


def test_removal_of_the_endpoint_keeps_the_log_only(root, built):
    root.install(pick(built, "bmclink-endpoint"))
    folder = root.path + STATE + "/endpoint"
    os.makedirs(folder, exist_ok=True)
    for name in ("endpoint.key", "endpoint.crt", "trust.json", "accounts.json", "lclog.db"):
        with open(os.path.join(folder, name), "w") as file:
            file.write("x")
    root.sh("dpkg -r bmclink-endpoint")
    assert root.files(STATE + "/endpoint") == ["lclog.db"]
