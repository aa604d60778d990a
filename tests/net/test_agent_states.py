# SPDX-License-Identifier: Apache-2.0
"""The agent's handlers across each other: reload, trust and reconfigure in every state; what is
said of it, once and truly."""
import pytest

from lab import BMC_IPV4, BMC_NIC, HOST_IPV4, HOST_NIC
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


# --- reconfigure ----------------------------------------------------------------------------------

def watch_states(lab, until, what):
    """The states seen on the way."""
    seen = []

    def note(status):
        if not seen or seen[-1] != status["state"]:
            seen.append(status["state"])
        return until(status)
    lab.agent.wait(note, 10, what)
    return seen


def test_reconfigure_does_not_take_the_nic_for_gone(lab):
    """The BMC's address is probed for before ours is set: the NIC is there all the time."""
    first_connection(lab, ipv6="off")
    lab.host.ip("addr flush dev " + HOST_NIC)
    lab.agent.wait_state("incomplete-configuration", 3)
    lab.silence_arp()  # the probe takes its full time
    lab.agent.ctl("reconfigure")
    seen = watch_states(lab, lambda s: lab.host.has_address(HOST_NIC, HOST_IPV4), "configured")
    assert "no-interface" not in seen


def test_reconfigure_while_connected_over_ipv6_keeps_the_connection(lab):
    lab.silence_ipv4()
    lab.silence_arp()
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv6", 8)
    mark = lab.agent.mark()
    lab.agent.ctl("reconfigure")
    lab.agent.wait_event("ISM1010", 5, mark)
    assert lab.agent.status()["protocol"] == "ipv6"
    assert "ISM0007" not in lab.agent.event_ids(mark)


# --- what status says -----------------------------------------------------------------------------

def test_the_reason_and_its_detail_are_of_one_protocol(lab):
    """IPv4 is refused, IPv6 has no neighbour: the refused port tells more, and is what is said."""
    lab.refuse_port(443, family=4)
    lab.refuse_port(80, family=4)
    lab.silence_ipv6(neighbours_too=True)
    lab.agent.start()
    lab.host_up()
    lab.host.link_local(HOST_NIC)
    lab.agent.wait(lambda s: (s["reason"] or {}).get("text", "").startswith("the BMC refused"),
                   15, "a refused port is the reason")
    wait_for(lambda: "no IPv6 neighbour" in " ".join(
        a for e in lab.agent.events() for a in e["args"]), 15, "IPv6 was tried, too")

    def said(status):
        text = (status["reason"] or {}).get("text", "")
        return status["state"] == "connecting" and text.startswith("the BMC refused")
    text = lab.agent.wait(said, 15, "a reason")["reason"]["text"]
    assert BMC_IPV4 in text and "neighbour" not in text


def test_the_loss_of_the_address_is_said_once(lab):
    first_connection(lab, ipv6="off")
    texts = []

    def back(status):
        texts.append((status["reason"] or {}).get("text", ""))
        return status["state"] == "connected" and len(texts) > 1
    lab.silence_arp()  # the probe for the BMC takes a while, in which the loss is the reason
    lab.agent.ctl("reconfigure")
    lab.clear_faults()
    lab.agent.wait(back, 10, "connected again")
    assert not [t for t in texts if t.count("went away") > 1], texts


def test_without_carrier_that_is_the_reason(lab):
    first_connection(lab)
    lab.bmc.ip("link set %s down" % BMC_NIC)
    status = lab.agent.wait(lambda s: s["state"] == "connecting", 5, "connecting")
    status = lab.agent.wait(lambda s: "carrier" in (s["reason"] or {}).get("text", ""), 3,
                            "no carrier is the reason")
    assert status["protocol"] is None
    lab.bmc.ip("link set %s up" % BMC_NIC)
    lab.agent.wait_connected("ipv4", 8)
    assert lab.agent.status()["reason"] is None


def test_a_nic_that_is_down_is_one_event(lab):
    """Not one for each protocol: it is the NIC's own condition."""
    first_connection(lab)
    mark = lab.agent.mark()
    lab.host.ip("link set %s down" % HOST_NIC)
    lab.agent.wait_state("incomplete-configuration", 5)
    lab.agent.wait_event("ISM0057", 5, mark)
    assert lab.agent.event_ids(mark).count("ISM0057") == 1


def test_a_nic_that_udev_has_is_not_called_forbidden(lab):
    """ISM0003 after five seconds, with the true reason; no event of it when udev is done."""
    lab.trees.unsettle(lab.ifindex)
    lab.agent.start()
    event = lab.agent.wait_event("ISM0003", 10)
    assert "udev" in event["text"] and "may not be used" not in event["text"]
    assert "udev" in lab.agent.status()["reason"]["text"]
