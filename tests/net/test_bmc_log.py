# SPDX-License-Identifier: Apache-2.0
"""The agent reads the BMC's log: found by links, a cursor that outlives it, and what people see."""
import json
import os
import select
import subprocess

import pytest

from bmcs import Bmcweb2024, Gb200, Idrac9, Ilo6, Xcc
from daemons import program
from netns import die_with_parent, wait_for
from peers import answer
from test_vendors import STAGES, connect, stage  # noqa: F401 (a fixture)

SERVICES = {Idrac9: "/redfish/v1/Managers/iDRAC.Embedded.1/LogServices/Lclog",
            Ilo6: "/redfish/v1/Systems/1/LogServices/IML/",
            Xcc: "/redfish/v1/Systems/1/LogServices/StandardLog",
            Bmcweb2024: "/redfish/v1/Systems/system/LogServices/EventLog",
            Gb200: "/redfish/v1/Systems/System_0/LogServices/EventLog"}


def has_read(status):
    return status["state"] == "connected" and status["log"]["available"]


def wait_last(agent, last, timeout=10):
    return agent.wait(lambda s: has_read(s) and s["log"]["last"] == last, timeout,
                      "the log read up to %s" % last)["log"]


def list_log(agent, *options):
    out = agent.ctl("log", "--json", *options).stdout
    return [json.loads(line) for line in out.splitlines()]


def ids(entries):
    return [entry["id"] for entry in entries]


class Follower:
    """bmclinkctl log --follow --json, as a process."""

    def __init__(self, agent, *options):
        self.process = subprocess.Popen(
            agent.namespace.wrap([program("bmclinkctl"), "--runtime-dir", agent.runtime_dir, "log",
                                  "--follow", "--json"] + list(options)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        self.pending = b""

    def take(self, n, timeout=10):
        """The next n entries; fails when more come at once."""
        while self.pending.count(b"\n") < n:
            assert select.select([self.process.stdout], [], [], timeout)[0], (n, self.pending)
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, self.process.stderr.read()
            self.pending += data
        lines = self.pending.split(b"\n")
        self.pending = b"\n".join(lines[n:])
        assert self.pending == b""
        return [json.loads(line) for line in lines[:n]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def idrac(make_lab):
    return STAGES["idrac9"](make_lab)


# Each vendor

def test_found_and_begun_at_the_newest(stage):  # noqa: F811
    """First contact reads no old entries; the list shows the newest, in order."""
    connect(stage)
    agent, bmc = stage.agent, stage.bmc
    log = wait_last(agent, bmc.log_ids()[-1])
    asked = [path for path in bmc.paths() if path.startswith(bmc.entries_path)]
    assert len(asked) <= 2 and log["records"] == 0  # 2500 entries in three pages: two
    assert log == {"available": True, "service": SERVICES[type(bmc)],
                   "by": "polling" if isinstance(bmc, Ilo6) else "stream",
                   "last": bmc.log_ids()[-1], "read": log["read"], "records": 0, "lost": 0,
                   "cleared": 0, "reason": None}
    assert ids(list_log(agent, "--lines", "3")) == bmc.log_ids(3)
    assert ids(list_log(agent)) == bmc.log_ids(20)
    assert bmc.invented() == []


def test_new_entries_come_by_the_bell_or_the_clock(stage):  # noqa: F811
    connect(stage)
    agent, bmc = stage.agent, stage.bmc
    wait_last(agent, bmc.log_ids()[-1])
    with Follower(agent, "--lines", "2") as follower:
        assert ids(follower.take(2)) == bmc.log_ids(2)
        for n in (3,) if isinstance(bmc, Ilo6) else (1, 2):
            for _ in range(n):
                bmc.add_entry()
            bmc.push()
            # iLO has no stream: within the 30 s of the poll
            assert ids(follower.take(n, 40)) == bmc.log_ids(n)
    assert agent.status()["log"]["records"] == 3
    assert bmc.invented() == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart_neither_loses_nor_doubles(stage, end):  # noqa: F811
    connect(stage)
    agent, bmc = stage.agent, stage.bmc
    wait_last(agent, bmc.log_ids()[-1])
    bmc.add_entry()
    if not isinstance(bmc, Ilo6):
        bmc.push()
        wait_last(agent, bmc.log_ids()[-1])
    getattr(agent, end)()
    for _ in range(3):
        bmc.add_entry()
    searches = bmc.paths().count(SERVICES[type(bmc)])
    agent.start()
    log = wait_last(agent, bmc.log_ids()[-1], 20)
    assert log["records"] == (4 if isinstance(bmc, Ilo6) else 3)
    assert bmc.paths().count(SERVICES[type(bmc)]) == searches  # it is known where the log is
    agent.stop()
    agent.start()
    assert wait_last(agent, bmc.log_ids()[-1], 20)["records"] == 0


def test_log_of_our_own_endpoint(lab):
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    status = lab.agent.wait(has_read, 10, "the log")
    assert status["log"]["service"].endswith("/LogServices/Lclog")
    with Follower(lab.agent, "--lines", "1") as follower:
        last = int(ids(follower.take(1))[0])
        lab.endpoint.reload()
        entry = follower.take(1)[0]
        assert int(entry["id"]) == last + 1 and entry["message_id"].startswith("Bmclink.1.0.ISM")
        assert entry["severity"] == "OK" and entry["message"] and entry["created"].endswith("Z")
    text = lab.agent.ctl("log").stdout
    assert entry["message_id"] in text.replace("\n", " ")


# What happens to logs

def test_log_is_cleared(idrac):
    connect(idrac)
    wait_last(idrac.agent, "120")
    with Follower(idrac.agent, "--lines", "1") as follower:
        follower.take(1)
        idrac.bmc.clear_log()
        for _ in range(2):
            idrac.bmc.add_entry()
        idrac.bmc.push()
        assert ids(follower.take(2)) == ["1", "2"]
        idrac.bmc.add_entry()
        idrac.bmc.push()
        assert ids(follower.take(1)) == ["3"]
    assert idrac.agent.status()["log"]["cleared"] == 1


def test_the_newest_entries_are_deleted(idrac):
    """One by one, by somebody: what is left was told before."""
    connect(idrac)
    wait_last(idrac.agent, "120")
    del idrac.bmc.log[-2:]
    idrac.bmc.push()
    assert wait_last(idrac.agent, "118")["cleared"] == 0
    idrac.bmc.add_entry()
    idrac.bmc.push()
    assert wait_last(idrac.agent, "121")["records"] == 1


def test_entry_updated_in_place_is_told_once_and_shown_as_it_is(make_lab):
    stage = STAGES["ilo6"](make_lab)  # noqa: F811
    connect(stage)
    wait_last(stage.agent, "5")
    stage.bmc.update_entry(1, 7)
    stage.agent.stop()
    stage.agent.start()
    assert wait_last(stage.agent, "5", 20)["records"] == 0
    assert list_log(stage.agent, "--lines", "4")[0]["repeated"] == 7
    assert "(7 times)" in stage.agent.ctl("log").stdout


def test_entries_without_a_time(make_lab):
    stage = STAGES["xcc"](make_lab, has_created=False)  # noqa: F811
    connect(stage)
    wait_last(stage.agent, "5")
    stage.bmc.add_entry()
    stage.bmc.push()
    assert wait_last(stage.agent, "6")["records"] == 1
    assert [e["created"] for e in list_log(stage.agent, "--lines", "2")] == [None, None]
    assert "no time" in stage.agent.ctl("log").stdout


def test_many_new_entries_are_all_told(idrac):
    """More than one reading takes."""
    connect(idrac)
    wait_last(idrac.agent, "120")
    for _ in range(2300):
        idrac.bmc.add_entry()
    idrac.bmc.push()
    log = wait_last(idrac.agent, "2420", 60)
    assert (log["records"], log["lost"]) == (2300, 0)


# Hostile and odd services: the log is unavailable, the connection is not

def deep(connection, request):
    connection.sendall(answer(200, b'{"Members":' + b"[" * 400000))
    return True


def huge(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    connection.sendall(b'{"Members": [' + b'{"Id": "1"},' * 833332)
    return False


def round_and_round(bmc):
    def give(connection, request):
        n = int(request.path.partition("=")[2] or 0)
        return answer(200, {
            "Members": [{"Id": str(900 - n)}],
            "Members@odata.nextLink": "%s?page=%d" % (bmc.entries_path, (n + 1) % 3)})
    for n in range(3):
        bmc.faults["%s?page=%d" % (bmc.entries_path, n)] = give
    return give


FAULTS = {
    "deep": lambda bmc: deep,
    "10 MB": lambda bmc: huge,
    "no JSON": lambda bmc: answer(200, b"<html>"),
    "no members": lambda bmc: answer(200, {}),
    "404": lambda bmc: answer(404, {"error": {}}),
    "round and round": round_and_round,
    "to another host": lambda bmc: answer(200, {
        "Members": [{"Id": "999"}], "Members@odata.nextLink": "https://169.254.1.9/x"}),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_hostile_log(idrac, fault):
    connect(idrac)
    agent, bmc = idrac.agent, idrac.bmc
    wait_last(agent, "120")
    bmc.faults[bmc.entries_path] = FAULTS[fault](bmc)
    bmc.push()
    status = agent.wait(lambda s: not s["log"]["available"], 20, "the log unavailable")
    assert status["state"] == "connected" and status["log"]["reason"]
    asked = len(bmc.paths())
    out = agent.ctl("log", check=False)
    assert out.returncode in (1, 5) and "log" in out.stderr and out.stdout == ""
    assert len(bmc.paths()) - asked < 60
    text = " ".join(agent.ctl("status", check=False).stdout.split())
    assert "BMC's log unavailable: " in text
    for path in [p for p in bmc.faults if p.startswith(bmc.entries_path)]:
        del bmc.faults[path]  # mended: the cursor is where it was
    bmc.add_entry()
    agent.stop()
    agent.start()
    assert wait_last(agent, "121", 20)["records"] == 1


def test_bmc_without_a_log(make_lab):
    stage = STAGES["xcc"](make_lab, system_logs=("Dump", "PostCodes"))  # noqa: F811
    connect(stage)
    status = stage.agent.wait(lambda s: s["log"]["reason"] not in (None, "it was not read yet"), 10,
                              "a reason")
    assert status["log"]["reason"] == "none of its log services is a log of events"
    out = stage.agent.ctl("log", check=False)
    assert out.returncode == 5 and "is a log of events" in out.stderr
    assert stage.bmc.invented() == []


def test_text_of_the_log_is_harmless(idrac):
    idrac.bmc.add_entry("Boo\x1b[2J\r\nISM0004: connected\u202e", severity="Cri\ntical",
                        MessageId="X" * 5000)
    connect(idrac)
    wait_last(idrac.agent, "121")
    out = idrac.agent.ctl("log").stdout
    assert "Boo?[2J" in out and "\x1b" not in out and "\u202e" not in out
    assert not any(line.startswith("ISM0004") for line in out.splitlines())


def test_exit_codes(idrac):
    idrac.agent.configure(ipv6="off")
    assert idrac.agent.ctl("log", check=False).returncode == 4
    idrac.start(bmc=False)
    out = idrac.agent.ctl("log", check=False)
    assert out.returncode == 3 and "not connected" in out.stderr
    assert idrac.agent.status()["log"]["reason"] == "not connected"
    for bad in ("0", "1001", "x", "-1", ""):
        assert idrac.agent.ctl("log", "--lines", bad, check=False).returncode == 2
    assert idrac.agent.ctl("status", "--lines", "3", check=False).returncode == 2


def test_follower_outlives_a_lost_connection(idrac):
    connect(idrac)
    wait_last(idrac.agent, "120")
    with Follower(idrac.agent, "--lines", "1") as follower:
        follower.take(1)
        idrac.bmc.close()
        idrac.agent.wait_state("connecting", 5)
        idrac.bmc.add_entry()
        idrac.bmc.start()
        assert ids(follower.take(1, 20)) == ["121"]


def test_another_bmc_is_begun_anew(idrac):
    connect(idrac)
    wait_last(idrac.agent, "120")
    idrac.agent.ctl("trust", "reset")
    for _ in range(30):
        idrac.bmc.add_entry()
    log = wait_last(idrac.agent, "150", 20)
    assert log["records"] <= 30
    assert wait_for(lambda: os.path.exists(os.path.join(idrac.agent.state_dir, "worker",
                                                        "log.json")), 5, "the cursor's file")
