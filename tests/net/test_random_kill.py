# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of an agent's life, and a model that knows what must be true then.

Whoever is killed (monitor, worker, relay, all of the agent, the endpoint, both ends) while whatever
goes on: the NIC is configured once a birth, the trust is what it was or exactly what was renewed,
no window opens, no record of the Lifecycle log that somebody has seen is lost, and when the agent
is stopped and cleaned up the host is as it was. BMCLINK_KILLS says how many, BMCLINK_SEED which.
"""
import collections
import os
import random
import shutil
import signal
import time

import pytest

from killing import PASSWORD, KillLab, Model, Witness
from lab import BMC_NIC
from netns import run, wait_for

KILLS = int(os.environ.get("BMCLINK_KILLS", 15))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))
LIFE = 12  # kills until everything is cleaned up and begun anew


@pytest.fixture
def lab(tmp_path):
    with KillLab(tmp_path) as lab:
        yield lab


class Killer:
    def __init__(self, lab, random_source):
        self.lab, self.random = lab, random_source
        self.model = self.witness = None
        self.times, self.victims = collections.defaultdict(list), collections.Counter()
        self.seen = self.acknowledged = self.bare = 0
        self.before = lab.host_state()

    # --- a life -----------------------------------------------------------------------------------

    def begin_life(self):
        """Bare: the first kill comes while the two get to know each other."""
        lab = self.lab
        for daemon in (lab.agent, lab.endpoint):
            shutil.rmtree(daemon.state_dir, ignore_errors=True)
            shutil.rmtree(daemon.config + ".d", ignore_errors=True)  # the switches, as by purge
        lab.endpoint.sections["Endpoint"]["log_max_records"] = 100000
        lab.endpoint.configure()
        lab.endpoint.command()  # makes the folders
        run(lab.endpoint_command("passwd"), text_input=PASSWORD + "\n")
        self.model = Model(lab, ipv6=self.random.choice(["on", "off"]))
        self.witness = Witness(lab)
        lab.endpoint.start()
        self.start_agent()
        self.witness.start()

    def start_agent(self):
        self.lab.agent.start({"InbandAccess": {"enabled": "on", "allow": "192.0.2.0/24"}},
                             wait=False, ipv6=self.model.ipv6)

    def end_life(self):
        """Stopped and cleaned up, nothing is left; then the NIC is born again for the next."""
        lab = self.lab
        self.witness.end()
        self.seen += self.witness.total_seen
        self.acknowledged += self.witness.total_acknowledged
        self.bare += self.model.bare
        assert lab.agent.stop() == 0
        run(lab.host.wrap(lab.agent.command() + ["--cleanup"]))
        after = lab.host_state()
        changed = {key: (self.before.get(key), after.get(key))
                   for key in set(self.before) | set(after)
                   if self.before.get(key) != after.get(key)}
        assert not changed, "not as before: %s" % changed
        left = run(["ip", "netns", "pids", lab.host.name]).stdout.split()
        assert not left, "processes are left: %s" % left
        assert lab.endpoint.stop() == 0
        lab.replug()

    # --- what goes on while the kill comes: each returns what may have been renewed ---------------

    def enrol(self):
        """Goes on since the life began."""

    def start(self):
        self.lab.agent.kill()
        self.start_agent()

    def connected(self):
        pass

    def renew_host(self):
        self.lab.begin(self.lab.agent_command("certificate", "renew"))
        return ["host"]

    def renew_bmc(self):
        self.lab.begin(self.lab.endpoint_command("certificate", "renew"))
        return ["bmc"]

    def flap(self):
        self.lab.bmc.ip("link set %s down" % BMC_NIC)
        self.up_again = True

    up_again = False

    def replug(self):
        self.lab.replug()

    def switch_at_host(self):
        word = self.random.choice(["enable", "disable"])
        self.model.names_at_host = self.model.names_at_host | {word == "enable"}
        self.switching = (self.lab.begin(self.lab.agent_command("names", word)), "names_at_host",
                          word == "enable")

    def switch_at_bmc(self):
        word = self.random.choice(["on", "off"])
        self.model.names_at_bmc = self.model.names_at_bmc | {word == "on"}
        self.switching = (self.lab.begin(self.lab.endpoint_command(
            "features", "local-names", word)), "names_at_bmc", word == "on")

    switching = None

    def client(self):
        """Somebody reads through the relay."""
        self.lab.begin(self.lab.client.wrap([
            "curl", "-sk", "--noproxy", "*", "--max-time", "20",
            "https://192.0.2.1:1266/redfish/v1/", "https://192.0.2.1:1266/redfish/v1/$metadata"]))

    MOMENTS = (start, connected, renew_host, renew_bmc, flap, replug, switch_at_host, switch_at_bmc,
               client)

    # --- the kill ---------------------------------------------------------------------------------

    def kill(self, victim):
        """True when there was somebody to kill."""
        lab = self.lab
        if victim in ("agent", "both"):
            lab.agent.kill()
        if victim in ("endpoint", "both"):
            lab.endpoint.kill()
        if victim == "monitor":
            lab.agent.expected_end = True
            pids = [pid for role, pid in lab.processes().items() if role != "monitor"]
            os.kill(lab.agent.pid, signal.SIGKILL)
            lab.agent.process.wait()
            lab.agent.process = None
            wait_for(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in pids), 10,
                     "worker and relay end with their monitor")
        if victim in ("worker", "relay"):
            pid = lab.processes().get(victim)
            if pid is None:
                return False
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return True

    def start_again(self):
        """As the units would: who has ended is started, in either order."""
        lab = self.lab
        if self.up_again:
            lab.bmc.ip("link set %s up" % BMC_NIC)
            self.up_again = False
        order = [lab.agent, lab.endpoint]
        self.random.shuffle(order)
        for daemon in order:
            if not daemon.is_running():
                if daemon is lab.agent:
                    self.start_agent()
                else:
                    daemon.start(wait=False)

    def once(self, moment, what):
        renewed = moment(self) or ()
        delay = self.random.random() * self.random.choice([0.02, 0.1, 0.5, 1.5])
        victim = self.random.choice(["agent", "agent", "monitor", "worker", "worker", "relay",
                                     "endpoint", "endpoint", "both"])
        what += ", %s to be killed %.0f ms after %s began" % (
            victim, delay * 1000, moment.__name__)
        print(what, flush=True)
        time.sleep(delay)  # the moment of the kill is the test's subject
        if not self.kill(victim):  # no relay, or no worker, just now
            victim = "agent"
            self.kill(victim)
        self.victims[victim] += 1
        if self.switching:
            process, name, value = self.switching
            self.switching = None
            if victim not in ("endpoint", "both", "worker") and process.poll() == 0:
                setattr(self.model, name, {value})  # it was told that it is so
        self.start_again()
        may_be_bare = victim in ("agent", "monitor", "both") and \
            moment.__name__ in ("enrol", "start", "replug")
        took = self.model.wait_whole(what, may_be_bare)
        self.times[moment.__name__].append(took)
        self.lab.end_commands()
        entries = wait_for(self.verified, 10, "the BMC's log can be read")
        self.model.check(what, renewed, entries)
        self.model.trust_made = True
        return what

    def verified(self):
        try:
            return self.witness.verify()
        except OSError:
            return None


def test_kill_at_random_moments(lab):
    print("BMCLINK_SEED=%d" % SEED)
    killer = Killer(lab, random.Random(SEED))
    for number in range(KILLS):
        if number % LIFE == 0:
            if number:
                killer.end_life()
            killer.begin_life()
            moment = Killer.enrol
        else:
            moment = killer.random.choice(Killer.MOMENTS)
        killer.once(moment, "seed %d, kill %d" % (SEED, number + 1))
    killer.end_life()
    print("%d kills; %d records seen and %d changes acknowledged before a kill, none lost; "
          "an administrator was needed %d times; until whole again:" % (
              KILLS, killer.seen, killer.acknowledged, killer.bare))
    print("killed:", ", ".join("%s %d times" % row for row in killer.victims.most_common()))
    for name, times in sorted(killer.times.items()):
        print("%-16s %4d times, median %.1f s, longest %.1f s" % (
            name, len(times), sorted(times)[len(times) // 2], max(times)))
    assert killer.seen > KILLS and killer.acknowledged > KILLS
    assert killer.bare <= 1 + KILLS // 50
