# SPDX-License-Identifier: Apache-2.0
"""TLS and trust between the two programs: the table of the mandate, each right case with its twin.

Rows S21 to S23, S27 to S29 and S31 to S33.
"""
import datetime
import glob
import os
import socket

import pytest

from daemons import program
from lab import BMC_NIC
from netns import run, wait_for
from peers import MANAGER, ROOT, Service, answer, with_stream
from servers import (Server, fingerprint, load_certificate, make_certificate, replace_certificate,
                     silent, tls_context)


def enrolled(lab, **keys):
    lab.endpoint.start(**keys)
    lab.agent.start(ipv6="off")
    return lab.agent.wait_connected("ipv4")


def agent_certificate(lab):
    return os.path.join(lab.agent.state_dir, "worker", "agent.crt")


def bmc_certificate(lab):
    """The endpoint's own certificate, wherever it keeps it."""
    for folder, _, files in os.walk(lab.endpoint.state_dir):
        for name in files:
            if name.endswith(".crt"):
                return os.path.join(folder, name)
    raise AssertionError("no certificate in " + lab.endpoint.state_dir)


def past(days=1):
    now = datetime.datetime.utcnow()
    return {"not_before": now - datetime.timedelta(days=30),
            "not_after": now - datetime.timedelta(days=days)}


def wait_refused(lab, message_id, timeout=10):
    status = lab.agent.wait(
        lambda s: s["state"] == "refused" and s["reason"]["id"] == message_id, timeout,
        "refused with " + message_id)
    assert status["protocol"] is None
    return status


# --- S21 to S23 -----------------------------------------------------------------------------------

class Capture:
    """Everything that passes the BMC's side of the NIC."""

    def __init__(self, lab):
        with lab.bmc.enter():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((BMC_NIC, 3))
        self.socket.setblocking(False)

    def bytes(self):
        data = b""
        while True:
            try:
                data += self.socket.recv(65536)
            except BlockingIOError:
                return data


def test_s21_nothing_readable_passes_the_nic(lab):
    capture = Capture(lab)
    enrolled(lab)
    data = capture.bytes()
    assert len(data) > 2000
    assert b"/redfish/v1" not in data and b"HTTP/1.1" not in data


def test_s21_twin_the_capture_sees_what_is_readable(lab):
    capture = Capture(lab)
    enrolled(lab, tls="off")
    assert b"/redfish/v1" in capture.bytes()


def test_s22_s23_self_signed_for_ten_years(lab):
    enrolled(lab)
    for path in (agent_certificate(lab), bmc_certificate(lab)):
        certificate = load_certificate(path)
        assert certificate.issuer == certificate.subject
        days = (certificate.not_valid_after - certificate.not_valid_before).days
        assert 3650 <= days <= 3654
        assert os.stat(path[:-4] + ".key").st_mode & 0o777 == 0o600


def test_first_use_pins_and_says_so(lab):
    status = enrolled(lab)
    event = lab.agent.wait_event("ISM1009")
    shown = status["bmc_fingerprint"].replace(":", "").lower()
    assert shown == fingerprint(bmc_certificate(lab))
    assert any(shown == a.replace(":", "").lower() for a in event["args"])


def test_restart_of_both_ends_keeps_the_trust(lab):
    before = enrolled(lab)["bmc_fingerprint"]
    for daemon in (lab.agent, lab.endpoint):
        daemon.stop()
        daemon.start()
    assert lab.agent.wait_connected("ipv4")["bmc_fingerprint"] == before
    assert "ISM1009" not in lab.agent.event_ids()


# --- versions: S28 --------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_s28_each_version_alone(lab, version):
    status = enrolled(lab, tls_min_version=version, tls_max_version=version)
    assert status["tls_version"] == "TLS " + version
    assert ("ISM1008" in lab.agent.event_ids()) == (version == "1.1")


def test_s28_highest_common_version(lab):
    assert enrolled(lab, tls_max_version="1.2")["tls_version"] == "TLS 1.2"


def test_s28_tls_1_0_alone_is_no_communication(lab):
    context = tls_context(lab.folder, "1.0")

    def handshake(connection):
        context.wrap_socket(connection, server_side=True)
    with Server(lab.bmc, handshake), Server(lab.bmc, silent, port=80) as plain:
        lab.agent.start(ipv6="off")
        wait_refused(lab, "ISM1005")
        event = lab.agent.wait_event("ISM1005")
        assert "TLS 1.1" in " ".join(event["args"])  # what this side speaks
        assert plain.accepted == 0


def test_s28_floor_above_what_the_bmc_has(lab):
    lab.endpoint.start(tls_max_version="1.2")
    lab.agent.start({"Tls": {"tls_min_version": "1.3"}}, ipv6="off")
    wait_refused(lab, "ISM1005")
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls_min_version": "1.2"}})
    assert lab.agent.wait_connected()["tls_version"] == "TLS 1.2"


def test_s28_floor_of_the_bmc(lab):
    lab.endpoint.start(tls_min_version="1.3")
    lab.agent.start({"Tls": {"tls_max_version": "1.2"}}, ipv6="off")
    wait_refused(lab, "ISM1005")


# --- the client's certificate ---------------------------------------------------------------------

def test_client_without_certificate_sees_the_root_only(lab):
    enrolled(lab)
    code, body = lab.curl("/redfish/v1/", certificate=False)
    assert code == 200 and "RedfishVersion" in body
    for path in ("/redfish/v1/Managers/bmc", "/redfish/v1/AccountService/Accounts",
                 "/redfish/v1/Managers/bmc/LogServices/Lclog/Entries"):
        assert lab.curl(path, certificate=False)[0] == 401
    assert lab.curl("/redfish/v1/Managers/bmc")[0] == 200  # the twin: as the host


def test_client_unknown_fails_the_handshake(lab):
    enrolled(lab)
    stranger = make_certificate(lab.folder, "stranger")
    options = ["--cert", stranger[0], "--key", stranger[1]]
    assert lab.curl("/redfish/v1/", certificate=False, options=options)[0] == 0


def test_s27_own_certificate_expired(lab):
    enrolled(lab)
    lab.agent.stop()
    replace_certificate(agent_certificate(lab), **past())
    lab.agent.start()
    status = wait_refused(lab, "ISM1002")
    assert "expired" in status["reason"]["text"]
    event = lab.agent.wait_event("ISM1002")
    assert "install" in event["resolution"]


def test_s27_own_certificate_expires_while_connected(lab):
    soon = datetime.datetime.utcnow() + datetime.timedelta(seconds=6)
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: os.path.exists(agent_certificate(lab)), 5)
    lab.agent.stop()
    replace_certificate(agent_certificate(lab), not_after=soon)
    lab.endpoint.start()
    lab.agent.start({"Tls": {"renewal": "off"}})
    lab.agent.wait_connected("ipv4", 5)
    wait_refused(lab, "ISM1002", 15)
    assert datetime.datetime.utcnow() >= soon - datetime.timedelta(seconds=1)


def test_client_not_known_any_more(lab):
    """The BMC knows another host only: uninstall and install again, says the event (S30)."""
    enrolled(lab)
    lab.agent.stop()
    replace_certificate(agent_certificate(lab))
    lab.agent.start()
    wait_refused(lab, "ISM1004")
    assert "install" in lab.agent.wait_event("ISM1004")["resolution"]


# --- the server's certificate ---------------------------------------------------------------------

def test_server_changed(lab):
    enrolled(lab)
    old = fingerprint(bmc_certificate(lab))
    lab.endpoint.stop()
    replace_certificate(bmc_certificate(lab))
    new = fingerprint(bmc_certificate(lab))
    lab.endpoint.start()
    wait_refused(lab, "ISM1001")
    arguments = " ".join(lab.agent.wait_event("ISM1001")["args"]).replace(":", "").lower()
    assert old in arguments and new in arguments
    lab.agent.ctl("trust", "reset")  # an administrator says that it is right
    status = lab.agent.wait_connected("ipv4")
    assert status["bmc_fingerprint"].replace(":", "").lower() == new


def test_server_expired(lab):
    enrolled(lab)
    lab.endpoint.stop()
    lab.agent.stop()
    replace_certificate(bmc_certificate(lab), **past())
    expired = fingerprint(bmc_certificate(lab))
    lab.endpoint.start()
    lab.agent.start({"Tls": {"pin": expired}})
    wait_refused(lab, "ISM1003")
    when = load_certificate(bmc_certificate(lab)).not_valid_after.strftime("%Y-%m-%d")
    assert when in " ".join(lab.agent.wait_event("ISM1003")["args"])


def test_pinned_from_the_configuration(lab):
    lab.endpoint.start()
    pin = fingerprint(bmc_certificate(lab))
    lab.agent.start({"Tls": {"trust": "pinned", "pin": pin}}, ipv6="off")
    lab.agent.wait_connected("ipv4")
    assert "ISM1009" not in lab.agent.event_ids()


def test_pinned_from_the_configuration_twin(lab):
    lab.endpoint.start()
    lab.agent.start({"Tls": {"trust": "pinned", "pin": "ab" * 32}}, ipv6="off")
    wait_refused(lab, "ISM1001")


def test_pinned_without_a_pin_trusts_nobody(lab):
    lab.endpoint.start()
    lab.agent.start({"Tls": {"trust": "pinned"}}, ipv6="off")
    wait_refused(lab, "ISM1039")


def endpoint_trust(lab, *arguments):
    command = [program("bmclink-endpoint"), "--config", lab.endpoint.config, "--state-dir",
               lab.endpoint.state_dir, "--runtime-dir", lab.endpoint.runtime_dir, "trust"]
    return run(lab.bmc.wrap(command + list(arguments)))


def test_trust_from_files(lab, tmp_path):
    """An administrator carries both certificates by hand: no window is open on either side.
    Each half alone is not enough."""
    lab.endpoint.start()
    certificate, _ = make_certificate(str(tmp_path), "stranger")
    endpoint_trust(lab, "add", certificate)  # somebody is known: the window is closed
    lab.agent.start({"Tls": {"trust": "pinned"}}, ipv6="off")
    lab.agent.wait(lambda s: s["state"] == "refused" and "pinned" in s["reason"]["text"], 10, "pin")
    lab.agent.ctl("trust", "pin", bmc_certificate(lab))
    wait_refused(lab, "ISM1004")
    endpoint_trust(lab, "add", agent_certificate(lab))
    lab.agent.ctl("trust", "pin", bmc_certificate(lab))  # at once, not after the wait of a refusal
    lab.agent.wait_connected("ipv4")
    assert "ISM1009" not in lab.agent.event_ids()


# --- clocks that were never set -------------------------------------------------------------------

def in_1970():
    """Environment of a process whose clock reads 1970 (package libfaketime)."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        pytest.skip("libfaketime is not installed")
    return {"LD_PRELOAD": found[0], "FAKETIME": "@1970-01-01 00:05:00",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


def test_bmc_clock_at_1970_refuses_nobody(lab):
    """To that BMC our certificate is not yet valid; it must not mind."""
    lab.endpoint.environment = in_1970()
    assert enrolled(lab)["encrypted"] is True
    lab.endpoint.stop()
    lab.agent.wait_state("connecting")
    lab.endpoint.environment = {}
    lab.endpoint.start()  # the clock is right now, and the certificate is still a good one
    lab.agent.wait_connected("ipv4")


# --- no TLS: S29, S31 to S33 ----------------------------------------------------------------------

def test_s29_bmc_without_tls(lab):
    status = enrolled(lab, tls="off")
    assert status["encrypted"] is False and status["tls_version"] in (None, "none")
    assert status["bmc_fingerprint"] is None
    assert "ISM1006" in lab.agent.event_ids()


@pytest.mark.parametrize("keys", [{"plain": "off"}, {"tls_min_version": "1.2"}])
def test_s29_twin_tls_is_demanded(lab, keys):
    """An administrator who asks for TLS does not get none, however its lack is found."""
    with WebServer(lab.bmc, 443, with_stream()) as web, Server(lab.bmc, silent, port=80) as other:
        lab.agent.start({"Tls": keys}, ipv6="off")
        wait_refused(lab, "ISM1005")
        assert "has no TLS" in " ".join(lab.agent.wait_event("ISM1005")["args"])
        assert web.requests == [] and other.accepted == 0
    lab.agent.stop()
    lab.endpoint.start(tls="off")  # 443 is refused, 80 has a ServiceRoot
    lab.agent.start()
    wait_for(lambda: lab.syn_counts()["ipv4"] >= 3, 20, "attempts")
    assert lab.agent.status()["state"] != "connected"
    lab.agent.stop()
    lab.agent.start({"Tls": {"plain": "on", "tls_min_version": "1.1"}})
    assert lab.agent.wait_connected("ipv4")["encrypted"] is False


@pytest.mark.parametrize("firmware,tls", [("3.30.30.29", False), ("3.30.30.30", True),
                                          ("2.70.70.70", False), ("7.0.0.0", True)])
def test_s29_s31_firmware_decides(lab, firmware, tls):
    status = enrolled(lab, profile="idrac", firmware_version=firmware)
    assert status["encrypted"] is tls
    assert status["bmc"]["firmware_version"] == firmware


def test_downgrade_is_refused_until_trust_is_reset(lab):
    enrolled(lab)
    lab.endpoint.stop()
    lab.endpoint.start(tls="off")
    wait_refused(lab, "ISM1007")
    assert lab.syn_counts()["ipv6"] == 0
    lab.agent.ctl("trust", "reset")
    assert lab.agent.wait_connected("ipv4")["encrypted"] is False


@pytest.mark.parametrize("mend", ["trust reset", "trust pin"])
def test_upgrade_of_the_bmc_to_tls(lab, mend):
    """S30: firmware without TLS learns TLS. The agent's window closed with its first connection, so
    it makes no trust by itself, and goes back to no plain channel: until its administrator speaks
    (uninstall and install: test_s30_agent_before_the_firmware)."""
    assert enrolled(lab, tls="off")["encrypted"] is False
    lab.endpoint.stop()
    lab.endpoint.start(tls="on")
    status = wait_refused(lab, "ISM1039")
    assert status["encrypted"] is not True and "ISM1009" not in lab.agent.event_ids()
    assert fingerprint(agent_certificate(lab)) not in \
        endpoint_trust(lab, "list").stdout.replace(":", "").lower()
    path = [bmc_certificate(lab)] if mend == "trust pin" else []
    lab.agent.ctl(*mend.split(), *path)
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True


def test_upgrade_of_the_bmc_to_tls_before_the_first_connection(lab):
    """The twin: nothing was connected in between, so that trust may still be made on first use."""
    lab.endpoint.start(tls="off")
    lab.agent.start({"Tls": {"plain": "off"}}, ipv6="off")
    wait_for(lambda: lab.syn_counts()["ipv4"] >= 1, 20, "an attempt")
    lab.endpoint.stop()
    lab.endpoint.start(tls="on")
    assert lab.agent.wait_connected("ipv4", 30)["encrypted"] is True
    assert "ISM1009" in lab.agent.event_ids()


def test_s32_s33_agent_without_tls(lab):
    enrolled(lab)
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls": "off"}})
    wait_refused(lab, "ISM1017")
    entries = lab.wait_lifecycle("ISM0050", 1)
    assert "IPv4" in entries[0]["Message"] or "IPv4" in str(entries[0].get("MessageArgs"))


def test_s33_multiple_events(lab):
    enrolled(lab)
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls": "off"}})
    wait_refused(lab, "ISM1017")
    for _ in range(3):  # an administrator who tries again does not change anything
        lab.agent.stop()
        lab.agent.start()
        wait_refused(lab, "ISM1017")
    assert len(lab.wait_lifecycle("ISM0050", 3)) >= 3


def test_s32_twin_with_tls_again(lab):
    enrolled(lab)
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls": "off"}})
    wait_refused(lab, "ISM1017")
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls": "on"}})
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True


def test_plain_port_of_a_tls_bmc_gives_nothing(lab):
    enrolled(lab)
    code, _ = lab.curl("/redfish/v1/", scheme="http")
    assert code == 426


# --- "no TLS" is never concluded from a time-out, a reset or an alert -----------------------------

def reset_at_once(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def alert(connection):
    connection.recv(4096)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure


def close_after_hello(connection):
    connection.recv(4096)


@pytest.mark.parametrize("handler", [silent, reset_at_once, alert, close_after_hello])
def test_no_tls_is_not_concluded_from(lab, handler):
    with Server(lab.bmc, handler) as server, Server(lab.bmc, silent, port=80) as plain:
        lab.agent.start(ipv6="off")
        wait_for(lambda: server.accepted >= 2, 30, "two attempts")
        assert plain.accepted == 0
        assert lab.agent.status()["state"] != "connected"


class WebServer(Service):
    """HTTP, and to bytes that are not HTTP the answer that web servers give."""

    def _talk(self, connection):
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            connection.recv(4096)
            connection.sendall(answer(400, {}, ["Connection: close"], "Bad Request"))
        else:
            super()._talk(connection)


def test_no_tls_twin_bytes_that_are_not_tls(lab):
    """The one thing on the service port that does lead to the plain channel: HTTP in answer to a
    client hello. And the plain port, where the service port is closed."""
    with WebServer(lab.bmc, 443, with_stream()) as service:
        lab.agent.start(ipv6="off")
        assert lab.agent.wait_connected("ipv4")["encrypted"] is False
        assert ("GET", "/redfish/v1/") in [request[:2] for request in service.requests]
    lab.agent.wait(lambda s: s["state"] != "connected", 5, "the service has ended")
    with Service(lab.bmc, 80, with_stream()):
        assert lab.agent.wait_connected("ipv4")["encrypted"] is False


# --- text of the other end ------------------------------------------------------------------------

def test_hostile_text_of_the_bmc_is_harmless(lab):
    """Escapes and line feeds in the BMC's names: not on a terminal, not in the log."""
    evil = "evil\x1b[31m\r\nname\u202e"
    table = with_stream(root=answer(200, dict(ROOT, Vendor=evil)),
                        manager=answer(200, dict(MANAGER, Model=evil, FirmwareVersion=evil)))
    with Service(lab.bmc, 80, table):
        lab.agent.start(ipv6="off")
        status = lab.agent.wait_connected("ipv4")
        assert "evil" in status["bmc"]["model"]  # it did arrive
        text = lab.agent.ctl("status").stdout + lab.agent.ctl("events").stdout
        for bad in ("\x1b", "\r", "\u202e"):
            assert bad not in text and bad not in lab.agent.log()
            assert bad not in "".join(status["bmc"].values())
