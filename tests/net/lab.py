# SPDX-License-Identifier: Apache-2.0
"""A server and its BMC in two network namespaces; a veth pair plays the pass-through NIC.

    with Lab(folder) as lab:
        lab.endpoint.start()
        lab.agent.start(ipv6="off")
        status = lab.agent.wait_connected("ipv4")

The host's side of the NIC is `bmc0`, the BMC's side `usb0`: names that say nothing, as in life.
"""
import itertools
import json
import os
import re
import sys

from daemons import Agent, Endpoint
from fakes import DELL_NIC, Trees
from netns import Namespace, wait_for

HOST_NIC, BMC_NIC = "bmc0", "usb0"
HOST_MAC, BMC_MAC = "02:00:5e:00:00:02", "02:00:5e:00:00:01"
BMC_IPV4, HOST_IPV4 = "169.254.1.1", "169.254.1.2"
BMC_ULA, HOST_ULA = "fde1:53ba:e9a0:de11::1", "fde1:53ba:e9a0:de11::2"

# What the BMC sees of us: every SYN is counted before any rule may drop it.
COUNTING = """
table inet lab {
    counter syn4 { }
    counter syn6 { }
    chain count {
        type filter hook prerouting priority -300; policy accept;
        meta nfproto ipv4 tcp flags & (syn | ack) == syn counter name "syn4"
        meta nfproto ipv6 tcp flags & (syn | ack) == syn counter name "syn6"
    }
    chain faults { type filter hook prerouting priority -200; policy accept; }
}
table arp lab {
    chain faults { type filter hook input priority 0; policy accept; }
}
"""

# What a test that waits makes them say all the time.
WAITING = re.compile("debug: (acts: access-get: done|connection: .* -> )")


class Lab:
    namespace = Namespace  # the class of both
    _made = itertools.count(1)  # labs may be made by several threads

    def __init__(self, folder, ids=DELL_NIC, bmc_ipv4=BMC_IPV4, bmc_ipv6=True, bmc_ula=False):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ids, self.bmc_ipv4 = ids, bmc_ipv4
        self.bmc_ipv6, self.bmc_ula = bmc_ipv6, bmc_ula
        self.closers = []
        self.next_ifindex = 10

    def __enter__(self):
        name = "lab%d-%d" % (os.getpid(), next(Lab._made))
        try:
            self.host = self._own(self.namespace(name + "-host"))
            self.bmc = self._own(self.namespace(name + "-bmc"))
            self.bmc.nft(COUNTING)
            self.trees = Trees(os.path.join(self.folder, "trees"))
            self.agent = Agent(self.host, os.path.join(self.folder, "agent"), self.trees)
            self.endpoint = Endpoint(self.bmc, os.path.join(self.folder, "bmc"), BMC_NIC)
            self.plug()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        trouble = self.agent.trouble() + self.endpoint.trouble()
        if kind is not None and kind is not KeyboardInterrupt:
            self.print_logs()
        try:
            for daemon in (self.agent, self.endpoint):
                try:
                    daemon.stop()
                except AssertionError as error:
                    trouble.append(str(error))
            trouble += self.agent.trouble() + self.endpoint.trouble()
        finally:
            self._close()
        if trouble and kind is None:
            self.print_logs()
            raise AssertionError("; ".join(trouble))
        return False

    def _own(self, thing):
        self.closers.append(thing.close)
        return thing

    def on_close(self, function):
        self.closers.append(function)

    def _close(self):
        for daemon in (getattr(self, "agent", None), getattr(self, "endpoint", None)):
            if daemon:
                daemon.kill()
        while self.closers:
            self.closers.pop()()

    def print_logs(self):
        for daemon in (self.agent, self.endpoint):
            told = "\n".join(line for line in daemon.log().splitlines() if not WAITING.search(line))
            print("----- %s\n%s" % (daemon.log_path, told[-12000:]), file=sys.stderr)

    # The NIC

    @property
    def ifindex(self):
        return self.host.link(HOST_NIC)["ifindex"]

    def plug(self, host_name=HOST_NIC):
        """The NIC is born: bare and down on the host's side, ready on the BMC's side."""
        # The kernel has sysfs ready before it announces a link: the prepared tree must be, too.
        self.next_ifindex += 1
        self.trees.plug(host_name, self.next_ifindex, HOST_MAC, self.ids)
        self.host.ip("link add %s index %d address %s type veth peer name %s address %s netns %s"
                     % (host_name, self.next_ifindex, HOST_MAC, BMC_NIC, BMC_MAC, self.bmc.name))
        # The neighbour timers of a BMC that is meant for this link (the endpoint sets them too).
        self.bmc.sysctl("ipv6/neigh/%s/retrans_time_ms" % BMC_NIC, 50)
        self.bmc.sysctl("ipv6/conf/%s/router_solicitation_delay" % BMC_NIC, 0)
        if not self.bmc_ipv6:
            self.bmc.sysctl("ipv6/conf/%s/disable_ipv6" % BMC_NIC, 1)
        self.bmc.ip("link set %s up" % BMC_NIC)
        if self.bmc_ipv4:
            self.bmc.ip("addr add %s/16 dev %s" % (self.bmc_ipv4, BMC_NIC))
        if self.bmc_ula:
            self.bmc.ip("addr add %s/64 dev %s" % (BMC_ULA, BMC_NIC))

    def unplug(self, host_name=HOST_NIC):
        self.host.ip("link del " + host_name)
        self.trees.unplug()

    def replug(self):
        """Pulled and put in again: same hardware address, another ifindex."""
        old = self.ifindex
        self.unplug()
        self.plug()
        assert self.ifindex != old

    def reboot(self, start=True, **keys):
        """The host's power was cut: processes, runtime directory, NIC and boot_id are new."""
        self.agent.kill()
        self.unplug()
        for name in os.listdir(self.agent.runtime_dir):
            os.unlink(os.path.join(self.agent.runtime_dir, name))
        self.trees.new_boot()
        self.plug()
        if start:
            self.agent.start(**keys)

    def host_up(self):
        self.host.ip("link set %s up" % HOST_NIC)

    def host_configure(self, address=HOST_IPV4 + "/16"):
        """What an administrator would do."""
        self.host_up()
        family = " nodad" if ":" in address else ""
        self.host.ip("addr add %s dev %s%s" % (address, HOST_NIC, family))

    # What the BMC sees

    def syn_counts(self):
        """{"ipv4": n, "ipv6": n}: connection attempts that arrived at the BMC."""
        out = self.bmc.run(["nft", "-j", "list", "counters", "table", "inet", "lab"]).stdout
        found = {}
        for item in json.loads(out)["nftables"]:
            if "counter" in item:
                found[item["counter"]["name"]] = item["counter"]["packets"]
        return {"ipv4": found["syn4"], "ipv6": found["syn6"]}

    # What can go wrong on the link. Each has its end in clear_faults().

    def fault(self, rule, table="inet lab"):
        """One nft rule on the BMC's side of the NIC."""
        self.bmc.nft("add rule %s faults %s" % (table, rule))

    def clear_faults(self):
        self.bmc.nft("flush chain inet lab faults\nflush chain arp lab faults")

    def silence_ipv4(self):
        """Firmware that is dead over IPv4: packets vanish, ARP still answers."""
        self.fault("meta nfproto ipv4 drop")

    def silence_ipv6(self, neighbours_too=False):
        self.fault("meta nfproto ipv6 %sdrop" % ("" if neighbours_too else "meta l4proto tcp "))

    def silence_arp(self):
        self.fault("drop", "arp lab")
        self.host.ip("neigh flush dev " + HOST_NIC, check=False)

    def refuse_port(self, port=443, family=None):
        proto = {4: "meta nfproto ipv4 ", 6: "meta nfproto ipv6 ", None: ""}[family]
        self.bmc.nft("add chain inet lab refuse { type filter hook input priority 0; }\n"
                     "add rule inet lab refuse %stcp dport %d reject with tcp reset"
                     % (proto, port))

    def allow_port(self):
        self.bmc.nft("flush chain inet lab refuse")

    # Lifecycle log, read as an administrator would

    def curl(self, path, host=BMC_IPV4, scheme="https", certificate=True, options=()):
        """(HTTP status, body) of one GET with curl, from the host's side."""
        command = ["curl", "-sk", "--noproxy", "*", "--interface", HOST_NIC, "--max-time", "10",
                   "-w", "\n%{http_code}", "%s://%s%s" % (scheme, host, path)]
        worker = os.path.join(self.agent.state_dir, "worker")
        if certificate and scheme == "https":
            command += ["--cert", os.path.join(worker, "agent.crt"),
                        "--key", os.path.join(worker, "agent.key")]
        out = self.host.run(command + list(options), check=False)
        body, _, code = out.stdout.rpartition("\n")
        return int(code or 0), body

    def lifecycle_log(self, **options):
        """Entries of the BMC's Lifecycle log, newest first as the service gives them."""
        code, body = self.curl("/redfish/v1/Managers/bmc/LogServices/Lclog/Entries", **options)
        assert code == 200, "Lifecycle log: HTTP %d: %s" % (code, body)
        return json.loads(body)["Members"]

    def wait_lifecycle(self, message_id, count=1, timeout=10):
        def found():
            matches = [e for e in self.lifecycle_log()
                       if e.get("MessageId", "").split(".")[-1] == message_id]
            return matches if len(matches) >= count else None
        return wait_for(found, timeout, "%d %s in the Lifecycle log" % (count, message_id))
