# SPDX-License-Identifier: Apache-2.0
"""Bytes that are cut, delayed or flipped on the way, and frames that are lost, late, doubled or out
of order: connected again each time, and nothing that was flipped has changed anything.

BMCLINK_BYTES says how many bytes are tried in each of the two tests, BMCLINK_SEED which.
"""
import collections
import os
import random
import shutil
import time

import pytest

from killing import Births
from netns import wait_for
from servers import fingerprint
from test_renewal import plain, worker
from test_rollover import bmc, trust
from wire import Bridged, Fault, Proxied, Weather

BYTES = int(os.environ.get("BMCLINK_BYTES", 9))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))
pytestmark = pytest.mark.plain_only  # what it does to the daemons, others do with sanitizers
WITHIN = 40  # seconds until whole again, on a machine that does much else


@pytest.fixture
def lab(tmp_path):
    with Proxied(tmp_path) as lab:
        yield lab


def is_whole(lab):
    try:
        status = lab.agent.status()
    except ValueError:
        return False
    return status["state"] == "connected" and status["encrypted"] and \
        status["events"]["by"] == "stream" and \
        plain(status["bmc_fingerprint"]) == fingerprint(bmc(lab, "endpoint.crt"))


def settle(lab, timeout, what):
    """Whole, and no connection comes or goes any more; the seconds until it was."""
    began, steady, last = time.monotonic(), 0, None

    def is_settled():
        nonlocal steady, last
        now = (is_whole(lab), [dict(lengths) for lengths in lab.lengths])
        if not now[0]:
            steady = 0
        elif now == last:
            steady += 1
        else:
            steady = 1
        last = now
        return steady >= 4
    wait_for(is_settled, timeout, what)
    return time.monotonic() - began


def certificates(lab):
    return fingerprint(worker(lab, "agent.crt")), fingerprint(bmc(lab, "endpoint.crt"))


def begin(lab, fresh):
    """A new life of the agent; fresh: of both ends, with nothing."""
    lab.agent.kill()
    if fresh:
        lab.endpoint.kill()
        for daemon in (lab.endpoint, lab.agent):
            shutil.rmtree(daemon.state_dir, ignore_errors=True)
        lab.replug()
    if not lab.endpoint.is_running():
        lab.endpoint.start()


def faults(source, lengths):
    """Sampled bytes of the recorded connections, each kind in turn."""
    places = [(number, way) for number, ways in enumerate(lengths) for way in ways if ways[way]]
    for n in range(BYTES):
        kind = ("cut", "flip", "delay")[n % 3]
        # most bytes are in few directions, and yet each is worth a look
        number, way = source.choice(places)
        yield Fault(kind, number, way, source.randrange(lengths[number][way]),
                    source.uniform(0.1, 2), 1 << source.randrange(8))


@pytest.mark.parametrize("fresh", [False, True], ids=["known", "enrolment"])
def test_bytes_of_a_session(lab, fresh):
    source = random.Random(SEED)
    print("BMCLINK_SEED=%d" % SEED)
    lab.endpoint.start()
    lab.agent.start(wait=False, ipv6="off")
    settle(lab, WITHIN, "connected")
    begin(lab, fresh)
    lab.arm()
    lab.agent.start(wait=False)
    settle(lab, WITHIN, "connected")
    lengths = [dict(ways) for ways in lab.lengths]
    print("recorded: %s" % lengths)
    assert sum(sum(ways.values()) for ways in lengths) > 5000
    before, took, missed = certificates(lab), collections.defaultdict(list), 0
    for fault in faults(source, lengths):
        begin(lab, fresh)
        lab.arm(fault)
        lab.agent.start(wait=False)
        if not fault.done.wait(5):
            missed += 1  # it ended some bytes earlier this time
        took[fault.kind].append(settle(lab, WITHIN, "whole again: %s" % fault))
        assert plain(trust(lab)["pin"]) == fingerprint(bmc(lab, "endpoint.crt")), str(fault)
        assert fresh or certificates(lab) == before, str(fault)
        assert trust(lab)["next_pin"] is None, str(fault)
    for kind, times in took.items():
        print("%-6s %4d times, whole again after %.1f s (median), %.1f s (longest)" % (
            kind, len(times), sorted(times)[len(times) // 2], max(times)))
    assert missed <= BYTES / 2


# --- frames ---------------------------------------------------------------------------------------

WEATHERS = {
    "loss": dict(loss=0.15),
    "delay": dict(delay=0.1, spread=0.02),
    "duplicates": dict(duplicates=0.5),
    "reorder": dict(spread=0.05),
    "all": dict(loss=0.08, delay=0.03, spread=0.05, duplicates=0.2),
}


@pytest.mark.parametrize("weather", WEATHERS)
def test_frames(tmp_path, weather):
    """From bare to connected, and again after the BMC was gone; once configured, once trusted."""
    with Bridged(tmp_path) as lab:
        births = lab._own(Births(lab))
        lab.endpoint.start()
        lab.weather = Weather(SEED, **WEATHERS[weather])
        began = time.monotonic()
        lab.agent.start(ipv6="off")
        lab.agent.wait_connected("ipv4", 60)
        took = [time.monotonic() - began]
        pin = trust(lab)["pin"]
        for _ in range(3):
            lab.endpoint.kill()
            lab.agent.wait(lambda s: s["state"] != "connected", 60, "the loss")
            lab.endpoint.start()
            began = time.monotonic()
            lab.agent.wait_connected("ipv4", 60)
            took.append(time.monotonic() - began)
        lab.weather = Weather()
        lab.agent.wait(lambda s: s["state"] == "connected" and s["events"]["by"] == "stream",
                       30, "the stream")
        assert trust(lab)["pin"] == pin
        assert births.count(lab.ifindex) == 1
        assert lab.frames > 50
        print("%s: first connected after %.1f s, again after %s s" % (
            weather, took[0], ", ".join("%.1f" % t for t in took[1:])))
