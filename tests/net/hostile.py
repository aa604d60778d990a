# SPDX-License-Identifier: Apache-2.0
"""What the hostile BMC and the hostile hosts have in common: which cells, what none may show.

A cell is an attack (a row of a table) at a step. Variables of the environment:
BMCLINK_HOSTILE_CELLS says how many cells (0: all of them; by default a sample, by the seed of
BMCLINK_SEED or of the day), BMCLINK_HOSTILE_HOLD how many seconds each attack goes on for,
BMCLINK_HOSTILE_SLACK how many a busy machine may add to what is asked for, BMCLINK_HOSTILE_ONLY is
a pattern of names of cells, and BMCLINK_HOSTILE_FIGURES names a file for the figures.
"""
import datetime
import json
import os
import random
import re

from daemons import program

SEED = int(os.environ.get("BMCLINK_SEED", datetime.date.today().toordinal()))
FIGURES = os.environ.get("BMCLINK_HOSTILE_FIGURES")
ONLY = os.environ.get("BMCLINK_HOSTILE_ONLY", "")
RAW = re.compile(rb"[^\n\t\x20-\x7e\xa0-\xff\x80-\xbf]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xae]")


def number(name, default):
    return type(default)(os.environ.get("BMCLINK_HOSTILE_" + name, default))


def choose(attacks, found, default):
    """(row, step) of each cell that is to be run: those that have found something, {(step, name)},
    are always among them."""
    cells = [(row, step) for row in attacks for step in row.steps
             if re.search(ONLY, "%s: %s" % (step, row.name))]
    count, total = number("CELLS", default), len(cells)
    if not ONLY and 0 < count < total:
        cells = [cell for cell in cells if (cell[1], cell[0].name) in found] + \
            random.Random(SEED).sample(cells, count)
    print("seed %d: %d of %d cells" % (SEED, len(cells), total))
    return cells


def find_raw_text(where, what):
    """What came from outside and would be more than text on a terminal or in a log: problems."""
    odd = RAW.search(what)
    return ["%s has %r" % (where, what[max(0, odd.start() - 60):odd.end() + 20])] if odd else []


def find_forged_lines(daemon, text):
    line = rb"--- .*|\d\d:\d\d:\d\d\.\d{3}Z %s\[\d+\] .*" % daemon.encode()
    return ["a forged line: %r" % one[:80] for one in text.split(b"\n")
            if one and not re.fullmatch(line, one)]


def has_sanitizer(name):
    with open(program(name), "rb") as file:
        return b"__asan_init" in file.read()


def tell(done):
    """The figures of the last cell; those of all go into the file. Each has a name, problems."""
    print(json.dumps(done[-1]), flush=True)
    if FIGURES:
        with open(FIGURES, "w") as file:
            json.dump(done, file, indent=1)


def judge(done):
    bad = ["%s: %s" % (f["name"], "; ".join(f["problems"])) for f in done if f["problems"]]
    assert not bad, "\n".join(bad)


# --- attacks on either end ------------------------------------------------------------------------

def send(data, then="wait"):
    def attack(peer):
        peer.send(data)
        getattr(peer, then)()
    return attack


def pour(piece, head=b""):
    def attack(peer):
        peer.send(head)
        peer.pour(piece)
    return attack


def silence(peer):
    peer.wait()
