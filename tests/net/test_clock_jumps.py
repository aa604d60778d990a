# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set by years, both ways, while the two are not connected: between two attempts,
and while the window for enrolment is open. Waits and windows go by the time that passes."""
import os
import shutil

import pytest

from netns import wait_for
from test_clock import AT_ONCE, YEAR, clocks, connect  # noqa: F401
from test_rollover import endpoint_command

JUMPS = [5 * YEAR, -3 * YEAR, -56 * YEAR]  # within the dates, before them, and before 1971
OFF = {"Tls": {"renewal": "off"}}


def jump(daemon, clock, seconds):
    before = daemon.log().count("the clock was set")
    clock.set(seconds)
    wait_for(lambda: daemon.log().count("the clock was set") > before, AT_ONCE * 5, "noticed")


def wait_connected(lab, timeout=20):
    return lab.agent.wait(lambda s: s["state"] == "connected" and s["encrypted"], timeout,
                          "connected with TLS")


def forget_agent(lab):
    """Another host from here on: nobody whom the BMC knows."""
    lab.agent.stop()
    shutil.rmtree(os.path.join(lab.agent.state_dir, "worker"))
    lab.agent.start(OFF, ipv6="off")


@pytest.mark.parametrize("seconds", JUMPS)
def test_while_the_bmc_is_silent(clocks, seconds):  # noqa: F811
    """The agent waits for its next attempt: not for years, and not without a wait."""
    lab = clocks
    connect(lab, OFF, renewal="off")
    lab.endpoint.stop()
    lab.agent.wait(lambda s: s["state"] == "connecting" and s["reason"], 20, "an attempt failed")
    jump(lab.agent, lab.agent_clock, seconds)
    jump(lab.agent, lab.agent_clock, 0)
    jump(lab.agent, lab.agent_clock, seconds)
    attempts = lab.agent.log().count("new -> root")
    lab.endpoint.start(renewal="off")
    wait_connected(lab)
    assert lab.agent.log().count("new -> root") - attempts < 10
    assert not {"ISM1001", "ISM1002", "ISM1003"} & set(lab.agent.event_ids())


@pytest.mark.parametrize("seconds", JUMPS)
def test_bmc_while_nobody_is_connected(clocks, seconds):  # noqa: F811
    lab = clocks
    connect(lab, OFF, renewal="off")
    lab.agent.stop()
    jump(lab.endpoint, lab.bmc_clock, seconds)
    lab.agent.start(OFF, ipv6="off")
    wait_connected(lab)


@pytest.mark.parametrize("end", ["agent", "bmc"])
@pytest.mark.parametrize("seconds", JUMPS)
def test_while_the_window_is_open(clocks, end, seconds):  # noqa: F811
    """Neither end's window is closed by it: the host enrols, as without."""
    lab = clocks
    if end == "bmc":
        lab.endpoint.start(renewal="off")
        jump(lab.endpoint, lab.bmc_clock, seconds)
        lab.agent.start(OFF, ipv6="off")
    else:
        lab.agent.start(OFF, ipv6="off")
        jump(lab.agent, lab.agent_clock, seconds)
        lab.endpoint.start(renewal="off")
    wait_connected(lab)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_closed_window_stays_closed(clocks, seconds):  # noqa: F811
    """The twin: no setting of the BMC's clock lets another host in."""
    lab = clocks
    connect(lab, OFF, renewal="off")
    jump(lab.endpoint, lab.bmc_clock, seconds)
    forget_agent(lab)
    lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1004", 20,
                   "not known, and not taken")
    jump(lab.endpoint, lab.bmc_clock, 0)
    assert lab.agent.status()["state"] == "refused"


@pytest.mark.parametrize("seconds", JUMPS)
def test_refused_and_the_agents_clock_is_set(clocks, seconds):  # noqa: F811
    """The waits after a refusal are of passed time, too: let in as soon as the BMC has a window."""
    lab = clocks
    connect(lab, OFF, renewal="off")
    forget_agent(lab)
    lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1004", 20,
                   "not known, and not taken")
    jump(lab.agent, lab.agent_clock, seconds)
    endpoint_command(lab, "trust", "open")
    wait_connected(lab, 30)
