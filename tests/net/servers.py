# SPDX-License-Identifier: Apache-2.0
"""Scripted BMCs for what a right endpoint never does: full backlogs, silence, old TLS, garbage."""
import contextlib
import datetime
import os
import shutil
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def make_certificate(folder, name, not_before=None, not_after=None, common_name="test"):
    """A self-signed P-256 certificate and its key as PEM files; returns (certificate, key)."""
    now = datetime.datetime.utcnow()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - datetime.timedelta(days=1))
        .not_valid_after(not_after or now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256()))
    os.makedirs(folder, exist_ok=True)
    paths = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    with open(paths[0], "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        os.chmod(paths[1], 0o600)
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    return paths


def replace_certificate(path, **dates):
    """Another pair in the place of one of ours, with the owner and modes of the old one."""
    key_path = path[:-4] + ".key"
    folder = os.path.dirname(path) + "-new"
    new, new_key = make_certificate(folder, "pair", **dates)
    for source, target in ((new, path), (new_key, key_path)):
        with open(source, "rb") as file:
            content = file.read()
        with open(target, "r+b") as file:  # written into: owner and mode stay
            file.truncate()
            file.write(content)
    shutil.rmtree(folder)


def load_certificate(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def fingerprint(path):
    return load_certificate(path).fingerprint(hashes.SHA256()).hex()


def tls_context(folder, version, name="scripted"):
    """A server's context that speaks exactly one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = TLS_VERSIONS[version]
    context.load_cert_chain(*make_certificate(folder, name))
    return context


class Server:
    """Accepts on one port within a namespace and gives each connection to handler(socket)."""

    def __init__(self, namespace, handler, port=443, family=socket.AF_INET, backlog=16):
        with namespace.enter():
            self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(("", port))
        self.socket.listen(backlog)
        self.handler = handler
        self.accepted = 0
        self.connections = set()
        self.thread = None
        if handler:
            self.thread = threading.Thread(target=self._serve, daemon=True)
            self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        self.connections.add(connection)
        with connection, contextlib.suppress(OSError):
            self.handler(connection)
        self.connections.discard(connection)

    def close(self):
        """The service ends, and its connections with it."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def silent(connection):
    """Takes what comes and never answers."""
    while connection.recv(4096):
        pass


def full_backlog(namespace, port=443, family=socket.AF_INET, address="127.0.0.1"):
    """A listening socket that accepts nothing more: the kernel then drops every further SYN."""
    server = Server(namespace, None, port, family, backlog=0)
    fillers = []
    with namespace.enter():
        for _ in range(4):
            filler = socket.socket(family, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex((address, port))
            fillers.append(filler)
    close = server.close

    def close_all():
        for filler in fillers:
            filler.close()
        close()
    server.close = close_all
    return server
