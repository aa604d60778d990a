# SPDX-License-Identifier: Apache-2.0
"""The recipe for Yocto against the build: there is no bitbake here, so it is read, not run."""
import fnmatch
import hashlib
import json
import os
import re

import pytest

from rpms import ROOT, run

LAYER = os.path.join(ROOT, "packaging/yocto")
RECIPE = os.path.join(LAYER, "recipes-bmclink/bmclink/bmclink_git.bb")
# meson's name of a dependency -> the recipe that brings it
PROVIDERS = {"libevent_core": "libevent", "libevent_extra": "libevent",
             "libevent_openssl": "libevent", "libcrypto": "openssl", "libssl": "openssl",
             "libcurl": "curl", "jansson": "jansson",
             "libmnl": "libmnl", "libseccomp": "libseccomp", "audit": "audit",
             "libarchive": "libarchive", "sqlite3": "sqlite3"}
# Of no use to a build in an image: tests, and where systemd and udev have their folders
# or a PACKAGECONFIG of its own
OPTIONAL = {"cmocka", "systemd", "udev", "netsnmp-agent"}
FOLDERS = {"libexecdir": "/usr/libexec", "sbindir": "/usr/sbin", "bindir": "/usr/bin",
           "sysconfdir": "/etc", "PN": "bmclink", "nonarch_libdir": "/usr/lib",
           "nonarch_base_libdir": "/usr/lib", "datadir": "/usr/share", "mandir": "/usr/share/man",
           "systemd_system_unitdir": "/usr/lib/systemd/system"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def parse(path):
    """{variable: value}, with continued lines joined; every other line must be known."""
    values = {}
    for line in read(path).replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r'([A-Za-z_:${}\[\]-]+) *(=\+|\+=|\?\?=|\?=|\.=|=) *"([^"]*)"', line)
        if match:
            name, operator, value = match.groups()
            old = values.get(name, "")
            values[name] = (old + " " + value).strip() if operator in ("+=", "=+") else value
        else:
            assert re.match(r"(inherit|export) ", line), line
            values.setdefault(line.split()[0], "")
            values[line.split()[0]] += " " + line.split(" ", 1)[1]
    return values


@pytest.fixture(scope="module")
def recipe():
    return parse(RECIPE)


def expand(text):
    return re.sub(r"\$\{(\w+)\}", lambda m: FOLDERS[m.group(1)], text)


def test_licence_is_the_one_in_the_tree(recipe):
    digest = hashlib.md5(read(os.path.join(ROOT, "LICENSE")).encode()).hexdigest()
    assert recipe["LIC_FILES_CHKSUM"] == "file://LICENSE;md5=" + digest
    meson = read(os.path.join(ROOT, "meson.build"))
    assert recipe["LICENSE"] == re.search(r"license: '([^']+)'", meson).group(1)
    assert recipe["PV"].startswith(re.search(r"version: '([^']+)'", meson).group(1) + "+git")


def test_dependencies_are_those_of_the_build(recipe):
    found = set(re.findall(r"\bdependency\('([^']+)'", read(os.path.join(ROOT, "meson.build"))))
    wanted = {PROVIDERS[name] for name in found - OPTIONAL}
    assert set(recipe["DEPENDS"].split()) == wanted | {"python3-native"}
    layers = parse(os.path.join(LAYER, "conf/layer.conf"))
    assert {"core", "openembedded-layer"} <= set(layers["LAYERDEPENDS_bmclink"].split())
    assert os.path.relpath(RECIPE, LAYER).count("/") == 2, "as BBFILES of layer.conf looks for it"


def test_options_exist(recipe):
    options = set(re.findall(r"^option\('([^']+)'", read(os.path.join(ROOT, "meson_options.txt")),
                             re.M))
    used = set(re.findall(r"-D(\w+)=", " ".join(recipe.values())))
    assert used and used <= options


def test_every_file_is_in_one_package(recipe, tmp_path):
    build = str(tmp_path / "build")
    run(["meson", "setup", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var",
         "-Dtests=false", "-Dsnmp=enabled",
         "--libexecdir=libexec", "-Dsystemdsystemunitdir=/usr/lib/systemd/system",
         "-Dudevdir=/usr/lib/udev", build, ROOT])
    installed = set(json.loads(run(["meson", "introspect", "--installed", build]).stdout).values())
    endpoint = expand(recipe["FILES:${PN}-endpoint"]).split()
    snmp = expand(recipe["FILES:${PN}-endpoint-snmp"]).split()
    agent = expand(recipe["FILES:${PN}"]).split()
    # what Yocto's own FILES:${PN} has, after the packages before it took theirs
    default = ["/usr/bin/*", "/usr/sbin/*", "/etc/*"]
    endpoint = [p + "/*" if p == "/usr/libexec/bmclink" else p for p in endpoint]
    assert all("*" in p or os.path.basename(p) in {os.path.basename(i) for i in installed}
               for p in agent + endpoint + snmp), "no name of a file that is not there"
    for path in installed:
        if path.startswith("/usr/share/man"):
            continue  # ${PN}-doc
        takers = [any(fnmatch.fnmatch(path, p) for p in endpoint),
                  any(fnmatch.fnmatch(path, p) for p in snmp),
                  any(fnmatch.fnmatch(path, p) for p in agent)]
        assert sum(takers) == 1 or (sum(takers) == 0 and any(
            fnmatch.fnmatch(path, p) for p in default)), path
    conffiles = recipe["CONFFILES:${PN}"] + " " + recipe["CONFFILES:${PN}-endpoint"]
    for path in expand(conffiles).split():
        assert path in installed


def test_services_and_users(recipe):
    for package, unit in (("", "bmclinkd"), ("-endpoint", "bmclink-endpoint")):
        units = recipe["SYSTEMD_SERVICE:${PN}" + package].split()
        assert units[0] == unit + ".service"
        files = recipe["FILES:${PN}" + package]
        assert all("{systemd_system_unitdir}/" + u in files for u in units)
        user = recipe["USERADD_PARAM:${PN}" + package].split()[-1]
        sysusers = read(os.path.join(ROOT, "data/systemd/bmclink%s.sysusers" % package))
        line = [ln for ln in sysusers.splitlines() if not ln.startswith("#")][0]
        assert line.split()[1] == user
        home = re.search(r"--home-dir (\S+)", recipe["USERADD_PARAM:${PN}" + package]).group(1)
        assert line.split('"')[2].split()[0] == home
