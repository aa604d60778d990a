# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set while both ends are connected, and trust that the agent takes away: what has
lost its ground ends at once, what has not goes on (row S27 of the mandate among others)."""
import datetime
import os
import struct

import pytest

from daemons import build_dir
from netns import wait_for
from servers import fingerprint, replace_certificate
from test_renewal import certificate, plain
from test_rollover import bmc

DAY, YEAR = 86400, 365 * 86400
AT_ONCE = 4  # seconds, on a machine that does much else


class FakeClock:
    """The wall clock of one daemon. runs: or all its time, which go() lets pass."""

    def __init__(self, folder, daemon, runs=False):
        self.folder = os.path.join(folder, "clock-" + daemon.program)
        os.makedirs(self.folder)
        self.passed = 0
        self._write(0)
        os.mkfifo(os.path.join(self.folder, "set"))
        os.chmod(os.path.join(self.folder, "set"), 0o666)
        os.chmod(self.folder, 0o755)
        daemon.environment = {
            "LD_PRELOAD": os.path.join(build_dir(), "tests/net/fake_clock.so"),
            "FAKE_CLOCK": self.folder, "ASAN_OPTIONS":
            os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        if runs:
            daemon.environment["FAKE_CLOCK_RUNS"] = "1"

    def _write(self, seconds):
        path = os.path.join(self.folder, "offset")
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:  # it is mapped
            file.write(struct.pack("q", seconds))

    def go(self, seconds):
        """So much time passes; the daemon sees it when something wakes it."""
        self.passed += seconds
        self._write(self.passed)

    def set(self, seconds):
        """That much from the real time."""
        self._write(seconds)
        with open(os.path.join(self.folder, "set"), "wb", buffering=0) as file:
            file.write(b"x")


def streams_closed(lab):
    return lab.endpoint.log().count("stream closed")


@pytest.fixture
def clocks(lab):
    lab.agent_clock = FakeClock(lab.folder, lab.agent)
    lab.bmc_clock = FakeClock(lab.folder, lab.endpoint)
    return lab


def connect(lab, sections=None, **keys):
    lab.endpoint.start(**keys)
    lab.agent.start(sections or {"Tls": {"renewal": "off"}}, ipv6="off")
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream", 10, "connected")


def wait_refused(lab, message, timeout=20):
    """The connection ends at once; the next attempt, after its wait, says that it is refused."""
    lab.agent.wait(lambda s: s["state"] != "connected", AT_ONCE, "the connection ends")
    lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == message, timeout,
                   "refused with " + message)


# --- clocks ---------------------------------------------------------------------------------------

def test_host_years_ahead(clocks):
    lab = clocks
    connect(lab, renewal="off")
    lab.agent_clock.set(11 * YEAR)
    wait_refused(lab, "ISM1002")
    wait_for(lambda: streams_closed(lab) == 1, AT_ONCE, "the BMC sees the end")
    lab.agent_clock.set(0)  # back: nothing was lost by it
    assert lab.agent.wait_connected("ipv4", 30)["encrypted"] is True
    assert "ISM1009" not in lab.agent.event_ids(lab.agent.mark())


def test_bmc_years_ahead(clocks):
    lab = clocks
    connect(lab, renewal="off")
    lab.bmc_clock.set(11 * YEAR)
    wait_for(lambda: streams_closed(lab) == 1, AT_ONCE, "the BMC ends the stream")
    wait_refused(lab, "ISM1002")  # by its alert: 45
    lab.bmc_clock.set(0)
    lab.agent.wait_connected("ipv4", 30)


@pytest.mark.parametrize("seconds", [DAY, 5 * YEAR, -DAY, -3 * YEAR, -56 * YEAR])
@pytest.mark.parametrize("end", ["agent_clock", "bmc_clock"])
def test_twin_within_the_dates_or_back(clocks, end, seconds):
    """Nothing ends, and whoever comes anew is let in: a clock that goes back breaks no trust."""
    lab = clocks
    connect(lab, renewal="off")
    daemon = lab.agent if end == "agent_clock" else lab.endpoint
    getattr(lab, end).set(seconds)
    wait_for(lambda: "the clock was set" in daemon.log(), AT_ONCE, "noticed")
    assert lab.agent.status()["state"] == "connected" and streams_closed(lab) == 0
    lab.agent.stop()
    lab.agent.start()
    assert lab.agent.wait_connected("ipv4")["encrypted"] is True


def test_renewal_that_becomes_due_by_it(clocks):
    lab = clocks
    connect(lab, {"Tls": {"renewal": "on"}}, renewal="off")
    old = plain(certificate(lab)["fingerprint"])
    lab.agent_clock.set(10 * YEAR - 20 * DAY)
    wait_for(lambda: plain(certificate(lab)["fingerprint"]) != old, 10, "renewed")
    lab.agent.wait_connected("ipv4")


# --- trust that is taken away by the agent --------------------------------------------------------

def in_seconds(n):
    return datetime.datetime.utcnow() + datetime.timedelta(seconds=n)


def pin_another(lab):
    lab.agent.ctl("trust", "pin", "ab" * 32)
    return "ISM1001"


def reload_another(lab):
    lab.agent.reload({"Tls": {"pin": "ab" * 32}})
    return "ISM1001"


def reload_pinned_without_pin(lab):
    """What was pinned on first use stays pinned: nothing is taken away by this."""
    lab.agent.reload({"Tls": {"trust": "pinned"}})


def reset(lab):
    lab.agent.ctl("trust", "reset")


@pytest.mark.parametrize("act", [pin_another, reload_another, reset, reload_pinned_without_pin])
def test_removed_by_the_agent(lab, act):
    """The live connection ends at once; what comes after it is by what is trusted now."""
    connect(lab)
    message = act(lab)
    wait_for(lambda: streams_closed(lab) == 1, AT_ONCE, "the stream ends")
    if message:
        wait_refused(lab, message)
    else:
        lab.agent.wait_connected("ipv4")


def test_bmc_certificate_expires_while_connected(lab):
    lab.endpoint.start(renewal="off")
    lab.endpoint.stop()
    replace_certificate(bmc(lab, "endpoint.crt"), not_after=in_seconds(7))
    connect(lab, renewal="off")
    assert plain(lab.agent.status()["bmc_fingerprint"]) == fingerprint(bmc(lab, "endpoint.crt"))
    wait_for(lambda: streams_closed(lab) == 1, 15, "the end of the certificate")
    wait_refused(lab, "ISM1003")
    wait_for(lambda: streams_closed(lab) == 1, AT_ONCE, "the stream ends")
