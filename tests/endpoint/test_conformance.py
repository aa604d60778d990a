# SPDX-License-Identifier: Apache-2.0
"""Every resource that can be reached from the root, looked at as the DMTF's validators do: named
as its schema has it, typed, linked, with fields that say the truth, and errors of the registry."""
import json
import re
from xml.etree import ElementTree

import pytest

from netns import wait_for
from service import PASSWORD, Stream

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"

# What the schemas demand of every resource, and of some (Redfish.Required and RequiredOnCreate).
ALWAYS = {"@odata.id", "@odata.type", "Id", "Name"}
COLLECTION = {"@odata.id", "@odata.type", "Name", "Members", "Members@odata.count"}
REQUIRED = {
    "ServiceRoot": {"Links", "UUID", "RedfishVersion"},
    "LogEntry": {"EntryType"},
    "EventDestination": {"Destination", "Protocol", "Context", "SubscriptionType"},
    "ManagerAccount": {"Password", "AccountTypes"},
    "MessageRegistryFile": {"Languages", "Location", "Registry"},
    "JsonSchemaFile": {"Languages", "Location", "Schema"},
    "ActionInfo": {"Parameters"},
    "Chassis": {"ChassisType"},
    "Certificate": {"CertificateString", "CertificateType"},
    "SoftwareInventory": {"Version", "Updateable"},
    "BmclinkServiceModule": {"HostConnected", "InbandAccess", "SnmpGet", "LocalNames",
                             "AutoUpdate"},
    "BmclinkSnmp": {"Enabled", "ServiceRunning", "Port", "Subtree", "Actions"},
}
STATUS = {"State": {"Enabled", "Disabled", "Absent", "StandbyOffline", "Starting"},
          "Health": {"OK", "Warning", "Critical"}}
# Name of a property -> what its value must be, wherever it stands.
VALUES = {
    "PowerState": {None, "On", "Off", "PoweringOn", "PoweringOff", "Paused"},
    "ManagerType": {"BMC"}, "SystemType": {"Physical"}, "EntryType": {"Event"},
    "Severity": {"OK", "Warning", "Critical"}, "MessageSeverity": {"OK", "Warning", "Critical"},
    "Protocol": {"Redfish"}, "SubscriptionType": {"SSE", "RedfishEvent"},
    "EventFormatType": {"Event"}, "CertificateType": {"PEM"},
    "OverWritePolicy": {"WrapsWhenFull"}, "DateTimeLocalOffset": {"+00:00"},
}
FORMS = {
    "UUID": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "ServiceEntryPointUUID": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "DateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "Created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "ValidNotAfter": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "ValidNotBefore": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "RedfishVersion": r"1\.\d+\.\d+", "MessageId": r"[A-Za-z]+\.\d+\.\d+\.[A-Za-z0-9]+",
    "@odata.type": r"#[A-Za-z]+(\.v\d+_\d+_\d+)?\.[A-Za-z]+",
    "@odata.id": r"/redfish/v1(/[A-Za-z0-9._~$#/-]*)?(\?.*)?",
    "Fingerprint": r"([0-9a-f]{2}:){31}[0-9a-f]{2}",
}
FLAGS = {"ServiceEnabled", "Enabled", "Locked", "ProtocolEnabled", "InterfaceEnabled",
         "IsPredefined", "HostConnected", "ExternallyAccessible", "VerifyCertificate"}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(@[A-Za-z]+\.[A-Za-z]+)?|@[A-Za-z]+\.[A-Za-z]+"
                  r"|#[A-Za-z]+\.[A-Za-z]+")


class Walk:
    def __init__(self, bmc):
        self.bmc = bmc
        self.resources, self.answers, self.faults = {}, {}, []
        todo = ["/redfish/v1/"]
        while todo:
            path = todo.pop()
            if path.partition("#")[0] in self.answers:
                continue
            answer = bmc.get(path, password=PASSWORD)
            self.answers[path] = answer
            if answer.status != 200:
                self.fault(path, "answers %d" % answer.status)
                continue
            body = answer.json()
            self.resources[path] = body
            todo += self.links(body)

    def fault(self, path, text):
        self.faults.append("%s: %s" % (path, text))

    def links(self, value):
        if isinstance(value, list):
            return [link for child in value for link in self.links(child)]
        if not isinstance(value, dict):
            return []
        found = [v for k, v in value.items() if k in (
            "@odata.id", "Members@odata.nextLink", "@Redfish.ActionInfo")]
        return found + [link for child in value.values() for link in self.links(child)]


@pytest.fixture
def walk(endpoint, host, tmp_path):
    """With all there can be: a host, a stream, a subscription, hooks, a session, packages."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name, text in (
            ("power", 'case $1 in types) echo On ForceOff;; state) echo On;; esac'),
            ("manager-reset", "echo GracefulRestart"),
            ("inventory", """echo '{"System": {"Model": "m", "HostName": "h", "BiosVersion": "1",
              "ProcessorCount": 1, "TotalSystemMemoryGiB": 2,
              "UUID": "4c4c4544-0051-4810-8057-b9c04f4d3632"},
              "Chassis": {"ChassisType": "RackMount"}, "Manager": {"Model": "b"}}'""")):
        (hooks / name).write_text("#!/bin/sh\n" + text + "\n")
        (hooks / name).chmod(0o755)
    endpoint.set_password()
    endpoint.start(hooks=str(hooks), service_tag="T1")
    assert endpoint.enrol(host).status == 201
    stream = Stream(endpoint, host)
    assert endpoint.request("POST", "/redfish/v1/SessionService/Sessions", body={
        "UserName": "admin", "Password": PASSWORD}).status == 201
    assert endpoint.request("POST", "/redfish/v1/EventService/Subscriptions", password=PASSWORD,
                            body={"Destination": "https://169.254.1.9/",
                                  "Protocol": "Redfish"}).status == 201
    give_packages(endpoint, tmp_path)
    wait_for(lambda: endpoint.get("/redfish/v1/Systems/system", password=PASSWORD).json().get(
        "Model") == "m", 10, "the inventory")
    yield Walk(endpoint)
    stream.close()


def give_packages(endpoint, folder):
    for name in ("bmclink_0.2.0-1_amd64.deb", "bmclink-0.2.0-1.fc40.x86_64.rpm"):
        (folder / name).write_bytes(b"x" * 100)
        out = endpoint.command("package", "add", str(folder / name))
        assert out.returncode == 0, out.stderr


def kind_of(body):
    return body["@odata.type"][1:].partition(".")[0]


def test_everything_is_reached(walk):
    assert walk.faults == []
    kinds = {kind_of(body) for body in walk.resources.values() if "@odata.type" in body}
    assert kinds >= {
        "ServiceRoot", "AccountService", "ManagerAccount", "Role", "Certificate", "SessionService",
        "Session", "Manager", "HostInterface", "ManagerNetworkProtocol", "ComputerSystem",
        "Chassis", "LogService", "LogEntry", "EventService", "EventDestination", "ActionInfo",
        "MessageRegistryFile", "JsonSchemaFile", "UpdateService", "SoftwareInventory",
        "BmclinkServiceModule", "BmclinkSnmp"}, sorted(kinds)


def test_required_properties(walk):
    for path, body in walk.resources.items():
        if "@odata.type" not in body:
            continue  # the OData document and the like
        needed = COLLECTION if "Members" in body else (
            ALWAYS | REQUIRED.get(kind_of(body), set()))
        if not needed <= set(body):
            walk.fault(path, "has no %s" % sorted(needed - set(body)))
        if body["@odata.id"].rstrip("/") != path.partition("?")[0].rstrip("/"):
            walk.fault(path, "calls itself %s" % body["@odata.id"])
        if "Id" in body and "Members" not in body and kind_of(body) != "ServiceRoot":
            last = path.rstrip("/").rpartition("/")[2]
            if body["Id"] != last and last not in (
                    kind_of(body), "SSE", "NetworkProtocol", "CertificateService"):
                walk.fault(path, "Id is %s" % body["Id"])
    assert walk.faults == []


def test_collections_count(walk):
    for path, body in walk.resources.items():
        if "Members" not in body or "?" in path:
            continue
        members, page = list(body["Members"]), body
        while "Members@odata.nextLink" in page:
            page = walk.bmc.get(page["Members@odata.nextLink"], password=PASSWORD).json()
            members += page["Members"]
        names = [m["@odata.id"] for m in members]
        if len(names) != len(set(names)):
            walk.fault(path, "has members twice")
        # The log and the sessions may grow while we look.
        if kind_of(body) not in ("LogEntryCollection", "SessionCollection") and \
                len(names) != body["Members@odata.count"]:
            walk.fault(path, "counts %d of %d" % (body["Members@odata.count"], len(names)))
        if not all(name.startswith(path + "/") for name in names):
            walk.fault(path, "has members elsewhere")
    assert walk.faults == []


def look(walk, path, name, value):
    if not NAME.fullmatch(name):
        walk.fault(path, "a property named %r" % name)
    if name in VALUES and value not in VALUES[name] and not isinstance(value, (dict, list)):
        walk.fault(path, "%s is %r" % (name, value))
    if name in FORMS and not (isinstance(value, str) and re.fullmatch(FORMS[name], value)):
        walk.fault(path, "%s is %r" % (name, value))
    if name in FLAGS and not isinstance(value, bool):
        walk.fault(path, "%s is %r" % (name, value))
    if name.endswith("@odata.count") and not (type(value) is int and value >= 0):
        walk.fault(path, "%s is %r" % (name, value))
    if value == "" and name not in ("Context", "PublicationUri", "Archive", "Message"):
        walk.fault(path, "%s is empty" % name)
    if name == "Status":
        for key, allowed in STATUS.items():
            if key in value and value[key] not in allowed:
                walk.fault(path, "Status.%s is %r" % (key, value[key]))


def descend(walk, path, value):
    if isinstance(value, list):
        for child in value:
            descend(walk, path, child)
    elif isinstance(value, dict):
        for name, child in value.items():
            look(walk, path, name, child)
            descend(walk, path, child)


def test_values(walk):
    for path, body in walk.resources.items():
        if kind_of(body) == "MessageRegistry":
            continue
        descend(walk, path, body)
    assert walk.faults == []


def test_the_validator_of_this_file_can_fail(walk):
    """Each kind of fault is found when there is one."""
    for name, value in (("bad name", 1), ("PowerState", "on"), ("UUID", "x"), ("Enabled", 1),
                        ("Members@odata.count", -1), ("Model", ""), ("Status", {"State": "Odd"}),
                        ("@odata.type", "Manager"), ("@odata.id", "nothing")):
        walk.faults.clear()
        descend(walk, "/x", {name: value})
        assert len(walk.faults) == 1, (name, walk.faults)


def test_types_are_in_the_metadata(walk):
    document = ElementTree.fromstring(walk.bmc.get("/redfish/v1/$metadata").body)
    spaces = {e.get("Namespace") for e in document.iter() if e.tag.endswith("}Include")}
    for path, body in walk.resources.items():
        kind = body.get("@odata.type", "#x.x")[1:]
        if kind.rpartition(".")[0] not in spaces and kind != "x.x":
            walk.fault(path, "%s is not in $metadata" % kind)
    assert walk.faults == []


def test_our_own_types_have_our_own_properties(walk):
    """What stands in Oem.Bmclink is what the schemas that are served say, type by type."""
    schemas, bases, nullable = {}, {}, set()

    def whole_name(space, kind):
        return "#%s.%s" % (space.get("Namespace"), kind.get("Name"))
    for name in ("BmclinkServiceRoot", "BmclinkManager", "BmclinkServiceModule", "BmclinkSnmp",
                 "BmclinkSoftwareInventory"):
        document = ElementTree.fromstring(
            walk.bmc.get("/redfish/v1/Schemas/%s_v1.xml" % name).body)
        for space in document.iter(EDM + "Schema"):
            for kind in space.iter(EDM + "ComplexType"):
                properties = {p.get("Name"): p.get("Type") for p in kind
                              if p.tag in (EDM + "Property", EDM + "NavigationProperty")}
                nullable.update((whole_name(space, kind), p.get("Name")) for p in kind
                                if p.tag == EDM + "Property" and p.get("Nullable") != "false")
                whole = whole_name(space, kind)
                schemas[whole], bases[whole] = properties, "#" + kind.get("BaseType", "")

    def all_of(kind):
        return dict(all_of(bases[kind]), **schemas[kind]) if kind in schemas else {}
    checks = {"Edm.Boolean": bool, "Edm.String": str, "Edm.DateTimeOffset": str,
              "Edm.Int64": int}
    found = 0
    for path, body in walk.resources.items():
        oem = body.get("Oem", {}).get("Bmclink")
        if not oem:
            continue
        found += 1
        properties = all_of(oem["@odata.type"])
        for name, value in oem.items():
            if name == "@odata.type":
                continue
            if name not in properties:
                walk.fault(path, "Oem.Bmclink.%s is not in the schema" % name)
            elif value is None and (oem["@odata.type"], name) in nullable:
                continue
            elif properties[name] in checks and not isinstance(value, checks[properties[name]]):
                walk.fault(path, "Oem.Bmclink.%s is %r" % (name, value))
    assert walk.faults == [] and found == 4


def test_fields_of_answers(walk):
    for path, answer in walk.answers.items():
        fields = answer.headers
        for name, form in (("OData-Version", r"4\.0"), ("Content-Type", r"application/json.*"),
                           ("Cache-Control", r"no-.*"), ("ETag", r'(W/)?"[^"]+"'),
                           ("Link", r".*rel=describedby.*"), ("Allow", r"[A-Z, ]+")):
            if not re.fullmatch(form, fields[name] or ""):
                walk.fault(path, "%s: %s" % (name, fields[name]))
        if "WWW-Authenticate" in fields:
            walk.fault(path, "WWW-Authenticate in an answer with 200")
    assert walk.faults == []


def test_allow_is_true(walk):
    """What Allow names is not answered 405, what it does not name is."""
    for path, answer in walk.answers.items():
        allowed = {m.strip() for m in answer.headers["Allow"].split(",")}
        if not {"GET", "HEAD"} <= allowed:
            walk.fault(path, "Allow: %s" % allowed)
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            if method == "DELETE" and method in allowed:
                continue  # it would be done
            status = walk.bmc.request(method, path.partition("?")[0], password=PASSWORD,
                                      body={}).status
            if (status == 405) == (method in allowed):
                walk.fault(path, "%s: %d, Allow: %s" % (method, status, sorted(allowed)))
        head = walk.bmc.request("HEAD", path, password=PASSWORD)
        if head.status != 200 or head.body or head.headers["Allow"] != answer.headers["Allow"]:
            walk.fault(path, "HEAD: %d" % head.status)
    assert walk.faults == []


def test_etags_are_true(walk):
    for path, answer in walk.answers.items():
        tag = answer.headers["ETag"]
        again = walk.bmc.get(path, password=PASSWORD, headers={"If-None-Match": tag})
        # A collection or session may have changed by our own looking: then the tag has too.
        if again.status != 304 and again.headers["ETag"] == tag:
            walk.fault(path, "%d for its own ETag" % again.status)
        other = walk.bmc.get(path, password=PASSWORD, headers={"If-None-Match": '"another"'})
        if other.status != 200:
            walk.fault(path, "%d for another ETag" % other.status)
    assert walk.faults == []


def test_nobody_sees_only_what_is_public(walk):
    for path in walk.answers:
        answer = walk.bmc.get(path)
        public = path.rstrip("/") in ("/redfish/v1", "/redfish/v1/odata", "/redfish/v1/$metadata")
        if (answer.status == 200) != public:
            walk.fault(path, "%d for nobody" % answer.status)
        if answer.status == 401:
            if not answer.headers["WWW-Authenticate"]:
                walk.fault(path, "401 without WWW-Authenticate")
            if PASSWORD in answer.body.decode() or len(answer.body) > 2048:
                walk.fault(path, "says too much in its 401")
    assert walk.faults == []


HOSTS_ACTIONS = {"#BmclinkSnmp.SetUser", "#BmclinkSnmp.RemoveUser"}  # not the administrator's


def test_actions_are_there_and_take_no_nonsense(walk):
    found = 0
    for path, body in walk.resources.items():
        for name, action in body.get("Actions", {}).items():
            if name == "Oem":
                continue
            found += 1
            if not action["target"].startswith(path.rstrip("/") + "/Actions/"):
                walk.fault(path, "%s has the target %s" % (name, action["target"]))
            if not action["target"].endswith(name[1:]):
                walk.fault(path, "%s has the target %s" % (name, action["target"]))
            if name in HOSTS_ACTIONS:
                forbidden = walk.bmc.request("POST", action["target"], password=PASSWORD, body={})
                if forbidden.status != 403:
                    walk.fault(path, "%s by an administrator: %d" % (name, forbidden.status))
                continue
            get = walk.bmc.get(action["target"], password=PASSWORD)
            if get.status != 405 or get.headers["Allow"] != "POST":
                walk.fault(path, "GET of %s: %d" % (name, get.status))
            wrong = walk.bmc.request("POST", action["target"], password=PASSWORD,
                                     body={"NoSuchParameter": 1})
            if wrong.status != 400 or b"ActionParameter" not in wrong.body:
                walk.fault(path, "%s took NoSuchParameter: %d" % (name, wrong.status))
            nobody = walk.bmc.request("POST", action["target"], body={})
            if nobody.status != 401:
                walk.fault(path, "%s by nobody: %d" % (name, nobody.status))
    assert walk.faults == [] and found >= 4


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/redfish/v1/nothing", None, 404), ("GET", "/redfish/v1/Managers/x", None, 404),
    ("PUT", "/redfish/v1/Managers", {}, 405), ("DELETE", "/redfish/v1/", None, 405),
    ("PATCH", "/redfish/v1/AccountService/Accounts/admin", {"Nonsense": 1}, 400),
    ("PATCH", "/redfish/v1/AccountService/Accounts/admin", "{", 400),
    ("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "admin"}, 400),
    ("POST", "/redfish/v1/EventService/Subscriptions", {"Protocol": "Redfish"}, 400),
    ("GET", "/redfish/v1/Managers?$expand=.", None, 501),
    ("GET", "/redfish/v1/Managers/bmc?$top=1", None, 400)])
def test_errors_are_messages_of_the_registry(bmc, method, path, body, status):
    headers = {"Content-Type": "application/json"} if isinstance(body, str) else None
    answer = bmc.request(method, path, password=PASSWORD, body=body, headers=headers)
    assert answer.status == status and answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "@Message.ExtendedInfo"}
    assert re.fullmatch(r"Base\.\d+\.\d+\.[A-Za-z]+", error["code"]) and error["message"]
    for message in error["@Message.ExtendedInfo"]:
        assert {"MessageId", "Message", "MessageArgs", "MessageSeverity", "Resolution",
                "@odata.type"} <= set(message)
        assert re.fullmatch(r"Base\.\d+\.\d+\.[A-Za-z]+", message["MessageId"])
        assert "%1" not in message["Message"]
        for argument in message["MessageArgs"]:
            assert argument in message["Message"], message


def test_json_is_clean(walk):
    """No key twice, UTF-8, nothing that a strict parser stumbles over."""
    def unique(pairs):
        assert len(pairs) == len({k for k, _ in pairs}), pairs
        return dict(pairs)

    def refuse(text):
        raise AssertionError("a number that JSON does not have: " + text)
    for answer in walk.answers.values():
        json.loads(answer.body.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
