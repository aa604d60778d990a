# SPDX-License-Identifier: Apache-2.0
"""No process of ours has a second thread, nor has a library that it uses ever asked for one: there
are no data races, and nothing for ThreadSanitizer to look at (docs/reliability.md)."""
import os
import subprocess
import sys

import pytest

from access import TLS, AccessLab, Server, echo
from daemons import build_dir, program
from netns import wait_for

ASKED = "no_threads: a thread was asked for"
# The sanitizers' own runtime may have threads.
pytestmark = pytest.mark.plain_only


def preload(environment):
    """The environment, in which whoever makes a thread ends."""
    library = os.path.join(build_dir(), "tests/net/no_threads.so")
    assert os.path.exists(library)
    already = environment.get("LD_PRELOAD")
    return dict(environment, LD_PRELOAD=" ".join(filter(None, (already, library))))


def threads(pid):
    with open("/proc/%d/status" % pid) as file:
        return [int(line.split()[1]) for line in file if line.startswith("Threads:")][0]


def has_library(pid):
    with open("/proc/%d/maps" % pid) as file:
        return "/no_threads.so" in file.read()


@pytest.mark.parametrize("name", ["bmclinkd", "bmclinkctl", "bmclink-endpoint", "bmclink-update",
                                  "bmclink-endpoint-snmp"])
def test_no_program_calls_for_a_thread(name):
    """A function of another library is in a program by its name."""
    try:
        path = program(name)
    except AssertionError:
        assert name == "bmclink-endpoint-snmp"  # the one that a build can be without
        pytest.skip("built without Net-SNMP")
    with open(path, "rb") as file:
        text = file.read()
    assert b"\0epoll_create1\0" in text or b"\0socket\0" in text or b"\0open" in text
    for function in (b"pthread_create", b"thrd_create", b"timer_create", b"getaddrinfo_a",
                     b"aio_read", b"aio_write", b"mq_notify"):
        assert b"\0" + function + b"\0" not in text


def test_no_process_gets_a_thread(tmp_path):
    """Monitor, worker, relay and endpoint: connected, asked, configured, killed in part, relayed
    through, and pulled."""
    with AccessLab(tmp_path) as lab:
        for daemon in (lab.agent, lab.endpoint):
            daemon.environment = preload(daemon.environment)
        lab.connect()
        for i in range(5):
            assert lab.agent.ctl("log", check=False).returncode == 0
            assert lab.curl("/redfish/v1/Managers/bmc")[0] == 200
            assert lab.curl_client().returncode == 0
        lab.agent.reload({"InbandAccess": {"max_connections": 99}})
        server = Server(lab.bmc, 8443, echo)
        lab.divert(8443)
        with lab.open() as connection:
            connection.sendall(TLS)
            assert connection.recv(100) == TLS
            worker, = [pid for pid in lab.agent.children() if pid not in lab.relays()]
            processes = {"monitor": lab.agent.pid, "worker": worker, "relay": lab.relay(),
                         "endpoint": lab.endpoint.pid}
            assert {name: threads(pid) for name, pid in processes.items()} == \
                dict.fromkeys(processes, 1)
            assert all(has_library(pid) for pid in processes.values())
        server.close()
        lab.replug()
        lab.agent.wait(lambda s: s["state"] == "connected", 30, "connected after a re-plug")
        log = lab.agent.log() + lab.endpoint.log()
        assert ASKED not in log and "worker ended" not in log


def test_who_asks_for_a_thread_ends():
    """The twin: the preloaded library does see a thread, and so does the count."""
    code = "import threading; threading.Thread(target=print).start()"
    done = subprocess.run([sys.executable, "-c", code], env=preload(os.environ),
                          capture_output=True, text=True)
    assert done.returncode < 0 and ASKED in done.stderr
    code = "import threading, sys; threading.Thread(target=sys.stdin.read).start()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: threads(process.pid) == 2, 30, "a second thread is counted")
    finally:
        process.kill()
        process.wait()
