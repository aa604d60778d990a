# SPDX-License-Identifier: Apache-2.0
"""Measure the link: docs/performance.md says what each row means. Started by bench/link."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "net")]

import access_bench  # noqa: E402
import connect  # noqa: E402
import handshakes  # noqa: E402
import idle  # noqa: E402
import logsize  # noqa: E402
import machine  # noqa: E402
import runner  # noqa: E402

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
    parser = runner.make_parser(
        "bench/link", "Measure the link between a server and its BMC, in network namespaces.",
        MEASUREMENTS)
    parser.add_argument("--runs", type=int, metavar="N", help="runs of each (default 7)")
    options = runner.parse(parser, MEASUREMENTS)
    if options.runs is None:
        options.runs = 1 if options.quick else 7
    if options.runs < 1:
        parser.error("--runs: expected 1 or more")
    return options


def main():
    options = parse()
    peers = machine.Peers()
    return runner.run(options, MEASUREMENTS, (peers,),
                      peers.prepare if NEEDS_PEERS & set(options.only) else None,
                      runs=options.runs)


if __name__ == "__main__":
    runner.end(main)
