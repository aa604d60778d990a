# SPDX-License-Identifier: Apache-2.0
"""The agent's handlers across each other: reload, trust and reconfigure in every state; what is
said of it, once and truly."""
import json
import os
import shutil
import socket

import pytest

from daemons import ROOT
from lab import BMC_IPV4, BMC_NIC, BMC_ULA, HOST_IPV4, HOST_NIC, HOST_ULA
from netns import wait_for
from servers import Server, fingerprint, make_certificate


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

    def said(status):
        texts.append((status["reason"] or {}).get("text", ""))
        return "went away" in texts[-1]

    def back(status):
        return not said(status) and status["state"] == "connected"
    for _ in range(5):  # for 0.3 s, while the BMC is probed for: a busy machine may look too late
        lab.silence_arp()
        lab.agent.ctl("reconfigure")
        lab.agent.wait(lambda s: said(s) or "nobody answers" in texts[-1], 10, "the loss")
        lab.clear_faults()
        lab.agent.wait(back, 10, "connected again")
        if any("went away" in t for t in texts):
            break
    assert {t.count("went away") for t in texts} == {0, 1}, texts


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


# --- which NIC ------------------------------------------------------------------------------------

def test_renamed_nic_that_the_configuration_names_stays(lab):
    """By ifindex from the moment on that it is found."""
    first_connection(lab, interface=HOST_NIC)
    lab.host.ip("link set %s down" % HOST_NIC)
    lab.host.ip("link set %s name other9" % HOST_NIC)
    lab.host.ip("link set other9 up")
    assert lab.agent.wait_connected("ipv4", 5)["interface"] == "other9"


def care_of(lab):
    """(is there a filter, accept_ra)"""
    tables = lab.host.run(["nft", "list", "tables"]).stdout
    return "bmclink" in tables, lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC)


def test_reload_that_names_another_nic_gives_this_one_up(lab):
    before = care_of(lab)
    first_connection(lab, interface="auto")
    during = care_of(lab)
    assert during[0] and during != before
    mark = lab.agent.mark()
    lab.agent.reload(interface="other0")
    status = lab.agent.wait_state("no-interface", 5)
    assert status["interface"] is None and "other0" in status["reason"]["text"]
    assert care_of(lab) == before
    assert "ISM0007" in lab.agent.event_ids(mark)
    lab.agent.reload(interface=HOST_NIC)
    lab.agent.wait_connected("ipv4", 5)
    assert care_of(lab) == during
    assert "ISM1035" not in lab.agent.event_ids(mark)


def test_renamed_nic_stays_though_another_reload_comes(lab):
    """The reload that named it is over: the next one, about something else, is no look at names."""
    first_connection(lab, interface="auto")
    lab.agent.reload(interface=HOST_NIC)
    wait_for(lambda: lab.agent.log().count("acts: claim-nic: done") == 2, 5, "claimed once more")
    lab.host.ip("link set %s down" % HOST_NIC)
    lab.host.ip("link set %s name other9" % HOST_NIC)
    lab.host.ip("link set other9 up")
    folder = os.path.join(lab.trees.sys, "class/net")
    os.rename(os.path.join(folder, HOST_NIC), os.path.join(folder, "other9"))
    lab.agent.wait(lambda s: s["state"] == "connected" and s["interface"] == "other9", 5, "again")
    mark = lab.agent.mark()
    lab.agent.reload(ipv6="off")  # the link begins anew
    lab.agent.wait_event("ISM0007", 5, mark)
    assert lab.agent.wait_connected("ipv4", 5)["interface"] == "other9"
    assert "is given up" not in lab.agent.log()


def test_other_nics_cost_no_questions(lab):
    """Sixty veths come, change and go: the monitor is not asked about ours each time."""
    first_connection(lab)

    def asked():
        log = lab.agent.log()
        return log.count("is-managed: done"), log.count("get-nic-facts: done")
    before = asked()
    lines = []
    for i in range(60):
        lines.append("link add v%d type veth peer name w%d" % (i, i))
    for i in range(60):
        lines += ["link set v%d up" % i, "link set w%d up" % i,
                  "addr add 10.77.%d.1/24 dev v%d" % (i, i),
                  "addr del 10.77.%d.1/24 dev v%d" % (i, i)]
    for i in range(60):
        lines.append("link del v%d" % i)
    lab.host.run(["ip", "-batch", "-"], text_input="\n".join(lines) + "\n")
    # The last of them is known to be seen when a change of ours is.
    lab.host.ip("addr flush dev %s scope link" % HOST_NIC)
    lab.agent.wait(lambda s: s["protocol"] != "ipv4", 10, "the address is missed")
    managed, facts = [b - a for a, b in zip(before, asked())]
    assert managed <= 16, "asked %d times" % managed
    assert facts <= 60 * 2 * 8, "facts of NICs asked %d times" % facts


def two_records(raw, ipv6):
    """A type 42 structure with a second Redfish over IP record (DSP0270 8.6), for IPv6."""
    raw = bytearray(raw)
    length, at = raw[1], 6 + raw[5]
    end = at + 1 + 2 + raw[at + 2]
    second = raw[at + 1:at + 3 + 91]
    second[1] = 91
    second[2 + 50:2 + 52] = bytes([1, 2])  # static, IPv6
    second[2 + 52:2 + 68] = socket.inet_pton(socket.AF_INET6, ipv6)
    second[2 + 68:2 + 84] = b"\xff" * 8 + bytes(8)
    second[2 + 90] = 0  # no host name
    raw[at] = 2
    raw[end:end] = second
    raw[1] = length + len(second)
    return bytes(raw)


def test_second_redfish_record_of_one_structure_counts(make_lab):
    """A BMC may publish its IPv4 and its IPv6 address in one structure."""
    lab = make_lab(bmc_ula=True)
    with open(os.path.join(ROOT, "tests", "data", "smbios42", "dell_r740.raw"), "rb") as file:
        lab.trees.add_type42(two_records(file.read(), BMC_ULA))
    lab.endpoint.start()
    lab.agent.start(ipv4="off")
    status = lab.agent.wait_connected("ipv6")
    assert status["bmc_address"] == BMC_ULA and status["local_address"] == HOST_ULA


def test_nic_that_went_to_a_container_and_came_back(lab):
    """Same index, another life: what protects the host from the BMC is gone, and set again."""
    first_connection(lab)
    during = care_of(lab)
    index = lab.ifindex
    lab.host.ip("link set %s netns %s" % (HOST_NIC, lab.bmc.name))
    lab.agent.wait_state("no-interface", 5)
    lab.bmc.ip("link set %s netns %s" % (HOST_NIC, lab.host.name))
    assert lab.ifindex == index
    lab.agent.wait(lambda s: s["state"] != "no-interface", 5, "the NIC is back")
    assert care_of(lab) == during


# --- the next certificate -------------------------------------------------------------------------

def stage(lab):
    """A next pair, as an upgrade leaves it for the first connection; returns its fingerprint."""
    worker = os.path.join(lab.agent.state_dir, "worker")
    certificate, key = make_certificate(lab.folder, "next", common_name="bmclink-host")
    owner = os.stat(os.path.join(worker, "agent.key"))
    for source, name in ((certificate, "agent.next.crt"), (key, "agent.next.key")):
        target = os.path.join(worker, name)
        shutil.copy(source, target)
        os.chown(target, owner.st_uid, owner.st_gid)
        os.chmod(target, 0o600)
    return fingerprint(certificate), certificate


def wait_certificate(lab, wanted):
    def shown():
        found = json.loads(lab.agent.ctl("certificate", "show", "--json").stdout)["fingerprint"]
        return found.replace(":", "").lower() == wanted.replace(":", "").lower()
    wait_for(shown, 5, "the next certificate is ours")
    lab.agent.wait_connected("ipv4", 5)


def test_staged_certificate_is_given_and_used(lab):
    first_connection(lab, ipv6="off")
    lab.agent.stop()
    wanted, _ = stage(lab)
    lab.agent.start()
    wait_certificate(lab, wanted)
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4", 5)


def test_staged_certificate_that_the_bmc_took_before(lab):
    """The power went between the BMC's answer and our note of it: not offered in vain for ever."""
    first_connection(lab, ipv6="off")
    lab.agent.stop()
    wanted, certificate = stage(lab)
    with open(certificate) as file:
        body = json.dumps({"CertificateString": file.read(), "CertificateType": "PEM"})
    code, answer = lab.curl("/redfish/v1/AccountService/Accounts/host/Certificates",
                            options=("-H", "Content-Type: application/json", "-d", body))
    assert code == 201, answer
    lab.agent.start()
    wait_certificate(lab, wanted)


# --- which address --------------------------------------------------------------------------------

def test_other_default_address_is_found_again_after_a_restart(make_lab):
    """An administrator's address reaches both defaults; only one answers, also the next time."""
    lab = make_lab(bmc_ipv4="169.254.0.1")
    lab.host_configure("169.254.77.2/16")
    assert first_connection(lab, ipv6="off")["bmc_address"] == "169.254.0.1"
    lab.agent.stop()
    lab.agent.start()
    assert lab.agent.wait_connected("ipv4", 5)["bmc_address"] == "169.254.0.1"


def test_other_default_address_when_the_bmc_comes_later(make_lab):
    lab = make_lab(bmc_ipv4="169.254.0.1")
    lab.host_configure("169.254.77.2/16")
    first_connection(lab, ipv6="off")
    lab.agent.stop()
    lab.bmc.ip("link set %s down" % BMC_NIC)
    lab.agent.start()
    lab.agent.wait(lambda s: "carrier" in (s["reason"] or {}).get("text", ""), 5, "no carrier")
    lab.bmc.ip("link set %s up" % BMC_NIC)
    assert lab.agent.wait_connected("ipv4", 8)["bmc_address"] == "169.254.0.1"


def test_default_addresses_in_turn_while_nobody_answers(make_lab):
    """Neither answers ARP when asked, and the link stays up: the BMC only has no address yet."""
    lab = make_lab(bmc_ipv4="169.254.0.1")
    lab.host_configure("169.254.77.2/16")
    first_connection(lab, ipv6="off")
    lab.agent.stop()
    lab.bmc.ip("-4 address flush dev %s" % BMC_NIC)
    lab.agent.start()
    wait_for(lambda: "169.254.0.1: the other one did not answer" in lab.agent.log(), 20,
             "the second address")
    wait_for(lambda: "169.254.1.1: the other one did not answer" in lab.agent.log(), 20,
             "the first again")
    lab.bmc.ip("address add 169.254.0.1/16 dev %s" % BMC_NIC)
    assert lab.agent.wait_connected("ipv4", 15)["bmc_address"] == "169.254.0.1"


def test_one_default_address_that_is_reached_is_kept(make_lab):
    """The twin: the host's address reaches one of them, the other is never tried."""
    lab = make_lab(bmc_ipv4="169.254.1.1")
    lab.host_configure("169.254.1.2/24")
    first_connection(lab, ipv6="off")
    lab.agent.stop()
    lab.bmc.ip("-4 address flush dev %s" % BMC_NIC)
    mark = len(lab.agent.log())
    lab.agent.start()
    wait_for(lambda: lab.agent.log()[mark:].count("connect -> idle") > 2, 20, "rounds")
    assert "the other one did not answer" not in lab.agent.log()[mark:]


def test_address_that_is_written_down_after_it_was_found(make_lab):
    """The second of two defaults is in use, and then named: it is the first of one."""
    lab = make_lab(bmc_ipv4="169.254.0.1")
    assert first_connection(lab, ipv6="off")["bmc_address"] == "169.254.0.1"
    mark = lab.agent.mark()
    lab.agent.reload(bmc_ipv4="169.254.0.1", host_ipv4="169.254.0.2")
    lab.agent.wait_event("ISM0005", 5, mark)
    assert lab.agent.wait_connected("ipv4", 5)["bmc_address"] == "169.254.0.1"


# --- refusals -------------------------------------------------------------------------------------

def test_refusal_after_an_administrators_act_is_told_again(lab):
    first_connection(lab, ipv6="off")
    for pin in ("ab", "cd"):
        mark = lab.agent.mark()
        lab.agent.ctl("trust", "pin", pin * 32)
        event = lab.agent.wait_event("ISM1001", 5, mark)
        assert event["args"][1].replace(":", "").lower() == pin * 32


def test_refusals_in_turn_are_counted(lab):
    """Now this reason, now that: two entries with a count, not a line each."""
    answers = []

    def refuse(connection):
        connection.recv(4096)
        answers.append("426 Upgrade Required" if len(answers) % 2 else "401 Unauthorized")
        connection.sendall(("HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                            % answers[-1]).encode())
    with Server(lab.bmc, refuse, port=80):
        lab.agent.start({"Tls": {"tls": "off"}}, ipv6="off")
        for n in range(1, 7):
            wait_for(lambda: len(answers) >= n, 10, "attempt %d" % n)
            lab.agent.wait_event("ISM1017" if n % 2 == 0 else "ISM1027", 5)
            wait_for(lambda: sum(e["count"] for e in lab.agent.events()
                                 if e["id"] in ("ISM1017", "ISM1027")) >= n, 5, "%d events" % n)
            lab.agent.ctl("trust", "reset")
    ids = lab.agent.event_ids()
    assert ids.count("ISM1017") == 1 and ids.count("ISM1027") == 1, ids
