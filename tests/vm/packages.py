# SPDX-License-Identifier: Apache-2.0
"""The .deb packages of this checkout, built once for a state of the sources, and the link."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
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


@contextlib.contextmanager
def locked():
    cache().mkdir(parents=True, exist_ok=True)
    # Not the lock of ./image: the two may be made at the same time.
    with open(cache() / 'lock-packages', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(version=None):
    """Paths by package name. With a version, the same sources under another version number."""
    folder = cache() / f'deb-{key()}{"-" + version if version else ""}'
    with locked():
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


def next_revision(packages):
    """The agent's package one revision on, as a distribution rebuilds it: path of a .deb."""
    source = packages['bmclink']
    out = source.parent / 'next' / 'bmclink.deb'
    with locked():
        if not out.exists():
            with tempfile.TemporaryDirectory(prefix='bmclink-deb.') as place:
                tree, made = Path(place) / 'tree', Path(place) / 'made.deb'
                subprocess.run(['dpkg-deb', '-R', str(source), str(tree)], check=True)
                control = (tree / 'DEBIAN/control').read_text()
                (tree / 'DEBIAN/control').write_text(
                    re.sub(r'^(Version: .*)$', r'\1+next', control, flags=re.MULTILINE))
                subprocess.run(['dpkg-deb', '--root-owner-group', '-b', str(tree), str(made)],
                               stdout=subprocess.DEVNULL, check=True)
                out.parent.mkdir(exist_ok=True)
                shutil.copy2(made, out)
    return out


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


def is_connected(guest):
    return guest.run(['bmclinkctl', 'status'], check=False).code == 0


def wait_connected(guest, seconds=120):
    """bmclinkctl ends with 0 when it is connected, 3 when not."""
    guest.until('bmclinkd is connected', 'bmclinkctl status', seconds)
    return status(guest)


def wait_ipv4(guest, seconds=240):
    """On a busy machine IPv4 may be too slow at first; the agent goes back to it by itself."""
    until('bmclinkd is connected over IPv4', lambda: is_connected(guest) and
          status(guest)['protocol'] == 'ipv4', seconds)


def unplug(guest):
    """The BMC takes its NIC off the bus."""
    guest.sh('bmc-nic unplug')


def plug(guest):
    guest.sh('bmc-nic plug')


# --- installation ---------------------------------------------------------------------------------

def install_endpoint(guest, packages):
    """The BMC's package, and wait for what it brings: its service and the NIC on the host."""
    guest.copy_in(packages['bmclink-endpoint'], '/var/tmp/bmclink-endpoint.deb')
    guest.sh('dpkg -i /var/tmp/bmclink-endpoint.deb', timeout=300)
    guest.until('the endpoint serves', 'systemctl is-active bmclink-endpoint', 120)
    wait_nic(guest)


def install_agent(guest, packages):
    """Connected over IPv4 when this is back; the package stays in /var/tmp, for another time."""
    guest.copy_in(packages['bmclink'], '/var/tmp/bmclink.deb')
    guest.sh('dpkg -i /var/tmp/bmclink.deb', timeout=300)
    wait_connected(guest, 240)
    wait_ipv4(guest)


def states(packages):
    """What most tests begin with, made once for a state of the sources."""
    how = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return disks.States(f'{key()} {how}', [
        ('with-bmc', lambda guest: install_endpoint(guest, packages)),
        ('installed', lambda guest: install_agent(guest, packages))])
