# SPDX-License-Identifier: Apache-2.0
"""Full mutual-TLS handshakes a second: the endpoint beside nginx, hitch and stunnel."""
import json
import os
import subprocess

import machine
from figures import Section
from lab import BMC_IPV4, Lab
from netns import die_with_parent, wait_for
from servers import make_certificate

PORTS = {"endpoint": 443, "nginx": 8441, "hitch": 8442, "stunnel": 8443}
BACKEND = 8081
PATH = "/redfish"
BODY = r'{\"v1\":\"/redfish/v1/\"}'

NGINX = """
daemon off; master_process on; worker_processes 1; user root; pid %(folder)s/nginx.pid;
error_log %(folder)s/nginx.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2;
  fastcgi_temp_path %(folder)s/t3; uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
  server {
    listen %(address)s:%(port)d ssl backlog=511;
    ssl_certificate %(certificate)s; ssl_certificate_key %(key)s;
    ssl_client_certificate %(client)s; ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
    ssl_session_cache off; ssl_session_tickets off; default_type application/json;
    location / { return 200 "%(body)s"; }
  }
}
"""
HITCH = """
frontend = "[%(address)s]:%(port)d"
backend = "[127.0.0.1]:%(backend)d"
pem-file = "%(pem)s"
workers = 1
user = "nobody"
group = "nogroup"
daemon = off
ocsp-dir = ""
backlog = 511
syslog = off
tls-protos = TLSv1.2 TLSv1.3
ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
client-verify = required
client-verify-ca = "%(client)s"
"""
STUNNEL = """
foreground = yes
pid =
debug = err
output = %(folder)s/stunnel.log
[bench]
accept = %(address)s:%(port)d
connect = 127.0.0.1:%(backend)d
cert = %(certificate)s
key = %(key)s
CAfile = %(client)s
requireCert = yes
verifyPeer = yes
sslVersionMin = TLSv1.2
ciphers = ECDHE-ECDSA-AES128-GCM-SHA256
curves = X25519:P-256
options = NO_TICKET
TIMEOUTclose = 0
"""


class Servers:
    """The endpoint and the peers side by side on the BMC's side of a lab, all on one core."""

    def __init__(self, lab, peers):
        self.lab, self.peers = lab, peers
        self.server_core, self.client_core = machine.cores()
        self.processes = {}
        self.problems = []  # of peers

    def start(self, names):
        lab = self.lab
        self.certificate, self.key = make_certificate(lab.folder, "client", common_name="bench")
        lab.endpoint.debug = False
        lab.endpoint.prefix = machine.pinned(self.server_core, [])
        lab.endpoint.start()
        lab.bmc.run([os.path.join(os.environ["BMCLINK_BUILD"], "src/endpoint/bmclink-endpoint"),
                     "--runtime-dir", lab.endpoint.runtime_dir, "trust", "add", self.certificate])
        lab.host.ip("link set bmc0 up")
        lab.host.ip("addr add 169.254.1.2/16 dev bmc0")
        for namespace in (lab.host, lab.bmc):  # as many new connections as we like
            namespace.sysctl("ipv4/tcp_tw_reuse", 1)
            namespace.sysctl("ipv4/ip_local_port_range", "1024 65000")
        self.processes["endpoint"] = lab.endpoint.process
        self.check_mutual("endpoint")
        if names != ["endpoint"]:
            self._start_peers([n for n in names if n != "endpoint"])

    def _start_peers(self, names):
        endpoint = self.lab.endpoint
        names = [n for n in names if not self.peers.problem]
        facts = {"folder": self.lab.folder, "address": BMC_IPV4, "backend": BACKEND, "body": BODY,
                 "certificate": os.path.join(endpoint.state_dir, "endpoint.crt"),
                 "key": os.path.join(endpoint.state_dir, "endpoint.key"),
                 "client": self.certificate, "pem": os.path.join(self.lab.folder, "server.pem")}
        with open(facts["pem"], "w") as out:
            os.chmod(facts["pem"], 0o600)
            for part in ("key", "certificate"):
                with open(facts[part]) as file:
                    out.write(file.read())
        self._spawn("backend", machine.pinned(self.client_core, [
            machine.tlsload(), "backend", "--to", "127.0.0.1", str(BACKEND)]))
        commands = {"nginx": (NGINX, ["nginx", "-c"]),
                    "hitch": (HITCH, ["hitch", "--config"]),
                    "stunnel": (STUNNEL, ["stunnel4"])}
        for name in names:
            text, command = commands[name]
            path = os.path.join(self.lab.folder, name + ".conf")
            with open(path, "w") as file:
                file.write(text % dict(facts, port=PORTS[name]))
            if command[-1] == "--config":
                command = [command[0], "--config=" + path]
            else:
                command = command + [path]
            self._spawn(name, machine.pinned(self.server_core, [
                self.peers.program(command[0]), *command[1:]]))
        for name in names:
            try:
                wait_for(lambda name=name: self._listens(name), 10, name + " listens")
                self.check_mutual(name)
            except AssertionError as error:
                self.problems.append(str(error))
                del self.processes[name]  # it stays out of the table

    def _spawn(self, name, command):
        log = open(os.path.join(self.lab.folder, name + ".out"), "wb")
        process = subprocess.Popen(
            self.lab.bmc.wrap(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=self.peers.environment, preexec_fn=die_with_parent)
        self.processes[name] = process
        self.lab.on_close(lambda: (process.terminate(), process.wait()))

    def _listens(self, name):
        if self.processes[name].poll() is not None:
            with open(os.path.join(self.lab.folder, name + ".out")) as file:
                raise AssertionError("%s ended: %s" % (name, file.read()[-500:]))
        out = self.lab.bmc.run(["ss", "-Hltn", "sport = :%d" % PORTS[name]]).stdout
        return out.strip()

    def load(self, mode, name, *options, certificate=True):
        command = [machine.tlsload(), mode, "--to", BMC_IPV4, str(PORTS[name]), *options]
        if certificate:
            command += ["--certificate", self.certificate, "--key", self.key]
        return self.lab.host.run(machine.pinned(self.client_core, command), check=False,
                                 timeout=600)

    def rate(self, name, version, seconds, path=PATH):
        """(connections a second, server's CPU us each, generator's share of its core)."""
        pids = machine.family(self.processes[name].pid)
        before = machine.cpu_seconds(pids)
        result = self.load("rate", name, "--tls", version, "--seconds", str(seconds),
                           *(["--path", path] if path else []))
        cpu = machine.cpu_seconds(pids) - before
        assert result.returncode == 0, "%s: %s" % (name, result.stderr[-500:])
        got = json.loads(result.stdout)
        for wrong in ("failed", "resumed", "not_200"):
            assert got[wrong] == 0, "%s, TLS %s: %d %s" % (name, version, got[wrong], wrong)
        return (got["connections"] / got["seconds"], cpu / got["connections"] * 1e6,
                got["cpu_seconds"] / got["seconds"])

    def check_mutual(self, name):
        """No figure for a server that would have taken a client without its certificate."""
        path = "/redfish/v1/Managers" if name == "endpoint" else PATH
        for certificate, wanted in ((True, 0), (False, 1)):
            result = self.load("walk", name, "--path", path, certificate=certificate)
            assert result.returncode == wanted, "%s %s a client certificate: %s" % (
                name, "does not take" if certificate else "does not ask for", result.stderr)


def measure(options, peers):
    names = ["endpoint", "nginx", "hitch", "stunnel"]
    seconds = 0.5 if options.quick else 4
    section = Section(
        "Endpoint: full mutual-TLS handshakes a second",
        "Each on a new connection, 16 at a time, no resumption, P-256 certificates, X25519,",
        "AES-128-GCM, and with one small GET. The endpoint and nginx answer themselves, hitch and",
        "stunnel pass it on to a back end, which runs on the load generator's core.",
        "Server on core %d, generator on core %d." % machine.cores())
    rates, costs = {}, {}
    for version in ("1.3", "1.2"):
        for name in names[1:] + names[:1]:
            rates[name, version] = section.row("%s, TLS %s" % (name, version), "/s", digits=0)
        for name, goal in (("nginx", 0.9), ("hitch", 1.4), ("stunnel", None)):
            row = section.row("endpoint to %s, TLS %s" % (name, version), "/s", digits=0,
                              peer=rates[name, version],
                              goal=("ratio", ">=", goal) if goal else None)
            row.samples = rates["endpoint", version].samples  # the same figures
        for name in names[1:] + names[:1]:
            costs[name, version] = section.row(
                "%s, TLS %s: server's CPU" % (name, version), "us each", digits=0,
                peer=costs.get(("nginx", version)) if name == "endpoint" else None)
    shares = []
    try:
        with Lab(os.path.join(options.folder, "handshakes")) as lab:
            servers = Servers(lab, peers)
            servers.start(names)
            for run in range(options.runs):
                for version in ("1.3", "1.2"):
                    for name in names:
                        if name not in servers.processes:
                            continue
                        rate, cost, share = servers.rate(name, version, seconds)
                        rates[name, version].add(rate)
                        costs[name, version].add(cost)
                        shares.append(share)
                machine.say("  run %d of %d: %s" % (run + 1, options.runs, ", ".join(
                    "%s %.0f/s" % (n, rates[n, "1.3"].samples[-1]) for n in names
                    if rates[n, "1.3"].samples)))
        section.problem = "; ".join(servers.problems) or None
    except AssertionError as error:
        section.problem = str(error)
    if peers.problem:
        section.problem = peers.problem
    if shares:
        section.text.append("The generator used %.0f to %.0f %% of its core." % (
            min(shares) * 100, max(shares) * 100))
    return [section]
