# SPDX-License-Identifier: Apache-2.0
"""Rows of figures: samples, what they are compared with, the goal; and the table of them."""
import json
import statistics
import time


class Row:
    """One line of the table. goal = (what, operator, value): what is "median", "max" or "ratio"."""

    def __init__(self, name, unit, goal=None, peer=None, digits=1):
        self.name, self.unit, self.goal = name, unit, goal
        self.peer = peer  # another row, measured in the same run
        self.digits = digits
        self.samples = []
        self.note = ""

    def add(self, value):
        self.samples.append(float(value))

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def ratio(self):
        """The median of the ratios of each run, where both have one sample a run."""
        if self.peer is None or not self.samples or not self.peer.samples:
            return None
        pairs = list(zip(self.samples, self.peer.samples))
        if len(self.samples) != len(self.peer.samples) or any(p == 0 for _, p in pairs):
            return self.median / self.peer.median if self.peer.median else None
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def reached(self):
        """True, False, or None where there is no goal or no figure."""
        if not self.goal or not self.samples:
            return None
        what, operator, value = self.goal
        measured = {"median": self.median, "max": max(self.samples), "ratio": self.ratio}[what]
        if measured is None:
            return None
        return measured <= value if operator == "<=" else measured >= value

    def number(self, value):
        return "%.*f" % (self.digits, value)

    def cells(self):
        if not self.samples:
            return [self.name, "no figure", "", "0", "", "", "", self.note]
        peer = ratio = ""
        if self.peer is not None and self.peer.samples:
            peer = "%s: %s" % (self.peer.short, self.number(self.peer.median))
            if self.ratio is not None:
                ratio = "%.2f" % self.ratio
        goal = ""
        if self.goal:
            what, operator, value = self.goal
            goal = "%s%s %g%s" % ("" if what == "median" else what + " ", operator, value,
                                  "" if what == "ratio" else " " + self.unit)
        verdict = {True: "reached", False: "SHORT", None: ""}[self.reached()]
        return [self.name, "%s %s" % (self.number(self.median), self.unit),
                "%s - %s" % (self.number(min(self.samples)), self.number(max(self.samples))),
                str(len(self.samples)), peer, ratio, goal,
                ", ".join(filter(None, (verdict, self.note)))]

    @property
    def short(self):
        return self.name.split(",")[0]

    def to_dict(self):
        result = {"name": self.name, "unit": self.unit, "samples": self.samples}
        if self.samples:
            result.update(median=self.median, min=min(self.samples), max=max(self.samples))
        if self.peer is not None:
            result.update(peer=self.peer.name, ratio=self.ratio)
        if self.note:
            result.update(note=self.note)
        if self.goal:
            result.update(goal=list(self.goal), reached=self.reached())
        return result


class Section:
    """The rows of one measurement, under a heading that says what is counted."""

    def __init__(self, title, *text):
        self.title, self.text = title, list(text)
        self.rows = []
        self.problem = None  # why it was not measured, or not to its end

    def row(self, name, unit, **options):
        self.rows.append(Row(name, unit, **options))
        return self.rows[-1]

    def complete(self):
        return self.problem is None and all(row.samples for row in self.rows)


HEAD = ["what", "median", "min - max", "runs", "peer", "ratio", "goal", ""]


def table(sections):
    """All sections as one text; columns have the same width in all of them."""
    cells = [row.cells() for section in sections for row in section.rows]
    widths = [max(len(line[i]) for line in [HEAD] + cells) for i in range(len(HEAD))]
    left = (0, 4, 6, 7)

    def line(values):
        return "  ".join(v.ljust(w) if i in left else v.rjust(w)
                         for i, (v, w) in enumerate(zip(values, widths))).rstrip()
    out = [line(HEAD), "-" * (sum(widths) + 2 * (len(widths) - 1))]
    for section in sections:
        out += ["", "# " + section.title] + ["#   " + text for text in section.text]
        if section.problem:
            out.append("#   NOT COMPLETE: " + section.problem)
        out += [line(row.cells()) for row in section.rows]
    return "\n".join(out)


def write_json(path, sections, **about):
    """All samples, with what is to be known about the run."""
    about["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about["sections"] = [{"title": s.title, "text": s.text, "problem": s.problem,
                          "rows": [row.to_dict() for row in s.rows]} for s in sections]
    with open(path, "w") as file:
        json.dump(about, file, indent=1)
        file.write("\n")


def judge(sections):
    """The last line of a run, and its exit code: 1 when a row has no figure."""
    incomplete = [s.title for s in sections if not s.complete()]
    short = sum(row.reached() is False for s in sections for row in s.rows)
    return "\n%d rows; %s" % (
        sum(len(s.rows) for s in sections),
        "NOT COMPLETE: " + ", ".join(incomplete) if incomplete
        else "all have their figures, %d fall short of a goal" % short), 1 if incomplete else 0
