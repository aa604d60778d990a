# SPDX-License-Identifier: Apache-2.0
"""How a cost grows with N: the exponent k of cost = c * N^k, by least squares on the logarithms."""
import math

LINEAR = 1.1  # an exponent up to this is called linear: what noise makes of 1


def exponent(points):
    """k of {N: cost}, or None: fewer than two costs above zero."""
    logs = [(math.log(n), math.log(cost)) for n, cost in points.items() if cost > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / \
        sum((x - mean_x) ** 2 for x, _ in logs)


def words(k):
    if k > LINEAR:
        return "MORE than linear"
    return "linear" if k >= 0.9 else "less than linear" if k >= 0.1 else "does not grow"


def add_rows(section, totals):
    """A row for each {name: {N: cost of all N}}: its exponent, which is to be 1 or less."""
    for name, points in totals.items():
        row = section.row("%s: grows with N to the power of" % name, "", digits=2,
                          goal=("median", "<=", LINEAR))
        k = exponent(points)
        if k is not None:
            row.add(k)
            row.note = words(k)
        elif len(points) > 1:  # measured, and nothing but zeros or one figure
            row.add(0)
            row.goal, row.note = None, "too little to say how"
