# SPDX-License-Identifier: Apache-2.0
"""A feature is on when host and BMC have it on: end to end, local-names in the place of all."""
import os
import time

import pytest

from bmcs import Idrac9
from daemons import program
from lab import Lab
from netns import run, wait_for
from peers import answer
from test_vendors import Stage

NAMES = ("inband-access", "snmp-get", "local-names", "auto-update")


@pytest.fixture
def lab(tmp_path):
    with Lab(tmp_path) as lab:
        lab.hosts = os.path.join(lab.trees.etc, "hosts")
        with open(lab.hosts, "w") as file:
            file.write("127.0.0.1 localhost\n")
        lab.endpoint.start()
        lab.agent.start()
        lab.agent.wait_connected("ipv4")
        yield lab


def feature(lab, name="local-names"):
    return lab.agent.status()["features"][name]


def wait_active(lab, active, timeout=5):
    wait_for(lambda: feature(lab)["active"] is active, timeout, "active is %s" % active)


def has_names(lab):
    with open(lab.hosts) as file:
        return "idrac.local" in file.read()


def at_bmc(lab, *words):
    return run(lab.bmc.wrap(lab.endpoint.command() + ["features", *words]))


def test_switched_off_at_the_bmc(lab):
    wait_active(lab, True)
    assert has_names(lab)
    began = time.monotonic()
    at_bmc(lab, "local-names", "off")
    wait_active(lab, False, 1)
    assert time.monotonic() - began < 1
    state = feature(lab)
    assert state["reason"] == "switched off at the BMC"
    assert (state["enabled"], state["enabled_by_host"], state["enabled_by_bmc"]) == (
        False, True, False)
    assert not has_names(lab)
    assert "ISM1200" in lab.agent.event_ids()
    # The command says so, keeps the host's switch, and is no success.
    done = lab.agent.ctl("--config", lab.agent.config, "names", "enable", check=False)
    assert (done.returncode, done.stdout) == (5, "") and "switched off at the BMC" in done.stderr
    assert lab.agent.ctl("names", check=False).returncode == 5
    at_bmc(lab, "local-names", "on")
    wait_active(lab, True, 1)
    assert has_names(lab) and "ISM1201" in lab.agent.event_ids()


def test_survives_a_restart_of_either_end(lab):
    at_bmc(lab, "local-names", "off")
    wait_for(lambda: feature(lab)["enabled_by_bmc"] is False, 2, "the host has heard it")
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: feature(lab)["reason"] == "switched off at the BMC", 5, "read at the start")
    lab.endpoint.kill()
    lab.agent.wait(lambda s: s["state"] != "connected", 8, "the loss")
    lab.endpoint.start()
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: feature(lab)["reason"] == "switched off at the BMC", 5, "read again")
    assert not has_names(lab)
    # Switched on while the host was away: heard at the next connection.
    lab.agent.stop()
    at_bmc(lab, "local-names", "on")
    lab.agent.start()
    wait_active(lab, True)


def test_the_bmc_cannot_switch_on(lab):
    wait_active(lab, True)
    done = lab.agent.ctl("--config", lab.agent.config, "names", "disable")
    assert "off" in done.stdout and not has_names(lab)
    for word in ("off", "on"):
        at_bmc(lab, "local-names", word)
        wait_for(lambda: feature(lab)["enabled_by_bmc"] is (word == "on"), 2, "heard " + word)
    state = feature(lab)
    assert (state["enabled"], state["active"]) == (False, False)
    assert state["reason"] == "switched off on this host"
    assert not has_names(lab)
    # Nor does a restart: the switch is in the configuration.
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: feature(lab)["enabled_by_bmc"] is True, 2, "read at the start")
    assert not has_names(lab) and feature(lab)["active"] is False
    done = lab.agent.ctl("--config", lab.agent.config, "names", "enable")
    assert "on" in done.stdout and has_names(lab)


def test_commands_over_ipv6(lab):
    """Exit 5 with the reason for every one of them, and the switch is kept."""
    lab.silence_ipv4()
    lab.agent.wait_connected("ipv6", 15)
    done = lab.agent.ctl("--config", lab.agent.config, "names", "enable", check=False)
    assert (done.returncode, done.stdout) == (5, "") and "IPv4" in done.stderr
    for verb in ("access", "snmp", "names", "update"):
        done = lab.agent.ctl(verb, check=False)
        assert done.returncode == 5 and "IPv4" in done.stderr
    assert not has_names(lab)


def test_reload_is_roots(lab):
    """And with an error in the files it says so, and nothing changes."""
    wait_active(lab, True)
    with open(lab.agent.config, "a") as file:
        file.write("[LocalNames]\nenabled = perhaps\n")
    done = lab.agent.ctl("--config", lab.agent.config, "names", "disable", check=False)
    assert done.returncode == 1 and "bmclinkd.conf:" in done.stderr
    assert has_names(lab) and feature(lab)["active"] is True
    asked = run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                 program("bmclinkctl"), "--runtime-dir", lab.agent.runtime_dir, "--config",
                 lab.agent.config, "names", "disable"], check=False)
    assert asked.returncode == 1 and "only root" in asked.stderr


# --- a BMC that says odd things -------------------------------------------------------------------

MODULE = "/redfish/v1/Managers/1/Oem/Bmclink/ServiceModule"


class OddBmc(Idrac9):
    """Of another make, and yet with switches: what they say is the test's."""
    link, module, more = MODULE, None, {}

    def resources(self):
        table = super().resources()
        table[self.manager] = dict(table[self.manager], Oem={
            "Bmclink": dict(self.more, ServiceModule={"@odata.id": self.link})})
        if self.module is not None:
            table[MODULE] = self.module
        return table


@pytest.fixture
def odd(make_lab):
    stage = Stage(make_lab, OddBmc)
    stage.hosts = os.path.join(stage.lab.trees.etc, "hosts")
    return stage


def wait_read(stage):
    """The switches were asked for, and the connection lives on."""
    wait_for(lambda: [r for r in stage.bmc.requests if r.path == stage.bmc.manager
                      and r.method == "GET"][1:], 10, "the manager was asked for its switches")


@pytest.mark.parametrize("link", [
    7, None, [], "", "http://192.0.2.1/x", "//192.0.2.1/x", "/x y", "/x\r\nX: y", "/" + "x" * 5000,
    "/redfish/v1/../../x"])
def test_a_link_that_is_none(odd, link):
    """Nothing odd is asked for, and the connection lives on."""
    odd.bmc.link = link
    odd.start()
    odd.agent.wait_connected("ipv4", 15)
    wait_read(odd)
    state = odd.agent.status()
    assert state["state"] == "connected"
    sent = {r.path for r in odd.bmc.requests}
    assert not any("192.0.2.1" in p or " " in p or len(p) > 2000 for p in sent)


@pytest.mark.parametrize("module,on", [
    ({"LocalNames": {"Enabled": False}}, False),
    ({"LocalNames": {"Enabled": True}}, True),
    ({"LocalNames": {"Enabled": "false"}}, True),  # not a switch: it has none
    ({"LocalNames": {"Enabled": None}}, True), ({"LocalNames": []}, True), ({}, True),
    ({"LocalNames": {"Enabled": [False] * 1000}}, True)])
def test_odd_switches(odd, module, on):
    odd.bmc.module = dict(module, SnmpGet={"Enabled": True})
    odd.start()
    odd.agent.wait_connected("ipv4", 15)
    wait_for(lambda: feature(odd)["active"] is on and (
        on or feature(odd)["reason"] == "switched off at the BMC"), 10, "as the switch says")
    assert feature(odd, "snmp-get")["enabled"] is False  # on there is not on here


FAULTS = [lambda c, r: answer(500, {}), lambda c, r: answer(200, []), lambda c, r: answer(404, {}),
          lambda c, r: answer(200, {"x": "y" * (2 * 1024 * 1024)})]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ours", [True, False])
def test_switches_that_cannot_be_read(odd, fault, ours):
    """Of our own make it is no yes: off, and asked again. Another make has never said no: the
    host's switch counts."""
    if ours:
        odd.bmc.root = lambda root=odd.bmc.root: dict(root(), Oem={"Bmclink": {}})
    odd.bmc.faults[MODULE] = fault
    odd.start()
    odd.agent.wait_connected("ipv4", 15)
    wait_for(lambda: [r for r in odd.bmc.requests if r.path == MODULE][1:], 15, "asked again")
    state = odd.agent.status()
    if ours:
        assert feature(odd)["active"] is False and feature(odd)["enabled_by_bmc"] is None
        assert not os.path.exists(odd.hosts)
        odd.bmc.faults.clear()
        odd.bmc.module = {"LocalNames": {"Enabled": True}}
    wait_for(lambda: feature(odd)["active"] is True, 15, "on")
    assert state["state"] == "connected"


# --- where SNMP is said to be ---------------------------------------------------------------------

SNMP, SET_USER, REMOVE_USER = "/redfish/v1/Odd/Asked", "/redfish/v1/Odd/Take", "/redfish/v1/Odd/Go"
SNMP_BODY = {"Enabled": True, "ServiceRunning": True, "Port": 161,
             "Subtree": "1.3.6.1.4.1.674.10892.5", "AuthenticationProtocols": ["HMAC192_SHA256"],
             "Actions": {"#BmclinkSnmp.SetUser": {"target": SET_USER},
                         "#BmclinkSnmp.RemoveUser": {"target": REMOVE_USER}}}


def start_snmp(odd, link=SNMP, body=None):
    """One that runs our endpoint, as it says, with the resource in a place of its own."""
    odd.bmc.root = lambda root=odd.bmc.root: dict(root(), Oem={"Bmclink": {}})
    odd.bmc.module = {"SnmpGet": {"Enabled": True}}
    if link is not None:
        odd.bmc.more = {"Snmp": {"@odata.id": link}}
    odd.bmc.faults[SNMP] = lambda c, r: odd.bmc._send(c, 200, body or SNMP_BODY)
    odd.bmc.faults[SET_USER] = answer(503, {})
    odd.start(sections={"SnmpGet": {"enabled": "on", "communities": "bmcread"}})
    odd.agent.wait_connected("ipv4", 15)


def wait_snmp_reason(odd, text):
    wait_for(lambda: text in (feature(odd, "snmp-get")["reason"] or ""), 15, text)


def test_snmp_is_where_the_links_lead(odd):
    """The resource that the manager names, and the targets of its actions: no path is made up."""
    start_snmp(odd)
    wait_snmp_reason(odd, "the BMC's SNMP service does not run")
    assert SNMP in odd.bmc.paths("GET") and SET_USER in odd.bmc.paths("POST")
    odd.agent.reload({"SnmpGet": {"enabled": "off"}})
    wait_for(lambda: REMOVE_USER in odd.bmc.paths("POST"), 15, "the user is to go")
    assert odd.bmc.invented() == []


@pytest.mark.parametrize("link", [None, "", 7, "http://192.0.2.1/x", "/x y"])
def test_no_link_no_snmp(odd, link):
    start_snmp(odd, link)
    wait_snmp_reason(odd, "this BMC's firmware has no SNMP for its host")
    assert not feature(odd, "snmp-get")["active"]
    assert odd.bmc.invented() == [] and SNMP not in odd.bmc.paths()


def test_snmp_without_a_target(odd):
    start_snmp(odd, body=dict(SNMP_BODY, Actions={}))
    wait_snmp_reason(odd, "does not say where it takes an SNMP user")
    assert odd.bmc.invented() == []


def test_snmp_that_was_not_answered_is_asked_for_again(odd):
    """An answer that breaks off, while the connection lives: nobody else would ask again."""
    bad, send = [], odd.bmc._send

    def send_once_badly(connection, status, body, headers=()):
        if body is SNMP_BODY and not bad:
            bad.append(1)
            connection.sendall(answer(200, {"x": "y" * (2 * 1024 * 1024)}))
            return True
        return send(connection, status, body, headers)
    odd.bmc._send = send_once_badly
    start_snmp(odd)
    wait_snmp_reason(odd, "the BMC's SNMP service does not run")
    assert bad and odd.bmc.paths("GET").count(SNMP) >= 2
