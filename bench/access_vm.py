# SPDX-License-Identifier: Apache-2.0
"""bench/access-vm: as access_bench.py, but in the virtual server, through its USB NIC."""
import argparse
import contextlib
import json
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "net"),
                os.path.join(os.path.dirname(HERE), "tests", "vm")]

import clients  # noqa: E402
import figures  # noqa: E402
import guest as vm  # noqa: E402
import machine  # noqa: E402
import packages as deb  # noqa: E402
from access_bench import AROUND, BEHIND, HAPROXY, PORTS, make_rows, measure_one  # noqa: E402

NAMES = ["routing", "socat", "haproxy", "haproxy, spliced", "in-band access"]
LOAD = "/var/tmp/access_load.py"
HOST = "192.0.2.1"
SETTINGS = """[InbandAccess]
enabled = on
allow = 192.0.2.0/24
max_connections = 256
max_connections_per_source = 256

[Link]
nic_filter = off
"""
# What the relay connects to is the test's server; the agent's own connections stay.
DIVERT = """table ip divert {
 chain in { type nat hook prerouting priority -100;
  tcp dport 443 tcp sport 16384-32767 redirect to :%d
  tcp dport %d redirect to :%d
 }
}
""" % (BEHIND, AROUND, BEHIND)
# What prints the processor seconds of who is between, as the scheduler counts them.
OF_UNIT = "awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/system.slice/%s.service/cpu.stat"
OF_RELAY = "awk '{ print $1 / 1e9 }' /proc/$(pgrep -f 'bmclinkd .*--rela[y]')/schedstat"
OF_NOBODY = "echo 0"


def parse():
    parser = argparse.ArgumentParser(prog="bench/access-vm", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each (default 5)")
    parser.add_argument("--mebibytes", type=int, default=32, metavar="N",
                        help="each way in each run (default 32)")
    parser.add_argument("--asks", type=int, default=200, metavar="N",
                        help="small requests; a quarter as many connections (default 200)")
    parser.add_argument("--json", metavar="FILE", help="all samples, too")
    return parser.parse_args()


class Ways:
    """{name: (address, port, what prints the processor seconds of who is between)}"""

    def __init__(self, guest):
        self.guest, self.bmc, self.ways = guest, None, {}

    def spawn(self, name, command, namespace=None):
        words = ["systemd-run", "-q", "--unit", name]
        if namespace:
            words += ["-p", "NetworkNamespacePath=/run/netns/" + namespace]
        self.guest.run(words + command)

    def start(self):
        guest = self.guest
        guest.put("/etc/bmclink/bmclinkd.conf.d/bench.conf", SETTINGS)
        clients.add(guest)
        guest.sh("systemctl restart bmclinkd", timeout=120)
        deb.wait_ipv4(guest)
        self.bmc = deb.status(guest)["bmc_address"]
        deb.until("in-band access is at work", lambda: clients.is_open(guest), 240)
        guest.run(["ip", "netns", "exec", "bmc", "nft", "-f", "-"], data=DIVERT.encode())
        guest.copy_in(os.path.join(HERE, "access_load.py"), LOAD)
        self.spawn("server", ["/usr/bin/python3", "-I", LOAD, "server", "0.0.0.0", str(BEHIND)],
                   "bmc")
        self.route()
        self.ways["in-band access"] = (HOST, clients.PORT, OF_RELAY)
        for name, port in PORTS.items():
            self.start_peer(name, port)
        guest.until("the server listens",
                    "ip netns exec bmc ss -Hltn sport = :%d | grep -q ." % BEHIND)

    def route(self):
        guest = self.guest
        guest.sh("sysctl -q net.ipv4.ip_forward=1")
        guest.sh("ip -n client route add %s/32 via %s" % (self.bmc, HOST))
        address = guest.sh("ip -4 -o addr show dev %s | awk '{ print $4 }'" % deb.nic(guest))
        guest.bmc("ip route add 192.0.2.0/24 via %s dev usb0 onlink" % address.split("/")[0])
        self.ways["routing"] = (self.bmc, AROUND, OF_NOBODY)

    def start_peer(self, name, port):
        unit = "peer%d" % port
        if name == "socat":
            command = ["/usr/bin/socat", "-b", "65536",
                       "TCP-LISTEN:%d,fork,reuseaddr,nodelay,backlog=128" % port,
                       "TCP:%s:%d,nodelay" % (self.bmc, AROUND)]
        else:
            path = "/var/tmp/%s.cfg" % unit
            self.guest.put(path, HAPROXY % (
                "option splice-request\n    option splice-response" if "spliced" in name else "",
                port, self.bmc, AROUND))
            command = ["/usr/sbin/haproxy", "-db", "-f", path]
        self.spawn(unit, command)
        self.guest.until(name + " listens", "ss -Hltn sport = :%d | grep -q ." % port)
        self.ways[name] = (HOST, port, OF_UNIT % unit)

    def run(self, name, what, count):
        """(seconds of each, processor seconds of who is between)"""
        address, port, used = self.ways[name]
        before = float(self.guest.sh(used))
        done = self.guest.run(["ip", "netns", "exec", "client", "/usr/bin/python3", "-I", LOAD,
                               "client", address, port, what, count], timeout=600)
        return json.loads(done.out)["seconds"], float(self.guest.sh(used)) - before


def measure(options):
    section = figures.Section(
        "In-band access: one TCP connection through the virtual server, whose BMC is a USB NIC",
        "%d MiB each way; requests of 200 bytes. QEMU without KVM, one processor for all: the"
        % options.mebibytes, "rates are the emulation's; what is worth something are the ratios.")
    rows = make_rows(section, NAMES)
    packages = deb.build()
    with vm.Guest.booted(deb.states(packages)) as guest:
        guest.restore("installed")
        ways = Ways(guest)
        ways.start()
        for run in range(options.runs):
            for name in NAMES:
                measure_one(ways, name, rows,
                            (options.mebibytes << 20, options.asks, options.asks // 4))
            machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
                "%s %.1f MB/s" % (n, rows[n, "down"].samples[-1]) for n in NAMES)))
    return section


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for line in machine.describe():
        machine.say(line)
    machine.warn_if_loaded()
    sections = [measure(options)]
    machine.say(figures.table(sections))
    if options.json:
        figures.write_json(options.json, sections, machine=machine.describe(), runs=options.runs)
    verdict, status = figures.judge(sections)
    machine.say(verdict)
    return status


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
