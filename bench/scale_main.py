# SPDX-License-Identifier: Apache-2.0
"""Measure growth: docs/performance.md says what each row means. Started by bench/scale."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "net")]

import runner  # noqa: E402
import scale_connections  # noqa: E402
import scale_pairs  # noqa: E402

MEASUREMENTS = {
    "pairs": (scale_pairs.measure, "agents, each with its BMC, on one machine"),
    "connections": (scale_connections.measure, "connections to one endpoint"),
}


def parse():
    parser = runner.make_parser(
        "bench/scale", "Measure what N agents and N connections cost, and how that grows.",
        MEASUREMENTS)
    parser.add_argument("--pairs", nargs="+", type=int, metavar="N",
                        help="so many agents (default 1 10 100 500)")
    parser.add_argument("--connections", nargs="+", type=int, metavar="N",
                        help="so many connections (default 1 10 100 1000)")
    options = runner.parse(parser, MEASUREMENTS)
    options.pairs = sorted(options.pairs or ([1, 5] if options.quick else [1, 10, 100, 500]))
    options.connections = sorted(options.connections or (
        [1, 10] if options.quick else [1, 10, 100, 1000]))
    if options.pairs[0] < 1 or not 1 <= options.connections[0] <= \
            options.connections[-1] <= scale_connections.MOST:
        parser.error("expected 1 or more pairs, and 1 to %d connections" % scale_connections.MOST)
    return options


if __name__ == "__main__":
    runner.end(lambda: runner.run(parse(), MEASUREMENTS))
