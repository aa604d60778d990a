# SPDX-License-Identifier: Apache-2.0
"""The .rpm packages of this checkout, and a small system to install them in.

Both are kept in a cache folder outside of the checkout (BMCLINK_CACHE, default ~/.cache/bmclink):
the packages by what they are made of, the system by the list of its packages.
"""
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What the rpm's dependencies are called on Debian, of which the scratch system is made
SYSTEM = ["iproute2", "libarchive13", "libaudit1", "libcurl4", "libevent-core-2.1-7",
          "libevent-extra-2.1-7", "libevent-openssl-2.1-7", "libjansson4", "libmnl0",
          "libseccomp2", "libsqlite3-0", "libssl3", "nftables", "passwd", "systemd",
          "python3", "python3-apt"]  # these two for Ansible
# The scripts of a package change accounts and owners: for who is not root, as in tests/net
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--map-auto", "--mount"]


def run(command, check=True, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **options)
    assert not check or done.returncode == 0, "%s:\n%s" % (command, done.stdout[-4000:])
    return done


def root(*command, **options):
    return run(AS_ROOT + list(command), **options)


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("BMCLINK_CACHE") or os.path.join(home, "bmclink")
    os.makedirs(folder, exist_ok=True)
    return folder


def locked(path, make):
    """path, made once by make(temporary path), however many ask at the same time."""
    with open(os.path.join(cache(), "rpm.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            making = path + ".making"
            root("rm", "-rf", making)
            make(making)
            os.rename(making, path)
    return path


def sources():
    out = run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    names = [n for n in out.stdout.split("\0") if n and not n.startswith(("tests/", "bench/"))]
    return sorted(n for n in names if os.path.exists(os.path.join(ROOT, n)))


@functools.lru_cache(maxsize=None)
def key():
    """Of the sources as they are when it is first asked."""
    digest = hashlib.sha256()
    for name in sources():
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(name.encode() + b"\0" + file.read() + b"\0")
    return digest.hexdigest()[:16]


def copy_tree(folder):
    """The checkout without its tests, which no package has."""
    for name in sources():
        target = os.path.join(folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), target, follow_symlinks=False)


def build(version=None, again=False):
    """{package: file}; with a version, the same sources under another version number. again: not
    from the cache, from a copy of the sources elsewhere and in a temporary folder elsewhere."""
    name = "rpms-%s%s%s" % (key(), "-" + version if version else "", "-again" if again else "")

    def make(making):
        for old in os.listdir(cache()):  # of sources that are no more
            if old.startswith("rpms-") and not old.startswith("rpms-" + key()):
                shutil.rmtree(os.path.join(cache(), old))
        tree = making + "-tree"
        shutil.rmtree(tree, ignore_errors=True)
        copy_tree(tree)
        meson = os.path.join(tree, "meson.build")
        with open(meson) as file:
            text = file.read()
        with open(meson, "w") as file:
            file.write(text.replace("  version: '0.1.0'", "  version: '%s'" % (version or "0.1.0")))
        environment = dict(os.environ, BMCLINK_JOBS="2", BMCLINK_RPMBUILD="--without check",
                           SOURCE_DATE_EPOCH="1795000000")
        if again:
            environment["TMPDIR"] = making + "-tmp"
            os.makedirs(environment["TMPDIR"], exist_ok=True)
        # the unit tests are run by ./check, on the same sources
        run([os.path.join(tree, "packaging/build-rpm"), making], env=environment)
        shutil.rmtree(tree)
        shutil.rmtree(making + "-tmp", ignore_errors=True)

    folder = locked(os.path.join(cache(), name), make)
    files = {}
    for file in sorted(os.listdir(folder)):
        kind = "src" if file.endswith(".src.rpm") else file.rsplit("-", 2)[0]
        files[kind] = os.path.join(folder, file)
    return files


def build_deb():
    """Path of bmclink.deb, for who installs it."""
    def make(making):
        run([os.path.join(ROOT, "packaging/build-deb"), making],
            env=dict(os.environ, DEB_BUILD_OPTIONS="nocheck", BMCLINK_JOBS="2"))
    folder = locked(os.path.join(cache(), "rpms-%s-deb" % key()), make)
    return [os.path.join(folder, f) for f in os.listdir(folder)
            if f.startswith("bmclink_") and f.endswith(".deb")][0]


def system():
    """A tarball with a small Debian that has what the packages need."""
    name = hashlib.sha256(" ".join(SYSTEM).encode()).hexdigest()[:16]

    def make(making):
        run(["mmdebstrap", "--variant=minbase", "--include=" + ",".join(SYSTEM), "--format=tar",
             "bookworm", making])
    return locked(os.path.join(cache(), "rpm-system-%s.tar" % name), make)


def unpack_system(folder):
    # device nodes are for root alone
    root("tar", "-C", folder, "-xpf", system(), *(["--exclude=./dev/*"] if AS_ROOT else []))
