# SPDX-License-Identifier: Apache-2.0
"""The .rpm packages: what is in them, that the same sources give the same bytes, and their life
(installation, the same again, upgrade, removal) in the root of a small Debian, with their scripts.

rpm knows nothing of the packages that dpkg installed there, hence --nodeps; the dependencies are
held against the programs by themselves.
"""
import hashlib
import json
import os
import re

import pytest

import rpms
from rpms import ROOT, root, run

pytestmark = pytest.mark.xdist_group("rpm")
NAMES = ("bmclink", "bmclink-endpoint", "bmclink-endpoint-snmp", "bmclink-selinux")
# What the removal of a package leaves by the custom of rpm distributions, or is rpm's own
LEFT = re.compile(r"^\./(dev/|var/lib/rpm|etc/(passwd|group|g?shadow|sub[ug]id)-?$|etc/\.pwd\.lock|"
                  r"var/(log|cache)/|root/|etc/ld\.so\.cache|var/lib/selinux)")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def query(path, what):
    return run(["rpm", "-qp", "--nosignature"] + what + [path]).stdout


def test_the_same_sources_give_the_same_bytes():
    first, again = rpms.build(), rpms.build(again=True)
    assert set(first) == set(NAMES) | {"src"} == set(again)
    for name in first:
        assert digest(first[name]) == digest(again[name]), name
    assert digest(first["bmclink"]) != digest(rpms.build("0.1.1")["bmclink"])  # its twin


def test_rpmlint_has_nothing_to_say():
    made = rpms.build()
    done = run(["rpmlint", "-c", os.path.join(ROOT, "packaging/rpm/rpmlint.toml")]
               + list(made.values()) + [os.path.join(ROOT, "packaging/rpm/bmclink.spec")],
               check=False)
    assert "5 packages and 1 specfiles checked; 0 errors, 0 warnings" in done.stdout, done.stdout


def test_no_place_of_the_build_is_in_the_packages(tmp_path):
    made = rpms.build()
    for name in NAMES:
        run(["sh", "-c", 'rpm2cpio "$0" | cpio -idm --quiet', made[name]], cwd=tmp_path)
    for place in ("bmclink-rpm.", rpms.cache(), ROOT):
        assert run(["grep", "-rl", "--", place, "."], check=False, cwd=tmp_path).stdout == ""


def test_every_installed_file_is_in_one_package(tmp_path):
    """As `meson install` has it: nothing forgotten, nothing twice."""
    build = str(tmp_path / "build")
    run(["meson", "setup", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var",
         "-Dtests=false", "--libexecdir=libexec", "-Dsystemdsystemunitdir=/usr/lib/systemd/system",
         "-Dudevdir=/usr/lib/udev", build, ROOT])
    installed = set(json.loads(run(["meson", "introspect", "--installed", build]).stdout).values())
    installed = {path for path in installed if not path.endswith(".in")}
    listed = [path for name in NAMES
              for path in query(rpms.build()[name], ["--qf", "[%{FILENAMES}\n]"]).split()]
    packed = {re.sub(r"\.gz$", "", path) for path in listed}
    # meson names links and generated files by their target as well
    assert installed <= packed, installed - packed
    files = [p for p in listed if not any(q.startswith(p + "/") for q in listed)
             and p not in ("/usr/share/licenses", "/var/lib/bmclink")]
    assert len(files) == len(set(files)), sorted(p for p in files if files.count(p) > 1)


def test_libraries_are_required():
    requires = query(rpms.build()["bmclink"], ["--requires"])
    for library in ("libcurl.so.4", "libssl.so.3", "libarchive.so", "libseccomp.so.2", "libmnl.so"):
        assert library in requires, library
    assert "nftables" in requires.split("\n")
    assert "libsqlite3.so.0" in query(rpms.build()["bmclink-endpoint"], ["--requires"])


class System:
    """An unpacked system; rpm works on it from outside and runs the scripts inside."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        rpms.unpack_system(self.folder)

    def rpm(self, *arguments, check=True):
        return root("rpm", "--root", self.folder, "--dbpath", "/var/lib/rpm", *arguments,
                    check=check)

    def change(self, *arguments):
        """With the scripts; not a word from them or from rpm is what it has to be."""
        # Debian's rpm says first that Debian has another one
        known = ("Created symlink", "Removed ", "rpm: RPM should not be used directly",
                 "rpm: However assuming you know")
        done = self.rpm("--nodeps", "--nosignature", *arguments)
        return [line for line in done.stdout.splitlines() if line and not line.startswith(known)]

    def inside(self, *command, check=True):
        return root("chroot", self.folder, *command, check=check).stdout

    def listing(self):
        """{path: what it is} of everything, folders without their dates."""
        out = root("sh", "-c", 'cd "$0" && find . -xdev -printf "%p\t%y %m %U %G %l\n"; '
                   'cd "$0" && find ./etc ./var ./usr/lib/systemd ./usr/share/selinux -xdev '
                   '-type f '
                   '-exec sha256sum {} + 2>/dev/null | sed "s/^\\([^ ]*\\)  \\(.*\\)/\\2 content'
                   '\t\\1/"', self.folder).stdout
        made = dict(line.split("\t", 1) for line in out.splitlines() if "\t" in line)
        return {path: what for path, what in made.items()
                if not LEFT.match(path.replace(" content", ""))}

    def mark(self):
        return json.loads(self.inside("cat", "/var/lib/bmclink/monitor/installed.json"))

    def has(self, path):
        return root("test", "-e", self.folder + path, check=False).returncode == 0


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """One life, looked at after each step."""
    folder = tmp_path_factory.mktemp("rpm") / "root"
    made = System(folder)
    yield made
    root("rm", "-rf", str(folder))


def test_life_of_the_packages(life):
    first, second = rpms.build(), rpms.build("0.1.1")
    before = life.listing()

    # installation
    assert life.change("-i", *[first[name] for name in NAMES]) == []
    assert "bmclinkd 0.1.0" in life.inside("/usr/sbin/bmclinkd", "--version")
    assert "bmclinkctl 0.1.0" in life.inside("/usr/bin/bmclinkctl", "--version")
    assert "no errors" in life.inside("/usr/bin/bmclinkctl", "check-config")
    assert life.inside("/usr/sbin/bmclink-endpoint", "--version").startswith("bmclink-endpoint")
    assert "/var/lib/bmclink:/usr/sbin/nologin" in life.inside("getent", "passwd", "bmclink")
    for unit in ("bmclinkd", "bmclink-endpoint", "bmclink-gadget"):
        assert life.inside("systemctl", "is-enabled", unit + ".service").strip() == "enabled"
    mark = life.mark()
    assert mark["version"] == "0.1.0-1"
    keys = life.inside("find", "/var/lib/bmclink", "-type", "f")
    assert keys.split() == ["/var/lib/bmclink/monitor/installed.json"], "no key in an image"
    assert life.rpm("-V", "--nodeps", *NAMES).stdout == ""

    # the same again: the mark counts it, the next start sees a repair
    assert life.change("-U", "--replacepkgs", *[first[name] for name in NAMES]) == []
    assert life.mark() == dict(mark, count=mark["count"] + 1)

    # upgrade: the administrator's configuration stays
    root("sh", "-c", "echo '# mine' >>\"$0\"", life.folder + "/etc/bmclink/bmclinkd.conf")
    assert life.change("-U", *[second[name] for name in NAMES]) == []
    assert life.mark()["version"] == "0.1.1-1"
    assert life.inside("tail", "-1", "/etc/bmclink/bmclinkd.conf") == "# mine\n"
    assert life.inside("systemctl", "is-enabled", "bmclinkd.service").strip() == "enabled"

    # removal
    dropin = "./etc/bmclink/bmclinkd.conf.d/60-local-names.conf"  # as 'names disable' writes it
    root("sh", "-c", "printf '[LocalNames]\\nenabled = off\\n' >\"$0\"",
         os.path.join(life.folder, dropin))
    root("touch", life.folder + "/var/lib/bmclink/endpoint/endpoint.key")
    gone = life.change("-e", *NAMES)
    assert [line for line in gone if "saved as" not in line] == []
    after = life.listing()
    left = {path for path in after if after[path] != before.get(path)}
    # folders that other packages own, where rpm is the distribution's own; no file in them is left
    folders = {p for p in left if after[p].startswith("d ") and p.startswith("./usr/")}
    left -= folders
    saved = "./etc/bmclink/bmclinkd.conf.rpmsave"  # a changed configuration is not thrown away
    kept = {saved, dropin, os.path.dirname(dropin), "./etc/bmclink"}
    assert {p.replace(" content", "") for p in left} <= kept, left
    assert life.has(dropin[1:]), "what an administrator has switched"
    assert set(before) <= set(after), "nothing that was there is gone"
    assert not life.has("/var/lib/bmclink"), "keys, trust, mark"
