# SPDX-License-Identifier: Apache-2.0
"""Updates of the agent, end to end but for dpkg and systemd (rows S16, S20): who is asked, what is
refused, what happens when somebody is killed, and the way back."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import types

import pytest

from daemons import program
from netns import wait_for
from test_clock import FakeClock
from test_memory import SAMPLES, SEED, Failing, crashes, is_a_librarys
from updates import ARCHITECTURE, NEW, OLD, Host, Key


@pytest.fixture
def host(lab):
    """Connected over IPv4 and TLS; the BMC has the package of what runs, a newer one is made."""
    lab.endpoint.start()
    host = Host(lab)
    host.give(host.make(OLD))
    lab.agent.start({"AutoUpdate": {"mode": "notify"}})
    lab.agent.wait_connected("ipv4")
    lab.agent.wait(lambda s: s["features"]["auto-update"].get("looked_at"), 20, "it has looked")
    return host


def set_mode(host, mode):
    host.lab.agent.reload({"AutoUpdate": {"mode": mode}})
    host.lab.agent.wait(lambda s: s["features"]["auto-update"].get("mode") == mode, 10, mode)


def see(host, version=NEW):
    host.lab.agent.wait(lambda s: s["features"]["auto-update"].get("newer") == version, 20,
                        "it has seen " + version)


def wait_problem(host, text, timeout=30):
    host.lab.agent.wait(lambda s: text in (s["features"]["auto-update"].get("problem") or ""),
                        timeout, text)


def reported(host):
    """What bmclinkctl report says of updates: {thing: state}."""
    agent = host.lab.agent
    out = agent.ctl("--state-dir", agent.state_dir, "--config", agent.config,
                    *host.lab.trees.options(), "report", "--json").stdout
    (section,) = [s for s in json.loads(out)["sections"] if s["name"] == "updates"]
    return {item["what"]: item["state"] for item in section["items"]}


# --- who is asked ---------------------------------------------------------------------------------

def test_s20_notify_tells_and_does_nothing(host):
    host.give(host.make())
    event = host.lab.agent.wait_event("ISM1260")
    assert event["args"][:2] == [NEW, OLD]
    see(host)
    shown = host.lab.agent.ctl("update").stdout
    assert NEW in shown and "notify" in shown
    host.assert_old_goes_on()
    assert host.starts == 0 and host.state()["step"] == "none"


def test_s20_an_administrator_installs(host):
    host.give(host.make())
    out = host.lab.agent.ctl("update", "install")
    assert NEW in out.stdout
    host.wait_step("done")
    assert host.installed() == NEW and host.lab.agent.wait_connected("ipv4")["package"] == NEW
    event = host.lab.agent.wait_event("ISM1262")
    assert event["args"] == [OLD, NEW]
    assert not os.path.exists(os.path.join(host.lab.agent.runtime_dir, "update-consent"))
    assert host.lab.agent.ctl("update", "install", check=False).returncode == 1


def test_s20_install_by_itself_and_the_next_needs_no_old_package(host):
    """The package that was installed is the way back of the next one."""
    set_mode(host, "install")
    host.give(host.make())
    host.wait_step("done")
    host.lab.agent.wait_event("ISM1262", 20)
    assert host.state()["back"] == NEW and host.state()["floor"] == NEW
    told = reported(host)
    assert any(what.startswith("last update: %s -> %s: done" % (OLD, NEW)) for what in told)
    assert any(what.startswith("back.pkg: the way back, %s," % NEW) for what in told)
    assert set(told.values()) == {"as-recorded"}
    host.lab.agent.wait_connected("ipv4")
    host.give(host.make("1.2-1"))
    wait_for(lambda: host.state()["version"] == "1.2-1", 40, "the next is asked for")
    host.wait_step("done")
    assert host.installed() == "1.2-1"
    assert host.history() == [NEW, "1.2-1"]


def test_off_fetches_nothing(host):
    host.lab.agent.reload({"AutoUpdate": {"mode": "off"}})
    host.lab.agent.wait(lambda s: not s["features"]["auto-update"]["enabled"], 10, "off")
    host.give(host.make())
    assert host.lab.agent.ctl("update", "install", check=False).returncode == 5
    host.assert_old_goes_on()
    assert host.starts == 0


def test_check_says_what_there_is(host):
    assert "none" in host.lab.agent.ctl("update", "check").stdout
    host.give(host.make())
    assert NEW in host.lab.agent.ctl("update", "check").stdout


@pytest.mark.plain_only
def test_looking_costs_no_memory(host):
    """The worker lives for years, and a sanitizer cannot look for leaks in its sandbox."""
    def resident():
        with open("/proc/%d/status" % host.lab.agent.children()[0]) as file:
            return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]

    def look(times):
        for _ in range(times):
            control.sendall(b'{"command": "feature", "name": "auto-update", "action": "check"}\n')
            assert b'"result"' in answers.readline()

    control = socket.socket(socket.AF_UNIX)
    control.connect(host.lab.agent.control)
    answers = control.makefile("rb")
    look(200)
    before = resident()
    look(1000)
    control.close()
    assert resident() - before < 256, "KiB"


@pytest.mark.parametrize("left", [None, -3600, 5 * 365 * 86400],
                         ids=["none", "an old one", "one from before the clock was set back"])
def test_a_worker_cannot_consent(host, left):
    """The word of the control socket alone is not root's: the monitor wants a fresh file."""
    if left:
        path = os.path.join(host.lab.agent.runtime_dir, "update-consent")
        with open(path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write(NEW + "\n")
        os.utime(path, (time.time() + left,) * 2)
    host.give(host.make())
    see(host)
    out = subprocess.run(
        host.lab.host.wrap(["/usr/bin/python3", "-c", """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(json.dumps({"command": "feature", "name": "auto-update", "action": "install",
                      "version": sys.argv[2]}).encode() + b"\\n")
print(s.makefile().readline())""", host.lab.agent.control, NEW]),
        stdout=subprocess.PIPE, text=True, check=True)
    assert "consented" in out.stdout
    host.assert_old_goes_on()
    assert host.starts == 0


# --- what is not there ----------------------------------------------------------------------------

def test_without_a_key_nothing_is_installed(host):
    for name in os.listdir(host.keys):
        os.unlink(os.path.join(host.keys, name))
    set_mode(host, "install")
    host.give(host.make())
    event = host.lab.agent.wait_event("ISM1267")
    assert "no key" in event["args"][1]
    out = host.lab.agent.ctl("update", "install", check=False)
    assert out.returncode == 1 and "no key" in out.stderr
    host.assert_old_goes_on()
    host.trust(host.key)
    host.lab.agent.ctl("update", "check")
    host.wait_step("done")


def test_a_key_that_others_may_write_is_none(host):
    for name in os.listdir(host.keys):
        os.chmod(os.path.join(host.keys, name), 0o666)
    host.give(host.make())
    see(host)
    out = host.lab.agent.ctl("update", "install", check=False)
    assert out.returncode == 1 and "no key" in out.stderr
    host.assert_old_goes_on()


def test_without_the_old_package_there_is_no_way_back(lab):
    lab.endpoint.start()
    host = Host(lab)
    lab.agent.start({"AutoUpdate": {"mode": "install"}})
    lab.agent.wait_connected("ipv4")
    host.give(host.make())
    event = lab.agent.wait_event("ISM1267", 20)
    assert "no way back" in event["args"][1]
    host.assert_old_goes_on()
    assert lab.agent.ctl("update", "install", check=False).returncode == 1
    assert host.starts == 0
    words = re.search("'bmclinkctl ([^']*)'", event["args"][1]).group(1).split()
    assert words[:2] == ["update", "install"]
    lab.agent.ctl(*words)  # as the text says
    host.wait_step("done")
    assert host.installed() == NEW


def test_s16_unavailable_over_ipv6(make_lab):
    lab = make_lab(bmc_ipv4=None)
    lab.endpoint.start()
    host = Host(lab)
    lab.agent.start({"AutoUpdate": {"mode": "install"}})
    lab.agent.wait_connected("ipv6", 20)
    host.give(host.make(OLD))
    host.give(host.make())
    for action in (["check"], ["install"]):
        out = lab.agent.ctl("update", *action, check=False)
        assert out.returncode == 5 and "IPv4" in out.stderr
    assert host.starts == 0 and host.installed() == OLD


def test_a_plain_channel_only_notifies(lab):
    lab.endpoint.start(tls="off")
    host = Host(lab)
    host.give(host.make(OLD))
    host.give(host.make())
    lab.agent.start({"AutoUpdate": {"mode": "install"}})
    lab.agent.wait_connected("ipv4", 20)
    event = lab.agent.wait_event("ISM1267", 20)
    assert event["args"][0] == NEW and "TLS" in event["args"][1]
    out = lab.agent.ctl("update", "install", check=False)
    assert out.returncode == 1 and "TLS" in out.stderr
    assert host.starts == 0 and host.installed() == OLD


# --- packages that are refused; each with its twin in wait_good() ------------------------------

def wait_good(host):
    """The same, as it should be."""
    host.give(host.make("1.3-1"))
    wait_for(lambda: host.state()["step"] == "done", 40, "a good one is installed")
    assert host.installed() == "1.3-1"


def other_key(host, path):
    host.give(path, Key(host.packages, "other"))


def revoked_key(host, path):
    key = Key(host.packages, "leaked")
    host.trust(key)
    with open(os.path.join(host.keys, "revoked"), "w") as file:
        file.write("# leaked\n%s # 2026\n" % key.id)
    host.give(path, key)


def other_bytes(host, path):
    host.key.sign(path)
    with open(path, "r+") as file:
        file.seek(500)
        file.write("y")
    host.give(path, signature=None)


def other_comment(host, path):
    signature = host.key.sign(path, comment="file one")
    with open(signature) as file:
        text = file.read()
    with open(signature, "w") as file:
        file.write(text.replace("file one", "file two"))
    host.give(path, signature=None)


def truncated(host, path):
    host.key.sign(path)
    os.truncate(path, 600)
    host.give(path, signature=None)


SIGNATURES = {"another key": other_key, "a revoked key": revoked_key, "other bytes": other_bytes,
              "another comment": other_comment, "truncated": truncated}


@pytest.mark.parametrize("what", sorted(SIGNATURES))
def test_wrong_signatures(host, what):
    set_mode(host, "install")
    path = host.make()
    SIGNATURES[what](host, path)
    event = host.lab.agent.wait_event("ISM1265", 20)
    assert event["args"][0] == NEW
    wait_problem(host, "bmclink_" + NEW)
    host.assert_old_goes_on()
    assert host.starts == 0 and host.state()["step"] == "none"
    assert "new.pkg" not in os.listdir(host.folder)
    wait_good(host)


def test_no_signature(host):
    set_mode(host, "install")
    host.give(host.make(), signature=False)
    event = host.lab.agent.wait_event("ISM1267", 20)
    assert "no signature" in event["args"][1]
    host.assert_old_goes_on()
    assert host.starts == 0
    wait_good(host)


CONTENTS = {  # signed by us, and yet not for here: what the package itself says counts
    "another package": dict(name="other"),
    "another architecture": dict(architecture="s390x", file_architecture=ARCHITECTURE),
    "another version": dict(version="9.9-1", file_version=NEW),
    "the same version": dict(version=OLD, file_version=NEW),
    "an older version": dict(version="0.9-1", file_version=NEW),
}


@pytest.mark.parametrize("what", sorted(CONTENTS))
def test_packages_that_are_not_for_here(host, what):
    set_mode(host, "install")
    host.give(host.make(**CONTENTS[what]))
    state = host.wait_step("failed")
    event = host.lab.agent.wait_event("ISM1263", 20)
    assert event["args"][2] == OLD and event["args"][1] == state["why"]
    host.assert_old_goes_on()
    assert host.history() == []
    wait_good(host)


def test_garbage_that_is_signed(host):
    set_mode(host, "install")
    path = host.make()
    with open(path, "wb") as file:
        file.write(os.urandom(5000))
    host.give(path)
    host.wait_step("failed")
    host.assert_old_goes_on()
    assert host.history() == []
    wait_good(host)


def test_names_that_do_not_fit_are_not_even_fetched(host):
    set_mode(host, "install")
    host.give(host.make("0.9-1"))
    host.give(host.make("9.0-1", architecture="s390x"))
    host.lab.agent.ctl("update", "check")
    assert host.feature()["newer"] is None
    host.assert_old_goes_on()
    wait_good(host)


def test_not_below_the_highest_that_was_ever_here(lab):
    """An administrator went back to an older version: an update does not stop half-way."""
    lab.endpoint.start()
    host = Host(lab, version="2.0-1")
    lab.agent.start({"AutoUpdate": {"mode": "notify"}})
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: host.state().get("floor") == "2.0-1", 10, "the floor")
    lab.agent.stop()
    host.write("db", "installed\nbmclink\n%s\n%s\n" % (OLD, ARCHITECTURE))
    subprocess.run(open(os.path.join(host.tools, "note")).read().split()
                   + ["--package", "deb", "--installed", OLD], check=True)
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    host.give(host.make(OLD))
    host.give(host.make("1.5-1"))
    lab.agent.wait(lambda s: s["features"]["auto-update"].get("looked_at"), 20, "it has looked")
    assert host.feature()["newer"] is None
    host.give(host.make("2.1-1"))
    see(host, "2.1-1")


# --- locks, disks, links --------------------------------------------------------------------------

def test_the_package_database_is_locked(host):
    import fcntl
    with open(os.path.join(host.tools, "lock-frontend"), "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        set_mode(host, "install")
        host.give(host.make())
        state = host.wait_step("failed")
        assert "package database" in state["why"]
        host.assert_old_goes_on()
        assert host.history() == []
    host.lab.agent.ctl("update", "install")
    host.wait_step("done")


def test_a_lock_that_is_let_go_is_waited_for(host):
    import fcntl
    host.options[-1] = "30"
    with open(os.path.join(host.tools, "lock-frontend"), "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        set_mode(host, "install")
        host.give(host.make())
        wait_for(lambda: "waiting" in open(host.log).read() if os.path.exists(host.log) else False,
                 20, "it waits")
        assert host.state()["step"] == "checking"
    host.wait_step("done")


def test_a_full_disk(lab):
    state = lab.agent.state_dir
    os.makedirs(state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", state], check=True)
    lab.on_close(lambda: subprocess.run(["umount", "-l", state], check=True))
    lab.endpoint.start()
    host = Host(lab)
    host.give(host.make(OLD))
    host.give(host.make(size=30 << 20))
    lab.agent.start({"AutoUpdate": {"mode": "install"}})
    lab.agent.wait_connected("ipv4")
    wait_problem(host, "disk is full", 40)
    host.assert_old_goes_on()
    assert host.starts == 0
    assert not os.path.exists(os.path.join(state, "worker", "update.pkg"))
    # Who asks for it is told at once, not left waiting.
    out = lab.agent.ctl("update", "install", check=False)
    assert out.returncode == 1 and "the disk is full" in out.stderr
    wait_good(host)


def test_a_lost_link_goes_on_where_it_was(host):
    host.give(host.make(size=20 << 20))
    see(host)
    host.lab.bmc.run(["tc", "qdisc", "add", "dev", "usb0", "root", "tbf", "rate", "40mbit",
                      "burst", "64k", "latency", "200ms"])
    partial = os.path.join(host.lab.agent.state_dir, "worker", "update.pkg")
    set_mode(host, "install")
    wait_for(lambda: os.path.exists(partial) and os.path.getsize(partial) > 2 << 20, 30, "a part")
    host.lab.endpoint.kill()
    host.lab.agent.wait(lambda s: s["state"] != "connected", 20, "the link is lost")
    size = os.path.getsize(partial)
    assert 2 << 20 <= size < 20 << 20
    host.lab.endpoint.start()
    host.lab.agent.wait_connected("ipv4", 20)
    wait_for(lambda: "going on behind" in host.lab.agent.log(), 30, "it goes on")
    behind = int(host.lab.agent.log().split("going on behind ")[1].split()[0])
    assert behind >= size
    host.wait_step("done", 60)


def test_what_was_wanted_is_told_when_it_cannot_go_on(lab):
    """The way back goes from the BMC while it is being fetched: that is what is said, and no more
    is tried."""
    lab.endpoint.start()
    host = Host(lab)
    old = host.make(OLD, size=20 << 20)
    host.give(old)
    host.give(host.make())
    lab.agent.start({"AutoUpdate": {"mode": "notify"}})
    lab.agent.wait_connected("ipv4")
    see(host)
    lab.bmc.run(["tc", "qdisc", "add", "dev", "usb0", "root", "tbf", "rate", "40mbit",
                 "burst", "64k", "latency", "200ms"])
    partial = os.path.join(lab.agent.state_dir, "worker", "update.pkg")
    out = subprocess.Popen(lab.host.wrap(
        [program("bmclinkctl"), "--runtime-dir", lab.agent.runtime_dir, "update", "install"]),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(lambda: os.path.exists(partial) and os.path.getsize(partial) > 1 << 20, 30, "a part")
    lab.endpoint.kill()
    out.wait(60)
    assert out.returncode != 0
    host.take(old)
    lab.endpoint.start()
    lab.agent.wait_connected("ipv4", 30)
    wait_problem(host, "no package of the version that runs", 30)
    assert "has no package of the version that runs" in lab.agent.wait_event("ISM1267")["text"]
    host.assert_old_goes_on()
    assert host.starts == 0


# --- somebody is killed ---------------------------------------------------------------------------

@pytest.mark.parametrize("point", ["read", "query", "before", "half", "after"])
def test_the_installer_is_killed(host, point):
    """kill -9 at that point; init starts it again, and it goes on to the same end."""
    host.write("kill-" + point, "")
    set_mode(host, "install")
    host.give(host.make())
    host.wait_step("done")
    assert host.starts == 2 and host.installed() == NEW
    assert host.lab.agent.wait_connected("ipv4")["package"] == NEW
    host.lab.agent.wait_event("ISM1262", 20)


def test_the_installer_is_killed_while_the_new_agent_connects(host):
    host.broken.add(NEW)
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "connecting", 30, "it waits for the new agent")
    host.installer.kill()
    host.options[1] = "2"
    host.wait_step("returned")
    host.assert_old_goes_on()
    assert host.starts == 2


@pytest.mark.parametrize("point", ["before", "half", "after"])
def test_the_installer_is_killed_while_it_puts_back(host, point):
    host.broken.add(NEW)
    host.options[1] = "2"
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "connecting", 30, "it waits for the new agent")
    host.write("kill-" + point, "")
    host.wait_step("returned")
    host.assert_old_goes_on()
    assert host.starts == 2


def read(path):
    with open(path) as file:
        return file.read()


def settled(host, version):
    """How the update to this version ended, once nothing is under way any more."""
    def is_settled():
        state = host.state()
        busy = os.path.exists(os.path.join(host.folder, "request")) or host.installer is not None
        return not busy and state.get("version") == version and \
            state["step"] in ("done", "failed", "returned") and state["step"]
    return wait_for(is_settled, 60, "the end of the update to " + version)


@pytest.mark.plain_only
def test_one_allocation_of_the_installer_fails(host):
    """It ends with the new agent, or with the one that was; never with none, or with half of one.
    OpenSSL may crash while it sets itself up: then init starts the installer again, as at a kill.
    BMCLINK_SAMPLES says how many allocations are tried, BMCLINK_SEED which."""
    source, failing = random.Random(SEED), Failing(host.lab.folder)
    failing.arm("installer", 0)
    host.environment = failing.environment
    set_mode(host, "install")
    host.give(host.make())
    assert settled(host, NEW) == "done"
    total, now, ends = failing.read("installer")[0], NEW, []
    for sample in range(SAMPLES or total):
        version, number = "1.%d-1" % (sample + 2), source.randrange(total) + 1 if SAMPLES \
            else sample + 1
        what = "allocation %d of %d failed" % (number, total)
        host.lab.agent.wait_connected("ipv4", 30)
        failing.arm("installer", number)
        host.give(host.make(version))
        ends.append(settled(host, version))
        now = version if ends[-1] == "done" else now
        assert host.installed() == now, what
        host.lab.agent.wait(lambda s: s["state"] == "connected" and s["package"] == now, 30, what)
        stacks = list(crashes(types.SimpleNamespace(log=lambda: read(host.log))))
        assert all(is_a_librarys(stack) for stack in stacks), (what, stacks)
        host.take(os.path.join(host.packages, "bmclink_%s_%s.deb" % (version, ARCHITECTURE)))
    print("BMCLINK_SEED=%d: %d allocations; %d done, %d failed, %d returned; a library crashed %d "
          "times" % (SEED, total, *(ends.count(end) for end in ("done", "failed", "returned")),
                     len(stacks)))


def test_one_that_is_always_killed_is_given_up(host):
    host.write("kill-read", "always")
    set_mode(host, "install")
    host.give(host.make())
    state = host.wait_step("failed")
    assert "killed again and again" in state["why"] and host.starts == 6
    host.assert_old_goes_on()
    assert host.history() == []


def test_the_worker_is_killed_while_it_fetches(host):
    host.give(host.make(size=20 << 20))
    see(host)
    host.lab.bmc.run(["tc", "qdisc", "add", "dev", "usb0", "root", "tbf", "rate", "40mbit",
                      "burst", "64k", "latency", "200ms"])
    partial = os.path.join(host.lab.agent.state_dir, "worker", "update.pkg")
    out = subprocess.Popen(host.lab.host.wrap(
        [os.path.join(os.environ["BMCLINK_BUILD"], "src/ctl/bmclinkctl"), "--runtime-dir",
         host.lab.agent.runtime_dir, "update", "install"]), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    wait_for(lambda: os.path.exists(partial) and os.path.getsize(partial) > 2 << 20, 30, "a part")
    os.kill(host.lab.agent.children()[0], signal.SIGKILL)
    out.wait(30)
    assert out.returncode != 0, "nothing was installed yet, and nothing was said to be"
    # what an administrator wanted is still wanted
    host.wait_step("done", 60)
    assert "going on behind" in host.lab.agent.log()
    assert host.installed() == NEW


def test_the_agent_is_killed_while_the_installer_works(host):
    set_mode(host, "install")
    host.paused = True
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "requested", 20, "it is requested")
    host.lab.agent.kill()
    host.paused = False
    host.wait_step("done", 60)
    assert host.installed() == NEW


# --- the way back ---------------------------------------------------------------------------------

def test_s20_a_new_agent_that_does_not_start_is_put_back(host):
    host.broken.add(NEW)
    host.options[1] = "3"
    set_mode(host, "install")
    host.give(host.make())
    state = host.wait_step("returned")
    assert "not connected within 3 s" in state["why"] and host.history() == [NEW, OLD]
    host.assert_old_goes_on()
    event = host.lab.agent.wait_event("ISM1264", 20)
    assert event["args"][0] == NEW and event["args"][2] == OLD
    # not again by itself, also not after a restart
    host.lab.agent.stop()
    host.lab.agent.start()
    host.lab.agent.wait_connected("ipv4")
    event = host.lab.agent.wait_event("ISM1267", 20)
    assert "put back once" in event["args"][1]
    assert host.history() == [NEW, OLD]
    # but when an administrator has mended it
    host.broken.clear()
    host.lab.agent.ctl("update", "install")
    host.wait_step("done")
    assert host.installed() == NEW


def wait_asked(listener, times):
    """The installer asks the agent's socket whether it is connected, once at a time."""
    for _ in range(times):
        listener.accept()[0].close()


def test_s20_the_new_agent_has_two_minutes_by_default(host):
    """As its unit starts it: no option says how long. The installer's own clock is moved."""
    assert host.options.pop(0) == "--connect-seconds" and host.options.pop(0)
    clock = FakeClock(host.lab.folder, host, runs=True)
    host.broken.add(NEW)
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "connecting", 40, "it waits for the new agent")
    path = os.path.join(host.lab.agent.runtime_dir, "control")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)
        wait_asked(listener, 2)
        clock.go(80)
        wait_asked(listener, 3)  # also after the first look at the time that has passed
        assert host.state()["step"] == "connecting" and host.history() == [NEW]
    os.unlink(path)
    clock.go(120)
    assert "not connected within 120 s" in host.wait_step("returned")["why"]
    assert host.history() == [NEW, OLD]
    host.assert_old_goes_on()
    usage = subprocess.run([program("bmclink-update"), "--help"], capture_output=True, text=True)
    assert re.search(r"--connect-seconds N .*\(default 120\)", usage.stdout)


def test_s20_a_new_agent_that_does_not_connect_is_put_back(host):
    """It runs, and the BMC is silent: what counts is the connection."""
    host.options[1] = "3"
    host.paused = True
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "requested", 20, "it is requested")
    host.lab.endpoint.kill()
    host.paused = False
    state = host.wait_step("returned")
    assert host.history() == [NEW, OLD] and "not connected" in state["why"]
    host.lab.endpoint.start()
    host.assert_old_goes_on()


def test_the_old_agent_is_started_though_systemd_has_given_up(host):
    """A new one that crashes at once uses up the unit's starts: then the old package's script is
    refused too, and nobody else would start it."""
    host.broken |= {NEW, OLD}  # "start request repeated too quickly"
    host.options[1] = "2"
    asked = os.path.join(host.tools, "asked")
    host.write("systemctl", '#!/bin/sh\necho "$*" >>%s\n' % asked)
    os.chmod(os.path.join(host.tools, "systemctl"), 0o755)
    set_mode(host, "install")
    host.give(host.make())
    host.wait_step("returned")
    with open(asked) as file:
        assert file.read().splitlines() == ["reset-failed bmclinkd.service",
                                            "start bmclinkd.service"]


def test_a_new_package_that_dpkg_cannot_configure_is_put_back(host):
    host.write("fail-" + NEW, "")
    set_mode(host, "install")
    host.give(host.make())
    state = host.wait_step("returned")
    assert "it fails" in state["why"]
    host.assert_old_goes_on()


def test_an_old_package_that_cannot_be_put_back_is_said(host):
    host.broken.add(NEW)
    host.options[1] = "2"
    host.write("fail-" + OLD, "")
    set_mode(host, "install")
    host.give(host.make())
    state = host.wait_step("lost")
    assert "it fails" in state["why"]
    os.unlink(os.path.join(host.tools, "fail-" + OLD))
    host.broken.clear()
    host.lab.agent.start()
    event = host.lab.agent.wait_event("ISM1266", 20)
    assert event["args"][:2] == [NEW, OLD]


@pytest.mark.parametrize("step,ago", [("requested", 3600), ("installing", 7 * 86400),
                                      ("installing", -3600)])
def test_one_that_a_power_cut_interrupted_goes_on(host, step, ago):
    """However long the machine was off, or wherever its clock stands: bmclinkd is up first."""
    host.paused = True
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "requested", 20, "it is requested")
    host.lab.agent.kill()
    state = host.state()
    state.update(step=step, at=state["at"] - ago)
    with open(os.path.join(host.folder, "state.json"), "w") as file:
        json.dump(state, file)
    host.lab.agent.start()
    host.lab.agent.wait_connected("ipv4")
    host.lab.agent.wait(lambda s: s["features"]["auto-update"]["phase"] == "installing", 20,
                        "it waits for the installer")
    host.paused = False
    host.wait_step("done")
    assert host.installed() == NEW


def test_nobody_starts_the_installer(host):
    """A system without bmclink-update.path: it is said, and does not last for ever."""
    clock = FakeClock(host.lab.folder, host.lab.agent, runs=True)
    host.lab.agent.stop()
    host.lab.agent.start()
    host.paused = True
    set_mode(host, "install")
    host.give(host.make())
    wait_for(lambda: host.state()["step"] == "requested", 20, "it is requested")
    assert host.lab.agent.ctl("update", "install", check=False).returncode == 1
    assert "ISM1263" not in host.lab.agent.event_ids()
    clock.go(901)
    event = host.lab.agent.wait_event("ISM1263", 20)
    assert "not started" in event["args"][1]
    assert not os.path.exists(os.path.join(host.folder, "request"))
    host.assert_old_goes_on()
