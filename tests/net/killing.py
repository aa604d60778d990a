# SPDX-License-Identifier: Apache-2.0
"""What must be true after a kill -9 at any moment, whoever was killed: a model beside the lab."""
import base64
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

from access import AccessLab
from daemons import program
from lab import BMC_IPV4, HOST_IPV4, HOST_NIC
from netns import die_with_parent, run, wait_for
from servers import fingerprint

PASSWORD = "correct horse battery"
LCLOG = "/redfish/v1/Managers/bmc/LogServices/Lclog/Entries"
MODULE = "/redfish/v1/Managers/bmc/Oem/Bmclink/ServiceModule"
RTM_NEWADDR, RTMGRP_IPV4_IFADDR = 20, 0x10
PLAIN_HOSTS = "127.0.0.1\tlocalhost\n10.0.0.7 other\n"


def plain(text):
    return (text or "").replace(":", "").lower()


class Births:
    """How often the kernel was told to set our address, for each ifindex (a birth of the NIC)."""

    def __init__(self, lab):
        with lab.host.enter():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((0, RTMGRP_IPV4_IFADDR))
        self.socket.setblocking(False)
        self.wanted = socket.inet_aton(HOST_IPV4)
        self.counts = {}

    def count(self, ifindex):
        while True:
            try:
                data = self.socket.recv(65536)  # a message each; a lost one is an OSError
            except BlockingIOError:
                return self.counts.get(ifindex, 0)
            # nlmsghdr: 16 bytes; ifaddrmsg: 8, the index last; then attributes
            kind, index = struct.unpack_from("=4xH14xI", data)
            if kind == RTM_NEWADDR and self.wanted in data:
                self.counts[index] = self.counts.get(index, 0) + 1

    def close(self):
        self.socket.close()


class Administrator:
    """HTTPS with the administrator's password, over one connection as long as it lasts."""

    def __init__(self, lab):
        self.lab, self.connection = lab, None

    def ask(self, method, path, body=None):
        """The parsed answer; OSError or HTTPException when there is none."""
        if self.connection is None:
            with self.lab.host.enter():
                stream = socket.create_connection((BMC_IPV4, 443), timeout=3)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.connection = http.client.HTTPConnection(BMC_IPV4, timeout=3)
            self.connection.sock = context.wrap_socket(stream)
        token = base64.b64encode(("admin:" + PASSWORD).encode()).decode()
        fields = {"Authorization": "Basic " + token, "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, body and json.dumps(body), fields)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.status != 200:
            raise http.client.HTTPException("%s %s: %d" % (method, path, answer.status))
        return json.loads(data)

    def entries(self, least):
        """{Id: what it says} of all records from Id least on."""
        found, path = {}, LCLOG
        while path:
            page = self.ask("GET", path)
            for entry in page["Members"]:
                found[int(entry["Id"])] = (entry["MessageId"], tuple(entry["MessageArgs"]),
                                           entry["Created"])
            path = page.get("Members@odata.nextLink")
            if not page["Members"] or int(page["Members"][-1]["Id"]) <= least:
                break
        return {number: text for number, text in found.items() if number >= least}

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Witness(threading.Thread):
    """Changes something at the BMC and reads its log, all the time: what was answered must last.

    A change of a feature's switch that is answered with 200 has made a record; a record that was
    read was durable before it was shown.
    """

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.administrator = Administrator(lab)
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.seen, self.checked, self.acknowledged, self.unsure = {}, 1, 0, 0
        self.total_seen = self.total_acknowledged = 0

    def run(self):
        while not self.ended.wait(0.05):
            with self.lock:
                try:
                    self._step()
                except (OSError, http.client.HTTPException):
                    self.administrator.close()

    def _step(self):
        now = self.administrator.ask("GET", MODULE)["AutoUpdate"]["Enabled"]
        self.unsure += 1
        self.administrator.ask("PATCH", MODULE, {"AutoUpdate": {"Enabled": not now}})
        self.unsure -= 1
        self.acknowledged += 1
        page = self.administrator.ask("GET", LCLOG + "?$top=20")
        for entry in page["Members"]:
            if int(entry["Id"]) >= self.checked:
                self.seen[int(entry["Id"])] = (entry["MessageId"], tuple(entry["MessageArgs"]),
                                               entry["Created"])

    def verify(self):
        """All that was seen is there and says the same; all that was acknowledged is recorded."""
        with self.lock:
            now = self.administrator.entries(self.checked)
            lost = {n: text for n, text in self.seen.items() if now.get(n) != text}
            assert not lost, "acknowledged records are gone: %s" % lost
            changes = sum(text[0].endswith("ISM1202") and text[1][0] == "auto-update"
                          for text in now.values())
            assert self.acknowledged <= changes <= self.acknowledged + self.unsure, (
                "%d changes were acknowledged (%d without an answer), %d are recorded" % (
                    self.acknowledged, self.unsure, changes))
            self.total_seen += len(self.seen)
            self.total_acknowledged += self.acknowledged
            self.seen, self.acknowledged, self.unsure = {}, 0, 0
            self.checked = max(now) + 1 if now else self.checked
            return now

    def end(self):
        self.ended.set()
        self.join(10)
        self.administrator.close()


class KillLab(AccessLab):
    """An agent with all that it can have open; each life begins with nothing at either end."""

    def __enter__(self):
        super().__enter__()
        self.hosts = os.path.join(self.trees.etc, "hosts")
        with open(self.hosts, "w") as file:
            file.write(PLAIN_HOSTS)
        self.births = self._own(Births(self))
        self.commands = []
        self.on_close(self.end_commands)
        return self

    def endpoint_command(self, *words):
        return self.bmc.wrap([program("bmclink-endpoint"), "--config", self.endpoint.config,
                              "--state-dir", self.endpoint.state_dir, "--runtime-dir",
                              self.endpoint.runtime_dir, *words])

    def agent_command(self, *words):
        return self.host.wrap([program("bmclinkctl"), "--runtime-dir", self.agent.runtime_dir,
                               "--config", self.agent.config, *words])

    def begin(self, command):
        """Not waited for: whoever is asked may die."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.commands.append(process)
        return process

    def end_commands(self):
        for process in self.commands:
            process.kill()
            process.communicate()
        self.commands = []

    def processes(self):
        """{"monitor": pid, "worker": pid, "relay": pid}, as far as they are there."""
        found = {"monitor": self.agent.pid}
        for pid in self.agent.children():
            try:
                with open("/proc/%d/cmdline" % pid) as file:
                    words = file.read().split("\0")
            except OSError:
                continue
            for role in ("worker", "relay"):
                if "--" + role in words:
                    found[role] = pid
        return found

    def status(self):
        try:
            return self.agent.status()
        except ValueError:
            return None  # no answer

    # The host as others see it

    def host_state(self):
        """What an administrator would compare: links, addresses, routes, rules, nft, sysctls,
        files."""
        state = {}
        for link in self.host.ip_json("addr show"):
            state["link " + link["ifname"]] = (
                "UP" in link["flags"],
                sorted((a["family"], a["local"], a.get("address")) for a in link["addr_info"]
                       if link["ifname"] == HOST_NIC or a["scope"] == "global"))
        for family in ("-4", "-6"):
            state["routes " + family] = sorted(
                line for line in self.host.ip(family + " route show table all").splitlines()
                if HOST_NIC in line)
            state["rules " + family] = self.host.ip(family + " rule show")
        state["nft"] = self.host.run(["nft", "list", "ruleset"]).stdout
        state.update(self._sysctls())
        for folder, _, names in os.walk(self.trees.etc):
            for name in names:
                with open(os.path.join(folder, name)) as file:
                    state["file " + name] = file.read()
        return state

    def _sysctls(self):
        folders = ["/proc/sys/net/%s/%s" % (family, kind)
                   for family in ("ipv4", "ipv6") for kind in ("conf", "neigh")]
        out = self.host.run(["grep", "-rsH", ".", "/proc/sys/net/ipv4/ip_forward", *folders],
                            check=False).stdout
        return dict(line.split(":", 1) for line in out.splitlines())


class Model:
    """One life, from bare to cleaned up; check() after each kill."""

    def __init__(self, lab, ipv6):
        self.lab, self.ipv6 = lab, ipv6
        self.allowed = {}  # births that may have more than one configuration: an administrator's
        self.trust = None  # {"host": the agent's certificate, "bmc": the BMC's}
        self.trust_made = False
        self.names_at_host = self.names_at_bmc = {True}  # what each switch may be
        self.bare = 0

    # Whole again?

    def what_is_missing(self):
        """None when the link is whole; or why not."""
        status = self.lab.status()
        if not status or status["state"] != "connected":
            return "state " + (status["state"] if status else "unknown")
        if not status["events"] or status["events"]["by"] != "stream":
            return "no event stream"
        if status["protocol"] != "ipv4":
            return "not over IPv4"
        if plain(status["bmc_fingerprint"]) != fingerprint(self.bmc("endpoint.crt")):
            return "connected with the BMC's old certificate"
        for path in (self.worker("agent.next.crt"), self.bmc("endpoint.next.crt")):
            if os.path.exists(path):
                return "there is " + os.path.basename(path)
        names, access = (status["features"][n] for n in ("local-names", "inband-access"))
        if names["active"] != (names["enabled_by_host"] and names["enabled_by_bmc"]):
            return "the names: %s" % names
        if not access["active"]:
            return "in-band access: %s" % access["reason"]
        return None

    def worker(self, name):
        return os.path.join(self.lab.agent.state_dir, "worker", name)

    def bmc(self, name):
        return os.path.join(self.lab.endpoint.state_dir, name)

    def is_bare(self):
        """The configuration of this birth was used up, and the kill came before the address."""
        if self.lab.host.has_address(HOST_NIC, HOST_IPV4):
            return False
        status = self.lab.status()
        return bool(status) and status["configured_once"] and (
            status["state"] == "incomplete-configuration" or status["protocol"] == "ipv6")

    def wait_whole(self, what, may_be_bare):
        """Seconds until it was; where the promise allows it, after an administrator's word."""
        began = time.monotonic()
        missing = [None]

        def is_whole():
            missing[0] = self.what_is_missing()
            return missing[0] is None or (may_be_bare and self.is_bare())
        try:
            wait_for(is_whole, 45, "whole again")
            took = time.monotonic() - began
            if missing[0] is not None:
                assert self.lab.births.count(self.lab.ifindex) == 0, what + ": set, and gone"
                self.bare += 1
                self.allowed[self.lab.ifindex] = 1
                self.lab.agent.ctl("reconfigure")
                may_be_bare = False
                wait_for(is_whole, 20, "whole by reconfigure")
        except AssertionError as error:
            raise AssertionError("%s: %s: %s" % (what, error, missing[0])) from None
        return took

    # What must be true

    def check(self, what, renewed=(), entries=None):
        assert self.lab.births.count(self.lab.ifindex) <= 1 + self.allowed.get(
            self.lab.ifindex, 0), what + ": configured twice"
        self._check_trust(what, renewed)
        windows = sum(text[0].endswith("ISM1033") for text in (entries or {}).values())
        if self.trust_made:
            assert windows == 0, what + ": the enrolment window was opened"
        self._check_names(what)

    def _check_trust(self, what, renewed):
        shown = json.loads(run(self.lab.agent_command("trust", "show", "--json")).stdout)
        now = {"host": fingerprint(self.worker("agent.crt")),
               "bmc": fingerprint(self.bmc("endpoint.crt"))}
        known = [plain(line.split()[2].rstrip(",")) for line in
                 run(self.lab.endpoint_command("trust", "list")).stdout.splitlines()
                 if line.startswith("host ")]
        assert known == [now["host"]], what + ": the BMC knows %s" % known
        assert plain(shown["pin"]) == now["bmc"], what + ": pinned is another"
        assert shown["next_pin"] is None, what + ": a second pin is left"
        for end in now:
            if self.trust and end not in renewed:
                assert now[end] == self.trust[end], what + ": another certificate: " + end
        self.trust = now

    def _check_names(self, what):
        names = self.lab.status()["features"]["local-names"]
        assert names["enabled_by_host"] in self.names_at_host, what + ": the host's switch"
        assert names["enabled_by_bmc"] in self.names_at_bmc, what + ": the BMC's switch"
        self.names_at_host = {names["enabled_by_host"]}
        self.names_at_bmc = {names["enabled_by_bmc"]}
        with open(self.lab.hosts) as file:
            text = file.read()
        assert text.startswith(PLAIN_HOSTS), what + ": lines of /etc/hosts are lost"
        assert ("idrac.local" in text) == names["active"], what + ": the names are not as told"
        assert text.count("# BEGIN bmclink") <= 1, what + ": two blocks"
