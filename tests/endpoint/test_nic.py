# SPDX-License-Identifier: Apache-2.0
"""The NIC: bound to it and to no other; absent, late, gone, born again."""
import json
import os
import subprocess

import pytest

from netns import Namespace, wait_for
from service import Endpoint, PORT


def ip(text):
    subprocess.run(["ip"] + text.split(), check=True)


def plug(name="usb0", peer="bmc0"):
    ip("link add %s type veth peer name %s" % (name, peer))
    ip("link set %s up" % name)
    ip("link set %s up" % peer)
    ip("addr add 169.254.1.1/16 dev %s" % name)


@pytest.fixture
def nic_endpoint(tmp_path):
    endpoint = Endpoint(str(tmp_path / "bmc"), interface="usb0")
    yield endpoint
    endpoint.finish()
    for name in ("usb0", "other0"):
        subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL)


def listening():
    """(port, device) of each listening socket: the device is part of the socket."""
    out = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    return {line.split()[3] for line in out.splitlines()}


def test_bound_to_the_nic_only(nic_endpoint):
    """From another network not even the NIC's own address answers."""
    plug()
    lan = Namespace("lan%d" % os.getpid())
    try:
        ip("link add other0 type veth peer name up0 netns " + lan.name)
        ip("addr add 192.0.2.1/24 dev other0")
        ip("link set other0 up")
        lan.ip("addr add 192.0.2.2/24 dev up0")
        lan.ip("link set up0 up")
        lan.ip("route add 169.254.0.0/16 via 192.0.2.1")
        nic_endpoint.start()
        assert listening() == {"0.0.0.0%usb0:8443", "0.0.0.0%usb0:8080", "[::]%usb0:8443",
                               "[::]%usb0:8080"}
        with lan.enter():
            for address in ("192.0.2.1", "169.254.1.1"):
                with pytest.raises(ConnectionRefusedError):
                    nic_endpoint.connect(PORT, address=address)
        with pytest.raises(ConnectionRefusedError):
            nic_endpoint.connect(PORT, address="127.0.0.1")
        # The twin: over the NIC it does.
        ip("link set bmc0 netns " + lan.name)
        lan.ip("route del 169.254.0.0/16")
        lan.ip("addr add 169.254.1.2/16 dev bmc0")
        lan.ip("link set bmc0 up")
        ip("link set usb0 up")
        with lan.enter():
            nic_endpoint.connect(PORT, address="169.254.1.1").close()
    finally:
        lan.close()


def test_late_gone_and_born_again(nic_endpoint):
    nic_endpoint.start()
    assert not listening()
    for _ in range(3):
        plug()
        wait_for(lambda: len(listening()) == 4, 5, "the sockets are there")
        ip("link del usb0")
        wait_for(lambda: not listening(), 5, "the sockets are gone")
    assert nic_endpoint.descriptors() < 20


def test_renamed_nic_stays(nic_endpoint):
    """Known by its index once found: a new name changes nothing."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 5, "the sockets are there")
    ip("link set usb0 down")
    ip("link set usb0 name other0")
    ip("link set other0 up")
    wait_for(lambda: all("%other0:" in address for address in listening()), 5, "the new name")
    assert len(listening()) == 4
    ip("link del other0")
    wait_for(lambda: not listening(), 5, "the sockets are gone")


def test_neighbour_timers(nic_endpoint):
    """Set at birth, put back at stop."""
    plug()
    knobs = {"ipv4/neigh/usb0/retrans_time_ms": "50", "ipv6/neigh/usb0/retrans_time_ms": "50",
             "ipv6/conf/usb0/router_solicitation_delay": "0"}

    def read():
        values = {}
        for knob in knobs:
            with open(os.path.join("/proc/sys/net", knob)) as file:
                values[knob] = file.read().strip()
        return values
    before = read()
    assert before != knobs, json.dumps(before)
    nic_endpoint.start()
    # The kernel rounds to its ticks.
    for knob, value in read().items():
        assert int(knobs[knob]) <= int(value) <= int(knobs[knob]) + 10, knob
    assert nic_endpoint.stop() == 0
    assert read() == before
