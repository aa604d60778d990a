# SPDX-License-Identifier: Apache-2.0
"""The endpoint with a Lifecycle log of 10^3 to 10^6 records: its start, and its pages."""
import glob
import json
import os
import shutil
import sqlite3
import time

import machine
from connect import listens, milliseconds
from figures import Section
from handshakes import Servers
from lab import Lab

ENTRIES = "/redfish/v1/Managers/bmc/LogServices/Lclog/Entries"
SIZES = (1000, 10000, 100000, 1000000)
PAGE = 50
MAX_PAGES = 500  # of a walk: what a page costs does not depend on how many there were before it
COLUMNS = "created, severity, message_id, message, resolution, args"


def fill(path, size):
    """Copies of the records that the endpoint has written itself, so many that there are size."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    rows = database.execute("SELECT %s FROM records ORDER BY id" % COLUMNS).fetchall()
    assert rows, "the endpoint has written no record to copy"
    missing = size - len(rows)
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO records (%s) VALUES (?, ?, ?, ?, ?, ?)" % COLUMNS,
        (rows[i % len(rows)] for i in range(missing)))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


class Place:
    """The endpoint of one lab, with a log of one size after the other."""

    def __init__(self, lab, peers):
        self.lab, self.servers = lab, Servers(lab, peers)
        lab.endpoint.configure(log_max_records=2 * max(SIZES))
        self.servers.start(["endpoint"])
        self.database = os.path.join(lab.endpoint.state_dir, "lclog.db")
        self.begin = os.path.join(lab.folder, "begin")
        lab.endpoint.stop()
        self._copy(self.database, self.begin)

    def _copy(self, source, target):
        for path in glob.glob(target + "*"):
            os.unlink(path)
        for path in glob.glob(source + "*"):
            shutil.copyfile(path, target + path[len(source):])

    def prepare(self, size):
        path = os.path.join(self.lab.folder, "records-%d" % size)
        if not os.path.exists(path):
            self._copy(self.begin, path)
            fill(path, size)
        self._copy(path, self.database)

    def start(self):
        began = time.monotonic()
        self.lab.endpoint.start(wait=False)
        return milliseconds(began, listens(self.lab))

    def walk(self, skip, pages):
        path = ENTRIES + ("?$skip=%d" % skip if skip else "")
        result = self.servers.load("walk", "endpoint", "--path", path, "--count", str(pages))
        assert result.returncode == 0, "%s: %s" % (path, result.stderr)
        return json.loads(result.stdout)


def measure(options, peers):
    sizes = SIZES[:2] if options.quick else SIZES
    section = Section(
        "Endpoint: start and paging with a Lifecycle log of so many records",
        "Start: from exec (by way of ip and taskset) to the open port, the file in the page cache.",
        "Pages of %d entries over one mutual-TLS connection; the last page is asked for by $skip,"
        % PAGE, "the walk follows nextLink, %d pages at most." % MAX_PAGES)
    rows = {}
    for size in sizes:
        name = "{:,} records".format(size)
        rows[size] = {
            "start": section.row(name + ": start", "ms"),
            "again": section.row(name + ": start after kill -9", "ms"),
            "first": section.row(name + ": first page", "ms", digits=2),
            "last": section.row(name + ": last page", "ms", digits=2),
            "rate": section.row(name + ": walk", "records/s", digits=0),
        }
    try:
        with Lab(os.path.join(options.folder, "log")) as lab:
            place = Place(lab, peers)
            for run in range(options.runs):
                for size in sizes:
                    one_run(place, size, rows[size])
                    machine.say("  run %d of %d, %d records: %s" % (
                        run + 1, options.runs, size, ", ".join(
                            "%s %.1f" % (n, row.samples[-1]) for n, row in rows[size].items())))
    except AssertionError as error:
        section.problem = str(error)
    return [section]


def one_run(place, size, rows):
    endpoint = place.lab.endpoint
    place.prepare(size)
    # Started and stopped once by itself: the state that a normal end leaves.
    place.start()
    endpoint.stop()
    rows["start"].add(place.start())
    endpoint.kill()
    rows["again"].add(place.start())
    first = place.walk(0, 1)
    assert first["members"] == PAGE, "the first page has %d entries" % first["members"]
    rows["first"].add(first["first_ms"])
    rows["last"].add(place.walk(size - PAGE // 2, 1)["first_ms"])
    walk = place.walk(0, MAX_PAGES)
    wanted = min(MAX_PAGES * PAGE, size)
    assert walk["members"] >= wanted, "the walk found %d of %d" % (walk["members"], wanted)
    rows["rate"].add(walk["members"] / walk["seconds"])
    endpoint.stop()
