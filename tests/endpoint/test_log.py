# SPDX-License-Identifier: Apache-2.0
"""The Lifecycle log over Redfish, and its stream of events."""
import json
import os
import socket
import ssl
import time

import pytest

from netns import wait_for
from service import ENTRIES, PASSWORD, PLAIN_PORT, STREAM, Stream, read_all, read_until


def make_records(bmc, n):
    """n reloads, a record each."""
    before = newest(bmc)
    for i in range(n):
        bmc.reload()
        wait_for(lambda: newest(bmc) > before + i, 10, "a record")


def newest(bmc):
    return ids(read(bmc, ENTRIES + "?$top=1"))[0]


def listens(bmc):
    try:
        return newest(bmc)
    except ConnectionError:
        return None


def read(bmc, path):
    answer = bmc.get(path, password=PASSWORD)
    assert answer.status == 200, answer.body
    return answer.json()


def ids(collection):
    return [int(e["Id"]) for e in collection["Members"]]


def test_entries_newest_first_in_pages(bmc):
    make_records(bmc, 60)
    first = read(bmc, ENTRIES)
    count = first["Members@odata.count"]
    assert ids(first) == list(range(count, count - 50, -1))
    rest = read(bmc, first["Members@odata.nextLink"])
    assert ids(rest) == list(range(count - 50, 0, -1))
    assert "Members@odata.nextLink" not in rest
    assert ids(read(bmc, ENTRIES + "?$top=2&$skip=3")) == [count - 3, count - 4]
    assert ids(read(bmc, ENTRIES + "?$skip=%d" % count)) == []
    assert ids(read(bmc, ENTRIES + "?$top=0")) == []
    assert ids(read(bmc, ENTRIES + "?$skip=%d" % 2 ** 32)) == []


def test_one_entry(bmc):
    entry = read(bmc, ENTRIES + "/1")
    assert entry["@odata.id"] == ENTRIES + "/1" and entry["Id"] == "1"
    assert entry["MessageId"] == "Bmclink.1.0.ISM1031" and entry["Severity"] == "OK"
    assert entry["EntryType"] == "Event" and entry["Created"].endswith("Z")
    for other in ("0", "9999", "-1", "1x", "01", " 1"):
        assert bmc.get(ENTRIES + "/" + other.replace(" ", "%20"), password=PASSWORD).status == 404


def test_message_ids_are_in_the_registry(bmc):
    location = read(bmc, "/redfish/v1/Registries/Bmclink.1.0.0")["Location"][0]["Uri"]
    registry = read(bmc, location)
    assert registry["RegistryPrefix"] == "Bmclink"
    for entry in bmc.entries():
        message = registry["Messages"][entry["MessageId"].split(".")[-1]]
        assert message["NumberOfArgs"] == len(entry["MessageArgs"])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_log_outlives_the_process(bmc, end):
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    before = bmc.entries()
    getattr(bmc, end)()
    bmc.start()
    after = bmc.entries()
    assert after[-len(before):] == before and len(after) > len(before)


def test_oldest_are_overwritten(endpoint, host):
    endpoint.set_password()
    endpoint.start(log_max_records=100)
    make_records(endpoint, 105)
    last = newest(endpoint)
    assert last > 100
    assert read(endpoint, ENTRIES)["Members@odata.count"] == 100
    page = read(endpoint, ENTRIES + "?$skip=50")
    assert ids(page)[-1] == last - 99
    assert endpoint.get(ENTRIES + "/1", password=PASSWORD).status == 404


def test_broken_log_is_kept_and_said(bmc):
    make_records(bmc, 30)
    bmc.stop()
    path = os.path.join(bmc.state_dir, "lclog.db")
    os.truncate(path, os.path.getsize(path) // 2)
    bmc.start()
    assert bmc.entries("ISM1036")
    assert os.path.exists(path + ".corrupt-1")


# The stream

def test_stream_carries_each_record(bmc, host):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    assert stream.status == 200
    assert stream.response.getheader("Content-Type").startswith("text/event-stream")
    number, payload = stream.until("ISM1019")
    event = payload["Events"][0]
    assert payload["Id"] == event["EventId"] == str(number)
    assert event["LogEntry"]["@odata.id"] == ENTRIES + "/%d" % number
    assert event["MessageArgs"] == ["IPv4", "127.0.0.1", "TLS 1.3"]
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    following, payload = stream.next_event()
    assert following == number + 1
    assert payload["Events"][0]["MessageId"] == "Bmclink.1.0.ISM0050"


def test_coming_and_going_of_a_host(bmc, host):
    assert bmc.enrol(host).status == 201
    manager = "/redfish/v1/Managers/bmc"

    def connected():
        return read(bmc, manager)["Oem"]["Bmclink"]["HostConnected"]
    assert not connected()
    stream = Stream(bmc, host)
    assert connected()
    assert not bmc.entries("ISM1032")
    stream.close()
    entry = bmc.wait_entry("ISM1032")[0]
    assert entry["MessageArgs"][:2] == ["127.0.0.1", "127.0.0.1"]
    assert not connected()
    # An administrator who looks on is no host.
    admin = bmc.curl(STREAM, options=["-u", "admin:" + PASSWORD, "--max-time", "1"])
    assert admin[0] == 200
    assert len(bmc.entries("ISM1019")) == 1


def test_replay_from_last_event_id(bmc, host):
    assert bmc.enrol(host).status == 201
    make_records(bmc, 40)
    stream = Stream(bmc, host, last_id=5)
    for expected in range(6, 40):
        assert stream.next_event()[0] == expected
    stream.close()


@pytest.mark.parametrize("last_id", ["999999", "-5", "abc", "1.5", "99999999999999999999"])
def test_last_event_id_that_is_none(bmc, host, last_id):
    """Of another log, or nonsense: the reader is told of the gap, and gets all that there is."""
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host, last_id=last_id)
    number, payload = stream.next_event()
    assert payload["Events"][0]["MessageId"].endswith(".EventBufferExceeded")
    assert stream.next_event()[0] == 1
    stream.close()


def test_replay_across_a_kill(bmc, host):
    """No record lost, none doubled, though the endpoint was killed between."""
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    seen = [stream.until("ISM1019")[0]]
    bmc.kill()
    stream.close()
    bmc.start()
    stream = Stream(bmc, host, last_id=seen[-1])
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    while not stream.response.isclosed():
        number, payload = stream.next_event()
        seen.append(number)
        if payload["Events"][0]["MessageId"].endswith("ISM0050"):
            break
    assert seen == list(range(seen[0], seen[-1] + 1))
    stream.close()


def test_slow_reader_costs_little_and_loses_nothing(bmc, host):
    assert bmc.enrol(host).status == 201
    make_records(bmc, 50)
    before = bmc.memory_kb()
    streams = [Stream(bmc, host, last_id=0) for _ in range(8)]  # and none of them reads
    make_records(bmc, 20)
    bmc.assert_memory_within(before, 2000)
    count = newest(bmc)
    numbers = [streams[0].next_event()[0] for _ in range(count)]
    assert numbers == list(range(1, count + 1))
    for stream in streams:
        stream.close()


def test_slow_reader_holds_nobody_up(bmc, host):
    """Seven who take nothing, the eighth is served at once, and so is everybody else."""
    assert bmc.enrol(host).status == 201
    make_records(bmc, 30)
    slow = [Stream(bmc, host, last_id=0) for _ in range(7)]
    for stream in slow:  # as little as the kernel gives: what is queued is in the endpoint
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    quick = Stream(bmc, host)
    number = quick.until("ISM1019")[0]
    for _ in range(5):
        began = time.monotonic()
        bmc.reload()
        number += 1
        assert quick.next_event(5)[0] == number
        assert read(bmc, ENTRIES + "?$top=1")["Members"]
        assert time.monotonic() - began < 5
    for stream in slow + [quick]:
        stream.close()


def test_stream_opened_again_without_end_leaks_nothing(bmc, host):
    """Half of them by the reader, half by the ninth that makes the first go."""
    assert bmc.enrol(host).status == 201
    fds = "/proc/%d/fd" % bmc.process.pid

    def round_of(n):
        kept = []
        for i in range(n):
            stream = Stream(bmc, host, last_id=1)
            assert stream.next_event()[0] == 2
            if i % 2:
                stream.close()
            else:
                kept.append(stream)
        for stream in kept:
            stream.close()
    round_of(60)
    wait_for(lambda: "ISM1032" in str(bmc.entries("ISM1032")), 5, "the end")
    files, grown = len(os.listdir(fds)), []
    # The heap's shape moves by some hundred kB; a leak is what each round adds.
    for _ in range(3):
        before = bmc.memory_kb()
        round_of(100)
        wait_for(lambda: len(os.listdir(fds)) <= files, 10, "descriptors as before")
        grown.append(bmc.memory_kb() - before)
    bmc.assert_memory_within(bmc.memory_kb() - min(grown), 200)


def test_replay_is_from_the_log_and_not_from_a_ring(endpoint, host):
    """All that the log holds, after a restart too, however much it is; none twice."""
    endpoint.set_password()
    endpoint.start()
    assert endpoint.enrol(host).status == 201
    make_records(endpoint, 300)
    last = newest(endpoint)
    endpoint.stop()
    endpoint.start()
    stream = Stream(endpoint, host, last_id=0)
    assert [stream.next_event()[0] for _ in range(last)] == list(range(1, last + 1))
    stream.close()


def test_comments_keep_a_silent_stream_alive(endpoint, host):
    endpoint.start(keep_alive_seconds=1)
    assert endpoint.enrol(host).status == 201
    stream = Stream(endpoint, host)
    stream.until("ISM1019")
    stream.socket.settimeout(10)
    began = time.monotonic()
    assert stream.response.readline() == b": keep-alive\n"
    assert stream.response.readline() == b"\n"
    assert stream.response.readline() == b": keep-alive\n"
    assert time.monotonic() - began > 1
    stream.close()


def test_newest_stream_wins(bmc, host):
    assert bmc.enrol(host).status == 201
    streams = [Stream(bmc, host) for _ in range(9)]
    wait_for(lambda: streams[0].next_event() is None, 5, "the oldest ends")
    assert streams[-1].until("ISM1019")
    for stream in streams:
        stream.close()


def test_a_look_takes_no_place(bmc, host):
    """HEAD changes nothing: all places are taken, and no stream makes room for it."""
    assert bmc.enrol(host).status == 201
    streams = [Stream(bmc, host) for _ in range(8)]
    with bmc.tls(host) as look:
        look.sendall(("HEAD %s HTTP/1.1\r\nHost: bmc\r\n\r\n" % STREAM).encode())
        assert b" 200 OK" in read_all(look)
    make_records(bmc, 1)
    for stream in streams:
        assert stream.until("ISM1030")
        stream.close()
    assert "too many streams" not in bmc.log()


def test_half_closed_stream_ends(endpoint):
    """A host that shuts its side of a plain stream while bytes wait for it has ended the stream,
    and the next record does not look for it."""
    endpoint.set_password()
    endpoint.start()
    make_records(endpoint, 100)
    endpoint.stop()
    endpoint.start(tls="off")
    for _ in range(3):
        with socket.socket() as host:
            host.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            host.settimeout(20)
            host.connect((endpoint.address, PLAIN_PORT))
            host.sendall(("GET %s HTTP/1.1\r\nHost: bmc\r\nLast-Event-ID: 0\r\n\r\n"
                          % STREAM).encode())
            read_until(host, b"200 OK")
            host.shutdown(socket.SHUT_WR)
            read_all(host)
    wait_for(lambda: endpoint.log().count("stream closed") == 3, 5, "all of them ended")
    endpoint.reload(tls="on")
    wait_for(lambda: listens(endpoint), 10, "TLS again")
    make_records(endpoint, 1)


def test_input_on_a_stream_is_not_kept(bmc, host):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    before = bmc.memory_kb()
    stream.socket.settimeout(20)
    for _ in range(100):
        stream.socket.sendall(b"x" * 100000)
    bmc.assert_memory_within(before, 1000)
    stream.until("ISM1019")
    bmc.curl("/redfish/v1/", "http", PLAIN_PORT)
    assert stream.until("ISM0050")
    stream.close()


def test_head_of_the_stream(bmc, host):
    assert bmc.enrol(host).status == 201
    answer = bmc.request("HEAD", STREAM, host)
    assert answer.status == 200 and answer.body == b""
    assert not bmc.entries("ISM1019")


def test_stream_is_silent_when_nothing_happens(bmc, host):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    stream.until("ISM1019")
    with pytest.raises((TimeoutError, ssl.SSLError, OSError)):
        stream.next_event(timeout=3)
    stream.close()


def test_log_is_json_for_curl(bmc):
    code, body = bmc.curl(ENTRIES, options=["-u", "admin:" + PASSWORD])
    assert code == 200 and json.loads(body)["@odata.id"] == ENTRIES
