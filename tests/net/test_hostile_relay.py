# SPDX-License-Identifier: Apache-2.0
"""Hostile code in the place of the relay: what a client gets that has taken it over: nothing."""
import os

from daemons import program
from netns import run

DEADLY = {"execve", "execveat", "ptrace", "read-monitor", "mount", "chroot", "unshare", "bpf",
          "io-uring"}


def attempts(folder, secret, *free):
    command = ["env", "-C", folder, program("hostile_relay"), "65534", "65534",
               os.path.join(folder, "empty"), secret, *free]
    return dict(line.split(" ", 1) for line in run(command, timeout=120).stdout.splitlines())


def test_hostile_relay(tmp_path):
    """Within its real sandbox, in the moment when it would take its first client; and each of them
    works without: else it would prove nothing."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    (tmp_path / "empty").mkdir()
    bound = attempts(str(tmp_path), str(secret))
    free = attempts(str(tmp_path), str(secret), "free")
    print("\n%-22s %-14s %s" % ("attempt", "without", "in the relay"))
    for name, got in bound.items():
        print("%-22s %-14s %s" % (name, free[name], got))
    assert bound.keys() == free.keys() and len(bound) == 40
    assert set(free.values()) == {"worked"}, "proves nothing"
    assert [name for name, got in bound.items() if got == "worked"] == []
    assert {name for name, got in bound.items() if got == "killed"} == DEADLY
