# SPDX-License-Identifier: Apache-2.0
"""The laboratory itself: what the other tests lean on must hold."""
import os
import socket

import pytest

import netns
from lab import BMC_IPV4, BMC_NIC, HOST_NIC
from servers import Server, full_backlog


def test_nic_is_bare(lab):
    assert lab.host.link(HOST_NIC)["operstate"] == "DOWN"
    assert lab.host.addresses(HOST_NIC) == []
    assert lab.bmc.has_address(BMC_NIC, BMC_IPV4)


def try_connect(lab, address=BMC_IPV4, timeout=0.4):
    with lab.host.enter():
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
            s.settimeout(timeout)
            s.connect((address, 443))


def test_attempts_are_counted(lab):
    lab.host_configure()
    with Server(lab.bmc, lambda c: None):
        try_connect(lab)
    assert lab.syn_counts() == {"ipv4": 1, "ipv6": 0}
    with pytest.raises(ConnectionRefusedError):
        try_connect(lab)
    assert lab.syn_counts() == {"ipv4": 2, "ipv6": 0}


def test_silence_is_silent_and_counted(lab):
    lab.host_configure()
    with Server(lab.bmc, lambda c: None):
        lab.silence_ipv4()
        with pytest.raises(TimeoutError):
            try_connect(lab)
        assert lab.syn_counts()["ipv4"] >= 1
        lab.clear_faults()
        try_connect(lab)


def test_refused_port(lab):
    lab.host_configure()
    with Server(lab.bmc, lambda c: None):
        lab.refuse_port()
        with pytest.raises(ConnectionRefusedError):
            try_connect(lab)
        lab.allow_port()
        try_connect(lab)


def test_arp_unanswered(lab):
    lab.host_configure()
    lab.silence_arp()
    with Server(lab.bmc, lambda c: None), pytest.raises(OSError):
        try_connect(lab)
    assert lab.syn_counts()["ipv4"] == 0


def test_full_backlog(lab):
    lab.host_configure()
    with full_backlog(lab.bmc), pytest.raises(TimeoutError):
        try_connect(lab)


def test_replug_gives_a_new_nic(lab):
    before = lab.ifindex
    lab.host_configure()
    lab.replug()
    assert lab.ifindex != before
    assert lab.host.addresses(HOST_NIC) == []
    root = os.path.join(lab.trees.sys, "class", "net", HOST_NIC)
    with open(root + "/device/../idVendor") as file:
        assert file.read().strip() == "413c"


def test_machine_is_not_touched(lab):
    """The namespaces' names live in our own mount namespace only."""
    names = netns.run(["nsenter", "-t", "1", "-m", "ls", "/run/netns"], check=False).stdout
    assert lab.host.name not in names
