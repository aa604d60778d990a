# SPDX-License-Identifier: Apache-2.0
"""A scripted Redfish service over TLS or plain, which records what it was told, and its lies."""
import contextlib
import json
import os
import socket
import ssl
import struct
import threading

from servers import TLS_VERSIONS, Server, fingerprint, make_certificate

ROOT = {
    "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
    "@odata.id": "/redfish/v1/",
    "RedfishVersion": "1.17.0",
    "Vendor": "Test",
    "Product": "Scripted BMC",
    "Managers": {"@odata.id": "/redfish/v1/Managers"},
    "EventService": {"@odata.id": "/redfish/v1/EventService"},
    "Links": {"ManagerProvidingService": {"@odata.id": "/redfish/v1/Managers/bmc"}},
    "Oem": {"Bmclink": {"Enrolment": "Closed"}},  # one of ours; bmcs.py has the others
}
MANAGER = {"@odata.id": "/redfish/v1/Managers/bmc", "Model": "T-1000", "FirmwareVersion": "4.2"}


def answer(status, body, headers=(), reason="Answer"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers = ["Content-Type: application/json", *headers]
    lines = ["HTTP/1.1 %d %s" % (status, reason), "Content-Length: %d" % len(body), *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def resources(**changes):
    """Path -> bytes, or a function of the connection; changes by short names."""
    table = {
        "/redfish/v1/": answer(200, ROOT),
        "/redfish/v1/Managers": answer(200, {"Members": [{"@odata.id": MANAGER["@odata.id"]}]}),
        "/redfish/v1/Managers/bmc": answer(200, MANAGER),
        "/redfish/v1/EventService": answer(200, {"Id": "EventService"}),
    }
    names = {"root": "/redfish/v1/", "managers": "/redfish/v1/Managers",
             "manager": "/redfish/v1/Managers/bmc", "events": "/redfish/v1/EventService"}
    for name, value in changes.items():
        table[names.get(name, "/redfish/v1/" + name)] = value
    return table


def reset(connection):
    """Close with a TCP reset."""
    raw = connection
    if isinstance(connection, ssl.SSLSocket):
        raw = socket.socket(fileno=connection.detach())
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


def wait_for_end(connection):
    """Until the other side closes."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


class Service:
    """HTTP on one port. .requests has what was asked, .received every byte of HTTP."""

    def __init__(self, namespace, port, table, context=None, family=socket.AF_INET):
        self.table = table
        self.context = context
        self.requests = []
        self.received = b""
        self.errors = []
        self.gone = threading.Event()
        self.server = Server(namespace, self._serve, port=port, family=family)

    @property
    def accepted(self):
        return self.server.accepted

    def _serve(self, connection):
        connection.settimeout(20)
        if self.context:
            try:
                connection = self.context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError) as error:
                self.errors.append(str(error))
                return
        try:
            self._talk(connection)
        except (ssl.SSLError, OSError) as error:
            self.errors.append(str(error))
        finally:
            self.gone.set()
            with contextlib.suppress(OSError):
                connection.close()

    def _talk(self, connection):
        buffer = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return
            self.received += data
            buffer += data
            while b"\r\n\r\n" in buffer:
                head, rest = buffer.split(b"\r\n\r\n", 1)
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if len(rest) < length:
                    break
                buffer = rest[length:]
                method, path = head.split(b" ")[:2]
                self.requests.append((method.decode(), path.decode(), rest[:length]))
                entry = self.table.get(path.decode(), answer(404, {"error": {}}))
                if callable(entry):
                    if entry(connection) is False:
                        return
                else:
                    connection.sendall(entry)

    def close(self):
        self.server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tls:
    """A server's context: versions, certificate, and what it asks of the client."""

    def __init__(self, folder, minimum="1.1", maximum="1.3", name="bmc", clients=None, **dates):
        path = os.path.join(folder, name + ".crt")
        if not os.path.exists(path):
            make_certificate(folder, name, **dates)
        self.fingerprint = fingerprint(path)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        self.context.minimum_version = TLS_VERSIONS[minimum]
        self.context.maximum_version = TLS_VERSIONS[maximum]
        self.context.load_cert_chain(path, path[:-4] + ".key")
        if clients is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            for client in clients:
                self.context.load_verify_locations(client)


def stream(*pieces, end=wait_for_end):
    """An event stream: the pieces, then end(connection)."""
    def serve(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for piece in pieces:
            connection.sendall(piece)
        end(connection)
        return False
    return serve


def with_stream(*pieces, end=wait_for_end, **changes):
    return resources(events=answer(200, {"ServerSentEventUri": "/redfish/v1/SSE"}),
                     SSE=stream(*pieces, end=end), **changes)
