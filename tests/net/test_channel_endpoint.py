# SPDX-License-Identifier: Apache-2.0
"""The channel alone against the endpoint: enrolment by both windows, forgetting, versions."""
import datetime
import json
import os
import subprocess
import time

import pytest

import netns
from daemons import program
from lab import BMC_IPV4, BMC_NIC, HOST_NIC
from servers import make_certificate


class Host:
    """The host's side: several agents may have lived on it, each with a pair of its own."""

    def __init__(self, lab):
        self.lab = lab
        lab.host_configure()
        self.pair("agent")

    def pair(self, name, **dates):
        folder = os.path.join(self.lab.folder, "pairs", name)
        make_certificate(folder, "agent", common_name="bmclink-host", **dates)
        return folder

    def probe(self, *options, pair="agent", address=BMC_IPV4):
        command = [program("channel_probe"), "--address", address, "--ifindex", HOST_NIC,
                   "--port", "443", "--plain-port", "80",
                   "--pair", os.path.join(self.lab.folder, "pairs", pair), *options]
        out = subprocess.run(self.lab.host.wrap(command), text=True, capture_output=True,
                             timeout=40, preexec_fn=netns.die_with_parent)
        assert out.returncode == 0 and "ERROR" not in out.stderr, out.stderr
        return json.loads(out.stdout)

    def expect(self, outcome, *options, **more):
        result = self.probe(*options, **more)
        assert result["done"]["outcome"] == outcome, result["done"]
        return result

    def enrol(self, pair="agent"):
        """Returns the option that pins the BMC from now on."""
        got = self.expect("enrolled", "--window", pair=pair)["done"]
        assert got["first_use"] and got["spoke_tls"]
        return ["--stored-pin", got["fingerprint"]]


@pytest.fixture
def host(lab):
    return Host(lab)


def test_first_use_and_connected(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    result = host.expect("connected", *pin, "--stay", "700", "--sandbox",
                         "--request", "GET /redfish/v1/AccountService/Accounts/host")
    assert "lost" not in result and result["info"]["encrypted"]
    assert result["info"]["tls_version"] == "TLS 1.3"
    assert result["answers"][0]["status"] == 200
    assert result["info"]["model"] and result["info"]["firmware_version"]


def test_window_of_the_bmc_closes_behind_the_first(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    host.pair("second")
    for trust in (["--window"], pin):
        got = host.expect("certificate-not-known", *trust, pair="second")["done"]
        assert "alert 48" in got["detail"]
    host.expect("connected", *pin)


def test_window_of_the_agent_is_closed(lab, host):
    lab.endpoint.start()
    host.expect("not-pinned")
    host.expect("identity-changed", "--stored-pin", "ab" * 32)
    host.expect("not-pinned", "--window", "--trust", "pinned")
    # none of these was an enrolment: the BMC's window is open still
    host.enrol()


def test_we_forgot_the_bmc_and_it_did_not_forget_us(lab, host):
    """trust reset on our side alone: the BMC knows us, the pin is made anew."""
    lab.endpoint.start()
    pin = host.enrol()
    assert host.enrol() == pin


def test_forget_and_enrol_anew(lab, host):
    """A pinned BMC whose window opened takes the certificate of a new installation."""
    lab.endpoint.start()
    pin = host.enrol()
    certificates = "/redfish/v1/AccountService/Accounts/host/Certificates"
    listed = host.expect("connected", *pin, "--request", "GET " + certificates)["answers"][0]
    assert listed["body"]["Members@odata.count"] == 1
    own = listed["body"]["Members"][0]["@odata.id"]
    result = host.expect("connected", *pin, "--request", "DELETE " + own, "--stay", "5000")
    # the BMC ends the life line at once, which may overtake its answer
    assert result["answers"][0]["status"] in (204, 0)
    assert result["lost"]["outcome"] in ("closed", "certificate-not-known")
    host.pair("second")
    got = host.expect("enrolled", *pin, pair="second")["done"]
    assert not got["first_use"]
    host.expect("connected", *pin, pair="second")
    host.expect("certificate-not-known", *pin)  # the first one is forgotten


def test_trust_survives_a_restart_of_the_bmc(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    lab.endpoint.kill()
    host.expect("port-refused", *pin)
    lab.endpoint.start()
    host.expect("connected", *pin)


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_versions(lab, host, version):
    lab.endpoint.start(tls_min_version=version, tls_max_version=version)
    pin = host.enrol()
    result = host.expect("connected", *pin)
    assert result["info"]["tls_version"] == "TLS " + version
    if version != "1.3":
        host.expect("tls-version", *pin, "--min", "1.3")
    if version != "1.1":
        host.expect("tls-version", *pin, "--max", "1.1")


def test_expired_for_the_bmc(lab, host):
    """Its clock says expired, ours does not: no communication, and we are told which."""
    lab.endpoint.start()
    host.enrol()
    day = datetime.timedelta(days=1)
    now = datetime.datetime.utcnow()
    host.pair("old", not_before=now - 9 * day, not_after=now - day)
    then = ["--now", str(int(time.time()) - 2 * 86400), "--build", "1"]
    got = host.expect("own-certificate-expired", "--window", *then, pair="old")["done"]
    assert "alert 45" in got["detail"]


def test_without_tls(lab, host):
    lab.endpoint.start(tls="off")
    result = host.expect("connected", "--window", "--stay", "500")
    assert not result["info"]["encrypted"] and "lost" not in result
    host.expect("connected", "--no-tls")
    host.expect("downgrade", "--window", "--seen-tls")
    host.expect("downgrade", "--stored-pin", "ab" * 32)


def test_our_tls_off(lab, host):
    lab.endpoint.start()
    host.expect("tls-required", "--no-tls")


def link_local(namespace, nic):
    for link in namespace.ip_json("-6 addr show dev %s scope link" % nic):
        for address in link.get("addr_info", []):
            if address.get("local", "").startswith("fe80") and not address.get("tentative"):
                return address["local"]
    return None


def test_link_local(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    netns.wait_for(lambda: link_local(lab.host, HOST_NIC), 5, "our link-local address")
    address = netns.wait_for(lambda: link_local(lab.bmc, BMC_NIC), 5, "the BMC's")
    result = host.expect("connected", *pin, "--sandbox", address=address)
    assert result["info"]["local_address"].startswith("fe80")
