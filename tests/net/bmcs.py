# SPDX-License-Identifier: Apache-2.0
"""BMCs that are not ours, as small scripts: each class does as that vendor's firmware does.

A StockBmc is a Redfish service over TLS in a namespace. It records what it was asked, which paths
it has given away (nobody may ask for others: a client builds none), and its sessions.
"""
import contextlib
import json
import os
import queue
import re
import socket
import ssl
import struct
import threading
import uuid

from peers import Tls, answer
from servers import Server

ROOT_PATH = "/redfish/v1/"
USER, PASSWORD = "bmclink", "not \"so\" s\\cret"


def type42(ids, host, bmc, mac, hostname="", prefix=24):
    """One SMBIOS type 42 structure: USB v2 descriptor of DSP0270 1.3 (length 11h), static IPv4."""
    def ipv4(text):
        return socket.inet_aton(text) + bytes(12)
    vendor, product = (int(n, 16) for n in ids)
    mask = struct.pack(">I", ~0 << (32 - prefix) & 0xffffffff) + bytes(12)
    descriptor = struct.pack("<BHHB", 0x11, vendor, product, 0) + mac \
        + struct.pack("<HH", 0, 0xffff)
    name = hostname.encode() + b"\0"
    record = uuid.uuid4().bytes_le + b"\1\1" + ipv4(host) + mask + b"\1\1" + ipv4(bmc) + mask \
        + struct.pack("<HIB", 443, 0, len(name)) + name
    body = b"\x40" + bytes([1 + len(descriptor), 4]) + descriptor + b"\1\4" \
        + bytes([len(record)]) + record
    return b"\x2a" + bytes([4 + len(body)]) + b"\x42\0" + body + b"\0\0"


def links(value):
    """Every path that a body gives away."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and (item.startswith("/") or "nextLink" in key):
                yield item
            yield from links(item)
    elif isinstance(value, list):
        for item in value:
            yield from links(item)


class Request:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path = lines[0].split(" ")[:2]
        self.headers = {k.strip().lower(): v.strip()
                        for k, _, v in (line.partition(":") for line in lines[1:])}
        self.body = body

    @property
    def token(self):
        return self.headers.get("x-auth-token")


class StockBmc:
    vendor, product, model, firmware = "Stock", "BMC", "M-1", "1.0"
    ids = ("413c", "a102")
    address = "169.254.1.1"
    tls_versions = ("1.2", "1.3")
    managers, manager = "/redfish/v1/Managers", "/redfish/v1/Managers/1"
    sessions_path = "/redfish/v1/SessionService/Sessions"
    event_service = "/redfish/v1/EventService"
    stream_path = "/redfish/v1/EventService/SSE"
    max_streams = 10
    providing_link = False  # Links.ManagerProvidingService
    systems, system = "/redfish/v1/Systems", "/redfish/v1/Systems/1"
    manager_logs, system_logs = (), ()  # names of log services
    log_path = None         # the one that is to be read, without a slash at its end
    newest_first, page = False, 1000
    entries = 5             # when it starts
    has_created = True

    def __init__(self, namespace, folder, port=443, password=PASSWORD, **changes):
        self.namespace, self.port, self.password = namespace, port, password
        self.tls = Tls(str(folder), minimum=self.tls_versions[0], maximum=self.tls_versions[1],
                       name=changes.pop("certificate", "stock"))
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.requests, self.given, self.faults = [], {ROOT_PATH}, {}
        self.sessions, self.created, self.deleted, self.refused = {}, [], [], 0
        self.streams, self.connections = [], set()
        self.lock = threading.Lock()
        self.log, self.next_entry = [], 1  # oldest first
        for _ in range(self.entries):
            self.add_entry()
        self.server = None

    # Life

    def start(self):
        self.server = Server(self.namespace, self._serve, port=self.port)
        self.server6 = Server(self.namespace, self._serve, port=self.port,
                              family=socket.AF_INET6)
        return self

    def close(self):
        """The service is gone, and every connection with it."""
        if self.server:
            self.server.close()
            self.server6.close()
        self.server = None
        with self.lock:
            for fd in self.connections:
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as raw:
                    raw.shutdown(socket.SHUT_RDWR)
        self.end_streams()

    def __enter__(self):
        return self if self.server else self.start()

    def __exit__(self, *_):
        self.close()

    # What it has

    def root(self):
        root = {"@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot", "@odata.id": ROOT_PATH,
                "RedfishVersion": "1.17.0", "Vendor": self.vendor, "Product": self.product,
                "Managers": {"@odata.id": self.managers},
                "Systems": {"@odata.id": self.systems},
                "Links": {"Sessions": {"@odata.id": self.sessions_path}}}
        if self.event_service:
            root["EventService"] = {"@odata.id": self.event_service}
        if self.providing_link:
            root["Links"]["ManagerProvidingService"] = {"@odata.id": self.manager}
        return root

    def resources(self):
        table = {
            self.managers: {"Members": [{"@odata.id": self.manager}], "Members@odata.count": 1},
            self.manager: {
                "@odata.id": self.manager, "Model": self.model, "FirmwareVersion": self.firmware,
                "Actions": {"#Manager.Reset": {"target": self.manager + "/Actions/Odd.Reset"}}},
            self.event_service: {"@odata.id": self.event_service,
                                 "ServerSentEventUri": self.stream_path},
            self.systems: {"Members": [{"@odata.id": self.system}], "Members@odata.count": 1},
            self.system: {"@odata.id": self.system},
        }
        for owner, names in ((self.manager, self.manager_logs), (self.system, self.system_logs)):
            if names:
                self._add_logs(table, owner, names)
        return table

    # Its log

    def _add_logs(self, table, owner, names):
        slash = "/" if owner.endswith("/") else ""
        folder = owner.rstrip("/") + "/LogServices" + slash
        table[owner]["LogServices"] = {"@odata.id": folder}
        paths = [folder.rstrip("/") + "/" + name + slash for name in names]
        table[folder] = {"Members": [{"@odata.id": path} for path in paths],
                         "Members@odata.count": len(paths)}
        for name, path in zip(names, paths):
            entries = path.rstrip("/") + "/Entries" + slash
            table[path] = {"@odata.id": path, "Id": name, "Entries": {"@odata.id": entries}}
            if path.rstrip("/") != self.log_path:
                table[entries] = {"Members": [{"Id": "999999", "Message": "of another log"}]}

    @property
    def entries_path(self):
        return self.log_path + "/Entries" + ("/" if self.manager.endswith("/") else "")

    def make_id(self, number):
        return str(number)

    def add_entry(self, message=None, severity="OK", **more):
        number, self.next_entry = self.next_entry, self.next_entry + 1
        entry = {"@odata.id": "%s/%d" % (self.log_path, number), "Id": self.make_id(number),
                 "EntryType": "Oem", "MessageId": "USR0030", "Severity": severity,
                 "Message": message or "Message %d." % number}
        if self.has_created:
            entry["Created"] = "2026-11-22T%02d:%02d:%02d-06:00" % (
                number // 3600 % 24, number // 60 % 60, number % 60)
        entry.update(more)
        with self.lock:
            self.log.append(entry)
        return entry["Id"]

    def log_ids(self, last=None):
        return [entry["Id"] for entry in self.log][-(last or len(self.log)):]

    def clear_log(self, restart=True):
        with self.lock:
            self.log.clear()
        if restart:
            self.next_entry = 1

    def log_page(self, path):
        """?$skip=N of the entries, in this vendor's order; None: not of this log."""
        base, _, query = path.partition("?")
        if self.log_path is None or base != self.entries_path \
                or not re.fullmatch(r"(\$skip=\d+)?", query):
            return None
        with self.lock:
            log = self.log[::-1] if self.newest_first else list(self.log)
        start = int(query[6:] or 0)
        page = {"Members": log[start:start + self.page], "Members@odata.count": len(log)}
        if start + self.page < len(log):
            page["Members@odata.nextLink"] = "%s?$skip=%d" % (base, start + self.page)
        return page

    def location(self, name):
        return self.sessions_path.rstrip("/") + "/" + name

    # HTTP

    def _serve(self, connection):
        connection.settimeout(60)
        try:
            connection = self.tls.context.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError):
            return
        fd = connection.fileno()
        with self.lock:
            self.connections.add(fd)
        with contextlib.suppress(ssl.SSLError, OSError):
            self._talk(connection)
        with self.lock:
            self.connections.discard(fd)
        connection.close()

    def _talk(self, connection):
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                data = connection.recv(65536)
                if not data:
                    return
                buffer += data
            head, _, rest = buffer.partition(b"\r\n\r\n")
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(found.group(1)) if found else 0
            while len(rest) < length:
                rest += connection.recv(65536)
            request, buffer = Request(head, rest[:length]), rest[length:]
            with self.lock:
                self.requests.append(request)
            if self._answer(connection, request) is False:
                return

    def _answer(self, connection, request):
        fault = self.faults.get(request.path) or self.faults.get("*")
        if fault:
            sent = fault(connection, request) if callable(fault) else fault
            if isinstance(sent, bytes):
                connection.sendall(sent)
                return True
            if sent is not None:
                return sent
        if request.path == ROOT_PATH:
            return self._send(connection, 200, self.root())
        if request.path == self.sessions_path and request.method == "POST":
            return self._log_in(connection, request)
        if not self.knows(connection, request):
            return self._send(connection, 401, {"error": {"code": "Base.1.8.GeneralError"}},
                              ['WWW-Authenticate: Basic realm="Redfish"'])
        if request.method == "DELETE" and request.path in self.sessions:
            with self.lock:
                del self.sessions[request.path]
                self.deleted.append(request.path)
            return self._send(connection, 200, {})
        if request.path == self.stream_path:
            return self._stream(connection, request)
        resource = self.log_page(request.path) or self.resources().get(request.path)
        if request.method != "GET" or resource is None:
            return self._send(connection, 404, {"error": {}})
        return self._send(connection, 200, resource)

    def _send(self, connection, status, body, headers=()):
        with self.lock:
            self.given.update(links(body))
        connection.sendall(answer(status, body, headers))
        return True

    # Who is there

    def knows(self, connection, request):
        return request.token is not None and request.token in self.sessions.values()

    def _log_in(self, connection, request):
        said = json.loads(request.body)
        if said != {"UserName": USER, "Password": self.password}:
            self.refused += 1
            return self._send(connection, 401, {"error": {"@Message.ExtendedInfo": [
                {"MessageId": "Base.1.8.ResourceAtUriUnauthorized"}]}})
        name = uuid.uuid4().hex[:8]
        path, token = self.location(name), uuid.uuid4().hex
        with self.lock:
            self.sessions[path] = token
            self.created.append(path)
            self.given.add(path)
        return self._send(connection, 201, {"@odata.id": path, "Id": name, "UserName": USER},
                          ["X-Auth-Token: " + token, "Location: " + self.say_location(path)])

    def say_location(self, path):
        return path

    def forget_sessions(self):
        """They time out."""
        with self.lock:
            self.sessions.clear()

    # Events

    def _stream(self, connection, request):
        if len(self.streams) >= self.max_streams:
            return self._send(connection, 503, {"error": {}})
        stream = queue.SimpleQueue()
        for piece in self.events():
            stream.put(piece)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n")
        self.streams.append(stream)
        try:
            for piece in iter(stream.get, None):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        finally:
            self.streams.remove(stream)
        with contextlib.suppress(OSError):
            connection.sendall(b"0\r\n\r\n")
        return False

    def push(self, piece=b"id: 7\ndata: {\"Id\": \"7\", \"Events\": [{}]}\n\n"):
        """To all who listen."""
        for stream in list(self.streams):
            stream.put(piece)

    def events(self):
        return [b"id: 1\ndata: {\"Id\": \"1\", \"Events\": []}\n\n"]

    def end_streams(self):
        """In good order, as by the clock."""
        for stream in list(self.streams):
            stream.put(None)

    # What was asked

    def paths(self, method=None):
        return [r.path for r in self.requests if method in (None, r.method)]

    def invented(self):
        """Paths that were asked for and never given away: a client builds none. $skip, which
        a client may set by itself, it may where the service has shown that it pages by it."""
        def is_skip(path):
            base, _, query = path.partition("?$skip=")
            return query.isdigit() and base in self.given and any(
                link.startswith(base + "?$skip=") for link in self.given)
        return sorted({p for p in self.paths() if p not in self.given and not is_skip(p)})


class Idrac9(StockBmc):
    vendor, product, model, firmware = "Dell", "Integrated Dell Remote Access Controller", \
        "16G Monolithic", "7.10.30.00"
    manager = "/redfish/v1/Managers/iDRAC.Embedded.1"
    stream_path = "/redfish/v1/SSE"
    max_streams = 2
    manager_logs = ("Sel", "Lclog", "FaultList")
    log_path = manager + "/LogServices/Lclog"
    newest_first, page, entries = True, 50, 120


class Ilo6(StockBmc):
    vendor, product, model, firmware = "HPE", "ProLiant DL380 Gen11", "iLO 6", "iLO 6 v1.58"
    ids = ("03f0", "2927")
    address = "16.1.15.1"
    managers, manager = "/redfish/v1/Managers/", "/redfish/v1/Managers/1/"
    sessions_path = "/redfish/v1/SessionService/Sessions/"
    event_service = "/redfish/v1/EventService/"
    systems, system = "/redfish/v1/Systems/", "/redfish/v1/Systems/1/"
    manager_logs, system_logs = ("IEL",), ("SL", "Event", "IML")
    log_path = "/redfish/v1/Systems/1/LogServices/IML"

    def resources(self):
        table = super().resources()
        table[self.event_service] = {"@odata.id": self.event_service, "ServiceEnabled": True}
        return table

    def add_entry(self, *arguments, **more):
        more.setdefault("Oem", {"Hpe": {"Count": 1}})
        return super().add_entry(*arguments, MessageId="33.1", **more)

    def update_entry(self, index, count):
        """In place: its Id stays, its count and its update's date change."""
        self.log[index]["Oem"] = {"Hpe": {"Count": count, "Updated": "2026-11-23T00:00:00Z"}}

    def location(self, name):
        return self.sessions_path + name + "/"

    def say_location(self, path):
        return "https://%s%s" % (self.address, path)  # an absolute one


class Xcc(StockBmc):
    vendor, product, model, firmware = "Lenovo", "ThinkSystem SR650 V3", "Lenovo XClarity " \
        "Controller 2", "2.10"
    ids = ("04b3", "4010")
    address = "169.254.95.118"
    stream_path = "/redfish/v1/EventService/ServerSentEvent"
    system_logs = ("AuditLog", "PlatformLog", "StandardLog")
    log_path = "/redfish/v1/Systems/1/LogServices/StandardLog"

    def events(self):
        return [b": stream keep-alive\n\n", b"id:2\ndata:{\"Id\":\"1\",\"Events\":[]}\n\n",
                b": stream keep-alive\n\n"]


class Bmcweb2024(StockBmc):
    """OpenBMC: mutual TLS that asks, never fails the handshake, and answers 401 or 500 instead."""
    vendor, product, model, firmware = "OpenBMC", "OpenBmc", "OpenBmc", "2.16.0-dev"
    ids = ("1d6b", "0104")
    address = "192.168.7.2"
    host_address = "192.168.7.1"
    tls_versions = ("1.3", "1.3")
    manager, system = "/redfish/v1/Managers/bmc", "/redfish/v1/Systems/system"
    manager_logs = ("Journal", "Dump", "FaultLog")
    system_logs = ("HostLogger", "PostCodes", "EventLog", "Dump", "Crashdump")
    log_path = system + "/LogServices/EventLog"
    entries = 2500          # oldest first, 1000 a page, Ids by the second
    providing_link = True
    crashes = False        # of a subscription, as builds before May 2024 do
    users = ()             # common names that are users of it
    trusted = False        # is the certificate in its trust store?

    def make_id(self, number):
        """Unix seconds, and _1 ... where several came in one."""
        second, more = divmod(number, 3)
        return "%d%s" % (1700000000 + second, "_%d" % more if more else "")

    def ask_for_certificate(self, path):
        """path: the agent's, so that Python's handshake never fails; users and trusted decide."""
        self.tls.context.verify_mode = ssl.CERT_OPTIONAL
        self.tls.context.load_verify_locations(path)

    def common_name(self, connection):
        subject = (connection.getpeercert() or {}).get("subject", ())
        return dict(pair for rdn in subject for pair in rdn).get("commonName")

    def knows(self, connection, request):
        return super().knows(connection, request) or (
            self.trusted and self.common_name(connection) in self.users)

    def _answer(self, connection, request):
        name = self.common_name(connection)
        if self.trusted and name and name not in self.users and request.path != ROOT_PATH \
                and not request.token and request.method == "GET":
            return self._send(connection, 500, {"error": {}})
        return super()._answer(connection, request)

    def _stream(self, connection, request):
        if not self.crashes:
            return super()._stream(connection, request)
        self.crashed = getattr(self, "crashed", 0) + 1
        self.close()  # the whole service, with every connection of it
        self.forget_sessions()
        self.start()
        return False

    def events(self):
        text = json.dumps({"Id": "1", "Events": [{"MemberId": 0, "MessageId": "X.1.0.Y"}]},
                          indent=2)
        return [b"id: 1\n" + "".join("data: %s\n" % line for line in text.split("\n")).encode()
                + b"\n"]


class Gb200(Bmcweb2024):
    vendor, product, model, firmware = "NVIDIA", "GB200 NVL", "GB200 BMC", "GB200Nvl-24.10"
    ids = ("0525", "a4a2")
    address, host_address = "10.0.1.1", "10.0.1.2"
    tls_versions = ("1.2", "1.3")
    manager, system = "/redfish/v1/Managers/BMC_0", "/redfish/v1/Systems/System_0"
    system_logs = ("SEL", "FDR", "EventLog", "Dump")
    log_path = system + "/LogServices/EventLog"
    entries = 40
    providing_link = False

    def resources(self):
        table = super().resources()
        table[self.managers]["Members"].append({"@odata.id": "/redfish/v1/Managers/HGX_BMC_0"})
        return table


def write_password(folder, password=PASSWORD, mode=0o600):
    path = os.path.join(folder, "password")
    with open(path, "w") as file:
        file.write(password + "\n")
    os.chmod(path, mode)
    return path
