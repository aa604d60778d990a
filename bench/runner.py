# SPDX-License-Identifier: Apache-2.0
"""What bench/link and bench/scale have in common: the options, the run, the table, the exit code.

Measurements are {name: (function, what it is)}; a function gives back its sections.
"""
import argparse
import os
import signal
import sys
import time

import figures
import machine
import netns


def make_parser(prog, description, measurements):
    names = "\n".join("  %-12s %s" % (n, text) for n, (_, text) in measurements.items())
    parser = argparse.ArgumentParser(
        prog=prog, formatter_class=argparse.RawDescriptionHelpFormatter, description=description,
        epilog="measurements:\n%s\n\nExit code: 0 every row has its figure (whether or not it "
               "reaches its goal), 1 one has not, 2 usage." % names)
    parser.add_argument("--quick", action="store_true",
                        help="short and few: does it work? The figures mean little")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(measurements),
                        help="these measurements")
    parser.add_argument("--json", metavar="FILE", help="all samples, too")
    return parser


def parse(parser, measurements):
    options = parser.parse_args()
    options.only = [name for name in measurements if name in (options.only or measurements)]
    options.json = options.json and os.path.abspath(options.json)
    options.folder = "/run/bench"  # of our own mount namespace: it goes with us
    return options


def run(options, measurements, arguments=(), prepare=None, **facts):
    """Each measurement gets the options and the arguments; prepare() runs where apt still can.
    The facts go into the JSON. Returns the exit code."""
    for line in machine.describe():
        machine.say(line)
    machine.build()
    if prepare:
        prepare()
    netns.enter_private()  # without root: in a user namespace, and this program starts anew
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(options.folder, exist_ok=True)
    sections = []
    for name in options.only:
        began = time.monotonic()
        machine.say("\n%s: %s" % (name, measurements[name][1]))
        machine.warn_if_loaded()
        sections += measurements[name][0](options, *arguments)
        machine.say("  %.0f s" % (time.monotonic() - began))
    machine.say("\n" + "\n".join(machine.describe()))
    machine.say(figures.table(sections))
    if options.json:
        figures.write_json(options.json, sections, machine=machine.describe(),
                           quick=options.quick, **facts)
    verdict, status = figures.judge(sections)
    machine.say(verdict)
    return status


def end(main):
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
