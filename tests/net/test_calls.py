# SPDX-License-Identifier: Apache-2.0
"""One system call fails, whichever and with whatever the kernel may say: nobody crashes, nothing is
told that did not happen, and both ends find each other all the same.

The n-th call of a kind (fail.h) of the endpoint, of the monitor or of the worker fails, from its
start on: with no state at either end, so that enrolment is part of it, or when the two know each
other. A process may end for it in good order: then it is started again, as systemd would. What was
known before is known afterwards; and once connected both ends are killed, for what they had told
must be on the disk. BMCLINK_CALLS says how many of each are tried; 0: all.
"""
import errno
import os
import random
import re
import shutil
import signal
import socket
import ssl

import pytest

from lab import BMC_IPV4, HOST_IPV4, HOST_NIC
from netns import wait_for
from servers import fingerprint
from test_memory import ROLES, Failing, is_connected, live
from test_renewal import assert_one_at_each_end, plain, worker
from test_rollover import bmc, endpoint_command, trust

SAMPLES = int(os.environ.get("BMCLINK_CALLS", 3))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))

# As fail.h has them; and what the kernel says of such a call when it cannot.
KINDS = (("descriptor", (errno.EMFILE, errno.ENFILE, errno.ENOMEM)),
         ("read", (errno.EINTR, errno.EIO, errno.ENOMEM)),
         ("write", (errno.EINTR, errno.ENOSPC, errno.EIO)),
         ("send", (errno.EINTR, errno.ENOBUFS, errno.ENOMEM)),
         ("disk", (errno.EIO, errno.ENOSPC, errno.EINTR)),
         ("wait", (errno.EINTR,)),
         ("network", (errno.ENOBUFS, errno.ENOMEM)),
         ("process", (errno.EAGAIN, errno.ENOMEM)))


@pytest.fixture
def failing(lab):
    made = Failing(lab.folder)
    lab.agent.environment = lab.endpoint.environment = made.environment
    return made


class Known:
    """What a start that meets a fault must not lose: certificates, trust, records, switches."""

    def __init__(self, lab):
        self.certificates = [fingerprint(worker(lab, "agent.crt")),
                             fingerprint(bmc(lab, "endpoint.crt"))]
        self.records = records(lab)
        self.address = lab.host.has_address(HOST_NIC, HOST_IPV4)

    def check(self, lab, what):
        assert [fingerprint(worker(lab, "agent.crt")),
                fingerprint(bmc(lab, "endpoint.crt"))] == self.certificates, what
        assert plain(told(trust, lab)["pin"]) == self.certificates[1], what
        told(assert_one_at_each_end, lab)
        now = records(lab)
        assert {n: now.get(n) for n in self.records} == self.records, what + ": records are lost"
        new = [now[n] for n in now if n not in self.records]
        assert not [text for text in new if text[0].endswith("ISM1033")], what + ": a window"
        switches = status(lab)["features"]["local-names"]
        assert switches["enabled_by_bmc"] is not False, what + ": switched off"
        assert lab.host.has_address(HOST_NIC, HOST_IPV4) == self.address, what


def status(lab):
    """The fault may end the very worker that is asked."""
    def ask():
        try:
            return lab.agent.status()
        except ValueError:  # nothing came
            return None
    return wait_for(ask, 20, "bmclinkctl status")


def records(lab):
    """{Id: what it says} of the newest of the BMC's log; the fault may hit this very reader."""
    def read():
        try:
            return lab.lifecycle_log()
        except AssertionError as error:
            if "HTTP 0" not in str(error):
                raise
        except ValueError:
            pass  # it broke off
        return None
    entries = wait_for(read, 10, "the BMC's log is read")
    return {int(e["Id"]): (e["MessageId"], tuple(e["MessageArgs"])) for e in entries}


def restart(lab, what):
    for daemon in (lab.agent, lab.endpoint):
        daemon.kill()
        daemon.start(wait=False)
    wait_for(lambda: is_connected(lab), 40, "connected again, " + what)


def told(ask, *arguments):
    """The fault may hit the connection of this very question: then it is asked once more."""
    try:
        return ask(*arguments)
    except AssertionError as error:
        if "did not answer as it should" not in str(error):
            raise
    return ask(*arguments)


def is_pinned(lab):
    pin = told(trust, lab)["pin"]
    return pin and plain(pin) == fingerprint(bmc(lab, "endpoint.crt"))


def one_life(lab, failing, role, kind, number, error, known):
    """Whether it failed."""
    what = "%s call %d of the %s failed with %s%s" % (
        KINDS[kind][0], number, role, errno.errorcode[error], ", known" if known else "")

    def then():
        wait_for(lambda: is_pinned(lab), 5, "pinned is what the BMC has, " + what)
        before = Known(lab)
        if known:
            failing.arm(role, number, kind, error)
            restart(lab, what)
            before.check(lab, what)
        restart(lab, "after " + what)
        before.check(lab, what)

    failing.arm(role, 0)
    if not known:
        failing.arm(role, number, kind, error)
    live(lab, what, then)
    return failing.read(role, kind)[1]


@pytest.mark.plain_only
@pytest.mark.parametrize("role", ROLES)
def test_one_system_call_fails(lab, failing, role):
    source = random.Random(SEED)
    print("BMCLINK_SEED=%d" % SEED)
    failing.arm(role, 0)
    counts = []
    live(lab, "nothing", lambda: counts.extend(
        failing.read(role, kind)[0] for kind in range(len(KINDS))))
    assert sum(counts) > 100, counts
    faults = [(kind, number + 1, error, known) for kind, (_, errors) in enumerate(KINDS)
              for number in range(counts[kind]) for error in errors for known in (True, False)]
    print("%s: %s until it is connected; %d faults" % (
        role, ", ".join("%d %s" % (counts[k], KINDS[k][0]) for k in range(len(KINDS))),
        len(faults)))
    if SAMPLES:
        kinds = [source.randrange(len(KINDS)) for _ in range(SAMPLES)]  # the rare ones, too
        faults = [source.choice([f for f in faults if f[0] == kind] or faults) for kind in kinds]
    failed, bad = 0, []
    for fault in faults:
        try:
            failed += one_life(lab, failing, role, *fault)
        except AssertionError as error:
            bad.append((fault, str(error)))
            print(bad[-1])
            for daemon in (lab.agent, lab.endpoint):
                print("-----", daemon.program, *(line for line in daemon.log().splitlines()
                                                 if "access-get" not in line), sep="\n")
                daemon.kill()
                daemon.process = None
    print("%d of %d calls failed" % (failed, len(faults)))
    assert not bad, "%d: %s" % (len(bad), bad[:20])
    assert failed > len(faults) * 0.4 or len(faults) < 20  # a sample may miss what seldom comes


# What the two must find again, by the end that reads it at its start.
FILES = [("endpoint", "trust.json"), ("endpoint", "endpoint.key"), ("endpoint", "endpoint.crt"),
         ("endpoint", "features.json"), ("endpoint", "lclog.db"),
         ("agent", "stamp.json"), ("agent", "trust.json"), ("agent", "agent.key"),
         ("agent", "agent.crt"), ("agent", "log.json"), ("agent", "profile.json"),
         ("agent", "care.json")]


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.mark.plain_only
def test_no_option_that_failed_keeps_the_next_start_from_the_port(lab, failing):
    """Connections inherit the options of the socket that listens; killed, they hold its port."""
    kind = [name for name, _ in KINDS].index("network")

    def kill_the_endpoint():
        assert failing.read("endpoint", kind)[1] == 1
        failing.arm("endpoint", 0)
        with lab.host.enter():
            client = client_context().wrap_socket(socket.create_connection((BMC_IPV4, 443), 5))
        lab.endpoint.kill()  # it ends the connection first, and so is the one to remember it
        assert client.recv(1) == b""
        client.close()
        lab.endpoint.start(wait=False)
        wait_for(lambda: is_connected(lab), 20, "connected again, after call %d" % number)
    for number in range(10, 18):
        failing.arm("endpoint", number, kind, errno.ENOMEM)
        live(lab, "network call %d failed" % number, kill_the_endpoint)


@pytest.mark.plain_only
def test_a_socket_that_cannot_be_waited_for_is_opened_again(lab, failing):
    """epoll_ctl() fails for a socket that listens: nobody could ever connect."""
    kind = [name for name, _ in KINDS].index("network")
    for number in range(20, 30):
        failing.arm("endpoint", number, kind, errno.ENOMEM)
        live(lab, "network call %d failed" % number)
        assert failing.read("endpoint", kind)[1] == 1


def end_tracer(daemon):
    try:
        with open("/proc/%d/status" % daemon.pid) as file:
            tracer = int(re.search(r"TracerPid:\s*(\d+)", file.read()).group(1))
    except FileNotFoundError:
        return  # ended with the daemon
    if tracer:
        os.kill(tracer, signal.SIGTERM)


def start_without(lab, daemon, path, times=1):
    """Both start; so many times there is no descriptor for this path. Connected again."""
    trace = os.path.join(lab.folder, "trace")
    daemon.prefix = ["strace", "-D", "-I", "1", "-f", "-qq", "-o", trace, "-P", path, "-e",
                     "inject=openat:error=EMFILE:when=1..%d" % times]
    lab.endpoint.start(wait=False)
    lab.agent.start(wait=False)
    wait_for(lambda: os.path.exists(trace) and open(trace).read().count("INJECTED") >= times, 15,
             path + " could not be opened")
    daemon.prefix = []
    end_tracer(daemon)  # it would count anew for each new process
    wait_for(lambda: is_connected(lab), 40, "connected again, without " + path)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.plain_only  # LeakSanitizer and strace both want to be the one tracer
@pytest.mark.parametrize("end,name", FILES)
def test_a_file_that_cannot_be_opened_just_now_is_not_given_up(lab, end, name):
    """No descriptor for it at the start, once: neither made anew, nor taken for damaged."""
    lab.endpoint.start()
    endpoint_command(lab, "features", "auto-update", "off")
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["state"] == "connected" and s["log"]["last"], 15, "log is read")
    before, sysctl = Known(lab), "ipv6/conf/%s/accept_ra" % HOST_NIC
    assert lab.host.sysctl(sysctl) == "0"
    lab.agent.kill()
    lab.endpoint.kill()
    daemon = getattr(lab, end)
    start_without(lab, daemon, os.path.join(daemon.state_dir, name) if name == "lclog.db" else name)
    before.check(lab, name)
    assert lab.agent.status()["features"]["auto-update"]["enabled_by_bmc"] is not True
    lab.agent.stop()
    assert lab.host.sysctl(sysctl) == "1", "what was before the agent is put back"


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.plain_only
@pytest.mark.parametrize("times", [1, 3])  # 3: the start, or the claim, is given up and tried again
@pytest.mark.parametrize("path", ["etc/machine-id", "sys/class/dmi/id/product_uuid",
                                  "proc/sys/kernel/random/boot_id"])
def test_an_id_that_cannot_be_read_just_now_is_not_another_one(lab, path, times):
    """Another machine would have no trust in this BMC; after another boot nothing is put back."""
    sysctl = "ipv6/conf/%s/accept_ra" % HOST_NIC
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["state"] == "connected" and s["log"]["last"], 15, "log is read")
    before = Known(lab)
    lab.agent.kill()
    lab.endpoint.kill()
    start_without(lab, lab.agent, os.path.join(lab.folder, "trees", path), times)
    before.check(lab, path)
    assert "ISM1028" not in lab.agent.event_ids()
    lab.agent.stop()
    assert lab.host.sysctl(sysctl) == "1", "what was before the agent is put back"


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.plain_only
@pytest.mark.parametrize("has", [True, False])
def test_whose_nic_it_is_cannot_be_read_just_now(lab, has):
    """Another network manager's NIC is not configured for that; its twin, nobody's, is, later."""
    path = os.path.join(lab.trees.run, "NetworkManager", "devices", str(lab.ifindex))
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write("[device]\nmanaged=%s\nconnection-uuid=11-22\n" % str(has).lower())
    trace = os.path.join(lab.folder, "trace")
    lab.agent.prefix = ["strace", "-D", "-I", "1", "-f", "-qq", "-o", trace, "-P", path, "-e",
                        "inject=openat:error=EMFILE:when=1..3"]
    lab.endpoint.start()
    lab.agent.start(wait=False, ipv6="off")
    wait_for(lambda: "has bmc0 is not known: Too many open files" in lab.agent.log(), 15, "no file")
    if has:
        lab.agent.wait(lambda s: s["configured_once"], 20, "it waited in vain")
        assert not lab.host.has_address(HOST_NIC, HOST_IPV4)
        assert "ISM1010" not in lab.agent.event_ids()
    else:
        wait_for(lambda: is_connected(lab), 40, "connected")
        assert lab.agent.event_ids().count("ISM1010") == 1


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.plain_only
@pytest.mark.parametrize("error", ["ENOMEM", "ENFILE", "EIO"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_nic_that_cannot_be_looked_at_just_now_is_looked_at_again(lab, number, error):
    """Its ids cannot be read, when it is looked for or when it is claimed, once: no event of the
    kernel follows, and it is found all the same."""
    trace = os.path.join(lab.folder, "trace")
    lab.endpoint.start()
    lab.agent.prefix = ["strace", "-D", "-I", "1", "-f", "-qq", "-o", trace, "-P",
                        "device/../idVendor", "-e",
                        "inject=openat:error=%s:when=%d" % (error, number)]
    lab.agent.start(wait=False, ipv6="off")
    wait_for(lambda: os.path.exists(trace) and "INJECTED" in open(trace).read(), 15, "the fault")
    wait_for(lambda: is_connected(lab), 40, "connected")
    assert "ISM0003" not in lab.agent.event_ids()


@pytest.mark.parametrize("role", ["worker", "endpoint"])
def test_a_client_that_cannot_be_listened_to_is_told_at_once(lab, failing, role):
    """A connection to the control socket: its end, not silence, and no descriptor of it is left."""
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["state"] == "connected" and s["events"]["by"] == "stream", 30,
                   "connected")
    pid = lab.agent.children()[0] if role == "worker" else lab.endpoint.pid
    kind = [name for name, _ in KINDS].index("network")

    def ask():
        return lab.agent.ctl("status", check=False) if role == "worker" else \
            endpoint_command(lab, "trust", "list", check=False)

    def descriptors():
        return len(os.listdir("/proc/%d/fd" % pid))
    assert ask().returncode == 0
    files, failed = descriptors(), 0
    for _ in range(5):  # the first call after accept(), unless something else was first
        failing.arm(role, 1, kind, errno.ENOMEM)
        out = ask()
        failed += failing.read(role, kind)[1]
        assert "timed out" not in out.stdout + out.stderr
        failing.arm(role, 0)
        # Something else may have been first: a connection to the BMC, say, which ended by it.
        wait_for(lambda: ask().returncode == 0, 30, "served and connected")
    assert failed
    wait_for(lambda: descriptors() <= files, 30, "as many descriptors")
