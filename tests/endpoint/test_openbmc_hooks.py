# SPDX-License-Identifier: Apache-2.0
"""The hooks for OpenBMC, with a D-Bus that is played: which call each word becomes."""
import json
import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
HOOKS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "data", "hooks", "openbmc")
STATE = "xyz.openbmc_project.State."
BUSCTL = """#!/bin/sh
echo "$*" >> "$D/calls"
case "$*" in
*set-property*) [ ! -e "$D/deny" ] || { echo "Access denied" >&2; exit 1; } ;;
*CurrentHostState) echo "s \\"xyz.openbmc_project.State.Host.HostState.$(cat "$D/state")\\"" ;;
*system\\ *Asset\\ Model) echo '{"type":"s","data":"R \\"1\\" \\\\\\\\ x"}' ;;
*Asset\\ SerialNumber) echo '{"type":"s","data":""}' ;;
*UUID) echo '{"type":"s","data":"4c4c4544-0051-4810-8057-b9c04f4d3632"}' ;;
*) exit 1 ;;
esac
"""
MAPPER = """#!/bin/sh
case "$2" in *nothing*) exit 1;; esac
echo "bus.of.$(basename "$2")"
"""


@pytest.fixture
def bus(tmp_path):
    for name, text in (("busctl", BUSCTL), ("mapper", MAPPER)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def call(bus, name, *arguments, **environment):
    return subprocess.run(
        [os.path.join(HOOKS, name)] + list(arguments), capture_output=True, text=True,
        env=dict({"PATH": "%s:/usr/bin:/bin" % bus, "D": str(bus)}, **environment))


@pytest.mark.parametrize("word, path, wanted", [
    ("On", "host0", STATE + "Host RequestedHostTransition s " + STATE + "Host.Transition.On"),
    ("ForceOff", "chassis0",
     STATE + "Chassis RequestedPowerTransition s " + STATE + "Chassis.Transition.Off"),
    ("GracefulShutdown", "host0",
     STATE + "Host RequestedHostTransition s " + STATE + "Host.Transition.Off"),
    ("GracefulRestart", "host0",
     STATE + "Host RequestedHostTransition s " + STATE + "Host.Transition.GracefulWarmReboot"),
    ("ForceRestart", "host0",
     STATE + "Host RequestedHostTransition s " + STATE + "Host.Transition.ForceWarmReboot"),
    ("PowerCycle", "host0",
     STATE + "Host RequestedHostTransition s " + STATE + "Host.Transition.Reboot")])
def test_power(bus, word, path, wanted):
    assert word in call(bus, "power", "types").stdout.split()
    out = call(bus, "power", "reset", word)
    assert out.returncode == 0, out.stderr
    assert (bus / "calls").read_text().splitlines() == [
        "set-property bus.of.%s /xyz/openbmc_project/state/%s %s" % (path, path, wanted)]


def test_every_type_that_is_named_is_known(bus):
    for name in ("power", "manager-reset"):
        for word in call(bus, name, "types").stdout.split():
            assert call(bus, name, "reset", word).returncode == 0, word
        assert call(bus, name, "reset", "Nonsense").returncode == 2
        assert call(bus, name, "nonsense").returncode == 2


def test_a_call_that_is_denied_is_a_failure(bus):
    (bus / "deny").write_text("")
    for name, word in (("power", "On"), ("power", "ForceOff"), ("manager-reset", "ForceRestart")):
        out = call(bus, name, "reset", word)
        assert out.returncode != 0 and "Access denied" in out.stderr


@pytest.mark.parametrize("state, word", [
    ("Running", "On"), ("Off", "Off"), ("TransitioningToRunning", "PoweringOn"),
    ("TransitioningToOff", "PoweringOff"), ("Quiesced", "On"), ("DiagnosticMode", "On")])
def test_state(bus, state, word):
    (bus / "state").write_text(state)
    assert call(bus, "power", "state").stdout == word + "\n"


def test_inventory(bus):
    out = call(bus, "inventory")
    assert out.returncode == 0, out.stderr
    assert json.loads(out.stdout) == {
        "System": {"Model": 'R "1" \\ x', "UUID": "4c4c4544-0051-4810-8057-b9c04f4d3632"},
        "Chassis": {}}
    out = call(bus, "inventory", BMCLINK_SYSTEM="/nothing", BMCLINK_CHASSIS="/nothing")
    assert json.loads(out.stdout) == {"System": {}, "Chassis": {}}
