# SPDX-License-Identifier: Apache-2.0
"""Every kind of certificate that a client may show, over each TLS version (rows S22, S27, S28 of
the mandate): who is connected, who is refused with which alert, and what the Lifecycle log says.

Beside each refusal stands the twin: the right certificate is served before and after it.
"""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from certificates import Kinds, s_client  # noqa: E402
from service import PORT, make_certificate  # noqa: E402

VERSIONS = {"1.1": "-tls1_1", "1.2": "-tls1_2", "1.3": "-tls1_3"}
REQUEST = "GET /redfish/v1/Managers/bmc HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
EXPIRED, UNKNOWN, EXCESSIVE = ("alert", 45), ("alert", 48), ("alert", 47)
SERVED, NOBODY = ("status", 200), ("status", 401)

# kind: what must happen, and the word of ISM1016 in the Lifecycle log (None: no such record)
CELLS = {
    "right": (SERVED, None),
    "none": (NOBODY, None),
    "wrong": (UNKNOWN, "not known"),
    "expired": (EXPIRED, "expired"),
    "not_yet": (UNKNOWN, "not known"),
    "foreign": (UNKNOWN, "not known"),
    "other_key": (UNKNOWN, "not known"),
    "many_names": (UNKNOWN, "not known"),
    "rsa_1024": (UNKNOWN, "not known"),
    "rsa_8192": (UNKNOWN, "not known"),
    # more than 16 KiB of certificates are not even read: no verdict, and no record of one
    "long_chain": (EXCESSIVE, None),
    "60_kilobytes": (EXCESSIVE, None),
}
# What a client cannot even sign with in some version: then it comes as nobody. Never as the host.
ODD = {"odd_curve", "p521", "ed25519"}


def attempt(version, path):
    """("alert", number) from the endpoint, ("status", code), or ("ended", what was said)."""
    out = s_client("127.0.0.1", PORT, VERSIONS[version], path, REQUEST)
    status = re.search(r"HTTP/1\.1 (\d+) ", out)
    alert = re.search(r"SSL alert number (\d+)", out)
    if status:
        return "status", int(status.group(1))
    return ("alert", int(alert.group(1))) if alert else ("ended", out[-300:])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Certificates that are made once."""
    folder = str(tmp_path_factory.mktemp("shelf"))
    right = make_certificate(folder, "bmclink-host")
    kinds = Kinds(folder, right.path, "bmclink-host")
    paths = {}

    def get(kind):
        if kind == "none":
            return None
        if kind not in paths:
            paths[kind] = kinds.path(kind)
        return paths[kind]
    get.right = right
    return get


@pytest.fixture
def known(bmc, shelf):
    assert bmc.enrol(shelf.right).status == 201
    return bmc


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", CELLS)
def test_cell(known, shelf, kind, version):
    expected, word = CELLS[kind]
    assert attempt(version, shelf("right")) == SERVED
    assert attempt(version, shelf(kind)) == expected
    entries = known.entries("ISM1016")
    assert [word in entry["Message"] for entry in entries] == ([True] if word else [])
    assert attempt(version, shelf("right")) == SERVED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", sorted(ODD))
def test_odd_keys(known, shelf, kind, version):
    assert attempt(version, shelf(kind)) in (UNKNOWN, NOBODY)
    assert attempt(version, shelf("right")) == SERVED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind,expected", [
    ("right", NOBODY), ("other_key", NOBODY), ("not_yet", NOBODY), ("foreign", NOBODY),
    ("rsa_8192", NOBODY), ("expired", EXPIRED), ("long_chain", EXCESSIVE),
    ("60_kilobytes", EXCESSIVE)])
def test_in_an_open_window(bmc, shelf, kind, expected, version):
    """Nobody is known by being there: a certificate is one that may enrol, and no more."""
    assert attempt(version, shelf(kind)) == expected
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Open"


@pytest.mark.parametrize("kind", ["long_chain", "60_kilobytes", "many_names", "rsa_8192"])
def test_absurd_ones_cost_little(known, shelf, kind):
    """CPU and memory of the endpoint stay bounded, however often they come."""
    attempt("1.3", shelf(kind))
    before, cpu = known.memory_kb(), known.cpu_seconds()
    for _ in range(15):
        attempt("1.3", shelf(kind))
    assert known.cpu_seconds() - cpu < 1.5
    known.assert_memory_within(before, 3000)
    assert attempt("1.3", shelf("right")) == SERVED
