# SPDX-License-Identifier: Apache-2.0
"""Event streams that end, are refused, or bring too much: how the agent comes back to them."""
import os
import threading
import time

import pytest

from bmcs import Bmcweb2024, Idrac9, Xcc
from netns import wait_for
from peers import answer
from test_vendors import STAGES, bench, connect, stock  # noqa: F401 (fixtures)


def follow(bench, bmc, *options):  # noqa: F811
    """A channel that asks each 20 ms where there is no stream: an hour's wait is 2.4 s."""
    return bench.start(*bmc.login, "--poll", "20", *options)


def asked(bmc):
    """The requests for the stream."""
    return [r for r in bmc.requests if r.path == bmc.stream_path]


def ways(result):
    return [by for by, _ in result["events"]]


# Last-Event-ID (WHATWG HTML, 9.2): where the next stream is to go on

@pytest.mark.parametrize("kind,last", [(Idrac9, "1"), (Xcc, "2"), (Bmcweb2024, "1")])
def test_last_event_id_when_opened_again(bench, stock, kind, last):  # noqa: F811
    bmc = stock(kind)
    process = follow(bench, bmc, "--stay", "90000")
    wait_for(lambda: bmc.streams, 5, "a stream")
    first = bmc.streams[0]
    bmc.push(b"id:%s\ndata: {}\n\n" % last.encode())
    bmc.end_streams()
    wait_for(lambda: bmc.streams and bmc.streams[0] is not first, 20, "the stream again")
    bmc.close()
    assert ways(bench.finish(process)) == ["stream", "polling", "stream"]
    assert [r.headers.get("last-event-id") for r in asked(bmc)] == [None, last]
    others = [r for r in bmc.requests if r.path != bmc.stream_path]
    assert not [r for r in others if "last-event-id" in r.headers]


@pytest.mark.parametrize("odd", [b"\x01", b"\xc3\xa9", b"a\x7fb", b"x" * 500])
def test_id_that_is_no_header_is_not_sent(bench, stock, odd):  # noqa: F811
    bmc = stock(Idrac9)
    process = follow(bench, bmc, "--stay", "90000", "--pushed", "99")
    wait_for(lambda: bmc.streams, 5, "a stream")
    first = bmc.streams[0]
    bmc.push(b"id: %s\ndata: {}\n\n" % odd)
    bmc.end_streams()
    wait_for(lambda: bmc.streams and bmc.streams[0] is not first, 20, "the stream again")
    bmc.close()
    bench.finish(process)
    sent = asked(bmc)[1].headers.get("last-event-id")
    assert sent is None or (sent.isprintable() and len(sent) < 128 and sent in "x" * 500)


def test_id_that_is_refused_is_left_out(bench, stock):  # noqa: F811
    """A BMC that has no record of it any more, and says so with an error."""
    bmc = stock(Idrac9)
    bmc.faults[bmc.stream_path] = lambda connection, request: (
        answer(400, {"error": {}}) if "last-event-id" in request.headers else None)
    process = follow(bench, bmc, "--stay", "90000")
    wait_for(lambda: bmc.streams, 5, "a stream")
    bmc.end_streams()
    wait_for(lambda: len(asked(bmc)) == 3, 40, "the stream without it")
    wait_for(lambda: bmc.streams, 5, "the stream again")
    bmc.close()
    assert ways(bench.finish(process))[-1] == "stream"


# Refused for now, for good, given up: never for ever

def test_stream_after_others_have_left(bench, stock):  # noqa: F811
    """iDRAC9 has two; somebody else has both, and leaves."""
    bmc = stock(Idrac9, max_streams=0)
    process = follow(bench, bmc, "--stay", "90000")
    wait_for(lambda: asked(bmc), 5, "an attempt")
    wait_for(lambda: bmc.paths().count(bmc.manager) > 5, 5, "questions instead")
    assert len(asked(bmc)) == 1
    bmc.max_streams = 2
    wait_for(lambda: bmc.streams, 20, "the stream")
    bmc.close()
    result = bench.finish(process)
    assert ways(result) == ["polling", "stream"] and len(asked(bmc)) == 2


def test_stream_that_was_given_up_is_tried_later(bench, stock):  # noqa: F811
    """Once an hour (here 120 questions, 20 ms apart), then less often."""
    bmc = stock(Idrac9)
    bmc.faults[bmc.stream_path] = answer(200, b"", ["Content-Type: text/event-stream"])
    process = follow(bench, bmc, "--stay", "90000")

    def questions():
        return bmc.paths().count(bmc.manager)
    wait_for(lambda: len(asked(bmc)) == 3, 10, "three attempts")
    before = questions()
    wait_for(lambda: len(asked(bmc)) == 4, 30, "one more")
    assert questions() - before > 50
    before = questions()
    wait_for(lambda: questions() - before > 130, 40, "questions meanwhile")
    assert len(asked(bmc)) == 4  # the hold is twice as long now
    del bmc.faults[bmc.stream_path]
    wait_for(lambda: bmc.streams, 40, "the stream")
    bmc.close()
    result = bench.finish(process)
    assert ways(result)[-1] == "stream" and result["lost"]["outcome"] == "closed"


def test_redirect_to_another_listener_in_the_status(make_lab):
    """Lenovo's TSM: 9090 instead of 443, refused and said."""
    stage = STAGES["xcc"](make_lab)
    stage.bmc.faults[stage.bmc.stream_path] = answer(
        307, {}, ["Location: https://169.254.95.118:9090/redfish/v1/SSE"])
    status = connect(stage)
    assert status["events"]["by"] == "polling"
    assert status["events"]["reason"].endswith(
        "leads to https://169.254.95.118:9090/redfish/v1/SSE: not followed")
    wait = stage.agent.wait(lambda s: s["log"]["available"], 10, "the log all the same")
    assert wait["log"]["by"] == "polling"


# More than is read at a time

def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("piece", [b"id: 1\ndata: {\"Events\": [{}]}\n\n", b": nothing\n"],
                         ids=["events", "comments"])
def test_flood_costs_a_bounded_part_of_the_cpu(make_lab, piece):
    """As fast as the link takes it, for 6 s: the agent answers, and stays connected."""
    stage = STAGES["xcc"](make_lab)
    connect(stage)
    stage.agent.wait(lambda s: s["log"]["available"], 10, "the log")
    block = piece * (60000 // len(piece))
    end = threading.Event()

    def flood():
        while not end.is_set():
            for stream in list(stage.bmc.streams):
                if stream.qsize() < 50:
                    stream.put(block)
            time.sleep(0.001)
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        worker = stage.agent.children()[0]
        wait_for(lambda: stage.agent.status()["events"]["pauses"] > 2, 20, "pauses")
        before, began, slowest = cpu_seconds(worker), time.monotonic(), 0
        while time.monotonic() - began < 6:
            asked_at = time.monotonic()
            status = stage.agent.status()
            slowest = max(slowest, time.monotonic() - asked_at)
            assert status["state"] == "connected"
        used = (cpu_seconds(worker) - before) / (time.monotonic() - began)
    finally:
        end.set()
        thread.join()
    print("CPU of the worker: %.0f %%, slowest status %.0f ms" % (100 * used, 1000 * slowest))
    assert used < (0.6 if "asan" in os.environ.get("BMCLINK_BUILD", "") else 0.35)
    assert slowest < 2
    assert stage.agent.status()["events"]["by"] == "stream"
    stage.bmc.add_entry()  # what came last is not lost
    last = stage.bmc.log_ids()[-1]
    stage.bmc.push()
    stage.agent.wait(lambda s: s["log"]["last"] == last, 60, "the last entry")
