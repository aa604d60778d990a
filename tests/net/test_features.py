# SPDX-License-Identifier: Apache-2.0
"""A feature is on when host and BMC have it on: end to end, local-names in the place of all."""
import os
import time

import pytest

from daemons import program
from lab import Lab
from netns import run, wait_for

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
