# SPDX-License-Identifier: Apache-2.0
"""The agent's handlers across each other: reload, trust and reconfigure in every state; what is
said of it, once and truly."""
import pytest

from lab import BMC_IPV4
from netns import wait_for


def first_connection(lab, protocol="ipv4", **keys):
    lab.endpoint.start()
    lab.agent.start(**keys)
    return lab.agent.wait_connected(protocol)


def wait_attempt(lab):
    """An attempt over IPv4 is under way: its SYN is at the BMC, and nobody will answer it."""
    before = lab.syn_counts()["ipv4"]
    wait_for(lambda: lab.syn_counts()["ipv4"] > before, 10, "an attempt over IPv4")


def reload_settings(lab):
    lab.agent.reload({"Tls": {"tls_min_version": "1.2"}})


def trust_reset(lab):
    lab.agent.ctl("trust", "reset")


def trust_pin(lab):
    lab.agent.ctl("trust", "pin", "ab" * 32)
    lab.agent.ctl("trust", "reset")


@pytest.mark.parametrize("act", [reload_settings, trust_reset, trust_pin])
def test_during_an_attempt_the_next_attempt_comes(lab, act):
    """The attempt is dropped with what it was made with, and does not hold up the next for ever."""
    lab.silence_ipv4()
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    wait_attempt(lab)
    act(lab)
    lab.clear_faults()
    lab.agent.wait_connected("ipv4", 8)


@pytest.mark.parametrize("act", [reload_settings, trust_reset])
def test_during_the_probe_of_ipv4(lab, act):
    """Connected over IPv6, IPv4 is being probed: both begin anew."""
    lab.silence_ipv4()
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv6", 8)
    wait_attempt(lab)
    act(lab)
    lab.agent.wait_event("ISM0007")
    lab.clear_faults()
    lab.agent.wait_connected("ipv4", 40)


@pytest.mark.parametrize("act", [reload_settings, trust_reset])
def test_a_connection_that_is_begun_anew_is_told(lab, act):
    """Every loss is an event: also one that an administrator made."""
    first_connection(lab, ipv6="off")
    mark = lab.agent.mark()
    act(lab)
    lost = lab.agent.wait_event("ISM0007", 5, mark)
    assert lost["args"][:2] == ["IPv4", BMC_IPV4]
    assert "anew" in lost["text"]
    lab.agent.wait_event("ISM0005", 5, mark)
    status = lab.agent.wait_connected("ipv4")
    assert status["previous"]["bmc_address"] == BMC_IPV4


def test_reload_of_what_touches_no_connection_keeps_it(lab):
    first_connection(lab, ipv6="off")
    mark = lab.agent.mark()
    lab.agent.reload(nic_filter="off")
    lab.agent.wait_event("ISM1030", 5, mark)
    lab.agent.reload(nic_filter="replies")
    lab.agent.wait_connected("ipv4", 5)
    assert not {"ISM0007", "ISM0005", "ISM1035"} & set(lab.agent.event_ids(mark))
