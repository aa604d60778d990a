# SPDX-License-Identifier: Apache-2.0
"""Every kind of certificate that a BMC may show to the agent, over each TLS version (rows S22, S28
of the mandate): connected, or refused with which outcome and which alert to the BMC.

"pinned" is the very certificate that is shown; "stranger": another one is pinned, which is served
right after it, as the twin.
"""
import os
import re
import ssl
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from certificates import Kinds  # noqa: E402
from netns import wait_for  # noqa: E402
from peers import Service, Tls, resources, with_stream  # noqa: E402
from servers import TLS_VERSIONS, fingerprint, make_certificate  # noqa: E402
from test_channel import bench, space  # noqa: E402,F401  (fixtures)

VERSIONS = ("1.1", "1.2", "1.3")
CHANGED, EXPIRED, CONNECTED = "identity-changed", "bmc-certificate-expired", "connected"
VERSION = "tls-version"

# kind: outcome as a stranger, outcome when it is pinned
CELLS = {
    "wrong": (CHANGED, CONNECTED),
    "expired": (CHANGED, EXPIRED),     # who it is comes before whether it is in date
    "not_yet": (CHANGED, CONNECTED),   # a BMC's clock may be ahead; the pin says more
    "foreign": (CHANGED, CONNECTED),   # an authority counts for nothing, for or against
    "other_key": (CHANGED, CONNECTED),
    "long_chain": (CHANGED, CONNECTED),
    "60_kilobytes": (CHANGED, CONNECTED),
    "many_names": (CHANGED, CONNECTED),
    "rsa_8192": (CHANGED, CONNECTED),
}


def context(path, version):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = TLS_VERSIONS[version]
    if path:
        made.load_cert_chain(path)
    return made


class Shown:
    """What Service takes for its TLS."""

    def __init__(self, path, version):
        self.context = context(path, version)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("shelf"))
    certificate, key = make_certificate(folder, "right", common_name="bmclink-endpoint")
    right = os.path.join(folder, "right.pem")
    with open(right, "wb") as file:
        for path in (certificate, key):
            with open(path, "rb") as part:
                file.write(part.read())
    kinds, paths = Kinds(folder, right, "bmclink-endpoint"), {"right": right}

    def get(kind):
        if kind not in paths:
            paths[kind] = kinds.path(kind)
        return paths[kind]
    return get


def probe(bench, path, version, pin):  # noqa: F811
    """(outcome, the alert that the server got, the probe's whole answer)."""
    with bench.service(resources(), Shown(path, version)) as service:
        result = bench.probe("--stored-pin", pin)
        got = result["done"]
        if got["outcome"] != CONNECTED:
            wait_for(lambda: service.errors, 5, "the end of the handshake")
        found = re.search(r"ALERT_(\w+)", service.errors[0]) if service.errors else None
        said = service.requests
    assert got["outcome"] == CONNECTED or not said  # a stranger gets not a byte of HTTP
    return got["outcome"], found and found.group(1), result


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", CELLS)
def test_stranger(bench, shelf, kind, version):  # noqa: F811
    right = fingerprint(shelf("right"))
    outcome, alert, result = probe(bench, shelf(kind), version, right)
    assert (outcome, alert) == (CELLS[kind][0], "UNKNOWN_CA")
    detail = result["done"]["detail"]
    assert right in detail and fingerprint(shelf(kind)) in detail
    assert probe(bench, shelf("right"), version, right)[0] == CONNECTED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", CELLS)
def test_pinned(bench, shelf, kind, version):  # noqa: F811
    outcome, alert, result = probe(bench, shelf(kind), version, fingerprint(shelf(kind)))
    assert outcome == CELLS[kind][1]
    assert alert == (None if outcome == CONNECTED else "CERTIFICATE_EXPIRED")
    if outcome == CONNECTED:
        assert result["info"]["tls_version"] == "TLS " + version


@pytest.mark.parametrize("version", VERSIONS)
def test_none(bench, shelf, version):  # noqa: F811
    """A server without a certificate has no cipher in common with us: no communication."""
    outcome, _, _ = probe(bench, None, version, fingerprint(shelf("right")))
    assert outcome == VERSION
    assert probe(bench, shelf("right"), version, fingerprint(shelf("right")))[0] == CONNECTED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["odd_curve", "p521", "ed25519", "rsa_1024"])
def test_odd_keys(bench, shelf, kind, version):  # noqa: F811
    """Refused as another one, or nothing is in common with it; never connected."""
    outcome, _, _ = probe(bench, shelf(kind), version, fingerprint(shelf("right")))
    assert outcome in (CHANGED, VERSION, "tls-broken")
    assert probe(bench, shelf("right"), version, fingerprint(shelf("right")))[0] == CONNECTED


# --- what the agent tells people ------------------------------------------------------------------

@pytest.mark.parametrize("kind,pinned,message", [
    ("other_key", "right", "ISM1001"), ("foreign", "right", "ISM1001"),
    ("long_chain", "right", "ISM1001"), ("expired", "expired", "ISM1003"),
    ("right", "right", "ISM0004")])
def test_event(lab, shelf, kind, pinned, message):
    with Service(lab.bmc, 443, with_stream(), Shown(shelf(kind), "1.3").context):
        lab.agent.start({"Tls": {"pin": fingerprint(shelf(pinned))}}, ipv6="off")
        event = lab.agent.wait_event(message, 15)
        if message == "ISM0004":
            lab.agent.wait_connected("ipv4")
            return
        lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == message, 10)
    shown = fingerprint(shelf(kind))
    if message == "ISM1001":
        assert any(shown == a.replace(":", "").lower() for a in event["args"])


@pytest.mark.parametrize("kind", ["long_chain", "60_kilobytes", "rsa_8192"])
def test_absurd_ones_cost_little(lab, shelf, kind):
    """CPU and memory of the agent stay bounded while a BMC shows it again and again."""
    with Service(lab.bmc, 443, with_stream(), Shown(shelf(kind), "1.3").context) as service:
        lab.agent.start({"Tls": {"pin": Tls(lab.folder).fingerprint}}, ipv6="off")
        lab.agent.wait(lambda s: s["state"] == "refused", 15, "refused")
        worker = lab.agent.children()[0]
        for _ in range(8):
            before = service.accepted
            lab.agent.ctl("trust", "pin", "ab" * 32)  # at once, not after the wait of a refusal
            wait_for(lambda: service.accepted > before, 10, "another attempt")
        with open("/proc/%d/stat" % worker) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 3
        assert lab.agent.children() == [worker]
