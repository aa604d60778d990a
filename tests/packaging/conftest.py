# SPDX-License-Identifier: Apache-2.0
"""The packages of this checkout, and a small Debian to install them in: no machine is needed.

The Debian is a folder made by mmdebstrap, kept in the cache (BMCLINK_CACHE, XDG_CACHE_HOME); each
test works on an overlay of it, in namespaces of its own.
"""
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
# What the packages depend on, and what maintainer scripts call
INCLUDE = ["nftables", "systemd", "udev", "libaudit1", "libarchive13", "libcurl4",
           "libevent-core-2.1-7", "libevent-extra-2.1-7", "libevent-openssl-2.1-7", "libjansson4",
           "libmnl0", "libseccomp2", "libssl3", "libsqlite3-0"]


def run(command, check=True, **keys):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **keys)
    if check and done.returncode:
        raise AssertionError("%s: exit %d\n%s%s" % (" ".join(command), done.returncode,
                                                    done.stdout[-4000:], done.stderr[-4000:]))
    return done


def build(tree, out, **keys):
    run([os.path.join(tree, "packaging", "build-deb"), str(out)], **keys)
    return sorted(os.path.join(str(out), name) for name in os.listdir(str(out))
                  if name.endswith(".deb"))


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """The tree as it is now, without git, as a release tarball has it: an editor may be at work."""
    tree = str(tmp_path_factory.mktemp("checkout"))
    listed = run(["git", "-C", TREE, "ls-files", "-z", "--cached", "--others",
                  "--exclude-standard"]).stdout
    for name in filter(None, listed.split("\0")):
        source, target = os.path.join(TREE, name), os.path.join(tree, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
    return tree


@pytest.fixture(scope="session")
def built(checkout, tmp_path_factory):
    """All .deb files of one build, and the .changes beside them."""
    return build(checkout, tmp_path_factory.mktemp("deb"),
                 env=dict(os.environ, DEB_BUILD_OPTIONS="nocheck"))


def pick(debs, name):
    return next(d for d in debs if os.path.basename(d).startswith(name + "_"))


@pytest.fixture(scope="session")
def base():
    """A Debian of the release that this machine has, made once."""
    if os.geteuid() != 0:
        pytest.skip("needs root: an overlay is mounted, and dpkg installs into it")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.environ.get("BMCLINK_CACHE") or os.path.join(home, "bmclink")
    with open("/etc/os-release") as file:
        suite = [line.split("=")[1].strip() for line in file
                 if line.startswith("VERSION_CODENAME=")][0]
    key = hashlib.sha256(" ".join([suite] + INCLUDE).encode()).hexdigest()[:12]
    folder = os.path.join(cache, "chroot-%s-%s" % (suite, key))
    if not os.path.isdir(folder):
        os.makedirs(cache, exist_ok=True)
        part = "%s.%d" % (folder, os.getpid())
        run(["mmdebstrap", "--variant=minbase", "--include=" + ",".join(INCLUDE), suite, part])
        os.rename(part, folder)
    return folder


class Root:
    """A Debian root to write in; nothing of it reaches the base, or the machine."""

    def __init__(self, base, folder):
        self.path = os.path.join(folder, "root")
        parts = {name: os.path.join(folder, name) for name in ("root", "upper", "work")}
        for part in parts.values():
            os.makedirs(part)
        run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s"
             % (base, parts["upper"], parts["work"]), self.path])

    def close(self):
        run(["umount", self.path])

    def sh(self, script, check=True):
        """In namespaces of its own: no process, NIC or mount of this machine."""
        inner = "mount -t proc proc /proc && " + script
        return run(["unshare", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts",
                    "chroot", self.path, "/bin/sh", "-c", inner], check=check,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                        "DEBIAN_FRONTEND": "noninteractive"})

    def install(self, *debs, check=True):
        for deb in debs:
            run(["cp", deb, os.path.join(self.path, "root", os.path.basename(deb))])
        names = " ".join("./" + os.path.basename(deb) for deb in debs)
        return self.sh("cd /root && dpkg -i " + names, check)

    def snapshot(self):
        """{path: what it is}, without what dpkg and systemd's helper write for themselves."""
        skip = ("./var/lib/dpkg", "./var/log/dpkg.log", "./var/cache", "./root", "./proc",
                "./var/lib/systemd/deb-systemd-helper", "./run/mount")
        found = {}
        form = "%p\t%y %M %U:%G %s %l\n"
        out = run(["find", ".", "-xdev", "-printf", form], cwd=self.path).stdout
        for line in out.splitlines():
            path, what = line.split("\t")
            if path.startswith(skip):
                continue
            kind = what.split()
            found[path] = " ".join(kind[:3] + (kind[3:] if kind[0] != "d" else []))
        return found

    def exists(self, path):
        return os.path.lexists(self.path + path)

    def read(self, path):
        with open(self.path + path) as file:
            return file.read()

    def files(self, folder):
        top = self.path + folder
        return sorted(os.path.relpath(os.path.join(where, name), top)
                      for where, _, names in os.walk(top) for name in names)


@pytest.fixture
def root(base, tmp_path):
    # on a file system that overlayfs can write to
    folder = run(["mktemp", "-d", "/run/bmclink-root.XXXXXX"]).stdout.strip()
    made = Root(base, folder)
    yield made
    with contextlib.suppress(AssertionError):
        made.close()
    run(["rm", "-rf", folder])
