# SPDX-License-Identifier: Apache-2.0
"""The protocol as DSP0266 has it: sessions, ETags, media types, methods, error bodies."""
import json
import re
from xml.etree import ElementTree

import pytest

from service import ENTRIES, PASSWORD, STREAM, Stream, read_all
from netns import wait_for

SERVICE = "/redfish/v1/SessionService"
SESSIONS = SERVICE + "/Sessions"
MANAGER = "/redfish/v1/Managers/bmc"
ADMIN = "/redfish/v1/AccountService/Accounts/admin"


def log_in(bmc, user="admin", password=PASSWORD, **options):
    return bmc.request("POST", SESSIONS, body={"UserName": user, "Password": password}, **options)


def token_of(bmc):
    answer = log_in(bmc)
    assert answer.status == 201, answer.body
    return {"X-Auth-Token": answer.headers["X-Auth-Token"]}, answer.headers["Location"]


def messages(answer):
    return [m["MessageId"].split(".")[-1] for m in answer.json()["error"]["@Message.ExtendedInfo"]]


# Sessions

def test_session_log_in_and_out(bmc):
    answer = log_in(bmc)
    assert answer.status == 201
    session, token = answer.json(), answer.headers["X-Auth-Token"]
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert answer.headers["Location"] == session["@odata.id"]
    assert session["UserName"] == "admin" and session["Password"] is None
    assert token not in answer.body.decode() and token not in bmc.log()
    fields = {"X-Auth-Token": token}
    assert bmc.get(MANAGER, headers=fields).status == 200
    members = bmc.get(SESSIONS, headers=fields).json()["Members"]
    assert members == [{"@odata.id": session["@odata.id"]}]
    assert bmc.get(session["@odata.id"], headers=fields).json() == session
    assert bmc.request("DELETE", session["@odata.id"], headers=fields).status == 204
    assert bmc.get(MANAGER, headers=fields).status == 401
    # Refused also where none is needed: a client must learn that its token is dead.
    assert bmc.get("/redfish/v1/", headers=fields).status == 401


def test_tokens_differ_and_others_are_refused(bmc):
    tokens = [token_of(bmc)[0]["X-Auth-Token"] for _ in range(3)]
    assert len(set(tokens)) == 3
    wrong = tokens[0][:-1] + ("0" if tokens[0][-1] != "0" else "1")
    for token in (wrong, "", "x", tokens[0] + "0", tokens[0][:-1], "f" * 4000):
        assert bmc.get(MANAGER, headers={"X-Auth-Token": token}).status == 401, token
    assert bmc.get(MANAGER, headers={"X-Auth-Token": tokens[0]}).status == 200


@pytest.mark.parametrize("body, status", [
    ({"UserName": "admin", "Password": "wrong"}, 401), ({"UserName": "root", "Password": PASSWORD},
                                                        401),
    ({"UserName": "admin:" + PASSWORD[:7], "Password": PASSWORD[8:]}, 401),
    ({"UserName": "host", "Password": ""}, 401), ({"UserName": "admin"}, 400),
    ({"UserName": 1, "Password": PASSWORD}, 400), ("[]", 400), ("{", 400), ("", 400)])
def test_log_in_refused(bmc, body, status):
    answer = bmc.request("POST", SESSIONS, body=body)
    assert answer.status == status and answer.json()["error"]["code"].startswith("Base.1.")
    assert "X-Auth-Token" not in answer.headers
    assert bmc.get(SESSIONS, password=PASSWORD).json()["Members@odata.count"] == 0


def test_log_in_is_part_of_the_lockout(bmc):
    statuses = [log_in(bmc, password="guess %d" % i).status for i in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert log_in(bmc).status == 429


def test_no_session_without_tls(endpoint):
    endpoint.set_password()
    endpoint.start(tls="off")
    assert log_in(endpoint, plain=8080).status == 403
    assert endpoint.get(MANAGER, plain=8080).status == 200
    assert endpoint.get(MANAGER, plain=8080, headers={"X-Auth-Token": "x"}).status == 401


def test_sessions_are_capped(bmc):
    """The one that was not used for the longest time makes room; the one at work stays."""
    first, _ = token_of(bmc)
    second, _ = token_of(bmc)
    for _ in range(15):
        assert bmc.get(MANAGER, headers=first).status == 200
        token_of(bmc)
    assert bmc.get(MANAGER, headers=first).status == 200
    assert bmc.get(MANAGER, headers=second).status == 401
    assert bmc.get(SESSIONS, headers=first).json()["Members@odata.count"] == 16


def test_password_by_patch_ends_what_the_old_one_opened(bmc):
    fields, _ = token_of(bmc)
    answer = bmc.request("PATCH", ADMIN, body={"Password": "short"}, headers=fields)
    assert answer.status == 400 and messages(answer) == ["PropertyValueError"]
    answer = bmc.request("PATCH", ADMIN, body={"Password": "another password"}, headers=fields)
    assert answer.status == 200 and answer.json()["Password"] is None
    assert bmc.get(MANAGER, headers=fields).status == 401
    assert log_in(bmc).status == 401
    assert log_in(bmc, password="another password").status == 201


def test_command_passwd_ends_sessions_too(bmc):
    fields, _ = token_of(bmc)
    bmc.set_password("another password")
    assert bmc.get(MANAGER, headers=fields).status == 401


def test_host_has_no_business_with_sessions(bmc, host):
    assert bmc.enrol(host).status == 201
    fields, location = token_of(bmc)
    assert bmc.get(SESSIONS, host).json()["Members"] == []
    assert bmc.get(location, host).status in (403, 404)
    assert bmc.request("DELETE", location, host).status in (403, 404)
    assert bmc.request("DELETE", location).status == 401
    assert bmc.request("PATCH", ADMIN, host, body={"Password": "a long one!"}).status in (403, 404)
    assert bmc.get(MANAGER, headers=fields).status == 200


# ETags

def test_etag_of_every_resource(bmc):
    for path in ("/redfish/v1/", "/redfish/v1/AccountService", ADMIN, SERVICE, MANAGER, ENTRIES,
                 ENTRIES + "/1"):
        one, two = (bmc.get(path, password=PASSWORD) for _ in range(2))
        tag = one.headers["ETag"]
        assert re.fullmatch('(W/)?"[0-9a-f]{16}"', tag) and tag == two.headers["ETag"], path
        head = bmc.request("HEAD", path, password=PASSWORD)
        assert head.headers["ETag"] == tag and head.body == b""
        same = bmc.get(path, password=PASSWORD, headers={"If-None-Match": tag})
        assert same.status == 304 and same.body == b"" and same.headers["ETag"] == tag
        other = bmc.get(path, password=PASSWORD, headers={"If-None-Match": '"x", "y"'})
        assert other.status == 200


def test_if_match(bmc):
    tag = bmc.get(ADMIN, password=PASSWORD).headers["ETag"]
    for wrong in ('"x"', tag + "x", '""', "x"):
        answer = bmc.request("PATCH", ADMIN, password=PASSWORD, headers={"If-Match": wrong},
                             body={"Password": "another password"})
        assert answer.status == 412 and messages(answer) == ["PreconditionFailed"], wrong
    assert bmc.get(ADMIN, password=PASSWORD).status == 200
    answer = bmc.request("PATCH", ADMIN, password=PASSWORD, headers={"If-Match": '"x", ' + tag},
                         body={"Password": "another password"})
    assert answer.status == 200 and answer.headers["ETag"]
    _, location = (log := log_in(bmc, password="another password")), log.headers["Location"]
    options = {"password": "another password"}
    answer = bmc.request("DELETE", location, headers={"If-Match": '"x"'}, **options)
    assert answer.status == 412
    assert bmc.request("DELETE", location, headers={"If-Match": "*"}, **options).status == 204


def test_patch_that_is_applied_in_part(bmc):
    """Its answer's tag is the resource's, though it says what was not applied."""
    path = MANAGER + "/Oem/Bmclink/ServiceModule"
    answer = bmc.request("PATCH", path, password=PASSWORD,
                         body={"LocalNames": {"Enabled": False}, "Names": 1})
    assert answer.status == 200 and answer.json()["@Message.ExtendedInfo"]
    tag = answer.headers["ETag"]
    assert bmc.get(path, password=PASSWORD).headers["ETag"] == tag
    answer = bmc.request("PATCH", path, password=PASSWORD, headers={"If-Match": tag},
                         body={"LocalNames": {"Enabled": True}})
    assert answer.status == 200


@pytest.mark.parametrize("pad", ["", "a"])
def test_patch_of_a_long_name_that_is_not_there(bmc, pad):
    """Where the message is cut, which is within a character once, it is an error all the same."""
    answer = bmc.request("PATCH", MANAGER + "/Oem/Bmclink/ServiceModule", password=PASSWORD,
                         body={pad + "\u00e9" * 1500: 1})
    assert answer.status == 400 and messages(answer) == ["PropertyUnknown"]


# Media types, versions, methods

@pytest.mark.parametrize("accept, status", [
    ("application/json", 200), ("application/json;charset=utf-8", 200), ("application/*", 200),
    ("*/*", 200), ("text/html, */*;q=0.1", 200), ("APPLICATION/JSON", 200), ("", 200),
    ("text/html", 406), ("application/xml", 406), ("application/json;q=0", 406),
    ("*/*, application/json;q=0.0", 406), ("application/jso", 406), ("text/*", 406)])
def test_accept(bmc, accept, status):
    assert bmc.get("/redfish/v1/", headers={"Accept": accept}).status == status


@pytest.mark.parametrize("kind, status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201),
    ("application/x-www-form-urlencoded", 415), ("text/plain", 415), ("application/json5", 415)])
def test_content_type(bmc, kind, status):
    body = json.dumps({"UserName": "admin", "Password": PASSWORD})
    answer = bmc.request("POST", SESSIONS, body=body, headers={"Content-Type": kind})
    assert answer.status == status


@pytest.mark.parametrize("version, status", [("4.0", 200), ("4.1", 412), ("3.0", 412), ("x", 412)])
def test_odata_version(bmc, version, status):
    answer = bmc.get("/redfish/v1/", headers={"OData-Version": version})
    assert answer.status == status and answer.headers["OData-Version"] == "4.0"


def test_authentication_comes_before_other_fields(bmc):
    assert bmc.get(MANAGER, headers={"OData-Version": "9", "Accept": "text/html"}).status == 401


def test_allow_and_link(bmc):
    for path, methods in (("/redfish/v1/", "GET, HEAD"), (SESSIONS, "GET, HEAD, POST"),
                          (ADMIN, "GET, HEAD, PATCH")):
        for method in ("GET", "HEAD"):
            answer = bmc.request(method, path, password=PASSWORD)
            assert answer.headers["Allow"] == methods
            assert "rel=describedby" in answer.headers["Link"]
        answer = bmc.request("PUT", path, password=PASSWORD, body={})
        assert answer.status == 405 and answer.headers["Allow"] == methods
        assert messages(answer) == ["OperationNotAllowed"]
    kind = bmc.root()["@odata.type"].split(".")[1]
    assert "/ServiceRoot.%s.json>" % kind in bmc.get("/redfish/v1/").headers["Link"]


def test_patch_answers_each_property(bmc):
    def patch(body):
        return bmc.request("PATCH", ADMIN, password=PASSWORD, body=body)
    answer = patch({"Bogus": 1, "RoleId": "ReadOnly"})
    assert answer.status == 400
    assert messages(answer) == ["PropertyUnknown", "PropertyNotWritable"]
    assert messages(patch({})) == ["NoOperation"]
    assert messages(patch({"@odata.id": "/x", "@odata.etag": "y"})) == ["NoOperation"]
    assert messages(patch({"Password": 5})) == ["PropertyValueError"]
    answer = patch({"Password": PASSWORD, "Bogus": 1})
    assert answer.status == 200
    info = answer.json()["@Message.ExtendedInfo"]
    assert [m["MessageId"] for m in info] == ["Base.1.18.PropertyUnknown"]
    assert info[0]["RelatedProperties"] == ["/Bogus"]


def test_queries(bmc):
    def status(path, query):
        return bmc.get(path + query, password=PASSWORD).status
    for query in ("?$select=Name", "?$filter=Id eq '1'".replace(" ", "%20"), "?$expand=.", "?$x"):
        assert status(MANAGER, query) == 501
    assert status(MANAGER, "?$top=1") == status(MANAGER, "?$skip=1") == 400
    assert status(MANAGER, "?x=1") == 200
    first = bmc.get(ENTRIES + "?$top=1", password=PASSWORD).json()
    assert len(first["Members"]) == 1 and first["Members@odata.count"] > 1
    assert "Members@odata.nextLink" not in first


def test_next_link_keeps_top(bmc):
    """What was asked for beyond a page comes with the next ones, and no more than that."""
    for _ in range(60):
        bmc.command("trust", "open")
        assert bmc.command("trust", "forget").returncode == 0
        bmc.reload()
    wait_for(lambda: bmc.get(ENTRIES, password=PASSWORD).json()["Members@odata.count"] >= 56, 20,
             "records")
    got, path = [], ENTRIES + "?$top=55"
    while path:
        page = bmc.get(path, password=PASSWORD).json()
        got += page["Members"]
        path = page.get("Members@odata.nextLink")
    assert len(got) == len({e["Id"] for e in got}) == 55


def test_accept_of_a_stream(bmc, host):
    assert bmc.enrol(host).status == 201
    assert bmc.get(STREAM, host, headers={"Accept": "application/json"}).status == 406
    stream = Stream(bmc, host)
    assert stream.status == 200
    stream.close()


# Resources

def test_metadata_names_every_schema_in_use(bmc, host):
    answer = bmc.get("/redfish/v1/$metadata")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/xml")
    document = ElementTree.fromstring(answer.body)
    spaces = {e.get("Namespace") for e in document.iter() if e.tag.endswith("}Include")}
    container = [e for e in document.iter() if e.tag.endswith("}EntityContainer")]
    assert len(container) == 1
    assert container[0].get("Extends").rpartition(".")[0] in spaces
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    types = types_from_root(bmc) | {"#Message.v1_2_0.Message"}
    stream.close()
    assert len(types) > 25
    for name in types:
        assert name[1:].rpartition(".")[0] in spaces, name
    # Our own schemas are where the document says.
    for uri in re.findall(r'Uri="(/redfish/[^"]*)"', answer.body.decode()):
        schema = bmc.get(uri)
        assert schema.status == 200
        ElementTree.fromstring(schema.body)
        assert bmc.get(uri, headers={"Accept": "application/json"}).status == 406


def types_from_root(bmc):
    """@odata.type of all that can be reached from the root."""
    types, seen, todo = set(), set(), ["/redfish/v1/"]

    def walk(value):
        if isinstance(value, list):
            for child in value:
                walk(child)
        elif isinstance(value, dict):
            types.update(v for k, v in value.items() if k == "@odata.type")
            todo.extend(v for k, v in value.items() if k == "@odata.id")
            for child in value.values():
                walk(child)
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            walk(bmc.get(path, password=PASSWORD).json())
    return types


def test_odata_service_document(bmc):
    document = bmc.get("/redfish/v1/odata").json()
    assert document["@odata.context"] == "/redfish/v1/$metadata"
    urls = {entry["url"] for entry in document["value"]}
    root = bmc.root()
    assert urls >= {v["@odata.id"] for v in root.values() if isinstance(v, dict)
                    and "@odata.id" in v} and "/redfish/v1/" in urls
    assert bmc.get("/redfish").json() == {"v1": "/redfish/v1/"}


def test_system_and_host_interface(endpoint):
    endpoint.set_password()
    endpoint.start(service_tag="ABC1234")
    system = endpoint.get("/redfish/v1/Systems/system", password=PASSWORD).json()
    assert system["SerialNumber"] == "ABC1234"
    interface = endpoint.get(MANAGER + "/HostInterfaces/1", password=PASSWORD).json()
    assert interface["CredentialBootstrapping"]["Enabled"] is True
    assert "AuthNone" not in interface["AuthenticationModes"]
    ports = endpoint.get(MANAGER + "/NetworkProtocol", password=PASSWORD).json()
    assert ports["HTTPS"]["ProtocolEnabled"] is True and ports["HTTPS"]["Port"] == 8443
    where = ports["HTTPS"]["Certificates"]["@odata.id"]
    certificates = endpoint.get(where, password=PASSWORD).json()
    assert certificates["Members@odata.count"] == 1
    assert ports["HTTP"]["ProtocolEnabled"] is False


def test_host_interface_without_tls(endpoint):
    endpoint.start(tls="off")
    interface = endpoint.get(MANAGER + "/HostInterfaces/1", plain=8080).json()
    assert interface["AuthenticationModes"] == ["AuthNone"]
    assert interface["AuthNoneRoleId"] == "AuthNone"


def test_idrac_has_its_names(endpoint):
    endpoint.set_password()
    endpoint.start(profile="idrac", firmware_version="7.0.0.0")
    assert endpoint.get("/redfish/v1/Systems/System.Embedded.1", password=PASSWORD).status == 200
    assert endpoint.get("/redfish/v1/Systems/system", password=PASSWORD).status == 404


# Events

EVENTS = "/redfish/v1/EventService"
SUBSCRIPTIONS = EVENTS + "/Subscriptions"


def subscriptions(bmc):
    return [m["@odata.id"] for m in bmc.get(SUBSCRIPTIONS, password=PASSWORD).json()["Members"]]


def test_subscription_lives_as_long_as_its_stream(bmc, host):
    assert bmc.enrol(host).status == 201
    assert subscriptions(bmc) == []
    one = Stream(bmc, host)
    first = wait_for(lambda: subscriptions(bmc), 5, "the first")
    two = Stream(bmc, host)
    both = subscriptions(bmc)
    assert len(both) == 2 and both[0] == first[0]
    resource = bmc.get(both[0], password=PASSWORD).json()
    assert resource["SubscriptionType"] == "SSE" and resource["Context"]
    assert bmc.get(both[0], host).status == 200
    two.close()
    wait_for(lambda: subscriptions(bmc) == first, 5, "the second is gone")
    assert bmc.get(both[1], password=PASSWORD).status == 404
    # Who deletes it ends the stream, and that is nothing for the host, nor for nobody.
    assert bmc.request("DELETE", first[0], host).status == 403
    assert bmc.request("DELETE", first[0]).status == 401
    assert bmc.request("DELETE", first[0], password=PASSWORD).status == 204
    while one.next_event():
        pass
    assert subscriptions(bmc) == []
    one.close()


def test_test_event(bmc, host):
    target = bmc.get(EVENTS, password=PASSWORD).json()["Actions"]["#EventService.SubmitTestEvent"]
    info = bmc.get(target["@Redfish.ActionInfo"], password=PASSWORD).json()
    assert "Message" in [p["Name"] for p in info["Parameters"]]
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)

    def submit(body, **who):
        return bmc.request("POST", target["target"], body=body, **who)
    assert submit({}, certificate=host).status == 403
    assert submit({}).status == 401
    answer = submit({"Bogus": 1}, password=PASSWORD)
    assert answer.status == 400 and messages(answer) == ["ActionParameterUnknown"]
    assert submit({"Message": 5}, password=PASSWORD).status == 400
    assert submit({"Message": "hello\x1b[2J", "MessageId": "x"}, password=PASSWORD).status == 204
    event = stream.until("ISM1042")[1]["Events"][0]
    assert "hello" in event["Message"] and "\x1b" not in event["Message"]
    stream.close()
    for method in ("GET", "HEAD", "PATCH", "DELETE"):
        answer = bmc.request(method, target["target"], password=PASSWORD)
        assert answer.status == 405 and answer.headers["Allow"] == "POST"
    assert bmc.request("POST", target["target"], password=PASSWORD).status == 204  # no body


def test_events_switched_off(bmc, host):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)

    def switch(value, **who):
        return bmc.request("PATCH", EVENTS, body={"ServiceEnabled": value}, **who)
    assert switch(False, certificate=host).status == 403
    assert switch("no", password=PASSWORD).status == 400
    assert subscriptions(bmc)
    assert switch(False, password=PASSWORD).json()["ServiceEnabled"] is False
    while stream.next_event():
        pass
    stream.close()
    answer = bmc.get(STREAM, host)
    assert answer.status == 503 and answer.headers["Content-Type"].startswith("application/json")
    bmc.kill()
    bmc.start()
    assert bmc.get(EVENTS, password=PASSWORD).json()["ServiceEnabled"] is False
    assert switch(True, password=PASSWORD).status == 200
    stream = Stream(bmc, host)
    assert stream.status == 200
    stream.close()


def test_changed_password_ends_the_streams_of_the_old(bmc):
    fields, _ = token_of(bmc)
    connection = bmc.tls()
    connection.sendall(("GET %s HTTP/1.1\r\nHost: bmc\r\nX-Auth-Token: %s\r\n\r\n"
                        % (STREAM, fields["X-Auth-Token"])).encode())
    wait_for(lambda: subscriptions(bmc), 5, "a stream")
    bmc.set_password("another password")
    assert b"200 OK" in read_all(connection)


# The log

def test_clear_log(bmc, host):
    service = MANAGER + "/LogServices/Lclog"
    target = bmc.get(service, password=PASSWORD).json()["Actions"]["#LogService.ClearLog"]["target"]
    assert bmc.enrol(host).status == 201
    before = bmc.entries()
    assert len(before) > 2
    assert bmc.request("POST", target, host, body={}).status == 403
    assert bmc.request("POST", target, password=PASSWORD, body={"x": 1}).status == 400
    assert len(bmc.entries()) >= len(before)
    stream = Stream(bmc, host)
    assert bmc.request("POST", target, password=PASSWORD, body={}).status == 204
    stream.until("ISM1043")
    left = bmc.entries()
    assert [e["MessageId"].split(".")[-1] for e in left][-1] == "ISM1043"
    assert int(left[-1]["Id"]) > int(before[0]["Id"])
    assert bmc.get(ENTRIES + "/" + before[0]["Id"], password=PASSWORD).status == 404
    stream.close()
    # Ids go on after a restart, also of a log that was cleared.
    bmc.request("POST", target, password=PASSWORD)
    newest = int(bmc.entries()[0]["Id"])
    bmc.kill()
    bmc.start()
    assert int(bmc.entries()[0]["Id"]) > newest


def test_post_to_members(bmc):
    """What is posted to a collection may be posted to its Members; to nothing else's."""
    answer = bmc.request("POST", SESSIONS + "/Members",
                         body={"UserName": "admin", "Password": PASSWORD})
    assert answer.status == 201 and answer.headers["Location"].startswith(SESSIONS + "/")
    assert "Members" not in answer.headers["Location"]
    assert bmc.get(SESSIONS + "/Members", password=PASSWORD).status == 404
    assert bmc.request("POST", "/redfish/v1/Members", password=PASSWORD, body={}).status == 405


def test_base_registry_is_named_as_it_is_used(bmc):
    error = bmc.get("/redfish/v1/nothing", password=PASSWORD).json()["error"]
    prefix = error["code"].rpartition(".")[0]
    members = bmc.get("/redfish/v1/Registries", password=PASSWORD).json()["Members"]
    files = [bmc.get(m["@odata.id"], password=PASSWORD).json() for m in members]
    assert prefix in [f["Registry"] for f in files]
    assert bmc.get("/redfish/v1/Registries/Base.9", password=PASSWORD).status == 404
