# SPDX-License-Identifier: Apache-2.0
"""The agent with BMCs of other makes, each as a script that behaves as that vendor's does."""
import json
import os

import pytest

import netns
from bmcs import PASSWORD, USER, Bmcweb2024, Gb200, Idrac9, Ilo6, Xcc, type42, write_password
from lab import HOST_MAC
from netns import wait_for
from peers import ROOT, answer, resources, wait_for_end
from test_channel import PORT, Bench

SAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data",
                       "smbios42")


def read(name):
    with open(os.path.join(SAMPLES, name + ".raw"), "rb") as file:
        return file.read()


class Stage:
    """A lab whose BMC is a scripted one."""

    def __init__(self, make_lab, kind, smbios=None, address=None, ipv6=False, **changes):
        self.ipv6 = "on" if ipv6 else "off"
        self.lab = make_lab(ids=kind.ids, bmc_ipv4=address or kind.address, bmc_ipv6=ipv6)
        if smbios:
            self.lab.trees.add_type42(smbios)
        self.bmc = kind(self.lab.bmc, os.path.join(self.lab.folder, "stock"), **changes)
        self.lab.on_close(self.bmc.close)
        self.agent = self.lab.agent

    def start(self, password=PASSWORD, mode=0o600, bmc=True, sections=None, **keys):
        login = {"user": USER, "password_file": write_password(self.lab.folder, password, mode)}
        if bmc:
            self.bmc.start()
        self.agent.start(sections=dict({"Login": login}, **(sections or {})), ipv6=self.ipv6,
                         **keys)
        return self.agent


def smbios_of(kind):
    mac = bytes(int(part, 16) for part in HOST_MAC.split(":"))
    return type42(kind.ids, kind.host_address, kind.address, mac, "legoc1")


STAGES = {
    "idrac9": lambda m, **c: Stage(m, Idrac9, **c),
    "idrac9 by type 42": lambda m, **c: Stage(m, Idrac9, read("dell_r740"), "169.254.2.2", **c),
    "ilo6": lambda m, **c: Stage(m, Ilo6, **c),
    "xcc": lambda m, **c: Stage(m, Xcc, **c),
    "xcc by type 42": lambda m, **c: Stage(m, Xcc, read("lenovo_xcc"), **c),
    "bmcweb2024": lambda m, **c: Stage(m, Bmcweb2024, smbios_of(Bmcweb2024), **c),
    "gb200": lambda m, **c: Stage(m, Gb200, smbios_of(Gb200), **c),
}


@pytest.fixture(params=list(STAGES))
def stage(request, make_lab):
    return STAGES[request.param](make_lab)


@pytest.fixture
def idrac(make_lab):
    return STAGES["idrac9"](make_lab)


def settled(status):
    return status["state"] == "connected" and status["events"]["by"]


def connect(stage, **options):
    """Connected, and the life line has taken shape."""
    stage.start(**options)
    return stage.agent.wait(settled, 15, "connected with a life line")


# Each vendor

def test_found_connected_told_and_left_in_good_order(stage):
    status, bmc = connect(stage), stage.bmc
    assert (status["protocol"], status["encrypted"]) == ("ipv4", True)
    assert status["login"] == "session"
    assert status["bmc_fingerprint"].replace(":", "") == bmc.tls.fingerprint
    assert status["bmc"] == {"vendor": bmc.vendor, "model": bmc.model,
                             "firmware_version": bmc.firmware}
    assert status["tls_version"] == "TLS 1.3"
    if isinstance(bmc, Ilo6):
        assert status["events"] == {"by": "polling", "reason": "its event service has no "
                                    "ServerSentEventUri", "pauses": 0}
    else:
        assert status["events"] == {"by": "stream", "reason": None, "pauses": 0}
        wait_for(lambda: bmc.streams, 5, "a stream")
    assert [lack["name"] for lack in status["unavailable"]] == [
        "lifecycle-push", "certificate-enrolment", "feature-switches"]
    assert all(lack["reason"] for lack in status["unavailable"])
    assert len(bmc.created) == 1 and bmc.deleted == []
    ids = stage.agent.event_ids()
    assert "ISM1009" in ids and "ISM0004" in ids and ids.count("ISM1051") == 1
    stage.agent.stop()
    assert bmc.deleted == bmc.created and bmc.sessions == {}
    assert bmc.invented() == []
    assert not [r for r in bmc.requests if r.method not in ("GET", "DELETE")
                and r.path != bmc.sessions_path]
    log = stage.agent.log()
    assert PASSWORD not in log and not any(r.token in log for r in bmc.requests if r.token)


def test_loss_is_noticed_and_the_connection_comes_back(stage):
    if isinstance(stage.bmc, Ilo6):
        pytest.skip("without a stream a loss is seen by the next question: channel's own tests")
    connect(stage)
    mark = stage.agent.mark()
    stage.bmc.close()
    stage.agent.wait_state("connecting", 2)
    stage.bmc.forget_sessions()  # it was reset
    stage.bmc.start()
    stage.agent.wait(settled, 5, "connected again")
    assert "ISM0007" in stage.agent.event_ids(mark)
    assert len(stage.bmc.created) == 2


def test_session_of_a_lost_connection_is_ended_by_the_next(idrac):
    """The network was gone, the BMC was not: it still has the session."""
    connect(idrac)
    idrac.bmc.close()
    idrac.agent.wait_state("connecting", 2)
    idrac.bmc.start()
    idrac.agent.wait(settled, 5, "connected again")
    wait_for(lambda: idrac.bmc.deleted, 5, "the old session's end")
    assert idrac.bmc.deleted == idrac.bmc.created[:1] and len(idrac.bmc.sessions) == 1
    idrac.agent.stop()
    assert idrac.bmc.deleted == idrac.bmc.created and len(idrac.bmc.created) == 2


def test_session_is_ended_at_a_change_of_channel(make_lab):
    """From IPv6 to IPv4, make before break: the old channel's session goes, the new one's stays."""
    stage = STAGES["idrac9"](make_lab, ipv6=True)
    stage.lab.silence_ipv4()
    stage.start()
    stage.agent.wait(lambda s: settled(s) and s["protocol"] == "ipv6", 15, "over IPv6")
    assert len(stage.bmc.created) == 1
    stage.lab.clear_faults()
    stage.agent.wait(lambda s: settled(s) and s["protocol"] == "ipv4", 15, "over IPv4")
    wait_for(lambda: stage.bmc.deleted, 5, "the old session's end")
    assert stage.bmc.deleted == stage.bmc.created[:1] and len(stage.bmc.created) == 2
    stage.agent.stop()
    assert stage.bmc.sessions == {}


# The password goes to the pinned BMC only

def logged_in(bmc):
    return [r for r in bmc.requests if r.method == "POST" or "authorization" in r.headers]


def test_pin_is_durable_before_the_log_in(idrac):
    """The BMC sees the log-in only on a connection after the one that made the pin."""
    seen = []
    store = os.path.join(idrac.agent.state_dir, "worker", "trust.json")

    def at_login(connection, request):
        with open(store) as file:
            seen.append(file.read())
    idrac.bmc.faults[idrac.bmc.sessions_path] = at_login
    connect(idrac)
    assert len(seen) == 1 and idrac.bmc.tls.fingerprint in seen[0].replace(":", "").lower()
    before = idrac.bmc.requests[:idrac.bmc.requests.index(logged_in(idrac.bmc)[0])]
    assert [r.path for r in before].count("/redfish/v1/") == 2  # one to pin, one to log in


def test_no_log_in_to_a_changed_identity(make_lab):
    stage = STAGES["idrac9"](make_lab)
    connect(stage)
    stage.agent.stop()
    stage.bmc.close()
    other = Idrac9(stage.lab.bmc, os.path.join(stage.lab.folder, "stock"), certificate="other")
    with other:
        stage.agent.start()
        stage.agent.wait_event("ISM1001")
        assert other.requests == []  # not even a question
    with stage.bmc:  # the twin: the right one again, and all is well
        stage.agent.wait(settled, 15, "connected to the pinned one")
    assert len(stage.bmc.created) == 2


def test_no_log_in_without_a_pin(idrac):
    """trust = pinned and no pin: nothing is said; with the pin it is."""
    idrac.start(sections={"Tls": {"trust": "pinned"}})
    idrac.agent.wait_state("refused")
    assert idrac.bmc.requests == []
    idrac.agent.ctl("trust", "pin", idrac.bmc.tls.fingerprint)
    idrac.agent.wait(settled, 10, "connected with the pin")
    assert idrac.bmc.paths("GET").count("/redfish/v1/") == 1


def test_wrong_password_is_said_once_and_not_repeated(idrac):
    """A BMC locks accounts that are guessed at; a reload with the right password connects."""
    idrac.start(password="wrong")
    status = idrac.agent.wait_state("refused")
    assert status["reason"]["id"] == "ISM1050" and status["login"] is None
    assert "as bmclink: the BMC answered 401" in status["reason"]["text"]
    assert "ResourceAtUriUnauthorized" in status["reason"]["text"]
    asked = idrac.bmc.paths().count("/redfish/v1/")
    wait_for(lambda: idrac.bmc.paths().count("/redfish/v1/") > asked, 15, "another attempt")
    assert idrac.bmc.refused == 1  # the attempt, and no second log-in
    write_password(idrac.lab.folder)
    idrac.agent.reload()
    idrac.agent.wait(settled, 5, "connected with the right password")
    assert "wrong" not in idrac.agent.log().replace("wrong\n", "")


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_password_file_of_others_is_not_used(idrac, mode):
    idrac.start(mode=mode)
    status = idrac.agent.wait_state("refused")
    assert "without rights for group and others" in status["reason"]["text"]
    assert logged_in(idrac.bmc) == [] and PASSWORD not in idrac.agent.log()
    os.chmod(write_password(idrac.lab.folder), 0o600)
    idrac.agent.reload()
    idrac.agent.ctl("trust", "pin", idrac.bmc.tls.fingerprint)  # tries again at once
    idrac.agent.wait(settled, 10, "connected")


def test_without_an_account_it_says_what_to_do(idrac):
    idrac.bmc.start()
    idrac.agent.start(ipv6="off")
    status = idrac.agent.wait_state("refused")
    assert status["reason"]["id"] == "ISM1050"
    assert "user and password_file" in status["reason"]["text"]
    assert logged_in(idrac.bmc) == []
    text = idrac.agent.ctl("status", check=False).stdout
    assert "password_file" in " ".join(text.split())


def test_our_own_endpoint_lacks_nothing(lab):
    """The twin of all this: by certificate, by stream, nothing unavailable."""
    lab.endpoint.start()
    lab.agent.start(ipv6="off", sections={"Login": {
        "user": USER, "password_file": write_password(lab.folder)}})
    status = lab.agent.wait(settled, 10, "connected with a life line")
    assert (status["login"], status["unavailable"]) == ("certificate", [])
    assert status["events"] == {"by": "stream", "reason": None, "pauses": 0}
    assert "ISM1051" not in lab.agent.event_ids()
    assert "get-password" not in lab.agent.log()


def test_status_tells_people(idrac):
    connect(idrac)
    text = " ".join(idrac.agent.ctl("status").stdout.split())
    assert "Logged in by session" in text and "Events by stream" in text
    assert "lifecycle-push unavailable: the BMC's Lifecycle log takes no records" in text


# Renewal: what it can do there, and what it cannot

def test_renewal_with_a_session_needs_no_leave(idrac):
    """The BMC knows an account and no certificate: the new one is simply in use."""
    connect(idrac)
    agent = idrac.agent
    old = json.loads(agent.ctl("certificate", "show", "--json").stdout)["fingerprint"]
    asked = [r for r in idrac.bmc.requests if r.method == "POST"]
    assert "renewed" in agent.ctl("certificate", "renew").stdout
    assert json.loads(agent.ctl("certificate", "show", "--json").stdout)["fingerprint"] != old
    assert agent.wait(settled, 15, "connected again")["login"] == "session"
    # nothing was posted but the log-in of the new connection
    assert len([r for r in idrac.bmc.requests if r.method == "POST"]) == len(asked) + 1


def test_renewal_with_bmcweb_says_what_it_cannot_do(make_lab):
    stage = STAGES["bmcweb2024"](make_lab, trusted=True, users=[USER])
    stage.start(bmc=False)
    certificate = os.path.join(stage.agent.state_dir, "worker", "agent.crt")
    stage.bmc.ask_for_certificate(wait_for(
        lambda: os.path.exists(certificate) and certificate, 5, "the agent's certificate"))
    stage.bmc.start()
    assert stage.agent.wait(settled, 15, "connected")["login"] == "certificate"
    with open(certificate) as file:
        before = file.read()
    done = stage.agent.ctl("certificate", "renew", check=False)
    assert (done.returncode, done.stdout) == (5, "") and "own tools" in done.stderr
    with open(certificate) as file:
        assert file.read() == before
    assert stage.agent.status()["state"] == "connected"


# OpenBMC: certificates as bmcweb has them, and a subscription that kills it

@pytest.mark.parametrize("trusted,users,login", [
    (True, [USER], "certificate"),             # known by its certificate: no session is made
    (False, [], "session"),                    # 401 with a certificate presented
    (True, ["somebody"], "session"),           # 500: trusted, and no user of that name
])
def test_bmcweb_and_the_certificate(make_lab, trusted, users, login):
    stage = STAGES["bmcweb2024"](make_lab, trusted=trusted, users=users)
    stage.start(bmc=False)
    certificate = os.path.join(stage.agent.state_dir, "worker", "agent.crt")
    stage.bmc.ask_for_certificate(wait_for(
        lambda: os.path.exists(certificate) and certificate, 5, "the agent's certificate"))
    stage.bmc.start()
    status = stage.agent.wait(settled, 15, "connected with a life line")
    assert status["login"] == login and status["tls_version"] == "TLS 1.3"
    assert len(stage.bmc.created) == (login == "session")


def test_subscription_that_kills_the_bmc_is_given_up(make_lab):
    stage = STAGES["bmcweb2024"](make_lab, crashes=True)
    stage.start()
    status = stage.agent.wait(
        lambda s: settled(s) and s["events"]["by"] == "polling", 60, "polling")
    assert "ended 3 times right after" in status["events"]["reason"]
    assert stage.bmc.crashed == 3
    assert stage.agent.event_ids().count("ISM1052") == 1
    assert stage.agent.status()["state"] == "connected"


# The channel itself: quirks in detail, with a quick poll

@pytest.fixture
def bench(tmp_path, request):
    space = netns.Namespace("vendors-%d" % os.getpid())
    request.addfinalizer(space.close)
    return Bench(tmp_path, space)


@pytest.fixture
def stock(bench, request):
    def make(kind, **changes):
        bmc = kind(bench.namespace, bench.folder, port=PORT, **changes).start()
        request.addfinalizer(bmc.close)
        bmc.login = ["--user", USER, "--password", PASSWORD, "--stored-pin", bmc.tls.fingerprint,
                     "--poll", "100", "--end-session"]
        return bmc
    return make


def probe(bench, bmc, *options):
    return bench.probe(*bmc.login, *options)


@pytest.mark.parametrize("kind,pushed", [
    (Xcc, {"Id": "1", "Events": []}), (Idrac9, {"Id": "1", "Events": []}),
    (Bmcweb2024, {"Id": "1", "Events": [{"MemberId": 0, "MessageId": "X.1.0.Y"}]})])
def test_events_in_each_vendors_form(bench, stock, kind, pushed):
    result = probe(bench, stock(kind), "--stay", "9000", "--pushed", "1")
    assert result["pushed"] == [pushed]


def test_stream_ended_by_the_clock_is_no_loss(bench, stock):
    bmc = stock(Idrac9)
    process = bench.start(*bmc.login, "--stay", "4000")
    wait_for(lambda: bmc.streams, 5, "a stream")
    first = bmc.streams[0]
    bmc.end_streams()
    wait_for(lambda: bmc.streams and bmc.streams[0] is not first, 5, "the stream again")
    result = bench.finish(process)
    assert "lost" not in result and len(bmc.created) == 1
    assert [by for by, _ in result["events"]] == ["stream", "polling", "stream"]
    assert "ended its event stream" in result["events"][1][1]


def test_streams_that_end_at_once_are_given_up(bench, stock):
    """Also where each ends in good order; the twin above has one that is opened again."""
    bmc = stock(Idrac9)

    def short(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           b"Content-Length: 0\r\n\r\n")
        return True
    bmc.faults[bmc.stream_path] = short
    result = probe(bench, bmc, "--stay", "3000")
    assert bmc.paths().count(bmc.stream_path) == 3 and result["stream_ends"] == 3
    assert result["events"][-1][0] == "polling" and "3 times" in result["events"][-1][1]
    assert "lost" not in result


def test_all_streams_taken(bench, stock):
    """iDRAC9 has two; somebody else has both."""
    bmc = stock(Idrac9, max_streams=0)
    result = probe(bench, bmc, "--stay", "500")
    assert result["events"] == [["polling", "/redfish/v1/SSE answered 503"]]
    assert result["done"]["outcome"] == "connected" and "lost" not in result


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_no_event_service(bench, stock, status):
    bmc = stock(Xcc)
    bmc.faults[bmc.event_service] = answer(status, {"error": {}})
    result = probe(bench, bmc, "--stay", "500")
    assert result["events"] == [["polling", "/redfish/v1/EventService answered %d" % status]]
    assert "lost" not in result
    assert len(bmc.paths()) < 20  # asked now and then, not in a loop


def test_loss_without_a_stream_is_seen_by_the_next_question(bench, stock):
    bmc = stock(Ilo6)
    process = bench.start(*bmc.login, "--stay", "9000")
    wait_for(lambda: bmc.paths().count(bmc.manager) > 2, 5, "questions")
    bmc.close()
    result = bench.finish(process)
    assert result["lost"]["outcome"] == "port-refused" and result["stale"] == 1


# Sessions

def test_expired_session_is_renewed_by_a_question(bench, stock):
    bmc = stock(Ilo6)
    process = bench.start(*bmc.login, "--stay", "2500")
    wait_for(lambda: bmc.paths().count(bmc.manager) > 2, 5, "questions")
    bmc.forget_sessions()
    wait_for(lambda: len(bmc.created) == 2, 5, "a second log-in")
    result = bench.finish(process)
    assert "lost" not in result and len(bmc.created) == 2
    assert bmc.deleted == bmc.created[1:]  # the living one


def test_expired_session_is_renewed_by_a_request(bench, stock):
    """Beside a stream that lives on: the request is answered, on a second session."""
    bmc = stock(Xcc)

    def forget(connection, request):
        del bmc.faults["/redfish/v1/Managers/1/Expire"]
        bmc.forget_sessions()
        return answer(200, {})
    bmc.faults["/redfish/v1/Managers/1/Expire"] = forget
    result = probe(bench, bmc, "--request", "GET /redfish/v1/Managers/1/Expire", "--request",
                   "GET /redfish/v1/Managers/1", "--request", "GET /redfish/v1/Managers/1")
    assert [a["status"] for a in result["answers"]] == [200, 200, 200]
    assert len(bmc.created) == 2 and bmc.deleted == bmc.created[1:]


def test_session_that_does_not_last_is_no_loop(bench, stock):
    """401 again right after the log-in: the connection ends, with one log-in more and no third."""
    bmc = stock(Ilo6)
    process = bench.start(*bmc.login, "--stay", "9000")
    wait_for(lambda: bmc.paths().count(bmc.manager) > 2, 5, "questions")
    bmc.faults[bmc.manager] = answer(401, {"error": {}})
    result = bench.finish(process)
    assert result["lost"]["outcome"] == "login"
    assert len(bmc.created) == 2


def test_refused_renewal_ends_the_connection(bench, stock):
    bmc = stock(Ilo6)
    process = bench.start(*bmc.login, "--stay", "9000")
    wait_for(lambda: bmc.paths().count(bmc.manager) > 2, 5, "questions")
    bmc.password = "changed"
    bmc.forget_sessions()
    result = bench.finish(process)
    assert result["lost"]["outcome"] == "login" and "answered 401" in result["lost"]["detail"]
    assert bmc.refused == 1 and result["refused"] == 1


def test_every_request_has_the_token_and_only_the_log_in_the_password(bench, stock):
    bmc = stock(Xcc)
    probe(bench, bmc, "--request", "GET /redfish/v1/Managers/1", "--stay", "500")
    login = bmc.paths().index(bmc.sessions_path)
    assert all(r.token is None for r in bmc.requests[:login + 1])
    assert all(r.token for r in bmc.requests[login + 1:])
    assert [PASSWORD in r.body.decode() or b"cret" in r.body for r in bmc.requests].count(True) == 1


@pytest.mark.parametrize("answered,why", [
    (answer(201, {}), "without a token"),
    (answer(201, {}, ["X-Auth-Token: " + "x" * 5000]), "without a token"),
    (answer(201, {}, ["X-Auth-Token: a b"]), "without a token"),
    (answer(503, {"error": {"@Message.ExtendedInfo": [
        {"MessageId": "Base.1.8.\x1b[2JSessionLimitExceeded"}]}}), "SessionLimitExceeded"),
    (answer(400, b"no json"), "answered 400"),
    (answer(307, {}, ["Location: https://127.0.0.2:8443/x"]), "answered 307")])
def test_odd_answers_to_the_log_in(bench, stock, answered, why):
    bmc = stock(Xcc)
    bmc.faults[bmc.sessions_path] = answered
    result = probe(bench, bmc)
    assert result["done"]["outcome"] == "login" and why in result["done"]["detail"]
    assert result["done"]["detail"].isprintable()
    assert len(logged_in(bmc)) == 1 and result["refused"] == 1


def test_session_without_a_location(bench, stock):
    """Neither header nor body say where it is: it works, and is left to its time-out."""
    bmc = stock(Xcc)

    def nowhere(connection, request):
        bmc.sessions["/nowhere"] = "tok"
        return answer(201, {}, ["X-Auth-Token: tok"])
    bmc.faults[bmc.sessions_path] = nowhere
    result = probe(bench, bmc, "--stay", "300")
    assert result["done"]["outcome"] == "connected" and "DELETE" not in [
        r.method for r in bmc.requests]


def test_end_of_a_session_does_not_take_for_ever(bench, stock):
    bmc = stock(Xcc)

    def hang(connection, request):
        return None if request.method == "POST" else wait_for_end(connection)
    process = bench.start(*bmc.login, "--stay", "800")
    wait_for(lambda: bmc.created, 5, "a session")
    bmc.faults[bmc.created[0]] = hang
    result = bench.finish(process)
    assert 2000 <= result["ended"] - 800 < 4000 and result["stale"] == 1


# Nothing secret but to the pinned BMC over TLS

def test_no_log_in_on_the_plain_channel(bench):
    table = resources(root=answer(200, dict(ROOT, Oem={}, Links=dict(
        ROOT["Links"], Sessions={"@odata.id": "/redfish/v1/S"}))), manager=answer(401, {}),
        S=answer(201, {}, ["X-Auth-Token: t"]))
    login = ["--user", USER, "--password", "s3cret"]
    with bench.plain(table) as plain:
        result = bench.probe("--window", *login)
        assert result["done"]["outcome"] == "refused"
        assert b"s3cret" not in plain.received and b"POST" not in plain.received
    tls = bench.tls()  # the twin: the same service with TLS and a pin gets the log-in
    with bench.service(table, tls) as service:
        bench.probe("--stored-pin", tls.fingerprint, *login)
        assert b"s3cret" in service.received


def test_first_use_makes_the_pin_and_says_nothing(bench, stock):
    bmc = stock(Xcc)
    result = bench.probe("--window", "--user", USER, "--password", PASSWORD)
    assert result["done"]["outcome"] == "enrolled" and result["done"]["first_use"]
    assert logged_in(bmc) == []


@pytest.mark.parametrize("error", [-1, -2, -13, -27])
def test_password_that_is_not_given(bench, stock, error):
    bmc = stock(Xcc)
    result = bench.probe("--stored-pin", bmc.tls.fingerprint, "--user", USER, "--password",
                         str(error))
    assert result["done"]["outcome"] == "login" and "password_file" in result["done"]["detail"]
    assert logged_in(bmc) == []


# Redirects and slashes

@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_for_a_slash_is_followed(bench, stock, status):
    bmc = stock(Xcc)
    bmc.faults[bmc.manager] = answer(status, {}, ["Location: %s/" % bmc.manager])
    bmc.faults[bmc.manager + "/"] = lambda connection, request: (
        answer(200, bmc.resources()[bmc.manager]) if bmc.knows(connection, request)
        else answer(401, {}))
    result = probe(bench, bmc)
    assert result["done"]["outcome"] == "connected" and result["info"]["model"] == bmc.model


def test_redirect_in_a_circle_ends(bench, stock):
    bmc = stock(Xcc)
    bmc.faults["/redfish/v1/"] = answer(308, {}, ["Location: /redfish/v1"])
    bmc.faults["/redfish/v1"] = answer(308, {}, ["Location: /redfish/v1/"])
    assert probe(bench, bmc)["done"]["outcome"] == "bad-answer"
    assert len(bmc.requests) == 2


@pytest.mark.parametrize("location", ["https://127.0.0.1:9090/redfish/v1/EventService/SSE",
                                      "https://elsewhere/redfish/v1/EventService/SSE"])
def test_redirect_elsewhere_is_not_followed(bench, stock, location):
    """Lenovo's TSM has its stream on another listener: no token goes there."""
    bmc = stock(Xcc)
    bmc.faults[bmc.stream_path] = answer(307, {}, ["Location: " + location])
    with bench.plain(port=9090) as other:
        result = probe(bench, bmc, "--stay", "400")
    assert other.accepted == 0
    assert result["events"] == [["polling", "%s leads to %s: not followed" % (
        bmc.stream_path, location if len(location) < 51 else location[:50])]]


# Logs: over the channel, page by page, and no further than need be

@pytest.mark.parametrize("last,new,pages", [(None, [], 1), ("118", ["119", "120"], 1),
                                            ("120", [], 1), ("69", range(70, 121), 2),
                                            ("400", range(1, 121), 3)])
def test_log_newest_first(bench, stock, last, new, pages):
    """iDRAC9: 50 a page, by the links that it gives; "400" is a log that was cleared."""
    bmc = stock(Idrac9)
    result = probe(bench, bmc, "--read-log", bmc.entries_path,
                   *(["--log-last", last] if last else []))
    assert (result["log_result"], result["log_last"]) == (0, "120")
    assert result["log"] == [str(n) for n in new]
    asked = [path for path in bmc.paths() if path.startswith(bmc.entries_path)]
    assert asked == [bmc.entries_path + s for s in ("", "?$skip=50", "?$skip=100")][:pages]
    assert set(asked[1:]) <= bmc.given


def test_log_updated_in_place(bench, stock):
    """iLO counts entry 2 up: it is none that is new."""
    bmc = stock(Ilo6)
    bmc.update_entry(1, 7)
    result = probe(bench, bmc, "--read-log", bmc.entries_path, "--log-last", "4")
    assert (result["log_result"], result["log"]) == (0, ["5"])


@pytest.mark.parametrize("link", ["https://elsewhere/x", "//elsewhere/x", "/a b", "/a\r\nX: y", 7])
def test_log_with_a_hostile_link(bench, stock, link):
    bmc = stock(Idrac9)
    bmc.faults[bmc.entries_path] = answer(200, {"Members": [{"Id": "9"}, {"Id": "8"}],
                                                "Members@odata.nextLink": link})
    result = probe(bench, bmc, "--read-log", bmc.entries_path, "--log-last", "1")
    good = link == 7  # no link at all: the end of the log
    assert (result["log_result"] == 0) == good and result["log"] == (["8", "9"] if good else [])


def test_log_that_breaks_off(bench, stock):
    bmc = stock(Idrac9)
    bmc.faults[bmc.entries_path + "?$skip=50"] = lambda connection, request: False
    result = probe(bench, bmc, "--read-log", bmc.entries_path, "--log-last", "3")
    assert (result["log_result"], result["log"], result["log_last"]) == (-74, [], "3")
