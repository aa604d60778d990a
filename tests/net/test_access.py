# SPDX-License-Identifier: Apache-2.0
"""S13 and S17: in-band access. A client in another network reaches the BMC's HTTPS through the host,
by a relay between sockets; and nobody else does, nothing else, and at no other time."""
import json

import pytest

from access import CLIENT6, HOST, HOST6, PORT, AccessLab


@pytest.fixture
def lab(tmp_path):
    with AccessLab(tmp_path) as lab:
        yield lab


def test_s17_curl_reaches_the_bmc(lab):
    """IPv4 and IPv6 clients, with the BMC's own certificate verified: TLS passes untouched."""
    before = lab.listening()
    forward = lab.host.sysctl("ipv4/ip_forward"), lab.host.sysctl("ipv6/conf/all/forwarding")
    lab.connect()
    assert lab.listening() == before + ["0.0.0.0:%d" % PORT, "[::]:%d" % PORT]
    for address in (HOST, HOST6):
        out = lab.curl_client(address=address, check=True).stdout
        assert json.loads(out)["RedfishVersion"]
    counts = lab.wait_counts(now=0, total=2, refused=0)
    assert counts["bytes_to_bmc"] > 400 and counts["bytes_from_bmc"] > 1000
    event = lab.agent.wait_event("ISM1212")
    assert event["args"][0] == CLIENT6 and float(event["args"][1]) < 20
    assert int(event["args"][2]) > 200 and int(event["args"][3]) > 500
    # the host has not become a router, and the client has no way to the BMC but this
    assert (lab.host.sysctl("ipv4/ip_forward"),
            lab.host.sysctl("ipv6/conf/all/forwarding")) == forward
    lab.agent.reload({"InbandAccess": {"enabled": "off"}})
    lab.wait_closed()
    assert lab.listening() == before
