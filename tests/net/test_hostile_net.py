# SPDX-License-Identifier: Apache-2.0
"""A BMC that was taken over: it attracts no traffic and reaches no service of the host."""
import socket
import struct

import pytest

from lab import BMC_IPV4, BMC_NIC, HOST_IPV4, HOST_NIC
from netns import wait_for
from servers import Server


def router_advertisement():
    """A default router, an on-link prefix over all of the internet, and one for addresses."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    for prefix, length, flags in (("2000::", 3, 0x80), ("fde1:53ba:e9a0:de11::", 64, 0xC0)):
        body += struct.pack("!BBBBIII", 3, 4, length, flags, 86400, 14400, 0)
        body += socket.inet_pton(socket.AF_INET6, prefix)
    return body


def advertise(lab):
    source = lab.bmc.link_local(BMC_NIC)
    index = lab.bmc.link(BMC_NIC)["ifindex"]
    with lab.bmc.enter():
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.bind((source, 0, 0, index))
        raw.sendto(router_advertisement(), ("ff02::1", 0, 0, index))


def routes_by_router(lab):
    return [r["dst"] for r in lab.host.ip_json("-6 route show dev " + HOST_NIC)
            if r.get("protocol") == "ra" or r["dst"] in ("default", "2000::/3")]


def test_twin_without_the_agent_the_host_obeys(lab):
    lab.host_up()
    lab.host.link_local(HOST_NIC)
    advertise(lab)
    wait_for(lambda: "2000::/3" in routes_by_router(lab), 5, "the kernel took the prefix")


def test_router_advertisements_are_ignored(lab):
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    lab.host.link_local(HOST_NIC)
    assert lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC) == "0"
    for _ in range(3):
        advertise(lab)
    # What is sent after them has arrived: so have they.
    code, _ = lab.curl("/redfish/v1/")
    assert code == 200
    assert routes_by_router(lab) == []
    assert [a for a in lab.host.addresses(HOST_NIC, 6) if a["scope"] == "global"] == []


def reach(lab, address, port=8022):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with lab.bmc.enter():
        client = socket.socket(family, socket.SOCK_STREAM)
    with client:
        client.settimeout(0.5)
        client.connect((address, port) if family == socket.AF_INET else
                       (address, port, 0, lab.bmc.link(BMC_NIC)["ifindex"]))


@pytest.mark.parametrize("nic_filter", ["replies", "off"])
def test_services_of_the_host_are_not_reached(lab, nic_filter):
    lab.endpoint.start()
    lab.agent.start(nic_filter=nic_filter)
    lab.agent.wait_connected("ipv4")
    link_local = lab.host.link_local(HOST_NIC)
    with Server(lab.host, lambda c: None, 8022) as ipv4, \
            Server(lab.host, lambda c: None, 8022, socket.AF_INET6) as ipv6:
        for server, address in ((ipv4, HOST_IPV4), (ipv6, link_local)):
            if nic_filter == "off":
                reach(lab, address)
                wait_for(lambda: server.accepted == 1, 2, "accepted")
            else:
                with pytest.raises(OSError):
                    reach(lab, address)
                assert server.accepted == 0


def test_the_agent_listens_on_no_network_socket(lab):
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert lab.host.run(["ss", "-Hltun"]).stdout == ""
    with Server(lab.host, lambda c: None, 8022):
        assert ":8022" in lab.host.run(["ss", "-Hltun"]).stdout  # it would be seen


def test_ping_still_works(lab):
    """ICMP is for people who look for a fault."""
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    with lab.bmc.enter():
        ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with ping:
        ping.settimeout(2)
        ping.sendto(b"\x08\x00\xf7\xfd\x00\x01\x00\x01", (HOST_IPV4, 0))
        wait_for(lambda: ping.recv(256)[20] == 0, 3, "an echo reply")


def test_stop_puts_everything_back(lab):
    knobs = ["ipv6/conf/%s/accept_ra" % HOST_NIC,
             "ipv4/neigh/%s/base_reachable_time_ms" % HOST_NIC,
             "ipv4/neigh/%s/delay_first_probe_time" % HOST_NIC]
    before = [lab.host.sysctl(knob) for knob in knobs]
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert "table" in lab.host.run(["nft", "list", "ruleset"]).stdout
    assert [lab.host.sysctl(knob) for knob in knobs] == ["0", "1000", "1"]
    lab.agent.stop()
    assert lab.host.run(["nft", "list", "ruleset"]).stdout.strip() == ""
    assert [lab.host.sysctl(knob) for knob in knobs] == before
    assert lab.host.has_address(HOST_NIC, HOST_IPV4)  # what was configured stays


def test_the_bmc_stays_reachable_for_the_host(lab):
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert lab.curl("/redfish/v1/", host=BMC_IPV4, certificate=False)[0] == 200
