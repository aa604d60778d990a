# SPDX-License-Identifier: Apache-2.0
"""The table of tests/coverage, from gcovr's summary: FILE cores | FILE all FLOOR."""
import json
import os
import sys

# What decides and does no I/O, below src/: held to its floor by the unit tests alone. What is left
# are lines for want of memory, and for what cannot be.
CORES = """
base/renewal.c base/text.c base/version.c
host/discover/dmi_walk.c host/discover/plan.c host/discover/plan_address.c
host/discover/smbios42.c host/discover/smbios_string.c
host/feature/feature.c host/feature/update_offer.c
host/link/backoff.c host/link/kcs.c host/link/ladder.c host/link/ladder_once.c
host/link/logcursor.c host/link/login.c host/link/readiness.c host/link/sse.c host/link/trust.c
host/monitor/bounds.c host/monitor/hosts_text.c host/monitor/profile.c host/monitor/snmp_text.c
host/relay/admission.c host/relay/sources.c
endpoint/bootstrap.c endpoint/http.c endpoint/http_chunk.c endpoint/limiter.c endpoint/lockout.c
endpoint/privilege.c endpoint/profile.c endpoint/rollover.c endpoint/trust.c
""".split()
CORE_FLOOR = 95


def percent(covered, total):
    return 100 * covered / total if total else 100


def line(name, covered, total, files=""):
    print("%-34s %6d of %6d lines  %5.1f %%  %s" % (
        name, covered, total, percent(covered, total), files))


def judge_cores(files):
    """Every core's file must be there: one that was renamed would be held to nothing."""
    found = {name: files.get("src/" + name) for name in CORES}
    wrong = ["%s is not there" % name for name, f in found.items() if f is None]
    covered = total = 0
    for name, f in found.items():
        if f is None:
            continue
        covered, total = covered + f["line_covered"], total + f["line_total"]
        share = percent(f["line_covered"], f["line_total"])
        if share < 100:
            line("  " + name, f["line_covered"], f["line_total"])
        if share < CORE_FLOOR:
            wrong.append("%s: %.1f %%, below %d" % (name, share, CORE_FLOOR))
    line("deciding cores, unit tests alone", covered, total, "%d files" % len(CORES))
    return wrong


def judge_all(files, floor):
    folders = {}
    for name, f in files.items():
        sums = folders.setdefault(os.path.dirname(name), [0, 0, 0])
        folders[os.path.dirname(name)] = [
            sums[0] + f["line_covered"], sums[1] + f["line_total"], sums[2] + 1]
    for name in sorted(folders):
        line(name, *folders[name][:2], "%d files" % folders[name][2])
    covered, total = (sum(f[i] for f in folders.values()) for i in (0, 1))
    line("all of src", covered, total, "%d files" % len(files))
    share = percent(covered, total)
    return ["all of src: %.1f %%, below %g" % (share, floor)] if share < floor else []


def main():
    with open(sys.argv[1]) as file:
        files = {f["filename"]: f for f in json.load(file)["files"]}
    wrong = judge_cores(files) if sys.argv[2] == "cores" else judge_all(files, float(sys.argv[3]))
    for text in wrong:
        print("coverage: " + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
