# SPDX-License-Identifier: Apache-2.0
"""For long: a carrier that comes and goes, and a link that all use all the time. Nothing grows.

BMCLINK_FLAPS says how often, BMCLINK_SOAK for how many seconds, BMCLINK_SEED in what order.
"""
import os
import random
import re
import statistics
import time

import pytest

from killing import PASSWORD, KillLab, Model, Witness
from lab import BMC_NIC
from netns import run, wait_for

FLAPS = int(os.environ.get("BMCLINK_FLAPS", 30))
SOAK = int(os.environ.get("BMCLINK_SOAK", 20))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))
GROWTH_KB = 512  # of a process; caches that fill are smaller, what leaks at each turn is not
SAMPLES = 40
MAX_PIPES = 7  # standard input, output and errors; one for each way of the one client there is

pytestmark = pytest.mark.plain_only  # ASan keeps what is freed


@pytest.fixture
def lab(tmp_path):
    """Connected, with all that an agent can have open."""
    with KillLab(tmp_path) as lab:
        lab.agent.debug = lab.endpoint.debug = False
        lab.endpoint.configure(log_max_records=2000)
        lab.endpoint.command()  # makes the folders
        run(lab.endpoint_command("passwd"), text_input=PASSWORD + "\n")
        lab.endpoint.start()
        lab.agent.start({"InbandAccess": {"enabled": "on", "allow": "192.0.2.0/24"}})
        lab.model = Model(lab, ipv6="on")
        lab.model.wait_whole("at the start", may_be_bare=False)
        lab.model.check("at the start")
        lab.model.trust_made = True
        yield lab


def processes(lab):
    return dict(lab.processes(), endpoint=lab.endpoint.pid)


def anonymous_kb(pid):
    """What a process has allocated. Not PSS: that changes with who else has the libraries."""
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return int(re.search(r"Anonymous:\s+(\d+)", file.read()).group(1))


def memory(lab):
    return {role: anonymous_kb(pid) for role, pid in processes(lab).items()}


def client(lab):
    """Somebody reads through the relay, which is a new process at each connection of ours."""
    out = run(lab.client.wrap(["curl", "-sSk", "--noproxy", "*", "--max-time", "20",
                               "https://192.0.2.1:1266/redfish/v1/$metadata"])).stdout
    assert "</edmx:Edmx>" in out


def settled(lab):
    client(lab)
    return memory(lab)


def link_of(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:  # closed meanwhile
        return ""


def descriptors(lab):
    """Without pipes, of which the relay keeps a few for later; how many is what its clients did."""
    found = {}
    for role, pid in processes(lab).items():
        folder = "/proc/%d/fd" % pid
        links = [link_of(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        pipes = [link for link in links if link.startswith("pipe:")]
        assert len(pipes) <= MAX_PIPES, (role, pipes)
        found[role] = len(links) - len(pipes)
    return found


def host_state(lab):
    """Whatever the NIC's number, and what its rules have counted."""
    state = lab.host_state()
    state["nft"] = re.sub(r"bmclink_\d+|packets \d+ bytes \d+", "", state["nft"])
    return state


def disk_kb(lab):
    size = 0
    for daemon in (lab.agent, lab.endpoint):
        for folder, _, names in os.walk(daemon.state_dir):
            size += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    return size // 1024


def wait_as(lab, files, host):
    """After a moment: IPv6 takes a second to be ready, and a connection for requests stays open
    for a while."""
    def is_as_before():
        now = descriptors(lab)
        return all(now[role] <= files[role] for role in files) and host_state(lab) == host
    try:
        wait_for(is_as_before, 45, "as before")
    except AssertionError:
        now = host_state(lab)
        raise AssertionError("not as before: %s, was %s; %s" % (descriptors(lab), files, {
            key: (host.get(key), now.get(key)) for key in set(host) | set(now)
            if host.get(key) != now.get(key)})) from None


def flap(lab):
    """Seconds from the carrier to the connection."""
    lab.bmc.ip("link set %s down" % BMC_NIC)
    lab.agent.wait(lambda s: s["state"] != "connected", 30, "lost")
    lab.bmc.ip("link set %s up" % BMC_NIC)
    begin = time.monotonic()
    lab.agent.wait_connected("ipv4", 30)
    return time.monotonic() - begin


def told(times):
    ordered = sorted(times)
    return "median %.2f s, 99 %% %.2f s, longest %.2f s" % (
        statistics.median(ordered), ordered[len(ordered) * 99 // 100], ordered[-1])


def test_flaps(lab):
    for _ in range(10):  # the first ones take what memory the allocator keeps
        flap(lab)
    lab.model.wait_whole("after the first flaps", may_be_bare=False)
    before, files, host = settled(lab), descriptors(lab), host_state(lab)
    lines, begin = len(lab.agent.log().splitlines()), time.monotonic()
    times = [flap(lab) for _ in range(FLAPS)]
    lab.model.wait_whole("after all flaps", may_be_bare=False)
    minutes = (time.monotonic() - begin) / 60
    wait_as(lab, files, host)
    after = settled(lab)
    lines = len(lab.agent.log().splitlines()) - lines
    print("%d flaps in %.1f minutes, connected after %s; kB before %s, after %s; %d lines" % (
        FLAPS, minutes, told(times), before, after, lines))
    assert all(after[role] - before[role] < GROWTH_KB for role in before), (before, after)
    assert lines < 40 + 10 * minutes
    assert lab.births.count(lab.ifindex) == 1, "configured once"


class Use:
    """What administrators and the field do to a link in years, one thing after another."""

    def __init__(self, lab, witness, source):
        self.lab, self.witness, self.random = lab, witness, source
        self.renewed, self.switched, self.counts = [], [], {}

    def status(self):
        self.lab.agent.ctl("status")

    def events(self):
        assert self.lab.agent.events()

    def log(self):
        self.lab.agent.ctl("log")

    def client(self):
        client(self.lab)

    def names(self):
        """Within the 60 changes of /etc/hosts that the monitor makes in an hour."""
        now = time.monotonic()
        self.switched = [t for t in self.switched if now - t < 3600]
        if len(self.switched) == 20:
            return
        self.switched.append(now)
        for word in ("disable", "enable"):
            run(self.lab.agent_command("names", word))

    def reload(self):
        self.lab.agent.reload()

    def flap(self):
        flap(self.lab)

    def replug(self):
        self.lab.replug()

    def restart_bmc(self):
        assert self.lab.endpoint.stop() == 0
        self.lab.endpoint.start()

    def renew_host(self):
        run(self.lab.agent_command("certificate", "renew"))
        self.renewed = ["host"]

    def renew_bmc(self):
        run(self.lab.endpoint_command("certificate", "renew"))
        self.renewed = ["bmc"]

    # what, and how often among a hundred
    WHAT = ((status, 25), (events, 10), (log, 15), (client, 25), (names, 4), (reload, 4),
            (flap, 8), (replug, 3), (restart_bmc, 2), (renew_host, 2), (renew_bmc, 2))

    def once(self):
        act, = self.random.choices([a for a, _ in self.WHAT], [n for _, n in self.WHAT])
        self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
        self.renewed = []
        act(self)
        self.lab.model.wait_whole(act.__name__, may_be_bare=False)
        records = wait_for(self.verified, 10, "the BMC's log can be read")
        self.lab.model.check(act.__name__, self.renewed, records)

    def verified(self):
        try:
            return self.witness.verify()
        except OSError:
            return None


def test_soak(lab):
    print("BMCLINK_SEED=%d" % SEED)
    witness = Witness(lab)
    use = Use(lab, witness, random.Random(SEED))
    files, host, first, samples = descriptors(lab), host_state(lab), settled(lab), []
    witness.verify()  # the records of the enrolment
    witness.start()
    begin = time.monotonic()
    while time.monotonic() - begin < SOAK or len(samples) < 4:  # one for each quarter
        use.once()
        if time.monotonic() - begin >= len(samples) * SOAK / SAMPLES:
            samples.append(memory(lab))
    witness.end()
    print("%d s: %s; %d records seen and %d changes acknowledged, none lost; on the disk %d kB"
          % (SOAK, use.counts, witness.total_seen, witness.total_acknowledged, disk_kb(lab)))
    quarter = len(samples) // 4
    for role in first:
        early, late = (statistics.median(s[role] for s in part)
                       for part in (samples[quarter:2 * quarter], samples[-quarter:]))
        print("%-9s %5.0f kB at first, %5.0f in the second quarter, %5.0f in the last" % (
            role, first[role], early, late))
        assert late - early < GROWTH_KB, role
    assert witness.total_seen > 0 and witness.total_acknowledged > 0 and disk_kb(lab) < 8192
    wait_as(lab, files, host)
