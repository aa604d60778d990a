# SPDX-License-Identifier: Apache-2.0
"""What the configuration and the firmware's version make of the BMC."""
import socket

import pytest

from netns import wait_for
from service import CERTIFICATES, PLAIN_PORT, PORT, Stream


def port_is_open(port, family=socket.AF_INET):
    with socket.socket(family) as probe:
        return probe.connect_ex(("127.0.0.1" if family == socket.AF_INET else "::1", port)) == 0


@pytest.mark.parametrize("keys,tls,ipv6", [
    ({}, True, True),
    ({"tls": "off"}, False, True),
    ({"ipv6": "off"}, True, False),
    ({"profile": "idrac", "firmware_version": "3.30.30.30"}, True, True),
    ({"profile": "idrac", "firmware_version": "3.30.30.29"}, False, True),
    ({"profile": "idrac", "firmware_version": "2.70.70.70"}, False, True),
    ({"profile": "idrac", "firmware_version": "2.70.70.69"}, False, False),
    ({"firmware_version": "2.0"}, True, True),
])
def test_ports(endpoint, keys, tls, ipv6):
    endpoint.start(**keys)
    assert port_is_open(PLAIN_PORT)
    assert port_is_open(PORT) == tls
    assert port_is_open(PLAIN_PORT, socket.AF_INET6) == ipv6
    assert port_is_open(PORT, socket.AF_INET6) == (tls and ipv6)


def test_ipv6_alone(endpoint):
    endpoint.start(ipv4="off")
    assert not port_is_open(PORT) and not port_is_open(PLAIN_PORT)
    endpoint.address = "::1"
    assert endpoint.get("/redfish/v1/").status == 200


def test_plain_channel_of_old_firmware(endpoint):
    """AuthNone: log in and look, no more."""
    endpoint.start(profile="idrac", firmware_version="2.80.80.80", product="PowerEdge R740")
    root = endpoint.get("/redfish/v1/", plain=PLAIN_PORT).json()
    assert root["Managers"]["@odata.id"] == "/redfish/v1/Managers"
    manager = endpoint.get("/redfish/v1/Managers/iDRAC.Embedded.1", plain=PLAIN_PORT).json()
    assert manager["FirmwareVersion"] == "2.80.80.80" and manager["Model"] == "PowerEdge R740"
    assert "CertificateFingerprint" not in manager["Oem"]["Bmclink"]
    assert endpoint.get("/redfish/v1/Managers/bmc", plain=PLAIN_PORT).status == 404
    assert endpoint.get(CERTIFICATES, plain=PLAIN_PORT).status == 403
    assert endpoint.request("POST", CERTIFICATES, body="{}", plain=PLAIN_PORT).status == 403
    stream = Stream(endpoint, plain=True)
    number, payload = stream.until("ISM1019")
    assert payload["Events"][0]["MessageArgs"][2] == "not encrypted"
    stream.close()


def test_reload(endpoint, host):
    """New settings are taken while running; wrong ones are refused and the old stay."""
    endpoint.set_password()
    endpoint.start()
    assert endpoint.enrol(host).status == 201
    stream = Stream(endpoint, host)
    endpoint.reload(product="Another")
    stream.until("ISM1030")  # and the stream was not cut for that
    manager = endpoint.get("/redfish/v1/Managers/bmc", host).json()
    assert manager["Model"] == "Another"
    endpoint.reload(port="nonsense")
    stream.until("ISM1029")
    assert endpoint.get("/redfish/v1/Managers/bmc", host).status == 200
    endpoint.reload(port=PORT, tls="off")
    wait_for(lambda: stream.next_event() is None, 10, "the stream ends")
    wait_for(lambda: not port_is_open(PORT), 10, "the port is closed")
    wait_for(lambda: port_is_open(PLAIN_PORT), 10, "the plain port is open")
    assert endpoint.get("/redfish/v1/Managers/bmc", plain=PLAIN_PORT).status == 200


def test_firmware_learns_tls(endpoint, host):
    """An upgrade of the firmware, as a reload: nobody can be known to it, the window opens."""
    endpoint.start(profile="idrac", firmware_version="3.30.30.29")
    assert endpoint.get("/redfish/v1/", plain=PLAIN_PORT).json()["Oem"]["Bmclink"][
        "Enrolment"] == "Closed"
    endpoint.reload(firmware_version="3.30.30.30")
    wait_for(lambda: port_is_open(PORT), 10, "the TLS port is open")
    assert endpoint.root()["Oem"]["Bmclink"]["Enrolment"] == "Open"
    assert endpoint.enrol(host).status == 201
    assert endpoint.get("/redfish/v1/", plain=PLAIN_PORT).status == 426


@pytest.mark.parametrize("text", ["[Endpoint]\nport = 0\n", "[Endpoint]\nprot = 443\n",
                                  "[Endpoint]\ninterface =\n  \nport = 80\nplain_port = 80\n"])
def test_wrong_configuration_is_not_started(endpoint, text):
    with open(endpoint.config, "w") as file:
        file.write(text)
    out = endpoint.command("--check-config")
    assert out.returncode == 1 and endpoint.config in out.stderr
    out = endpoint.command("--foreground")
    assert out.returncode == 1


def test_only_one_on_a_state(endpoint):
    endpoint.start()
    out = endpoint.command("--foreground")
    assert out.returncode == 1 and "another endpoint" in out.stderr + out.stdout
    assert endpoint.get("/redfish/v1/").status == 200
