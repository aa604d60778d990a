# SPDX-License-Identifier: Apache-2.0
"""bmclink-endpoint as an object, clients of every kind, and certificates."""
import base64
import datetime
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from daemons import ini, program
from netns import die_with_parent, wait_for

PORT, PLAIN_PORT = 8443, 8080
PASSWORD = "correct horse battery"
CERTIFICATES = "/redfish/v1/AccountService/Accounts/host/Certificates"
ENTRIES = "/redfish/v1/Managers/bmc/LogServices/Lclog/Entries"
STREAM = "/redfish/v1/EventService/SSE"


class Certificate:
    def __init__(self, path, pem):
        self.path = path  # certificate and key in one file
        self.pem = pem
        der = ssl.PEM_cert_to_DER_cert(pem)
        self.fingerprint = ":".join("%02x" % b for b in __import__("hashlib").sha256(der).digest())


def make_certificate(folder, name, seconds=10 * 365 * 86400, begin=-3600):
    """Self-signed, valid from now + begin until now + seconds."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(seconds=min(begin, seconds - 1)))
                   .not_valid_after(now + datetime.timedelta(seconds=seconds))
                   .sign(key, hashes.SHA256()))
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    path = os.path.join(str(folder), name + ".pem")
    with open(path, "w") as file:
        file.write(pem + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode())
    return Certificate(path, pem)


def client_context(certificate=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(certificate.path)
    return context


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)


class Endpoint:
    address = "127.0.0.1"

    def __init__(self, folder, interface="lo"):
        self.folder = folder
        self.environment = {}
        self.debug = True
        os.makedirs(folder)
        self.config = os.path.join(folder, "endpoint.conf")
        self.state_dir = os.path.join(folder, "state")
        self.runtime_dir = os.path.join(folder, "run")
        self.log_path = os.path.join(folder, "log")
        self.keys = {"interface": interface, "port": PORT, "plain_port": PLAIN_PORT}
        self.process = None
        self.configure()

    # The process

    def configure(self, **keys):
        self.keys.update(keys)
        with open(self.config, "w") as file:
            file.write(ini({"Endpoint": self.keys}))

    def options(self):
        return ["--config", self.config, "--state-dir", self.state_dir,
                "--runtime-dir", self.runtime_dir]

    def start(self, wait=True, **keys):
        self.configure(**keys)
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program("bmclink-endpoint"), "--foreground", *(["--debug"] if self.debug else [])]
            + self.options(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(os.environ, **self.environment), preexec_fn=die_with_parent)
        log.close()
        if wait:
            wait_for(self.listens, 20, "the endpoint listens")
        return self

    def listens(self):
        assert self.process.poll() is None, "ended: " + self.log()[-3000:]
        with socket.socket(socket.AF_UNIX) as probe:  # its file is there a moment earlier
            return probe.connect_ex(os.path.join(self.runtime_dir, "endpoint-control")) == 0

    def stop(self):
        self.process.terminate()
        status = self.process.wait(10)
        self.process = None
        return status

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        os.unlink(os.path.join(self.runtime_dir, "endpoint-control"))

    def reload(self, **keys):
        self.configure(**keys)
        self.process.send_signal(signal.SIGHUP)

    def finish(self):
        """The end of a test: whoever ended by itself, leaked, or was told off by a sanitizer."""
        if self.process is not None:
            assert self.process.poll() is None, "ended by itself: " + self.log()[-3000:]
            assert self.stop() == 0, self.log()[-3000:]
        bad = [line for line in self.log().splitlines()
               if "Sanitizer" in line or "runtime error" in line]
        assert not bad, bad

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def command(self, *arguments, stdin=None):
        return subprocess.run([program("bmclink-endpoint")] + self.options()
                              + list(arguments), input=stdin, capture_output=True, text=True)

    def set_password(self, password=PASSWORD):
        out = self.command("passwd", stdin=password + "\n")
        assert out.returncode == 0, out.stderr

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def assert_memory_within(self, before, kb):
        """Grown by no more than this; a sanitizer's own keeping of freed memory says nothing."""
        with open(program("bmclink-endpoint"), "rb") as file:
            if b"__asan_init" not in file.read():
                assert self.memory_kb() - before < kb

    def memory_kb(self):
        with open("/proc/%d/smaps_rollup" % self.process.pid) as file:
            return int(re.search(r"Pss:\s+(\d+)", file.read()).group(1))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    # Clients

    def connect(self, port=PORT, timeout=20, address=None):
        return socket.create_connection((address or self.address, port), timeout)

    def tls(self, certificate=None, version=None, timeout=20, address=None):
        return client_context(certificate, version).wrap_socket(
            self.connect(timeout=timeout, address=address))

    def request(self, method, path, certificate=None, password=None, body=None, headers=None,
                plain=None, timeout=20):
        """One request over a connection of its own. plain: the port to speak HTTP to."""
        connection = http.client.HTTPConnection(self.address, plain or PORT, timeout=timeout)
        connection.sock = self.connect(plain) if plain else self.tls(certificate, timeout=timeout)
        fields = dict(headers or {})
        if password:
            token = base64.b64encode(("admin:" + password).encode()).decode()
            fields["Authorization"] = "Basic " + token
        if isinstance(body, dict):
            body = json.dumps(body)
            fields["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, fields)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, certificate=None, **options):
        return self.request("GET", path, certificate, **options)

    def enrol(self, certificate, given=None):
        return self.request("POST", CERTIFICATES, certificate, body={
            "CertificateString": (given or certificate).pem, "CertificateType": "PEM"})

    def root(self, **options):
        return self.get("/redfish/v1/", **options).json()

    def curl(self, path, scheme="https", port=PORT, options=()):
        """(HTTP status, body) as an administrator would get it with curl."""
        out = subprocess.run(
            ["curl", "-sk", "--noproxy", "*", "--max-time", "10", "-w", "\n%{http_code}",
             *options, "%s://%s:%d%s" % (scheme, self.address, port, path)],
            capture_output=True, text=True)
        body, _, code = out.stdout.rpartition("\n")
        return int(code), body

    def entries(self, message_id=None, options=()):
        """The Lifecycle log, newest first, read with curl and the administrator's password."""
        code, body = self.curl(ENTRIES, options=["-u", "admin:" + PASSWORD, *options])
        if code == 0:
            raise ConnectionError("no answer")
        assert code == 200, (code, body)
        return [e for e in json.loads(body)["Members"]
                if message_id in (None, e["MessageId"].split(".")[-1])]

    def wait_entry(self, message_id, count=1, timeout=10):
        def found():
            try:
                entries = self.entries(message_id)
            except ConnectionError:
                return None  # a service that begins to listen anew lets go of its connections
            return entries if len(entries) >= count else None
        return wait_for(found, timeout, "%d %s" % (count, message_id))

    def s_client(self, *options, certificate=None, stdin=""):
        command = ["openssl", "s_client", "-connect", "%s:%d" % (self.address, PORT), *options]
        if certificate:
            command += ["-cert", certificate.path, "-key", certificate.path]
        out = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=20)
        return out.stdout + out.stderr


def read_all(stream):
    """Until the other end closes; a reset counts as the end."""
    data = b""
    while True:
        try:
            piece = stream.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            return data
        if not piece:
            return data
        data += piece


def read_until(stream, what, timeout=10):
    stream.settimeout(timeout)
    data = b""
    while what not in data:
        piece = stream.recv(65536)
        assert piece, "closed after %r" % data[-300:]
        data += piece
    return data


def alert_of(function):
    """The number of the TLS alert that function() runs into; None: there was none."""
    numbers = {"CERTIFICATE_EXPIRED": 45, "UNKNOWN_CA": 48, "PROTOCOL_VERSION": 70}
    try:
        function()
    except ssl.SSLError as error:
        for name, number in numbers.items():
            if name in (error.reason or ""):
                return number
        raise
    return None


class Stream:
    """A reader of Server-Sent Events."""

    def __init__(self, endpoint, certificate=None, last_id=None, plain=False):
        self.socket = endpoint.connect(PLAIN_PORT) if plain else endpoint.tls(certificate)
        extra = "Last-Event-ID: %s\r\n" % last_id if last_id is not None else ""
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: bmc\r\nAccept: text/event-stream\r\n%s\r\n"
                             % (STREAM, extra)).encode())
        self.response = http.client.HTTPResponse(self.socket, method="GET")
        self.response.begin()
        self.status = self.response.status

    def next_event(self, timeout=10):
        """(id, payload) of the next event; None at the end of the stream."""
        self.socket.settimeout(timeout)
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = line.rstrip(b"\r\n").decode()
            if not line:
                if "data" in fields:
                    return int(fields["id"]), json.loads(fields["data"])
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                fields[name] = value.lstrip(" ")

    def until(self, message_id, timeout=10):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            event = self.next_event(timeout)
            assert event, "the stream ended before " + message_id
            if event[1]["Events"][0]["MessageId"].endswith("." + message_id):
                return event
        raise AssertionError("no " + message_id)

    def close(self):
        self.response.close()
        self.socket.close()
