# SPDX-License-Identifier: Apache-2.0
"""Measure the link: docs/performance.md says what each row means. Started by bench/link."""
import argparse
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "net")]

import access_bench  # noqa: E402
import connect  # noqa: E402
import figures  # noqa: E402
import handshakes  # noqa: E402
import idle  # noqa: E402
import logsize  # noqa: E402
import machine  # noqa: E402
import netns  # noqa: E402

MEASUREMENTS = {
    "connect": (connect.measure, "carrier, IPv6 instead of IPv4, and the BMC's port, to connected"),
    "idle": (idle.measure, "memory and wake-ups of both ends, beside qemu-ga, lldpd and chronyd"),
    "handshakes": (handshakes.measure, "mutual TLS a second, beside nginx, hitch and stunnel"),
    "connections": (idle.measure_connections, "the endpoint's memory with 1 to 200 connections"),
    "access": (access_bench.measure, "in-band access beside socat, haproxy and plain routing"),
    "log": (logsize.measure, "start and paging with logs of 10^3 to 10^6 records"),
}
NEEDS_PEERS = {"idle", "handshakes", "access"}


def parse():
    names = "\n".join("  %-12s %s" % (n, text) for n, (_, text) in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="bench/link", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure the link between a server and its BMC, in network namespaces.",
        epilog="measurements:\n%s\n\nExit code: 0 every row has its figure (whether or not it "
               "reaches its goal), 1 one has not, 2 usage." % names)
    parser.add_argument("--quick", action="store_true",
                        help="short and few runs: does it work? The figures mean little")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(MEASUREMENTS),
                        help="these measurements")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of each (default 7)")
    parser.add_argument("--json", metavar="FILE", help="all samples, too")
    options = parser.parse_args()
    if options.runs is None:
        options.runs = 1 if options.quick else 7
    if options.runs < 1:
        parser.error("--runs: expected 1 or more")
    options.only = options.only or list(MEASUREMENTS)
    options.folder = "/run/bench"  # of our own mount namespace: it goes with us
    return options


def run_all(options, peers):
    sections = []
    for name in MEASUREMENTS:
        if name not in options.only:
            continue
        began = time.monotonic()
        machine.say("\n%s: %s" % (name, MEASUREMENTS[name][1]))
        machine.warn_if_loaded()
        sections += MEASUREMENTS[name][0](options, peers)
        machine.say("  %.0f s" % (time.monotonic() - began))
    return sections


def main():
    options = parse()
    if options.json:
        options.json = os.path.abspath(options.json)
    for line in machine.describe():
        machine.say(line)
    machine.build()
    peers = machine.Peers()
    if NEEDS_PEERS & set(options.only):
        peers.prepare()
    netns.enter_private()  # without root: in a user namespace, and this program starts anew
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(options.folder, exist_ok=True)
    sections = run_all(options, peers)
    machine.say("\n" + "\n".join(machine.describe()))
    machine.say(figures.table(sections))
    if options.json:
        figures.write_json(options.json, sections, machine=machine.describe(),
                           runs=options.runs, quick=options.quick)
    verdict, status = figures.judge(sections)
    machine.say(verdict)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
