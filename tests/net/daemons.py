# SPDX-License-Identifier: Apache-2.0
"""The programs under test as objects: bmclinkd with bmclinkctl, and bmclink-endpoint."""
import glob
import json
import os
import select
import signal
import socket
import subprocess
import time

from netns import die_with_parent, run, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_dir():
    return os.environ.get("BMCLINK_BUILD", os.path.join(ROOT, "build"))


def program(name):
    """A program of the build, wherever meson put it."""
    for folder in ("src/host", "src/endpoint", "src/endpoint-snmp", "src/ctl", "src/update",
                   "tests/net", "."):
        path = os.path.join(build_dir(), folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise AssertionError("%s is not in %s (set BMCLINK_BUILD)" % (name, build_dir()))


def ini(sections):
    """{"Link": {"ipv6": "off"}} as the text of a configuration file."""
    lines = []
    for section, keys in sections.items():
        lines.append("[%s]" % section)
        lines += ["%s = %s" % (k, v) for k, v in keys.items() if v is not None]
    return "\n".join(lines) + "\n"


class Daemon:
    """One process with its configuration, state and runtime directories, and a log file."""

    program = ""

    def __init__(self, namespace, folder):
        self.namespace = namespace
        self.folder = folder
        self.config = os.path.join(folder, self.program + ".conf")
        self.state_dir = os.path.join(folder, "state")
        self.runtime_dir = os.path.join(folder, "run")
        self.log_path = os.path.join(folder, "log")
        self.sections = {}
        self.process = None
        self.environment = {}
        self.prefix = []  # of the command, such as taskset
        self.debug = True
        self.expected_end = False
        os.makedirs(folder, exist_ok=True)
        # The unprivileged worker must be able to pass through to its own directory.
        os.chmod(folder, 0o755)

    def configure(self, sections=None, **keys):
        """Merge into the configuration file. Keys without a section go to the first one."""
        for section, values in (sections or {}).items():
            self.sections.setdefault(section, {}).update(values)
        if keys:
            self.sections.setdefault(self.section, {}).update(keys)
        with open(self.config, "w") as file:
            file.write(ini(self.sections))

    def command(self):
        os.makedirs(self.state_dir, exist_ok=True)
        os.makedirs(self.runtime_dir, exist_ok=True)
        return [*self.prefix, program(self.program), "--foreground", "--config", self.config,
                "--state-dir", self.state_dir, "--runtime-dir", self.runtime_dir,
                *(["--debug"] if self.debug else [])]

    def start(self, sections=None, **keys):
        assert not self.is_running(), "already running"
        self.configure(sections, **keys)
        with open(self.log_path, "ab") as log:
            log.write(("--- %s\n" % " ".join(self.command())).encode())
            log.flush()
            self.process = subprocess.Popen(
                self.namespace.wrap(self.command()), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=dict(os.environ, **self.environment), preexec_fn=die_with_parent)
        self.expected_end = False
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        """Process ids of the daemon's children (the worker)."""
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as file:
            return [int(pid) for pid in file.read().split()]

    def stop(self, timeout=10):
        """End in good order; returns the exit status, or None when it did not run."""
        if self.process is None:
            return None
        self.expected_end = True
        if self.process.poll() is None:
            self.process.terminate()
        return self._reap(timeout)

    def kill(self):
        """As a power cut would: kill -9 for the process and its children, all at once."""
        if self.process is None or self.process.poll() is not None:
            return
        self.expected_end = True
        pids = [self.pid] + self.children()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._reap(5)

    def _reap(self, timeout):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("%s did not end within %d s of SIGTERM" % (self.program, timeout))
        self.process = None
        return status

    def reload(self, sections=None, **keys):
        self.configure(sections, **keys)
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def trouble(self):
        """What no test may leave behind: an end nobody asked for, or a sanitizer's report."""
        found = []
        if self.process is not None and self.process.poll() is not None and not self.expected_end:
            found.append("%s ended by itself, status %d" % (self.program, self.process.poll()))
        for line in self.log().splitlines():
            if "ERROR: AddressSanitizer" in line or "runtime error:" in line \
                    or "ERROR: LeakSanitizer" in line:
                found.append(line)
        return found


class Agent(Daemon):
    program = "bmclinkd"
    section = "Link"

    def __init__(self, namespace, folder, trees):
        super().__init__(namespace, folder)
        self.trees = trees
        self.user, self.group = "nobody", "nogroup"
        self.control = os.path.join(self.runtime_dir, "control")
        if glob.glob("/dev/ipmi*"):  # a BMC of this very machine is none of the tests' business
            self.environment.update(
                LD_PRELOAD=program("libfake-ipmi.so"),
                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def command(self):
        return super().command() + [
            "--user", self.user, "--group", self.group] + self.trees.options()

    def start(self, sections=None, wait=True, **keys):
        super().start(sections, **keys)
        if wait:
            wait_for(self._answers, 30, "bmclinkd answers on its control socket")
        return self

    def _answers(self):
        assert self.is_running(), "bmclinkd ended: " + self.log()[-2000:]
        return self.ctl("status", check=False).returncode not in (1, 2, 4)

    # The command line

    def ctl(self, *arguments, check=True):
        command = [program("bmclinkctl"), "--runtime-dir", self.runtime_dir] + list(arguments)
        return run(self.namespace.wrap(command), check=check)

    def status(self):
        return json.loads(self.ctl("status", "--json", check=False).stdout)

    def events(self, mark=None):
        """The agent's events, oldest first. With a mark: those that came, or came again, since."""
        out = self.ctl("events", "--json").stdout
        events = [json.loads(line) for line in out.splitlines() if line.strip()]
        return [e for e in events if e["count"] > (mark or {}).get(e["sequence"], 0)]

    def mark(self):
        """This moment, for events(): a repeated event is one entry with a growing count."""
        return {e["sequence"]: e["count"] for e in self.events()}

    def event_ids(self, mark=None):
        return [e["id"] for e in self.events(mark)]

    def wait_event(self, message_id, timeout=10, mark=None):
        def found():
            matches = [e for e in self.events(mark) if e["id"] == message_id]
            return matches[-1] if matches else None
        return wait_for(found, timeout, "event " + message_id)

    # The status as a stream: a change is seen when it happens

    def wait(self, condition, timeout=10, what="status"):
        """Follow the status until condition(status); returns that status."""
        end = time.monotonic() + timeout
        last = None
        while time.monotonic() < end:
            try:
                for last in self._watch(end):
                    if condition(last):
                        return last
            except OSError:
                time.sleep(0.01)  # not listening yet, or started anew just now
        raise AssertionError("not within %.1f s: %s; last seen: %s" % (
            timeout, what, json.dumps(last, indent=1)))

    def _watch(self, end):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(self.control)
            stream.sendall(b'{"command": "status", "watch": true}\n')
            pending = b""
            while time.monotonic() < end:
                if not select.select([stream], [], [], max(0, end - time.monotonic()))[0]:
                    return
                data = stream.recv(65536)
                if not data:
                    raise OSError("the control socket was closed")
                pending += data
                while b"\n" in pending:
                    line, pending = pending.split(b"\n", 1)
                    answer = json.loads(line)
                    if "result" in answer:
                        yield answer["result"]

    def wait_state(self, state, timeout=10, **also):
        def matches(status):
            return status["state"] == state and all(status[k] == v for k, v in also.items())
        return self.wait(matches, timeout, "state %s %s" % (state, also or ""))

    def wait_connected(self, protocol=None, timeout=10):
        return self.wait(lambda s: s["state"] == "connected"
                         and protocol in (None, s["protocol"]), timeout,
                         "connected over %s" % (protocol or "any protocol"))


class Endpoint(Daemon):
    program = "bmclink-endpoint"
    section = "Endpoint"

    def __init__(self, namespace, folder, interface):
        super().__init__(namespace, folder)
        self.sections = {"Endpoint": {"interface": interface, "port": 443, "plain_port": 80}}

    def start(self, sections=None, wait=True, **keys):
        super().start(sections, **keys)
        if wait:
            wait_for(self.listens, 30, "bmclink-endpoint listens")
        return self

    def listens(self):
        assert self.is_running(), "bmclink-endpoint ended: " + self.log()[-2000:]
        with socket.socket(socket.AF_UNIX) as probe:  # made after the ports
            answers = probe.connect_ex(os.path.join(self.runtime_dir, "endpoint-control")) == 0
        return answers and self.namespace.run(["ss", "-Hltn"], check=False).stdout.strip()
