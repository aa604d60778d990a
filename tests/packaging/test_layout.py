# SPDX-License-Identifier: Apache-2.0
"""What is installed, without installing it: rules, units, versions and documents agree."""
import os
import re
import shutil

import pytest

from conftest import TREE, run

UNITS = ("bmclinkd", "bmclink-endpoint", "bmclink-endpoint-snmp")
DATA = os.path.join(TREE, "data", "systemd")


def read(*parts):
    with open(os.path.join(TREE, *parts)) as file:
        return file.read()


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """A root with our units among the system's own, and what they start."""
    top = str(tmp_path_factory.mktemp("units"))
    for folder in ("usr/lib/systemd/system", "usr/sbin", "bin"):
        os.makedirs(os.path.join(top, folder))
    shutil.copytree("/lib/systemd/system", os.path.join(top, "lib/systemd/system"), symlinks=True)
    shutil.copy("/bin/sh", os.path.join(top, "bin/sh"))
    for suffix in ("path", "service"):
        unit = read("data", "systemd", "bmclink-update.%s.in" % suffix)
        unit = unit.replace("@statedir@", "/var/lib/bmclink").replace(
            "@libexecdir@", "/usr/libexec")
        with open(os.path.join(top, "lib/systemd/system/bmclink-update." + suffix), "w") as file:
            file.write(unit)
    os.makedirs(os.path.join(top, "usr/libexec/bmclink"))
    shutil.copy("/bin/true", os.path.join(top, "usr/libexec/bmclink/bmclink-update"))
    for name in (*UNITS, "bmclink-gadget"):
        unit = read("data", "systemd", name + ".service.in").replace("@sbindir@", "/usr/sbin")
        unit = unit.replace("@sysconfdir@", "/etc").replace("@libexecdir@", "/usr/libexec")
        with open(os.path.join(top, "lib/systemd/system", name + ".service"), "w") as file:
            file.write(unit)
        shutil.copy("/bin/true", os.path.join(top, "usr/sbin", name))
    return top


def known_ids():
    """The rows of nic_ids.c: (vendor, product, is it a generic id)."""
    text = read("src", "host", "discover", "nic_ids.c")
    table = text[text.index("nic_ids[] = {"):text.index("nic_ids_count")]
    rows = re.findall(r"\.vendor = 0x([0-9a-f]{4}),\s*\.product = 0x([0-9a-f]{4}),"
                      r"(.*?)(?=\.vendor|$)", table, re.S)
    assert len(rows) == table.count(".vendor")
    return [(vendor, product, "needs_smbios" in rest) for vendor, product, rest in rows]


def rule_ids():
    return re.findall(r'ATTRS\{idVendor\}=="(....)", ATTRS\{idProduct\}=="(....)", '
                      r'ENV\{BMCLINK_NIC\}="1"', read("data", "systemd", "85-bmclink.rules"))


def test_udev_rule_has_the_ids_of_the_table():
    assert rule_ids() == [(v, p) for v, p, generic in known_ids() if not generic]


def test_udev_rule_leaves_generic_gadgets_alone():
    """A telephone has the id of Linux's gadget driver as well."""
    generic = [(v, p) for v, p, is_generic in known_ids() if is_generic]
    assert generic and not set(generic) & set(rule_ids())


def test_udev_starts_no_unit_and_no_program_of_ours():
    rules = read("data", "systemd", "85-bmclink.rules")
    assert "RUN" not in rules and "SYSTEMD_WANTS" not in rules and "bmclinkd" not in \
        re.sub(r"^#.*$", "", rules, flags=re.M)
    # One look at files, which udev cannot do by itself
    assert re.findall(r'PROGRAM[^"]*"([^" ]+)', rules) == ["/bin/grep"]


def test_modemmanager_keeps_off():
    rules = read("data", "systemd", "85-bmclink.rules")
    known, _, of_nics = rules.partition('ENV{BMCLINK_NIC}!="1", GOTO="bmclink_end"')
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in of_nics and "ID_MM" not in known


def test_the_installer_is_started_with_its_defaults():
    """How long a new agent has to connect, and what the packages are verified with, is the
    program's own word: tests/net/test_update.py."""
    unit = read("data", "systemd", "bmclink-update.service.in")
    assert re.findall(r"(?m)^ExecStart=(.*)$", unit) == ["@libexecdir@/bmclink/bmclink-update"]
    assert not re.search(r"(?m)^(Environment|ExecStartPre|ExecStartPost)", unit)


def test_network_file_never_delays_online():
    text = read("data", "systemd", "80-bmclink.network")
    assert "Unmanaged=yes" in text and "RequiredForOnline=no" in text
    assert "Property=BMCLINK_NIC=1" in text


@pytest.mark.parametrize("name", [*(name + ".service" for name in UNITS),
                                  "bmclink-update.service", "bmclink-update.path"])
def test_unit_is_good(units, name):
    done = run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root=" + units,
                name])
    assert done.stderr.strip() == "", done.stderr


@pytest.mark.parametrize("name", ["bmclinkd", "bmclink-endpoint"])
def test_unit_waits_for_nothing(name):
    """No start-up of a machine is longer for us."""
    unit = read("data", "systemd", name + ".service.in")
    # One module, loaded in milliseconds or not at all (docs/packages.md).
    unit = re.sub(r"^(Wants|After)=modprobe@ipmi_devintf\.service$", "", unit, flags=re.M)
    # A path unit is there at once.
    unit = re.sub(r"^Wants=bmclink-update\.path$", "", unit, flags=re.M)
    for word in ("network-online", "Requires=", "Wants=", "BindsTo=", "udev-settle", "Before=",
                 ".device"):
        assert word not in re.sub(r"^#.*$", "", unit, flags=re.M)
    assert "WantedBy=multi-user.target" in unit and "Type=notify" in unit


@pytest.mark.parametrize("name", [*UNITS, "bmclink-gadget", "bmclink-update"])
def test_exposure_is_what_the_document_says(units, name):
    """A new hole in the sandbox is seen here, and so is a document that was left behind."""
    path = os.path.join(units, "lib/systemd/system", name + ".service")
    done = run(["systemd-analyze", "security", "--offline=yes", "--no-pager", path])
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout).group(1)
    said = re.search(r"\| `%s.service` \| ([0-9.]+) \|" % name, read("docs", "packages.md"))
    assert said and said.group(1) == score


def test_versions_agree():
    version = re.search(r"version: '([^']+)'", read("meson.build")).group(1)
    assert read("packaging", "debian", "changelog").startswith("bmclink (%s-" % version)


def test_apparmor_profile_parses():
    run(["apparmor_parser", "--skip-kernel-load", "--skip-cache",
         os.path.join(TREE, "packaging", "apparmor", "usr.sbin.bmclinkd")])
