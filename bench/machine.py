# SPDX-License-Identifier: Apache-2.0
"""The machine under the bench: build, peers from Debian's packages, cores, memory, load."""
import glob
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.environ.get("BMCLINK_BENCH_DIR", os.path.join(ROOT, "build-bench"))
PROGRAMS = ("src/host/bmclinkd", "src/ctl/bmclinkctl", "src/endpoint/bmclink-endpoint",
            "bench/tlsload")


def say(text):
    print(text, flush=True)


def quietly(command, log, **options):
    """Run it; its output goes into a file, whose end is shown when it fails."""
    with open(log, "w") as file:
        result = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, **options)
    if result.returncode != 0:
        with open(log) as file:
            sys.stderr.write("".join(file.readlines()[-30:]))
        raise SystemExit("bench: failed: %s (all of it: %s)" % (" ".join(command), log))


# --- what is measured -----------------------------------------------------------------------------

def build():
    """The programs as the packages have them: -O2, hardened, no sanitizer; unless one is given."""
    given = os.environ.get("BMCLINK_BUILD")
    if given:
        missing = [p for p in PROGRAMS if not os.path.exists(os.path.join(given, p))]
        if missing:
            raise SystemExit("bench: BMCLINK_BUILD has no " + ", ".join(missing))
        say("Programs of %s (BMCLINK_BUILD); without it a build of its own is made." % given)
        return
    folder = os.path.join(WORK, "build")
    os.makedirs(WORK, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        quietly(["meson", "setup", folder, ROOT, "-Dbuildtype=debugoptimized"],
                os.path.join(WORK, "meson.log"))
    quietly(["ninja", "-C", folder, *PROGRAMS], os.path.join(WORK, "ninja.log"))
    os.environ["BMCLINK_BUILD"] = folder
    say("Built into %s (-O2, as packaged)." % os.path.relpath(folder))


def tlsload():
    return os.path.join(os.environ["BMCLINK_BUILD"], "bench", "tlsload")


# --- the peers ------------------------------------------------------------------------------------

def peer_packages():
    with open(os.path.join(ROOT, "tests", "lib", "packages.sh")) as file:
        return re.search(r"^packages_bench=\(([^)]*)\)", file.read(), re.M).group(1).split()


class Peers:
    """
    The peers' packages, and what they need and the machine has not: fetched by apt (which needs no
    root for it), unpacked into a folder. An installation would start services, and take away what
    the machine has for its time.
    """

    def __init__(self):
        self.root = os.path.join(WORK, "peers")
        self.problem = None
        self.environment = dict(os.environ)

    def prepare(self):
        packages = peer_packages()
        if self._read_complete() != packages:
            say("Fetching with apt, unpacking into %s, installing nothing: %s" % (
                os.path.relpath(self.root), " ".join(packages)))
            self.problem = self._fetch(packages)
            if self.problem:
                say("WARNING: no peers: " + self.problem)
                return
        libraries = glob.glob(os.path.join(self.root, "root/usr/lib/*-linux-gnu")) + \
            glob.glob(os.path.join(self.root, "root/lib/*-linux-gnu"))
        self.environment["LD_LIBRARY_PATH"] = ":".join(libraries)

    def _fetch(self, packages):
        archives, root = os.path.join(self.root, "archives"), os.path.join(self.root, "root")
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(os.path.join(archives, "partial"))
        os.makedirs(root)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8",
                           TMPDIR=archives)
        options = ["-q", "-y", "-o", "Dir::Cache::archives=" + archives,
                   "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
                   "-o", "Debug::NoLocking=1", "--download-only",
                   "--no-install-recommends", "--reinstall"]
        if os.geteuid() == 0:
            options += ["-o", "APT::Sandbox::User=root"]
            subprocess.run(["apt-get", "-q", "update"], capture_output=True, env=environment)
        command = ["apt-get", *options, "install", *packages]
        result = subprocess.run(command, capture_output=True, text=True, env=environment,
                                stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            return "%s: %s" % (" ".join(command), result.stderr.strip()[-300:])
        for archive in sorted(glob.glob(os.path.join(archives, "*.deb"))):
            subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
        with open(os.path.join(self.root, "complete"), "w") as file:
            file.write(" ".join(packages))
        return None

    def _read_complete(self):
        """What is there already; another list is fetched anew."""
        try:
            with open(os.path.join(self.root, "complete")) as file:
                return file.read().split()
        except FileNotFoundError:
            return None

    def program(self, name):
        for folder in ("usr/sbin", "usr/bin"):
            path = os.path.join(self.root, "root", folder, name)
            if os.path.exists(path):
                return path
        raise AssertionError("the peers have no " + name)


# --- cores, load, processes -----------------------------------------------------------------------

def cores():
    """(of the server, of the load generator)."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def describe():
    model = "unknown CPU"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    lines = ["%s, %d cores usable, Linux %s, load %.2f" % (
        model, len(os.sched_getaffinity(0)), os.uname().release, os.getloadavg()[0])]
    if len(os.sched_getaffinity(0)) < 2:
        lines.append("WARNING: one core only: server and load generator share it")
    return lines


def busy_share(seconds=1.0):
    """How much of all cores others use, while we sleep."""
    def read():
        with open("/proc/stat") as file:
            fields = [int(f) for f in file.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    total, idle = read()
    time.sleep(seconds)
    total2, idle2 = read()
    return 1 - (idle2 - idle) / max(1, total2 - total)


def warn_if_loaded():
    share = busy_share()
    if share > 0.1:
        say("WARNING: other processes use %.0f %% of this machine: figures are worse than they "
            "should be" % (share * 100))
    return share


def cpu_seconds(pids):
    """User and system time of the processes, with all their threads."""
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def run_seconds(pids):
    """As cpu_seconds(), to the nanosecond: what hundreds of idle processes use is less than a tick.

    Children that have ended are in it by the tick.
    """
    total = 0.0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(path) as file:
                total += int(file.read().split()[0]) / 1e9
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return total


def family(pid):
    """The process and all its descendants."""
    found = [pid]
    for one in found:
        for task in glob.glob("/proc/%d/task/*/children" % one):
            with open(task) as file:
                found += [int(child) for child in file.read().split()]
    return found


def memory_kb(pids):
    """(PSS, private: what nobody shares)."""
    pss = private = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            kb = dict(re.findall(r"^(Pss|Private_\w+):\s+(\d+) kB", file.read(), re.M))
        pss += int(kb["Pss"])
        private += int(kb["Private_Clean"]) + int(kb["Private_Dirty"])
    return pss, private


def pss_kb(pids):
    return memory_kb(pids)[0]


def available_kb():
    with open("/proc/meminfo") as file:
        return int(re.search(r"^MemAvailable:\s+(\d+) kB", file.read(), re.M).group(1))


def wakeups(pids):
    """How often the processes' threads have begun to wait, since they were started."""
    total = 0
    for pid in pids:
        for status in glob.glob("/proc/%d/task/*/status" % pid):
            with open(status) as file:
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(),
                                       re.M).group(1))
    return total


def own_libraries(program, folder, environment=None):
    """
    Copies of all libraries of a program, for LD_LIBRARY_PATH. PSS divides what processes share;
    with copies nobody shares them: what it costs on a machine where nothing else uses them. But
    for the C library: every process of every machine has that.
    """
    os.makedirs(folder, exist_ok=True)
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True,
                         env=environment).stdout
    for path in re.findall(r"=> (/\S+)", out):
        if os.path.basename(path) != "libc.so.6":
            shutil.copy(path, folder)
    return folder
