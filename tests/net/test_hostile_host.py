# SPDX-License-Identifier: Apache-2.0
"""A host that was taken over, on the link itself: router advertisements, and ARP and neighbours
that lie, towards the BMC. What it does over TCP is in tests/endpoint/test_hostile_hosts.py.

Nobody else is on the NIC, so it is its own link that it hurts. What must hold: it is no router for
the BMC; the endpoint is the same process, grows by no more than a little, writes neither its log
nor the Lifecycle log full, and the link is back afterwards.
"""
import os
import re
import socket
import time

import pytest

import hostile
from hostile_link import EVIL_MAC, arp, neighbour
from lab import BMC_IPV4, BMC_MAC, BMC_NIC, HOST_IPV4, HOST_MAC, HOST_NIC
from netns import wait_for
from test_hostile_bmc import EVIL_PREFIX, advertisement

HOLD_S = hostile.number("HOLD", 1.5)
MAX_PSS_KB = 16 * 1024
MAX_LINES = 30
MAX_ENTRIES = 20
NOBODY, EVERYBODY = "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"


def advertisements(lab):
    return [advertisement(lab.host.link_local(HOST_NIC), EVIL_PREFIX, 3, HOST_MAC)]


def host_elsewhere(lab):
    """The BMC's answers would go to nobody."""
    return [arp(2, EVIL_MAC, HOST_IPV4, BMC_MAC, BMC_IPV4, BMC_MAC),
            arp(1, EVIL_MAC, HOST_IPV4, NOBODY, BMC_IPV4, BMC_MAC)]


def bmc_elsewhere(lab):
    """Somebody else has the BMC's own address."""
    return [arp(1, EVIL_MAC, BMC_IPV4, NOBODY, BMC_IPV4, EVERYBODY),
            arp(2, EVIL_MAC, BMC_IPV4, BMC_MAC, BMC_IPV4, BMC_MAC)]


def neighbours(lab):
    bmc, host = lab.bmc.link_local(BMC_NIC), lab.host.link_local(HOST_NIC)
    return [neighbour(host, bmc, BMC_MAC), neighbour(bmc, "ff02::1", "33:33:00:00:00:01")]


def advertisements_seen(lab):
    with lab.bmc.enter(), open("/proc/net/dev_snmp6/" + BMC_NIC) as file:
        return int(dict(line.split() for line in file)["Icmp6InRouterAdvertisements"])


def obeys(lab):
    """What of the advertisements came to be: routes and addresses of the BMC."""
    routes = [r["dst"] for r in lab.bmc.ip_json("-6 route show table all dev " + BMC_NIC)]
    addresses = [a["local"] for a in lab.bmc.addresses(BMC_NIC, 6)]
    return [x for x in routes + addresses if x == "default" or x[0] in "23"]


def pour(lab, frames, seconds):
    """How many frames went out of the host in that time."""
    end, sent = time.monotonic() + seconds, 0
    with lab.host.enter(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((HOST_NIC, 0))
        while time.monotonic() < end:
            for frame in frames:
                try:
                    sent += raw.send(frame) > 0
                except BlockingIOError:
                    pass
    return sent


def test_twin_without_the_endpoint_the_bmc_obeys(lab):
    lab.host_up()
    frames = advertisements(lab)
    lab.bmc.link_local(BMC_NIC)
    pour(lab, frames, 0.1)
    wait_for(lambda: "default" in obeys(lab), 10, "the BMC has another default router")


def test_the_host_is_no_router_of_the_bmc(lab):
    lab.endpoint.start()
    lab.host_up()
    frames = advertisements(lab)
    lab.bmc.link_local(BMC_NIC)
    before = advertisements_seen(lab)
    assert pour(lab, frames, 0.1) > 3
    wait_for(lambda: advertisements_seen(lab) >= before + 3, 10, "they have arrived")
    assert obeys(lab) == []


def pss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return int(re.search(r"Pss:\s+(\d+)", file.read()).group(1))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


@pytest.mark.parametrize("attack", [advertisements, host_elsewhere, bmc_elsewhere, neighbours])
def test_on_the_link(lab, attack):
    lab.endpoint.debug = False  # as it is in life: then lines are folded
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait(lambda s: s["state"] == "connected" and s["events"]["by"] == "stream", 20,
                   "connected with a stream")
    pid, offset = lab.endpoint.pid, os.path.getsize(lab.endpoint.log_path)
    entries, files = len(lab.lifecycle_log()), descriptors(pid)
    sent = pour(lab, attack(lab), HOLD_S)
    ended = time.monotonic()
    most = pss_kb(pid)

    def is_whole():
        status = lab.agent.status()
        return status["state"] == "connected" and status["events"]["by"] == "stream" and \
            lab.curl("/redfish/v1/")[0] == 200
    # 2 s where the BMC's kernel has to find its neighbour anew; it would be 23 to 36 of its own
    wait_for(is_whole, 20, "the link as before")
    took = time.monotonic() - ended
    assert lab.endpoint.pid == pid and sent > 100
    assert obeys(lab) == []
    wait_for(lambda: descriptors(pid) <= files + 2, 40, "descriptors as before")
    with open(lab.endpoint.log_path, "rb") as file:
        file.seek(offset)
        lines = [line for line in file.read().splitlines() if b"] debug: " not in line]
    records = len(lab.lifecycle_log()) - entries
    print("%s: %d frames, whole again after %.1f s, memory %d kB, %d lines, %d records" % (
        attack.__name__, sent, took, most, len(lines), records))
    assert len(lines) <= MAX_LINES and records <= MAX_ENTRIES
    assert hostile.has_sanitizer("bmclink-endpoint") or most < MAX_PSS_KB
