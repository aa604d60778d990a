# SPDX-License-Identifier: Apache-2.0
"""One allocation fails while an update is fetched and handed over, in the agent's two processes and
in the BMC: it is installed, or it is said that it was not, and the next try does it."""
import os
import random
import subprocess
import types

import pytest

from daemons import program
from netns import wait_for
from test_memory import SAMPLES, SEED, Failing, crashes, is_a_librarys
from test_update import read
from updates import ARCHITECTURE, OLD, Host

ROLES = ("worker", "monitor", "endpoint")


def begin(host):
    agent = host.lab.agent
    return subprocess.Popen(host.lab.host.wrap(
        [program("bmclinkctl"), "--runtime-dir", agent.runtime_dir, "update", "install"]),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def revive(host):
    """As systemd would; the agent not while its package is being installed."""
    agent, endpoint = host.lab.agent, host.lab.endpoint
    for daemon in (agent, endpoint):
        if daemon.process is None or daemon.process.poll() is None:
            continue
        if daemon is agent and (host.installer or os.path.exists(
                os.path.join(host.tools, "restart"))):
            continue
        daemon.process = None
        daemon.start(wait=False)


def look(host, version):
    """The look that came by itself may be what failed; an administrator's does it, in the end."""
    def seen():
        revive(host)
        agent = host.lab.agent
        return agent.ctl("update", "check", check=False).returncode == 0 and \
            host.feature().get("newer") == version
    wait_for(seen, 60, "it has seen " + version)


def try_once(host, version):
    """Whether it was installed; else the command must have said that it was not."""
    asked = begin(host)

    def over():
        revive(host)
        state = host.state()
        if state.get("version") == version and state["step"] in ("done", "failed", "returned"):
            return state["step"]
        under_way = os.path.exists(os.path.join(host.folder, "request")) or host.installer
        return asked.poll() not in (None, 0) and not under_way and "refused"
    how = wait_for(over, 60, "the end of the try with " + version)
    text = asked.communicate(timeout=20)[0]
    assert how == "done" or asked.returncode != 0, text
    assert "signature is wrong" not in text
    if "restart bmclinkd" in text:
        host.lab.agent.kill()
        host.lab.agent.start(wait=False)
    return how == "done"


@pytest.mark.plain_only
@pytest.mark.parametrize("role", ROLES)
def test_one_allocation_fails_during_an_update(lab, role):
    source, failing = random.Random(SEED), Failing(lab.folder)
    lab.agent.environment = lab.endpoint.environment = failing.environment
    lab.endpoint.start()
    host = Host(lab)
    host.give(host.make(OLD))
    lab.agent.start({"AutoUpdate": {"mode": "notify"}})
    lab.agent.wait_connected("ipv4")
    now, total, counts = OLD, None, {True: 0, False: 0}
    for sample in range((SAMPLES or 100) + 1):
        version = "1.%d-1" % (sample + 1)
        host.give(host.make(version))
        look(host, version)
        number = 1 + source.randrange(total) if total else 0
        what = "allocation %d of %s of the %s failed" % (number, total, role)
        failing.arm(role, number)
        if total is None:
            asked = begin(host)
            wait_for(lambda: host.starts, 30, "the installer is started")
            total = failing.read(role)[0]
            asked.communicate(timeout=30)
            host.wait_step("done")
            assert total > 50
        else:
            done = try_once(host, version)
            counts[done] += 1
            failing.arm(role, 0)
            assert host.installed() == (version if done else now), what
            if not done:
                look(host, version)
                assert try_once(host, version), what
        now = version
        lab.agent.wait(lambda s: s["state"] == "connected" and s["package"] == now, 40, what)
        for log in (lab.agent.log, lab.endpoint.log, lambda: read(host.log)):
            stacks = list(crashes(types.SimpleNamespace(log=log)))
            assert all(is_a_librarys(stack) for stack in stacks), (what, stacks)
        host.take(os.path.join(host.packages, "bmclink_%s_%s.deb" % (version, ARCHITECTURE)))
    print("BMCLINK_SEED=%d: %s, of %d allocations: %d times installed at once, %d at the next try"
          % (SEED, role, total, counts[True], counts[False]))
