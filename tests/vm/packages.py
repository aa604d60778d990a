# SPDX-License-Identifier: Apache-2.0
"""The .deb packages of this checkout, built once for a state of the sources, and the link."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from guest import until

TREE = Path(__file__).resolve().parents[2]


def cache():
    """The same folder that ./image takes."""
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(os.environ.get('BMCLINK_CACHE') or Path(home) / 'bmclink/vm')


def sources():
    """What goes into a package: all but tests and documents."""
    listed = subprocess.run(['git', '-C', str(TREE), 'ls-files', '-z', '--cached', '--others',
                             '--exclude-standard', 'src', 'data', 'man', 'packaging', 'meson.build',
                             'meson_options.txt'], stdout=subprocess.PIPE, check=True).stdout
    return sorted(name.decode() for name in listed.split(b'\0') if name)


def key():
    digest = hashlib.sha256()
    for name in sources():
        path = TREE / name
        if path.exists():
            digest.update(f'{name}\0'.encode() + path.read_bytes() + b'\0')
    return digest.hexdigest()[:16]


def build(version=None):
    """Paths by package name. With a version, the same sources under another version number."""
    folder = cache() / f'deb-{key()}{"-" + version if version else ""}'
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(folder, version)
    return {path.name.split('_')[0]: path for path in folder.glob('*.deb')
            if 'dbgsym' not in path.name}


def make(folder, version):
    with tempfile.TemporaryDirectory(prefix='bmclink-deb.') as place:
        tree = TREE
        if version:
            tree = Path(place) / 'tree'
            renamed(tree, version)
        out = Path(place) / 'out'
        done = subprocess.run([str(tree / 'packaging/build-deb'), str(out)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, 'DEB_BUILD_OPTIONS': 'nocheck'})
        if done.returncode:
            print(done.stdout.decode(errors='replace')[-4000:], file=sys.stderr)
            raise RuntimeError('packaging/build-deb failed')
        shutil.copytree(out, folder.with_suffix('.new'))
        folder.with_suffix('.new').rename(folder)


def renamed(tree, version):
    """A copy of the sources whose project and package have another version."""
    for name in sources():
        if (TREE / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, tree / name)
    for name in ('README.md', 'LICENSE', 'tests', 'docs'):
        if (TREE / name).is_dir():
            shutil.copytree(TREE / name, tree / name, ignore=shutil.ignore_patterns('__pycache__'))
        elif (TREE / name).exists():
            shutil.copy2(TREE / name, tree / name)
    replace(tree / 'meson.build', "version: '0.1.0'", f"version: '{version}'")
    replace(tree / 'packaging/debian/changelog', '(0.1.0-', f'({version}-')


def replace(path, old, new):
    text = path.read_text()
    assert old in text, f'{path}: no {old}'
    path.write_text(text.replace(old, new))


# --- the link, seen from the host ----------------------------------------------------------------

def nic(guest):
    """The name that the pass-through NIC has now, or None."""
    return guest.sh('for id in /sys/class/net/*/device/../idProduct; do '
                    'if grep -qsx a102 "$id"; then basename "${id%/device/*}"; fi; done',
                    check=False) or None


def wait_nic(guest, seconds=60):
    return until('the NIC is on the host', lambda: nic(guest), seconds)


def status(guest):
    return guest.json('bmclinkctl status --json || [ $? -eq 3 ]')


def wait_connected(guest, seconds=60):
    """bmclinkctl ends with 0 when it is connected, 3 when not."""
    guest.until('bmclinkd is connected', 'bmclinkctl status', seconds)
    return status(guest)


def unplug(guest):
    """The BMC takes its NIC off the bus."""
    guest.sh('bmc-nic unplug')


def plug(guest):
    guest.sh('bmc-nic plug')
