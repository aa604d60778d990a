# SPDX-License-Identifier: Apache-2.0
"""Measure growth: docs/performance.md says what each row means. Started by bench/scale."""
import argparse
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "net")]

import figures  # noqa: E402
import machine  # noqa: E402
import netns  # noqa: E402
import scale_connections  # noqa: E402
import scale_pairs  # noqa: E402

MEASUREMENTS = {
    "pairs": (scale_pairs.measure, "agents, each with its BMC, on one machine"),
    "connections": (scale_connections.measure, "connections to one endpoint"),
}


def parse():
    names = "\n".join("  %-12s %s" % (n, text) for n, (_, text) in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="bench/scale", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure what N agents and N connections cost, and how that grows.",
        epilog="measurements:\n%s\n\nExit code: 0 every row has its figure (whether or not it "
               "reaches its goal), 1 one has not, 2 usage." % names)
    parser.add_argument("--quick", action="store_true",
                        help="few and short: does it work? The figures mean little")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(MEASUREMENTS),
                        help="these measurements")
    parser.add_argument("--pairs", nargs="+", type=int, metavar="N",
                        help="so many agents (default 1 10 100 500)")
    parser.add_argument("--connections", nargs="+", type=int, metavar="N",
                        help="so many connections (default 1 10 100 1000)")
    parser.add_argument("--json", metavar="FILE", help="all samples, too")
    options = parser.parse_args()
    options.only = options.only or list(MEASUREMENTS)
    options.pairs = sorted(options.pairs or ([1, 5] if options.quick else [1, 10, 100, 500]))
    options.connections = sorted(options.connections or (
        [1, 10] if options.quick else [1, 10, 100, 1000]))
    if options.pairs[0] < 1 or not 1 <= options.connections[0] <= \
            options.connections[-1] <= scale_connections.MOST:
        parser.error("expected 1 or more pairs, and 1 to %d connections" % scale_connections.MOST)
    options.folder = "/run/bench"  # of our own mount namespace: it goes with us
    return options


def main():
    options = parse()
    if options.json:
        options.json = os.path.abspath(options.json)
    for line in machine.describe():
        machine.say(line)
    machine.build()
    netns.enter_private()  # without root: in a user namespace, and this program starts anew
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(options.folder, exist_ok=True)
    sections = []
    for name in options.only:
        began = time.monotonic()
        machine.say("\n%s: %s" % (name, MEASUREMENTS[name][1]))
        sections += MEASUREMENTS[name][0](options)
        machine.say("  %.0f s" % (time.monotonic() - began))
    machine.say("\n" + "\n".join(machine.describe()))
    machine.say(figures.table(sections))
    if options.json:
        figures.write_json(options.json, sections, machine=machine.describe(),
                           quick=options.quick)
    verdict, status = figures.judge(sections)
    machine.say(verdict)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
