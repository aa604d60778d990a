# SPDX-License-Identifier: Apache-2.0
"""Credential bootstrapping (DSP0270): what the host gets over IPMI, and what it can do with it."""
import base64
import hashlib
import json
import os
import socket
import ssl

import pytest

from netns import wait_for
from service import CERTIFICATES, PASSWORD, STREAM, Stream, alert_of

ACCOUNTS = "/redfish/v1/AccountService/Accounts/"
SESSIONS = "/redfish/v1/SessionService/Sessions"
INTERFACE = "/redfish/v1/Managers/bmc/HostInterfaces/1"


def ipmi(bmc, *data):
    """(completion code, data) of a request of group 52h, as the IPMI firmware would forward it."""
    out = bmc.command("ipmi", *["0x%02x" % b for b in (0x2c, *data)])
    assert out.returncode == 0, out.stderr
    answer = bytes.fromhex(out.stdout)
    return answer[0], answer[1:]


def fingerprint(bmc, number=1):
    code, data = ipmi(bmc, 1, 0x52, number)
    assert code == 0 and data[:2] == b"\x52\x01" and len(data) == 34
    return data[2:]


def credentials(bmc, control=0xa5):
    code, data = ipmi(bmc, 2, 0x52, control)
    assert code == 0 and data[0] == 0x52 and len(data) == 33
    return tuple(field.rstrip(b"\0").decode() for field in (data[1:17], data[17:33]))


def basic(account):
    return {"Authorization": "Basic " + base64.b64encode(":".join(account).encode()).decode()}


def enrolment(bmc):
    return bmc.root()["Oem"]["Bmclink"]["Enrolment"]


def enrol(bmc, account, host):
    return bmc.request("POST", CERTIFICATES, headers=basic(account), body={
        "CertificateString": host.pem, "CertificateType": "PEM"})


def bootstrapping(bmc):
    return bmc.get(INTERFACE, password=PASSWORD).json()["CredentialBootstrapping"]


def patch(bmc, **values):
    return bmc.request("PATCH", INTERFACE, password=PASSWORD,
                       body={"CredentialBootstrapping": values})


def test_fingerprint_is_that_of_the_certificate(bmc):
    with bmc.tls() as stream:
        shown = hashlib.sha256(stream.getpeercert(True)).digest()
    assert fingerprint(bmc) == shown
    assert ipmi(bmc, 1, 0x52, 2) == (0xcb, b"")
    assert ipmi(bmc, 1, 0x52, 0) == (0xcb, b"")
    # Nothing of it makes an account.
    members = bmc.get(ACCOUNTS[:-1], password=PASSWORD).json()["Members"]
    assert [m["@odata.id"] for m in members] == [ACCOUNTS + "admin", ACCOUNTS + "host"]


@pytest.mark.parametrize("arguments,code", [
    (["2c", "3", "52", "1"], "c1"), (["0x2C", "0x01", "0x53", "0x01"], "c1"),
    (["6", "1"], "c1"), (["2c"], "c1"), (["2c", "1", "52"], "c7"), (["2c", "2", "52"], "c7"),
    (["2c", "2", "52", "a5", "0"], "c7"), (["2c", "1", "52", "7"], "cb")])
def test_other_requests(bmc, arguments, code):
    out = bmc.command("ipmi", *arguments)
    assert (out.returncode, out.stdout) == (0, code + "\n")


@pytest.mark.parametrize("arguments", [[], ["2x"], ["256"], ["0x"], ["-1"], ["2c 1"],
                                       ["0"] * 65, ["2c", ""]])
def test_what_is_no_request(bmc, arguments):
    out = bmc.command("ipmi", *arguments)
    assert out.returncode == 2 and not out.stdout and out.stderr


def test_without_endpoint(endpoint):
    out = endpoint.command("ipmi", "2c", "1", "52", "1")
    assert out.returncode == 4 and not out.stdout


def test_an_ipmi_daemon_can_speak_to_the_socket(bmc):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(bmc.runtime_dir + "/endpoint-control")
        stream.sendall(b'{"command": "ipmi", "request": "2c015201"}\n')
        answer = json.loads(stream.makefile().readline())
    assert answer["result"]["completion"] == 0
    assert bytes.fromhex(answer["result"]["data"])[2:] == fingerprint(bmc)


@pytest.mark.parametrize("request_", ["", "2", "2c1", "zz", "2c" * 65, None, 5])
def test_the_socket_takes_no_garbage(bmc, request_):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(bmc.runtime_dir + "/endpoint-control")
        stream.sendall(json.dumps({"command": "ipmi", "request": request_}).encode() + b"\n")
        assert json.loads(stream.makefile().readline())["error"]["exit"] == 2


def test_enrolment_with_the_window_closed(endpoint, host, stranger):
    """The whole way: no certificate is known, none can be shown, and yet this host gets in."""
    endpoint.set_password()
    bmc = endpoint.start(enrolment="kcs")
    assert enrolment(bmc) == "Closed"
    assert alert_of(lambda: bmc.get("/redfish/v1/", host)) == 48
    account = credentials(bmc)
    assert enrol(bmc, account, host).status == 201
    assert bmc.get("/redfish/v1/Managers/bmc", host).status == 200
    assert bmc.request("DELETE", ACCOUNTS + account[0], headers=basic(account)).status == 204
    assert bmc.get("/redfish/v1/Managers", headers=basic(account)).status == 401
    assert alert_of(lambda: bmc.get("/redfish/v1/", stranger)) == 48
    assert bmc.get("/redfish/v1/Managers/bmc", host).status == 200
    assert bmc.entries("ISM1060")[0]["MessageArgs"][0] == account[0]
    assert bmc.entries("ISM1062")[0]["MessageArgs"] == [account[0], "at the wish of the host"]
    assert account[1] not in bmc.log() + json.dumps(bmc.entries())


def test_session_of_a_bootstrap_account(bmc, host):
    account = credentials(bmc)
    answer = bmc.request("POST", SESSIONS, body={"UserName": account[0], "Password": account[1]})
    assert answer.status == 201 and answer.json()["UserName"] == account[0]
    token, session = {"X-Auth-Token": answer.headers["X-Auth-Token"]}, answer.headers["Location"]
    assert bmc.request("POST", SESSIONS, body={"UserName": "admin", "Password": PASSWORD}
                       ).status == 201
    # It sees its own session and its own account, and neither of the administrator's.
    seen = bmc.get(SESSIONS, headers=token).json()
    assert seen["Members"] == [{"@odata.id": session}] and seen["Members@odata.count"] == 1
    assert bmc.get(SESSIONS, password=PASSWORD).json()["Members@odata.count"] == 2
    own = bmc.get(ACCOUNTS + account[0], headers=token).json()
    assert own["HostBootstrapAccount"] is True and own["RoleId"] == "BmclinkBootstrap"
    assert own["Password"] is None
    assert bmc.get(ACCOUNTS + "admin", headers=token).status == 404
    assert bmc.get(ACCOUNTS + "host", password=PASSWORD).json()["HostBootstrapAccount"] is False
    other = credentials(bmc)
    assert bmc.get(ACCOUNTS + other[0], headers=token).status == 404
    assert bmc.request("DELETE", ACCOUNTS + other[0], headers=token).status == 404
    # With the account goes the session.
    assert bmc.request("DELETE", ACCOUNTS + account[0], headers=token).status == 204
    assert bmc.get(SESSIONS, headers=token).status == 401
    assert bmc.get(SESSIONS, password=PASSWORD).json()["Members@odata.count"] == 1


def test_it_enrols_and_does_nothing_else(bmc, host):
    account = credentials(bmc)
    refused = [
        ("PATCH", ACCOUNTS + "admin", {"Password": "of the host's own"}, 404),
        ("PATCH", ACCOUNTS + account[0], {"Password": "of the host's own"}, 405),
        ("PATCH", INTERFACE, {"CredentialBootstrapping": {"RoleId": "Administrator"}}, 403),
        ("PATCH", "/redfish/v1/EventService", {"ServiceEnabled": False}, 403),
        ("POST", "/redfish/v1/Managers/bmc/LogServices/Lclog/Actions/LogService.ClearLog", {}, 403),
        ("GET", STREAM, None, 403),
        ("GET", CERTIFICATES, None, 403)]
    for method, path, body, status in refused:
        assert bmc.request(method, path, headers=basic(account), body=body).status == status, path
    assert bmc.get(ACCOUNTS + "admin", password=PASSWORD).status == 200


def test_only_a_self_signed_certificate(bmc, host, stranger):
    account = credentials(bmc)
    der = bytearray(ssl.PEM_cert_to_DER_cert(host.pem))
    der[-1] ^= 1
    forged = ssl.DER_cert_to_PEM_cert(bytes(der))
    answer = bmc.request("POST", CERTIFICATES, headers=basic(account), body={
        "CertificateString": forged, "CertificateType": "PEM"})
    assert answer.status == 403
    assert enrol(bmc, account, host).status == 201
    assert enrol(bmc, account, host).status == 409  # said twice: it is known


def test_wrong_passwords(bmc, host):
    account = credentials(bmc)
    wrong = [(account[0], ""), (account[0], account[1][:-1]), (account[0], account[1] + "x"),
             ("", account[1]), ("admin", account[1]), (account[0].upper(), account[1])]
    for guess in wrong:
        assert bmc.get("/redfish/v1/Managers", headers=basic(guess)).status in (401, 429), guess
    # The guesses of some user of the host lock the administrator out for a minute, not the host.
    assert bmc.get("/redfish/v1/Managers", password=PASSWORD).status == 429
    assert enrol(bmc, account, host).status == 201


def test_disabled_after_use(bmc):
    assert bootstrapping(bmc) == {"Enabled": True, "EnableAfterReset": True,
                                  "RoleId": "BmclinkBootstrap"}
    account = credentials(bmc, control=0)
    assert bootstrapping(bmc)["Enabled"] is False
    assert ipmi(bmc, 2, 0x52, 0xa5) == (0x80, b"")
    assert ipmi(bmc, 1, 0x52, 1) == (0x80, b"")
    assert bmc.get("/redfish/v1/Managers", headers=basic(account)).status == 200
    # A reset of the host ends accounts, and enables anew.
    assert bmc.command("notice", "host-reset").returncode == 0
    assert bmc.get("/redfish/v1/Managers", headers=basic(account)).status == 401
    assert bootstrapping(bmc)["Enabled"] is True
    credentials(bmc)


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("after", [True, False])
def test_reset_of_the_service(bmc, end, after):
    assert patch(bmc, EnableAfterReset=after).status == 200
    account = credentials(bmc, control=0)
    getattr(bmc, end)()
    bmc.start()
    assert bmc.get("/redfish/v1/Managers", headers=basic(account)).status == 401
    assert bootstrapping(bmc)["Enabled"] is after
    assert ipmi(bmc, 2, 0x52, 0xa5)[0] == (0 if after else 0x80)
    if not after:
        assert bmc.command("notice", "host-reset").returncode == 0
        assert bootstrapping(bmc)["Enabled"] is False


def test_administrator_switches(bmc, host):
    assert patch(bmc, Enabled=False).status == 200
    assert ipmi(bmc, 1, 0x52, 1)[0] == 0x80
    assert patch(bmc, Enabled=True, RoleId="ReadOnly").status == 200
    answer = bmc.get(INTERFACE, password=PASSWORD).json()
    assert answer["Links"]["CredentialBootstrappingRole"]["@odata.id"].endswith("/ReadOnly")
    account = credentials(bmc)
    assert bmc.get("/redfish/v1/Managers", headers=basic(account)).status == 200
    assert enrol(bmc, account, host).status == 403
    # The role is that of the moment, for the accounts that there are too.
    assert patch(bmc, RoleId="Administrator").status == 200
    assert enrol(bmc, account, host).status == 201
    assert bmc.request("PATCH", ACCOUNTS + "admin", headers=basic(account),
                       body={"Password": "x" * 12}).status == 404


@pytest.mark.parametrize("values", [
    {"RoleId": "BmclinkHost"}, {"RoleId": "AuthNone"}, {"RoleId": "x"}, {"RoleId": 5},
    {"Enabled": "yes"}, {"Enabled": None}, {"EnabledAfterReset": True}, {},
    {"Enabled": False, "RoleId": "x"}])
def test_wrong_switches_change_nothing(bmc, values):
    before = bootstrapping(bmc)
    assert patch(bmc, **values).status == 400
    assert bootstrapping(bmc) == before


def test_the_oldest_account_makes_room(bmc):
    made = [credentials(bmc) for _ in range(6)]
    assert len({user for user, _ in made}) == 6
    for i, account in enumerate(made):
        answer = bmc.get("/redfish/v1/Managers", headers=basic(account))
        assert answer.status == (401 if i < 2 else 200), i
    members = bmc.get(ACCOUNTS[:-1], password=PASSWORD).json()["Members"]
    assert len(members) == 6
    # A host that asks without end does not fill the log.
    assert len(bmc.entries("ISM1060")) == 3
    assert bmc.request("DELETE", ACCOUNTS + made[5][0], password=PASSWORD).status == 204
    assert bmc.get("/redfish/v1/Managers", headers=basic(made[5])).status == 401
    for fixed in ("admin", "host"):
        assert bmc.request("DELETE", ACCOUNTS + fixed, password=PASSWORD).status == 405


def test_accounts_that_come_and_go_do_not_fill_the_log(bmc):
    for _ in range(6):
        account = credentials(bmc)
        answer = bmc.request("DELETE", ACCOUNTS + account[0], headers=basic(account))
        assert answer.status == 204
    assert len(bmc.entries("ISM1060")) == len(bmc.entries("ISM1062")) == 3


def test_accounts_without_end_do_not_fill_the_journal(endpoint):
    endpoint.debug = False
    endpoint.start()
    for _ in range(40):
        credentials(endpoint)
    assert 0 < endpoint.log().count("asked for over IPMI") < 40


def test_without_tls_there_is_none(endpoint):
    endpoint.start(tls="off")
    assert ipmi(endpoint, 1, 0x52, 1) == (0xc1, b"")
    assert ipmi(endpoint, 2, 0x52, 0xa5) == (0xc1, b"")
    answer = endpoint.get(INTERFACE, plain=8080).json()
    assert answer["CredentialBootstrapping"]["Enabled"] is False


# The window: any user of the host could race for it, so it closes where it is not needed.

def test_window_closes_when_hosts_come_over_ipmi(bmc, host, stranger):
    assert enrolment(bmc) == "Open"
    assert ipmi(bmc, 3, 0x52, 1)[0] == 0xc1  # says nothing of who forwards what
    assert enrolment(bmc) == "Open"
    fingerprint(bmc)
    assert enrolment(bmc) == "Closed"
    assert bmc.entries("ISM1061")
    assert alert_of(lambda: bmc.get("/redfish/v1/", stranger)) == 48
    # No occasion opens it again, nor a restart: only the administrator.
    for occasion in (("notice", "host-reset"), ("trust", "forget")):
        assert bmc.command(*occasion).returncode == 0
        assert enrolment(bmc) == "Closed", occasion
    bmc.stop()
    bmc.start()
    assert enrolment(bmc) == "Closed"
    assert bmc.command("trust", "open").returncode == 0
    assert enrolment(bmc) == "Open"
    fingerprint(bmc)
    assert enrolment(bmc) == "Open"  # what he opened stays open


def test_window_of_first_use_stays(endpoint, host):
    """The administrator's word: no IPMI driver on his hosts, say."""
    bmc = endpoint.start(enrolment="first-use")
    fingerprint(bmc)
    assert enrolment(bmc) == "Open"
    assert bmc.enrol(host).status == 201


def test_firmware_was_first(endpoint, host):
    """It took the account and disabled the rest: with nobody known that would be a dead end."""
    bmc = endpoint.start()
    fingerprint(bmc)
    assert enrolment(bmc) == "Closed"
    credentials(bmc, control=0)
    assert enrolment(bmc) == "Open"
    assert bmc.enrol(host).status == 201
    bmc.command("notice", "host-reset")
    assert enrolment(bmc) == "Closed"  # enabled again
    credentials(bmc, control=0)
    assert enrolment(bmc) == "Closed"  # this BMC knows a host


def test_kcs_only_never_opens(endpoint, host):
    endpoint.set_password()
    bmc = endpoint.start(enrolment="kcs")
    credentials(bmc, control=0)
    bmc.command("notice", "host-reset")
    bmc.command("trust", "forget")
    assert enrolment(bmc) == "Closed"
    bmc.reload(enrolment="first-use")
    bmc.wait_entry("ISM1030")
    assert enrolment(bmc) == "Closed"  # no occasion yet
    bmc.command("notice", "host-reset")
    assert enrolment(bmc) == "Open"
    bmc.reload(enrolment="kcs")
    wait_for(lambda: enrolment(bmc) == "Closed", 10, "it closes at once")


@pytest.mark.parametrize("content", ["", "{", "{}", '{"Version": 1, "Enabled": true}', None])
def test_damaged_switches_are_off(bmc, content):
    fingerprint(bmc)
    bmc.stop()
    path = os.path.join(bmc.state_dir, "bootstrap.json")
    os.unlink(path)
    if content is None:
        os.mkdir(path)
    else:
        with open(path, "w") as file:
            file.write(content)
    bmc.start()
    assert ipmi(bmc, 2, 0x52, 0xa5)[0] == 0x80
    assert bootstrapping(bmc)["Enabled"] is False
    if content is None:
        assert "InternalError" in patch(bmc, Enabled=True).body.decode()
        assert bootstrapping(bmc)["Enabled"] is False
        os.rmdir(path)
    assert patch(bmc, Enabled=True).status == 200
    credentials(bmc)


def test_streams_of_hosts_live_on(bmc, host):
    """What ends with a bootstrap account is the account's, and nothing of a host's."""
    account = credentials(bmc)
    assert enrol(bmc, account, host).status == 201
    stream = Stream(bmc, host)
    assert stream.status == 200
    assert bmc.request("DELETE", ACCOUNTS + account[0], headers=basic(account)).status == 204
    stream.until("ISM1062")
    bmc.command("notice", "host-reset")
    assert bmc.request("GET", "/redfish/v1/Managers/bmc", host).status == 200
    stream.close()
