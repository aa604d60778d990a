# SPDX-License-Identifier: Apache-2.0
"""Network namespaces for the tests and the demo: made here, gone with this process.

enter_private() first: a mount namespace of our own with an empty /run, so that neither the names
of the network namespaces nor the daemons' log lines reach the machine, and so that nothing of it
outlives the last process, not even after kill -9. Without root it enters a user namespace.
"""
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
_MARK = "BMCLINK_PRIVATE"
# ip and nft, for a user whose PATH lacks them (Debian's default).
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def enter_private(argv=None):
    """Enter the private namespaces, once. Without root this executes argv anew in there."""
    if os.environ.get(_MARK) == str(os.getpid()):
        return
    if os.geteuid() != 0:
        if os.environ.get(_MARK) == "user":
            raise SystemExit("not root, not even in a user namespace of our own")
        os.environ[_MARK] = "user"
        command = ["unshare", "--map-root-user", "--map-auto", "-nm", "--"]
        os.execvp("unshare", command + (argv or [sys.executable] + sys.argv))
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount private")
    _check(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=0755"), "mount /run")
    os.mkdir("/run/netns")
    os.environ[_MARK] = str(os.getpid())


def die_with_parent():
    """For preexec_fn: the child does not outlive this process."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def wait_for(condition, timeout, what):
    """Ask condition() until it is true; returns its value. Polls quickly at first, then gently."""
    end = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError("not within %.1f s: %s" % (timeout, what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def run(command, text_input=None, check=True, timeout=30):
    result = subprocess.run(command, input=text_input, capture_output=True, text=True,
                            timeout=timeout)
    if check and result.returncode != 0:
        raise AssertionError("%s: exit %d: %s" % (" ".join(command), result.returncode,
                                                  result.stderr.strip()))
    return result


class Namespace:
    """One network namespace, by name below /run/netns."""

    def __init__(self, name):
        self.name = name
        run(["ip", "netns", "add", name])
        self.ip("link set lo up")

    def close(self):
        run(["ip", "netns", "del", self.name], check=False)

    def wrap(self, command):
        return ["ip", "netns", "exec", self.name] + list(command)

    def run(self, command, **options):
        return run(self.wrap(command), **options)

    def ip(self, arguments, check=True):
        return run(["ip", "-n", self.name] + arguments.split(), check=check).stdout

    def ip_json(self, arguments):
        out = run(["ip", "-n", self.name, "-j"] + arguments.split()).stdout
        return json.loads(out) if out.strip() else []

    def nft(self, rules):
        self.run(["nft", "-f", "-"], text_input=rules)

    @contextlib.contextmanager
    def enter(self):
        """This thread within the namespace; a socket made here stays there."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + self.name, os.O_RDONLY)
        try:
            _check(_libc.setns(there, CLONE_NEWNET), "setns")
            try:
                yield self
            finally:
                _check(_libc.setns(back, CLONE_NEWNET), "setns back")
        finally:
            os.close(there)
            os.close(back)

    def sysctl(self, key, value=None):
        """net.* of this namespace: read, or write and read back. A slash separates the parts."""
        path = "/proc/sys/net/" + key
        with self.enter():
            if value is not None:
                with open(path, "w") as file:
                    file.write(str(value))
            with open(path) as file:
                return file.read().strip()

    # What one interface looks like

    def link(self, name):
        """The interface as `ip -j addr` shows it, or None."""
        out = run(["ip", "-n", self.name, "-j", "addr", "show", "dev", name], check=False)
        if out.returncode != 0 or not out.stdout.strip():
            return None
        return json.loads(out.stdout)[0]

    def addresses(self, name, family=None):
        """[(address, prefix length, flags...)] as dictionaries of iproute2."""
        link = self.link(name)
        if not link:
            return []
        wanted = {4: "inet", 6: "inet6", None: None}[family]
        return [a for a in link["addr_info"] if wanted in (None, a["family"])]

    def has_address(self, name, address):
        return any(a["local"] == address for a in self.addresses(name))

    def link_local(self, name, timeout=5):
        """The usable IPv6 link-local address, when duplicate detection is done."""
        def ready():
            for a in self.addresses(name, 6):
                if a["scope"] == "link" and not a.get("tentative") and not a.get("dadfailed"):
                    return a["local"]
            return None
        return wait_for(ready, timeout, "link-local address on " + name)
