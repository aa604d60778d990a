# SPDX-License-Identifier: Apache-2.0
"""One allocation fails, whichever: nobody crashes, and both ends find each other all the same.

The n-th allocation of the endpoint, of the monitor or of the worker fails, from its start on, with
no state at either end: so that enrolment is part of it. A process may end for it, as long as it
does so in good order: then it is started again, as systemd would. Some libraries crash when they
get no memory while they set themselves up (glibc's NSS, libseccomp): that is counted, and no
failure; a crash of our own code, or of a function that it called with what it should not, is one.
BMCLINK_SAMPLES says how many n of each are tried, BMCLINK_SEED which; 0: all.

Most of those are alike: made by the same callers for the next of many things. test_each_place
lets the first allocation of each place (its 16 callers) fail: all there are with BMCLINK_PLACES=0,
else so many.
"""
import os
import random
import re
import shutil
import struct
import time

import pytest

from daemons import build_dir
from netns import wait_for

KINDS = 8  # of system calls
ROLES = ("endpoint", "monitor", "worker")
PLACES = int(os.environ.get("BMCLINK_PLACES", 2))
TABLE = 1 << 16  # FAIL_PLACES of fail.h
SAMPLES = int(os.environ.get("BMCLINK_SAMPLES", 4))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))


class Failing:
    """The counts that fail_alloc.so shares with us."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "alloc")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.environment = {
            "LD_PRELOAD": os.path.join(build_dir(), "tests/net/fail_alloc.so"),
            "FAIL_ALLOC": self.folder, "ASAN_OPTIONS":
            os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
                                                 ":allocator_may_return_null=1"}
        for role in ROLES:
            self.arm(role, 0)

    def path(self, role):
        return os.path.join(self.folder, role)

    def arm(self, role, number, kind=None, error=0):
        """Allocation number fails, or with a kind (fail.h): that call of this kind."""
        with open(self.path(role), "r+b" if os.path.exists(self.path(role)) else "wb") as file:
            file.write(struct.pack("qqq", number if kind is None else 0, 0, 0))
            for n in range(KINDS):
                file.write(struct.pack("qqqq", number if n == kind else 0, 0, 0, error))
        os.chmod(self.path(role), 0o666)

    def read(self, role, kind=None):
        """(how many there were, how many failed)."""
        with open(self.path(role), "rb") as file:
            if kind is not None:
                file.seek(24 + 32 * kind)
            _, count, failed = struct.unpack("qqq", file.read(24))
        return count, failed

    def arm_place(self, role, place):
        """The first allocation from there fails; 0: they are only collected."""
        with open(self.path(role) + ".places", "wb") as file:
            file.write(struct.pack("Qqq", place, 0, 0))
            file.truncate(24 + 8 * TABLE)
        os.chmod(self.path(role) + ".places", 0o666)

    def read_places(self, role):
        """(the places that were seen, how many failed)."""
        with open(self.path(role) + ".places", "rb") as file:
            data = file.read()
        seen = struct.unpack("%dQ" % TABLE, data[24:])
        return {place for place in seen if place}, struct.unpack("Qqq", data[:24])[2]


@pytest.fixture
def failing(lab):
    made = Failing(lab.folder)
    lab.agent.environment = lab.endpoint.environment = made.environment
    return made


def ends_of(lab):
    return lab.endpoint, lab.agent


def crashes(daemon):
    """The stacks of all crashes in its log, innermost first, without the handler's own frames."""
    for part in re.findall("crashed; from here on: \n(.*?)crashed; that was all", daemon.log(),
                           re.S):
        yield [frame for frame in part.splitlines() if "(" in frame][2:]


def is_a_librarys(stack):
    """Our own frame comes later than right below the one that crashed, or below assert(). What
    malloc() or free() find out was done by somebody before: that is never a library's."""
    aborted = [i for i, frame in enumerate(stack) if "(abort+" in frame]
    begin = aborted[0] + 3 if aborted else 1
    if aborted and any(re.search(r"libc\.so\.6\((c?free|[mc]alloc|realloc)\+", frame)
                       for frame in stack[begin - 2:begin + 3]):
        return False
    own = [i for i, frame in enumerate(stack) if re.search(r"\bbmclink[-\w]*\(", frame)]
    return bool(stack) and all(i > begin for i in own)


def test_whose_crash_it_is():
    own, free = "/x/bmclink-endpoint(connection_new+0x1) [0x1]", "/l/libc.so.6(free+0x1) [0x1]"
    abort = ["/l/libc.so.6(%s) [0x1]" % name for name in ("abort+0x1", "+0x1", "+0x2", "+0x3")]
    ssl = ["/l/libcrypto.so.3(CRYPTO_free+0x1) [0x1]", "/l/libssl.so.3(SSL_free+0x1) [0x1]"]
    assert is_a_librarys(["/l/libseccomp.so.2(+0x1) [0x1]", "/l/libseccomp.so.2(+0x2) [0x1]", own])
    assert is_a_librarys(abort + ["/l/libevent.so(+0x3) [0x1]", own])
    assert not is_a_librarys([own])
    assert not is_a_librarys(abort[:3] + [free] + ssl + [own]), "a double free of ours"
    assert not is_a_librarys(abort + [free] + ssl + [own])


def revive(lab):
    """Who has ended is started again; how it ended is looked at."""
    for daemon in ends_of(lab):
        if daemon.process is None or daemon.process.poll() is None:
            continue
        status = daemon.process.poll()
        assert 0 < status < 100 or list(crashes(daemon)), \
            "%s ended with %d" % (daemon.program, status)
        daemon.process = None
        daemon.start(wait=False)


def is_connected(lab):
    revive(lab)
    done = lab.agent.ctl("status", check=False)
    return done.returncode == 0


def live(lab, what, then=None):
    """From nothing to connected and a good end, then() in between; how many libraries crashed."""
    for daemon in ends_of(lab):
        shutil.rmtree(daemon.state_dir, ignore_errors=True)
        if os.path.exists(daemon.log_path):
            os.unlink(daemon.log_path)
    lab.replug()
    lab.endpoint.start(wait=False)
    lab.agent.start(wait=False, ipv6="off")
    wait_for(lambda: is_connected(lab), 40, "connected, after " + what)
    if then:
        then()
    crashed = 0
    for daemon in reversed(ends_of(lab)):
        assert daemon.stop() == 0, what
        stacks = list(crashes(daemon))
        assert all(is_a_librarys(stack) for stack in stacks), (what, stacks)
        crashed += len(stacks)
        said = re.findall(r".*(?:AddressSanitizer|runtime error).*", daemon.log())
        assert not said, (what, said)
        # 9: by the monitor, which could not speak with it
        killed = re.findall(r"worker ended: killed by signal (?!9\b)", daemon.log())
        # libseccomp recurses without end, or (14, SIGALRM) loops, before the worker has begun
        crashed += len(killed)
        before = re.findall(r"acts: (?!hello|get-settings).*\n.*worker ended: killed", daemon.log())
        assert not before or len(killed) <= len(stacks), (what, killed, before)
    return crashed


def one_life(lab, failing, role, number, place=None):
    """(allocations of that process until it was connected, or places that they came from; how
    many failed; a library crashed)."""
    found = []
    failing.arm(role, number)
    if place is not None:
        failing.arm_place(role, place)
    read = failing.read if place is None else failing.read_places
    crashed = live(lab, "allocation %d, place %#x of the %s failed" % (number, place or 0, role),
                   lambda: found.extend(read(role)))
    return (*found, crashed)


@pytest.mark.plain_only
@pytest.mark.parametrize("role", ROLES)
def test_one_allocation_fails(lab, failing, role):
    source = random.Random(SEED)
    total, failed, _ = one_life(lab, failing, role, 0)
    assert total > 200 and failed == 0
    # one of each stretch, another one each time
    step = max(1, total // SAMPLES) if SAMPLES else 1
    numbers = [begin + source.randrange(step) for begin in range(1, total - step, step)]
    print("BMCLINK_SEED=%d\n%s: %d allocations until it is connected; failed: %s" % (
        SEED, role, total, numbers))
    lives = [one_life(lab, failing, role, number) for number in numbers]
    print("%d failed; in %d of these lives a library crashed" % (
        sum(life[1] for life in lives), sum(life[2] > 0 for life in lives)))
    assert sum(life[1] for life in lives) >= max(1, 0.8 * len(numbers) - 2)


@pytest.mark.plain_only
def test_no_request_is_waited_for_that_has_no_memory(lab, failing):
    """libcurl is told of no socket any more, or cannot note it: it does nothing more by itself."""
    lab.endpoint.start(wait=False)
    lab.agent.start(wait=False, ipv6="off")
    wait_for(lambda: is_connected(lab), 40, "connected")
    lab.agent.wait(lambda s: s["log"]["last"], 15, "log is read")
    for number in range(50, 110):
        wait_for(lambda: is_connected(lab), 40, "connected again")
        failing.arm("worker", number)
        begin = time.monotonic()
        lab.agent.ctl("log", check=False)
        failing.arm("worker", 0)
        assert time.monotonic() - begin < 15, number


@pytest.mark.plain_only
@pytest.mark.parametrize("role", ROLES)
def test_each_place(lab, failing, role):
    for daemon in ends_of(lab):
        daemon.prefix = ["setarch", "-R"]  # the same addresses in each life
    known, failed, _ = one_life(lab, failing, role, 0, 0)
    again, _, _ = one_life(lab, failing, role, 0, 0)
    assert failed == 0 and len(known & again) > 0.8 * len(known | again) > 100
    usual = known & again
    todo = sorted(known | again)
    if PLACES:
        todo = random.Random(SEED).sample(sorted(usual), PLACES)
    done, missed, crashed = set(), set(), 0
    while todo:
        for place in todo:
            seen, failed, crashes_seen = one_life(lab, failing, role, 0, place)
            known |= seen
            missed |= set() if failed else {place}
            crashed += crashes_seen > 0
        done.update(todo)
        todo = [] if PLACES else sorted(known - done)[:len(usual) // 4]  # what failures led to
    print("BMCLINK_SEED=%d\n%s: %d usual places, %d seldom ones; failed: %d, and %d; in %d lives "
          "a library crashed" % (SEED, role, len(usual), len(known - usual),
                                 len(done & usual - missed), len(done - usual - missed), crashed))
    assert len(missed & usual) <= 0.1 * len(done & usual) + 1
