# SPDX-License-Identifier: Apache-2.0
"""`bmclinkctl discover` without the daemon, on prepared trees; and our decoder beside dmidecode."""
import json
import os
import shutil
import struct
import subprocess

import pytest

from daemons import ROOT, program
from fakes import Trees
from netns import run

SAMPLES = os.path.join(ROOT, "tests", "data", "smbios42")
MAC = "02:00:5e:00:00:02"
DMIDECODE = shutil.which("dmidecode", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def sample(name):
    with open(os.path.join(SAMPLES, name + ".raw"), "rb") as file:
        return file.read()


@pytest.fixture
def trees(tmp_path):
    return Trees(str(tmp_path / "trees"))


@pytest.fixture
def discover(trees, tmp_path):
    """discover(key=value...): the object that is printed, with these keys of [Link]."""
    def ask(*options, as_text=False, **keys):
        config = tmp_path / "bmclinkd.conf"
        config.write_text("[Link]\n" + "".join("%s = %s\n" % item for item in keys.items()))
        command = [program("bmclinkctl"), "discover", "--config", str(config),
                   "--sys-root", trees.sys, "--dmi-root", trees.dmi, "--run-root", trees.run]
        out = run(command + list(options) + ([] if as_text else ["--json"])).stdout
        return out if as_text else json.loads(out)
    return ask


@pytest.mark.parametrize("name, ids, bmc, host, hostname", [
    ("dell_r740", ("413c", "a102"), "169.254.2.2", "169.254.2.3", "idrac.local"),
    ("lenovo_xcc", ("04b3", "4010"), "169.254.95.118", "169.254.95.120", "garamond"),
    ("supermicro", ("0b1f", "03ee"), "169.254.3.254", "169.254.3.1", "169.254.3.254"),
    ("usbv2_v13", ("0d28", "0204"), "192.168.122.10", "192.168.122.9", "192.168.122.10"),
])
def test_four_machines(trees, discover, name, ids, bmc, host, hostname):
    trees.plug("enx0", 7, MAC, ids)
    trees.add_type42(sample(name))
    found = discover()
    plan = found["plan"]
    assert found["smbios"] == {"read": True, "source": "entries", "error": None, "malformed": 0}
    assert plan["found"] and plan["nic_source"] == "smbios"
    assert (plan["nic"]["name"], plan["nic"]["ifindex"], plan["nic"]["mac"]) == ("enx0", 7, MAC)
    assert plan["nic"]["ids"] == ":".join(ids) and plan["nic"]["udev_ready"]
    assert plan["ipv4"] == {"source": "smbios", "host_is_ours": True,
                            "candidates": [{"bmc": bmc, "host": host}]}
    assert (plan["port"], plan["plain_port"], plan["hostname"]) == (443, 80, hostname)
    assert found["records"][0]["used"]


def test_several_structures(trees, discover):
    """An OEM structure, a broken one and two good ones; the second is that of the NIC."""
    trees.plug("enx0", 7, MAC, ("0d28", "0204"))
    trees.add_type42(bytes([42, 16, 0, 0, 0xf0, 4, 1, 2, 3, 4]) + bytes(8), 0)
    trees.add_type42(sample("dell_r740")[:50], 1)
    trees.add_type42(sample("lenovo_xcc"), 2)
    trees.add_type42(sample("usbv2_v13"), 3)
    found = discover()
    assert [r["used"] for r in found["records"]] == [False, True]
    assert found["smbios"]["malformed"] == 1
    assert found["plan"]["hostname"] == "192.168.122.10"


def test_whole_table(trees, discover):
    """A kernel without dmi-sysfs has only the table."""
    os.rmdir(os.path.join(trees.dmi, "entries"))
    os.makedirs(os.path.join(trees.dmi, "tables"))
    with open(os.path.join(trees.dmi, "tables", "DMI"), "wb") as file:
        file.write(bytes([1, 4, 0, 0]) + b"text\0\0" + sample("dell_r740") +
                   bytes([127, 4, 1, 0, 0, 0]))
    trees.plug("enx0", 7, MAC)
    found = discover()
    assert found["smbios"]["source"] == "table"
    assert found["plan"]["ipv4"]["candidates"] == [{"bmc": "169.254.2.2", "host": "169.254.2.3"}]


def test_no_smbios(trees, discover):
    trees.plug("enx0", 7, MAC)
    found = discover()
    assert found["records"] == [] and "no SMBIOS type 42" in found["smbios"]["error"]
    assert found["plan"]["nic_source"] == "usb-id"
    candidates = found["plan"]["ipv4"]["candidates"]
    assert [c["bmc"] for c in candidates] == ["169.254.1.1", "169.254.0.1"]


def test_not_found(trees, discover):
    trees.add_type42(sample("dell_r740"))
    plan = discover()["plan"]
    assert plan["found"] is False
    assert plan["why_not"].startswith("SMBIOS type 42 names the USB NIC 413c:a102, which is not")
    text = discover(as_text=True)
    assert "not found" in text and max(map(len, text.splitlines())) <= 80


def test_configuration_overrides(trees, discover):
    trees.plug("enx0", 7, MAC)
    trees.add_type42(sample("dell_r740"))
    plan = discover(interface="usb:413c:a102", bmc_ipv4="192.168.9.254", port=8443,
                    bmc_ipv6="fd00::1", configure="never")["plan"]
    for source in (plan["nic_source"], plan["ipv4"]["source"], plan["ipv6"]["source"]):
        assert source == "configuration"
    assert plan["ipv4"]["candidates"] == [{"bmc": "192.168.9.254", "host": "192.168.9.253"}]
    assert not plan["ipv4"]["host_is_ours"]
    assert (plan["ipv6"]["bmc"], plan["ipv6"]["host"], plan["port"]) == ("fd00::1", "fd00::2", 8443)


def test_udev_is_not_done(trees, discover):
    trees.plug("enx0", 7, MAC, settled=False)
    assert discover()["plan"]["nic"]["udev_ready"] is False
    assert "udev is not done" in discover(as_text=True)
    trees.settle(7)
    assert discover()["plan"]["nic"]["udev_ready"] is True


def test_not_root(trees, tmp_path):
    """Without root SMBIOS cannot be read: said, and the NIC is found by its ids all the same."""
    trees.plug("enx0", 7, MAC)
    trees.add_type42(sample("dell_r740"))
    raw = os.path.join(trees.dmi, "entries", "42-0", "raw")
    os.chmod(raw, 0o400)
    everybodys = shutil.copy(program("bmclinkctl"), tmp_path)  # the build may be for root only
    command = [everybodys, "discover", "--json", "--sys-root", trees.sys, "--dmi-root",
               trees.dmi, "--run-root", trees.run]
    done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command)
    found = json.loads(done.stdout)
    assert found["smbios"]["read"] is False
    assert "Permission denied; be root" in found["smbios"]["error"]
    assert found["records"] == [] and found["plan"]["nic_source"] == "usb-id"
    assert json.loads(run(command).stdout)["smbios"]["read"] is True


# --- beside dmidecode -----------------------------------------------------------------------------

def dmidecode(tmp_path, structure):
    """What dmidecode says of one structure: a dump is an entry point, then the table at 20h."""
    table = structure + bytes([127, 4, 0, 1, 0, 0])
    entry = bytearray(32)
    entry[0:11] = b"_SM3_\0" + bytes([24, 3, 4, 0, 1])
    struct.pack_into("<IQ", entry, 12, len(table), 32)
    entry[5] = -sum(entry) & 0xff
    path = tmp_path / "dump"
    path.write_bytes(bytes(entry) + table)
    out = subprocess.run([DMIDECODE, "--from-dump", str(path)], capture_output=True, text=True,
                         check=True).stdout
    return dict(line.strip().split(": ", 1) for line in out.splitlines() if ": " in line)


ASSIGNMENTS = {"static": "Static", "dhcp": "DHCP", "auto": "AutoConf",
               "host-selected": "Host Selected", "unknown": "Unknown"}


def prefix_to_mask(prefix):
    value = 0xffffffff << (32 - prefix) & 0xffffffff
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


@pytest.mark.skipif(not DMIDECODE, reason="dmidecode is not installed")
@pytest.mark.parametrize("name", ["dell_r740", "lenovo_xcc", "supermicro"])
def test_same_as_dmidecode(trees, discover, tmp_path, name):
    """Structures with a v1 descriptor. dmidecode before 3.6, as in Debian 12, cannot read v2."""
    theirs = dmidecode(tmp_path, sample(name))
    trees.add_type42(sample(name))
    ours = discover()["records"][0]
    assert ours["ids"] == "%s:%s" % (theirs["idVendor"][2:], theirs["idProduct"][2:])
    assert ours["uuid"] == (None if theirs["Service UUID"] == "Not Settable"
                            else theirs["Service UUID"])
    assert ASSIGNMENTS[ours["host"]["assignment"]] == theirs["Host IP Assignment Type"]
    assert ASSIGNMENTS[ours["service"]["assignment"]] == theirs["Redfish Service IP Discovery Type"]
    assert ours["host"]["address"] == theirs.get("IPv4 Address")
    if ours["host"]["address"]:
        assert prefix_to_mask(ours["host"]["prefix"]) == theirs["IPv4 Mask"]
    assert ours["service"]["address"] == theirs["IPv4 Redfish Service Address"]
    assert prefix_to_mask(ours["service"]["prefix"]) == theirs["IPv4 Redfish Service Mask"]
    assert str(ours["port"]) == theirs["Redfish Service Port"]
    assert theirs["Redfish Service Vlan"] in ("0", "4294967295") and ours["vlan"] is None
    assert ours["hostname"] == theirs["Redfish Service Hostname"]
