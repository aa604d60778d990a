# SPDX-License-Identifier: Apache-2.0
"""What the package's scripts do with the state, without a package: bmclinkd --installed, --cleanup
and bmclinkctl trust forget.

Rows S24 to S26 and S30; with dpkg in tests/packaging/ and tests/vm/.
"""
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from daemons import program
from hostile_bmc import HostileBmc
from lab import HOST_NIC
from netns import die_with_parent, run, wait_for
from servers import Server, fingerprint, replace_certificate
from test_clock import FakeClock
from test_trust_net import (agent_certificate, endpoint_trust, enrolled, past, wait_refused)


def package(lab, *arguments, check=True):
    """As the maintainer scripts call it."""
    return run(lab.host.wrap([program("bmclinkd"), "--foreground", "--state-dir",
                              lab.agent.state_dir] + list(arguments) + lab.agent.trees.options()),
               check=check)


def install(lab, version="0.1.0-1", kind="deb"):
    package(lab, "--package", kind, "--installed", version)


# What dpkg-query -W and %{version}-%{release} give the scripts: the version, and the next one.
KINDS = {"deb": ("0.1.0-1", "0.1.0-2"), "rpm": ("0.1.0-1.fc40", "0.1.0-2.fc40")}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def own_fingerprint(lab):
    return json.loads(lab.agent.ctl("certificate", "show", "--json").stdout)["fingerprint"]


def known_hosts(lab):
    return endpoint_trust(lab, "list").stdout


# --- the mark -------------------------------------------------------------------------------------

@EACH_KIND
def test_the_mark_has_no_key(lab, kind):
    """An image under construction: the script has run, no daemon has. Nothing but the mark."""
    version = KINDS[kind][0]
    install(lab, version, kind)
    files = [os.path.join(folder, name) for folder, _, names in os.walk(lab.agent.state_dir)
             for name in names]
    assert [os.path.basename(f) for f in files] == ["installed.json"]
    with open(files[0]) as file:
        assert json.load(file) == {"version": version, "count": 1, "package": kind}


def test_a_bad_version_is_refused(lab):
    for version in ("", "x" * 64, "1\n2"):
        assert package(lab, "--installed", version, check=False).returncode == 1
    assert not os.path.exists(os.path.join(lab.agent.state_dir, "monitor", "installed.json"))


def test_a_damaged_mark_is_made_anew_and_stops_nobody(lab):
    install(lab)
    mark = os.path.join(lab.agent.state_dir, "monitor", "installed.json")
    with open(mark, "w") as file:
        file.write("{")
    enrolled(lab)
    assert "installed.json cannot be read" in lab.agent.log()
    lab.agent.stop()
    install(lab)
    with open(mark) as file:
        assert json.load(file)["count"] == 1


# --- the same version again, and an upgrade -------------------------------------------------------

@EACH_KIND
def test_s26_same_version_again_keeps_the_trust_and_says_so(lab, kind):
    version = KINDS[kind][0]
    install(lab, version, kind)
    enrolled(lab)
    before = own_fingerprint(lab)
    assert "ISM1090" not in lab.agent.event_ids()
    lab.agent.stop()
    install(lab, version, kind)
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    event = lab.agent.wait_event("ISM1090")
    assert event["args"] == [version] and "uninstall" in event["resolution"].lower()
    assert own_fingerprint(lab) == before
    assert "ISM1018" not in lab.agent.event_ids(), "no new certificate"


@EACH_KIND
def test_s26_twin_a_restart_is_no_installation(lab, kind):
    version = KINDS[kind][0]
    install(lab, version, kind)
    enrolled(lab)
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert "ISM1090" not in lab.agent.event_ids()


@EACH_KIND
def test_s26_same_version_again_does_not_mend_an_expired_certificate(lab, kind):
    version = KINDS[kind][0]
    install(lab, version, kind)
    enrolled(lab)
    lab.agent.stop()
    replace_certificate(agent_certificate(lab), **past())
    install(lab, version, kind)
    lab.agent.start()
    wait_refused(lab, "ISM1002")
    lab.agent.wait_event("ISM1090")


@EACH_KIND
def test_s24_upgrade_with_the_bmc_there(lab, kind):
    """A new pair, given to the BMC over the channel that the old one opened."""
    version, newer = KINDS[kind]
    install(lab, version, kind)
    enrolled(lab)
    before = own_fingerprint(lab)
    lab.agent.stop()
    install(lab, newer, kind)
    lab.agent.start()
    lab.agent.wait(lambda s: s["state"] == "connected" and own_fingerprint(lab) != before, 15,
                   "connected with the new certificate")
    assert "ISM1018" in lab.agent.event_ids()
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()
    assert "ISM1090" not in lab.agent.event_ids()


@EACH_KIND
def test_s24_upgrade_while_the_bmc_is_away(lab, kind):
    """The old pair is kept until the BMC has the new one, over any number of restarts."""
    version, newer = KINDS[kind]
    install(lab, version, kind)
    enrolled(lab)
    before = own_fingerprint(lab)
    lab.agent.stop()
    lab.endpoint.stop()
    install(lab, newer, kind)
    for _ in range(2):
        lab.agent.start()
        lab.agent.wait_state("connecting")
        assert own_fingerprint(lab) == before
        lab.agent.stop()
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait(lambda s: s["state"] == "connected" and own_fingerprint(lab) != before, 15,
                   "connected with the new certificate")


def test_s25_upgrade_mends_an_expired_certificate(lab):
    install(lab)
    enrolled(lab)
    lab.agent.stop()
    replace_certificate(agent_certificate(lab), **past())
    lab.agent.start()
    wait_refused(lab, "ISM1002")
    lab.agent.stop()
    install(lab, "0.1.0-2")
    # the BMC knows that this host's certificate is no longer the one in its store
    endpoint_trust(lab, "forget")
    lab.agent.start()
    lab.agent.wait_connected("ipv4")


# --- removal --------------------------------------------------------------------------------------

def test_forget_is_asked_and_done(lab):
    enrolled(lab)
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()
    out = lab.agent.ctl("trust", "forget").stdout
    assert "has forgotten this host" in out
    assert own_fingerprint(lab).lower() not in known_hosts(lab).lower()
    lab.agent.wait_event("ISM1091")
    status = lab.agent.wait_state("stopped")
    assert "forgotten" in status["reason"]["text"] and "restart" in status["mend"]


def test_forget_is_not_undone_by_the_next_attempt(lab):
    """The BMC's window is open now: a connection would enrol this host again."""
    enrolled(lab)
    lab.agent.ctl("trust", "forget")
    before = lab.syn_counts()
    lab.agent.reload(nic_filter="off")
    lab.agent.wait_event("ISM1030")
    assert lab.syn_counts() == before
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")  # its administrator wanted it back


def test_forget_without_a_connection_is_an_error(lab):
    enrolled(lab)
    lab.endpoint.stop()
    lab.agent.wait_state("connecting")
    answer = lab.agent.ctl("trust", "forget", check=False)
    assert answer.returncode == 3 and "connection" in answer.stderr
    lab.endpoint.start()
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()
    lab.agent.wait_connected("ipv4")


def test_forget_unanswered_is_an_error_and_the_link_goes_on(lab):
    """The BMC falls silent in the middle: bounded, nothing printed that did not happen."""
    enrolled(lab)
    lab.silence_ipv4()
    answer = lab.agent.ctl("trust", "forget", check=False)
    assert answer.returncode in (1, 3) and "has forgotten" not in answer.stdout
    lab.clear_faults()
    lab.agent.wait_connected("ipv4", 30)
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()


def test_removal_and_installation_is_a_fresh_start(lab):
    """S24, S30: uninstall and install again makes a new certificate and enrols anew."""
    install(lab)
    enrolled(lab)
    before = fingerprint(agent_certificate(lab))
    lab.agent.ctl("trust", "forget")
    lab.agent.stop()
    package(lab, "--cleanup")
    assert not os.path.exists(agent_certificate(lab))
    install(lab)
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    assert fingerprint(agent_certificate(lab)) != before
    assert "ISM1009" in lab.agent.event_ids() and "ISM1090" not in lab.agent.event_ids()
    assert before not in known_hosts(lab).replace(":", "").lower()


@EACH_KIND
def test_s30_agent_before_the_firmware(lab, kind):
    """Installed while the BMC had no TLS; then its firmware gets it. Refused, and neither a restart
    nor the same version again changes that: uninstall and install does, alone, with nothing done
    at the BMC."""
    version = KINDS[kind][0]
    install(lab, version, kind)
    assert enrolled(lab, profile="idrac", firmware_version="3.21.21.21")["encrypted"] is False
    lab.endpoint.stop()
    lab.endpoint.start(firmware_version="3.30.30.30")
    for step in ("upgraded", "restarted", "installed again"):
        if step != "upgraded":
            lab.agent.stop()
            if step == "installed again":
                install(lab, version, kind)
            lab.agent.start()
        assert wait_refused(lab, "ISM1039")["encrypted"] is not True, step
    assert "uninstall and install" in lab.agent.wait_event("ISM1039")["resolution"]
    before = own_fingerprint(lab)
    forget = lab.agent.ctl("trust", "forget", check=False)  # as the package's script does
    assert forget.returncode == 3 and "connection" in forget.stderr
    lab.agent.stop()
    package(lab, "--cleanup")
    install(lab, version, kind)
    lab.agent.start()
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True
    assert lab.agent.wait_event("ISM1009") and own_fingerprint(lab) != before
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()


@pytest.mark.parametrize("again", ["", "the BMC restarts"])
def test_s30_long_after_the_bmcs_window(lab, again):
    """The same weeks after the BMC got TLS, without IPMI: it remembers the host that it served
    without TLS, and takes its first certificate. No one types at the BMC."""
    clock = FakeClock(lab.folder, lab.endpoint, runs=True)
    install(lab)
    assert enrolled(lab, tls="off")["encrypted"] is False
    wait_for(lambda: "stream opened" in lab.endpoint.log(), 5, "served")
    lab.endpoint.stop()
    lab.endpoint.start(tls="on")
    wait_refused(lab, "ISM1039")
    if again:
        lab.endpoint.stop()
        lab.endpoint.start()
    clock.go(30 * 86400)
    lab.agent.stop()
    package(lab, "--cleanup")
    install(lab)
    lab.agent.start()
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()
    before = own_fingerprint(lab)
    lab.agent.stop()  # and now it knows one: the next stranger is refused
    package(lab, "--cleanup")
    install(lab)
    lab.agent.start()
    wait_refused(lab, "ISM1004")
    assert before.lower() in known_hosts(lab).lower()


def test_s30_twin_a_bmc_that_always_had_tls(lab):
    """It has served nobody without TLS: after its window a first host is refused, until the host
    is started anew, which is the firmware's word that opens the window."""
    clock = FakeClock(lab.folder, lab.endpoint, runs=True)
    lab.endpoint.start()
    clock.go(3600)
    install(lab)
    lab.agent.start()
    wait_refused(lab, "ISM1004")
    assert "reset it" in lab.agent.wait_event("ISM1004")["resolution"]
    lab.agent.stop()
    run(lab.bmc.wrap([program("bmclink-endpoint"), "--runtime-dir", lab.endpoint.runtime_dir,
                      "notice", "host-reset"]))
    lab.agent.start()
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True
    assert own_fingerprint(lab).lower() in known_hosts(lab).lower()


@pytest.mark.parametrize("before", ["as it is", "reconfigured", "killed while it asked by ARP"])
def test_removal_leaves_the_nic_down_as_it_was(lab, before):
    """Also where the NIC was brought up to ask through it, before anything was configured."""
    if before.startswith("killed"):
        lab.silence_arp()
        lab.agent.start(ipv6="off")
        wait_for(lambda: "UP" in lab.host.link(HOST_NIC)["flags"], 5, "it asks")
        lab.agent.kill()
        assert lab.host.addresses(HOST_NIC, 4) == []
    else:
        enrolled(lab)
    if before == "reconfigured":
        lab.host.ip("addr flush dev " + HOST_NIC)
        lab.agent.wait_state("incomplete-configuration")
        lab.agent.ctl("reconfigure")
        lab.agent.wait_connected("ipv4")
    lab.agent.stop()
    package(lab, "--cleanup")
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]


class HoldsBack(HostileBmc):
    """Has IPv6 only at first, and keeps one answer back: about the certificates it knows of us."""
    method = b""

    def start(self):
        self.server = Server(self.lab.bmc, self._serve, backlog=256, family=socket.AF_INET6)
        return super().start()

    def _step_of(self, head):
        step = super()._step_of(head)
        asked = re.match(rb"(\S+) \S+/Certificates", head)
        return "held" if asked and asked.group(1) == self.method else step

    def hold(self, method, attack):
        self.method = method
        self.arm("held", attack)


@pytest.fixture
def over_ipv6(lab):
    """Connected, and the forgetting of this host is asked for over IPv6."""
    bmc = HoldsBack(lab)
    lab.on_close(bmc.close)
    bmc.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv6", 20)
    worker = lab.agent.children()
    yield bmc
    assert lab.agent.children() == worker


def ask_to_forget(lab):
    return subprocess.Popen(lab.agent.namespace.wrap(
        [program("bmclinkctl"), "--runtime-dir", lab.agent.runtime_dir, "trust", "forget"]),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent, text=True)


def have_ipv4_tried(lab):
    lab.host.ip("addr add 192.0.2.9/32 dev " + HOST_NIC)  # something has changed


def test_forget_and_the_protocol_changes(lab, over_ipv6):
    """The connection that was asked over is left for IPv4 before the answer has come."""
    over_ipv6.hold(b"GET", lambda hit: hit.wait())
    asked = ask_to_forget(lab)
    wait_for(lambda: over_ipv6.hits, 20, "it was asked")
    with Server(lab.bmc, over_ipv6._serve, backlog=256):
        have_ipv4_tried(lab)
        assert "ended before the BMC had answered" in asked.communicate(timeout=30)[1]
        assert asked.returncode == 1
        lab.agent.wait_connected("ipv4", 30)


def test_forget_while_ipv4_is_tried(lab, over_ipv6):
    """What was begun before comes to nothing: the BMC would enrol this host again."""
    go_on, over = threading.Event(), threading.Event()

    def serve_late(connection):
        go_on.wait(30)
        over_ipv6._serve(connection)
        over.set()

    def answer_late(hit):
        go_on.set()
        over.wait(8)
        hit.send(b"\r\n\r\n".join(hit.honest()))
    over_ipv6.hold(b"DELETE", answer_late)
    with Server(lab.bmc, serve_late, backlog=256) as server:
        have_ipv4_tried(lab)
        wait_for(lambda: server.accepted, 20, "IPv4 is tried")
        out, error = ask_to_forget(lab).communicate(timeout=30)
        assert "has forgotten this host" in out and not error
        lab.agent.wait_state("stopped")
        assert own_fingerprint(lab).lower() not in known_hosts(lab).lower()
