# SPDX-License-Identifier: Apache-2.0
"""Net-SNMP at both ends of the link: the host's own snmpd, the BMC's bmclink-endpoint-snmp, and the
client programs."""
import os
import re
import signal
import subprocess

from daemons import Daemon, program
from netns import die_with_parent, wait_for

CONTEXT = "bmclink"
OWN = "1.3.6.1.4.1.8072.9999.9999.623"
IDRAC = "1.3.6.1.4.1.674.10892.5"
SYS_DESCR = "1.3.6.1.2.1.1.1.0"
COMMUNITY, USER, KEY = "bmcread", "alice", "alicealicealice"

# As Debian ships it, with a user of the administrator's; the community sees sysORTable alone.
CONFIG = """
agentAddress udp:%(port)d,udp6:[::1]:%(port)d
view systemonly included .1.3.6.1.2.1.1.9
view systemonly included .1.3.6.1.2.1.25.1
rocommunity public default -V systemonly
createUser %(user)s SHA-256 "%(key)s" AES "%(key)s"
createUser mallory SHA-256 "%(key)s" AES "%(key)s"
includeDir %(etc)s/snmp/snmpd.conf.d
"""


class Snmpd:
    """The host's own, as an administrator runs it: nothing of ours in its command line."""

    def __init__(self, lab, port=161):
        self.lab, self.port = lab, port
        self.etc, self.run = lab.trees.etc, lab.trees.run
        self.folder = os.path.join(self.etc, "snmp")
        self.drop_in = os.path.join(self.folder, "snmpd.conf.d", "60-bmclink.conf")
        self.config = os.path.join(self.folder, "snmpd.conf")
        self.pid_file = os.path.join(self.run, "snmpd.pid")
        self.log_path = os.path.join(lab.folder, "snmpd.log")
        self.persist = os.path.join(lab.folder, "snmpd-persist")
        self.process, self.pid = None, 0
        os.makedirs(os.path.join(self.folder, "snmpd.conf.d"), exist_ok=True)
        os.makedirs(self.persist, exist_ok=True)
        with open(self.config, "w") as file:
            file.write(CONFIG % {"port": port, "etc": self.etc, "user": USER, "key": KEY})
        os.chmod(self.config, 0o640)
        lab.on_close(self.kill)

    def start(self, *options):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.lab.host.wrap(["/usr/sbin/snmpd", "-f", "-LEw", "-C", "-c", self.config,
                                    "-p", self.pid_file, *options]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                env=dict(os.environ, SNMP_PERSISTENT_DIR=self.persist, MIBS="",
                         SNMPCONFPATH=self.folder))
        wait_for(lambda: os.path.exists(self.pid_file) and open(self.pid_file).read().strip(), 5,
                 "the pid file of snmpd")
        self.pid = int(open(self.pid_file).read())
        link = os.path.join(self.lab.trees.proc, str(self.pid))
        if not os.path.lexists(link):
            os.symlink("/proc/%d" % self.pid, link)
        wait_for(lambda: self.get(SYS_DESCR[:-10] + ".9.1.0", community="public").returncode == 0
                 or self.process.poll() is not None, 5, "snmpd answers")
        assert self.process.poll() is None, open(self.log_path).read()
        return self

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            os.kill(self.pid, number)
            self.process.wait(5)
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)

    def has_drop_in(self):
        return os.path.exists(self.drop_in)

    # The client programs

    def ask(self, program, oid, community=None, user=None, context=CONTEXT, key=KEY, tail=(),
            timeout=2, host="127.0.0.1"):
        command = [program, "-On", "-t", str(timeout), "-r", "1"]
        if community:
            command += ["-v", "2c", "-c", community]
        else:
            command += ["-v", "3", "-l", "authPriv", "-u", user, "-a", "SHA-256", "-A", key,
                        "-x", "AES", "-X", key] + (["-n", context] if context else [])
        command += ["udp:%s:%d" % (host, self.port), oid, *tail]
        return subprocess.run(self.lab.host.wrap(command), capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, MIBS="", SNMPCONFPATH="/nonexistent",
                                                   SNMP_PERSISTENT_DIR=self.persist + "-client"))

    def get(self, oid, program="snmpget", **who):
        return self.ask(program, oid, **who)

    def value(self, oid, **who):
        """The value, or None when there is none for this client."""
        out = self.get(oid, **who).stdout
        found = re.fullmatch(r"\.?%s = \w+: (.*)\n" % re.escape(oid), out)
        return found.group(1).strip('"') if found else None

    def walk(self, oid, program="snmpwalk", **who):
        """{oid: value} of a walk."""
        out = self.ask(program, oid, **who)
        found = re.findall(r"^\.([0-9.]+) = \w+: (.*)$", out.stdout, re.M)
        return {name: value.strip('"') for name, value in found}


class EndpointSnmp(Daemon):
    program = "bmclink-endpoint-snmp"
    section = "none"

    def __init__(self, lab, snmpd=None):
        super().__init__(lab.bmc, os.path.join(lab.folder, "bmc-snmp"))
        self.runtime_dir = lab.endpoint.runtime_dir
        self.options = ["--snmpd", snmpd] if snmpd else []
        lab.on_close(self.kill)

    def kill(self):
        """Alone: its children go with it."""
        if self.is_running():
            self.expected_end = True
            os.kill(self.pid, signal.SIGKILL)
            self._reap(5)

    def command(self):
        os.makedirs(self.runtime_dir, exist_ok=True)
        return [program(self.program), "--foreground", "--debug", "--runtime-dir",
                self.runtime_dir, *self.options]
