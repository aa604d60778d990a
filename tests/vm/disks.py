# SPDX-License-Identifier: Apache-2.0
"""Disks that are made once and kept in the cache: the image, a booted machine, and states of it."""

import contextlib
import fcntl
import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT_STATES = 3  # of so many checkouts the states are kept


class States:
    """Snapshots that come after `booted`, in their order: (name, make(guest)), and a key that is
    another one when they would be made otherwise."""

    def __init__(self, key, steps):
        self.key, self.steps = key, steps


def image():
    """The folder with the disk to boot from; made now if it is not there."""
    done = subprocess.run([str(HERE / 'image')], stdout=subprocess.PIPE, check=True, text=True)
    return Path(done.stdout.strip())


def overlay(base, disk):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', str(base),
                    str(disk)], check=True)


def copy(source, target):
    subprocess.run(['cp', '--sparse=always', str(source), str(target)], check=True)


@contextlib.contextmanager
def locked(folder):
    """Several may come at once: one makes what is missing, the others wait for it."""
    with open(folder / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_booted(machine, folder, disk, states=None):
    """Write a disk with the snapshot of a booted machine (of the class Guest), and those states."""
    with locked(folder):
        kept = booted_disk(machine, folder)
        if states:
            kept = states_disk(machine, folder, kept, states)
        copy(kept, disk)


def booted_disk(machine, folder):
    guest = machine(folder / 'none', folder)
    try:
        version = subprocess.run([guest.arguments('booted')[0], '--version'],
                                 stdout=subprocess.PIPE, check=True).stdout
        # What it is, not where: another checkout of the same takes the same disk.
        what = [arg.replace(str(guest.folder), '').replace(str(guest.type42), '')
                for arg in guest.arguments('booted')]
        key = hashlib.sha256(json.dumps(what).encode() + version + guest.type42.read_bytes())
        kept = folder / f'booted-{key.hexdigest()[:16]}.qcow2'
        if not kept.exists():
            guest.disk = kept.with_suffix('.new')
            guest.disk.unlink(missing_ok=True)
            overlay(folder / 'base.qcow2', guest.disk)
            guest.start()
            guest.run(['sync'])
            guest.snapshot('booted')
            guest.stop_process(signal.SIGTERM)
            guest.disk.rename(kept)
        return kept
    finally:
        guest.close()


def states_disk(machine, folder, booted, states):
    key = hashlib.sha256(f'{booted.name} {states.key}'.encode()).hexdigest()[:16]
    kept = folder / f'states-{key}.qcow2'
    if kept.exists():
        kept.touch()
        return kept
    new = kept.with_suffix('.new')
    copy(booted, new)
    guest = machine(new, folder)
    begin, took = time.monotonic(), []
    try:
        guest.start(snapshot='booted')
        for name, make in states.steps:
            make(guest)
            guest.snapshot(name)
            took.append(f'{name} after {time.monotonic() - begin:.1f} s')
        guest.stop_process(signal.SIGTERM)
        new.rename(kept)
    finally:
        guest.close()
    print(f'virtual server: {", ".join(took)}', flush=True)
    kept_before = sorted(folder.glob('states-*.qcow2'), key=lambda path: path.stat().st_mtime)
    for path in kept_before[:-KEPT_STATES]:
        path.unlink(missing_ok=True)
    return kept
