# SPDX-License-Identifier: Apache-2.0
"""Trust over IPMI (DSP0270, credential bootstrapping): each right case with its twin.

/dev/ipmi0 is played by a preloaded library (fake_ipmi.c): the kernel's driver and a real KCS are
below the line here, and in tests/vm.
"""
import json
import os
import shutil
import time

import pytest

from daemons import program
from kcs import Kcs
from lab import BMC_IPV4, BMC_NIC, HOST_NIC
from netns import run, wait_for
from peers import Service, Tls, with_stream
from servers import fingerprint, replace_certificate
from test_clock import FakeClock
from test_renewal import soon
from test_trust_net import bmc_certificate, wait_refused

FINGERPRINT, CREDENTIALS = 1, 2


@pytest.fixture
def kcs(lab):
    return Kcs(lab)


def start(lab, trust="auto", endpoint=True, **keys):
    if endpoint:
        lab.endpoint.start(**keys)
    lab.agent.start(sections={"Tls": {"trust": trust}}, ipv6="off")
    return lab.agent


def trust_show(lab):
    return json.loads(lab.agent.ctl("trust", "show", "--json").stdout)


def worker_file(lab, name):
    return os.path.join(lab.agent.state_dir, "worker", name)


def left_over(lab):
    """Bootstrap accounts that are still on the BMC: they end with its process."""
    life = lab.endpoint.log().rsplit("serving (", 1)[1].splitlines()
    made = [line.split("account ")[1].split()[0] for line in life if "asked for over IPMI" in line]
    removed = [e["MessageArgs"][0] for e in lab.lifecycle_log()
               if e["MessageId"].endswith("ISM1062")]
    return sorted(set(made) - set(removed))


def endpoint_command(lab, *arguments):
    run([program("bmclink-endpoint"), "--state-dir", lab.endpoint.state_dir, "--runtime-dir",
         lab.endpoint.runtime_dir, *arguments])


def flat(text):
    return text.replace(":", "").lower()


# --- the way that it should go --------------------------------------------------------------------

@pytest.mark.parametrize("trust", ["auto", "kcs"])
@pytest.mark.parametrize("enrolment", ["auto", "kcs"])
def test_trust_is_made_over_ipmi(lab, kcs, trust, enrolment):
    """The window is closed all the time: nobody but root of this host could have come in."""
    start(lab, trust, enrolment=enrolment)
    status = lab.agent.wait_connected("ipv4")
    shown = flat(status["bmc_fingerprint"])
    assert shown == fingerprint(bmc_certificate(lab))
    assert status["trust"]["by"] == "kcs" and status["trust"]["at"]
    show = trust_show(lab)
    assert (show["made_by"], flat(show["pin"]), show["window_open"]) == ("kcs", shown, False)
    assert "kcs" in lab.agent.ctl("trust", "show").stdout.lower()
    ids = lab.agent.event_ids()
    assert "ISM1009" not in ids and "ISM1130" in ids and "ISM1135" in ids
    assert flat(lab.agent.wait_event("ISM1130")["args"][0]) == shown
    # Asked once, used once, and gone.
    assert kcs.count(CREDENTIALS) == 1
    assert left_over(lab) == []
    assert not os.path.exists(worker_file(lab, "bootstrap.json"))
    assert not os.path.exists(worker_file(lab, "account.json"))  # the certificate is the account
    assert len(lab.wait_lifecycle("ISM1015")) == 1


def test_next_time_nobody_is_asked(lab, kcs):
    start(lab)
    lab.agent.wait_connected()
    asked = len(kcs.asked)
    for daemon in (lab.agent, lab.endpoint, lab.agent):
        daemon.stop()
        daemon.start()
    lab.agent.wait_connected()
    assert len(kcs.asked) == asked


def test_first_use_does_not_ask(lab, kcs):
    start(lab, "first-use", enrolment="first-use")
    assert lab.agent.wait_connected()["trust"]["by"] == "first-use"
    assert kcs.asked == []
    assert trust_show(lab)["made_by"] == "first-use"


def test_pinned_does_not_ask(lab, kcs):
    start(lab, "pinned", enrolment="first-use")
    wait_refused(lab, "ISM1039")
    assert kcs.asked == []


def test_password_is_nowhere_but_on_the_wire(lab, kcs):
    said = []

    def listen(command, argument):
        answer = kcs.forward(command, argument)
        if command == CREDENTIALS:
            said.append(answer[18:34].rstrip(b"\0"))
        return answer
    kcs.answers = listen
    start(lab)
    lab.agent.wait_connected()
    assert len(said) == 1 and len(said[0]) == 15
    assert said[0] not in (lab.agent.log() + lab.endpoint.log()).encode()
    for folder, _, names in os.walk(lab.agent.state_dir):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert said[0] not in file.read(), name


# --- no KCS, or none that helps -------------------------------------------------------------------

def test_auto_without_kcs_is_first_use(lab):
    Kcs(lab, device=False)
    start(lab)
    assert lab.agent.wait_connected()["trust"]["by"] == "first-use"
    ids = lab.agent.event_ids()
    assert "ISM1009" in ids and "ISM1133" not in ids


def test_kcs_without_kcs_never_enrols(lab):
    Kcs(lab, device=False)
    start(lab, "kcs", enrolment="first-use")
    status = wait_refused(lab, "ISM1134")
    assert "/dev/ipmi0" in status["reason"]["text"]
    assert not trust_show(lab)["pinned"] and trust_show(lab)["window_open"]
    assert lab.syn_counts() == {"ipv4": 0, "ipv6": 0}  # not even tried
    assert "ISM1009" not in lab.agent.event_ids()


def test_kcs_without_tls_is_no_communication(lab, kcs):
    """trust = kcs asks for a BMC that proves who it is."""
    start(lab, "kcs", tls="off")
    wait_refused(lab, "ISM1134")
    assert lab.agent.status()["state"] != "connected"


@pytest.mark.parametrize("code,name", [(0x80, "80h"), (0xc1, "C1h"), (0xc2, "C2h"),
                                       (0xcc, "CCh")])
@pytest.mark.parametrize("trust", ["auto", "kcs"])
def test_no_bootstrapping(lab, kcs, code, name, trust):
    """Nobody on the NIC has a hand in these: the default goes on with first use, and says so when
    it was to be expected otherwise; kcs does not."""
    kcs.answers = lambda command, argument: bytes([code])
    start(lab, trust, enrolment="first-use")
    if trust == "kcs":
        assert name in wait_refused(lab, "ISM1134")["reason"]["text"]
        assert not trust_show(lab)["pinned"]
        return
    assert lab.agent.wait_connected()["trust"]["by"] == "first-use"
    events = [e for e in lab.agent.events() if e["id"] == "ISM1133"]
    assert len(events) == (1 if code == 0x80 else 0)
    assert "ISM1009" in lab.agent.event_ids()
    assert kcs.count(CREDENTIALS) == 0


@pytest.mark.parametrize("answer", [
    b"\xc0", b"\xc3", b"\xcb", b"\xd4", b"\xff", b"", b"\0", b"\0\x53\x01" + bytes(32),
    b"\0\x52\x01" + bytes(31), b"\0\x52\x02" + bytes(32), b"\0" + bytes(500)],
    ids=lambda a: a[:3].hex() + "-%d" % len(a))
def test_trouble_is_no_reason_to_trust_another(lab, kcs, answer):
    """Busy, broken, too long: the default waits for the BMC's word, and says what is wrong."""
    kcs.answers = lambda command, argument: answer
    start(lab, enrolment="first-use")
    wait_refused(lab, "ISM1134")
    assert not trust_show(lab)["pinned"]
    kcs.answers = kcs.forward
    lab.agent.wait_connected(timeout=30)
    assert trust_show(lab)["made_by"] == "kcs"


def test_a_kcs_that_stalls(lab, kcs):
    """It holds up nobody; when it speaks again, the late answer is not taken for another's."""
    late = []

    def stall(command, argument):
        late.append((command, argument))
        return None
    kcs.answers = stall
    started = time.monotonic()
    start(lab, enrolment="first-use")
    wait_for(lambda: late, 5, "it was asked")
    # All answer at once, while the BMC does not: control socket, reload, and the monitor.
    before = time.monotonic()
    lab.agent.status()
    lab.agent.reload()
    lab.agent.wait_event("ISM1030")
    assert time.monotonic() - before < 2
    wait_refused(lab, "ISM1134", timeout=20)
    assert time.monotonic() - started < 20
    kcs.answers = kcs.forward
    kcs.send(kcs.streams[-1], 1, FINGERPRINT, b"\0\x52\x01" + b"\xee" * 32)  # of long ago
    lab.agent.wait_connected(timeout=30)
    assert flat(trust_show(lab)["pin"]) == fingerprint(bmc_certificate(lab))


def test_stop_while_it_stalls(lab, kcs):
    kcs.answers = lambda command, argument: None
    start(lab)
    wait_for(lambda: kcs.asked, 5, "it was asked")
    before = time.monotonic()
    assert lab.agent.stop() == 0
    assert time.monotonic() - before < 3


def test_slow_but_sure(lab, kcs):
    kcs.answers = kcs.slowly(2)
    start(lab)
    lab.agent.wait_connected(timeout=30)
    assert trust_show(lab)["made_by"] == "kcs" and left_over(lab) == []


def test_messages_that_are_no_answer(lab, kcs):
    """Events of the BMC, answers to others' questions: dropped by number, kind and command."""
    def noisy(command, argument):
        wrong = b"\0\x52\x01" + b"\xee" * 32
        for change in ({"msgid": 77}, {"kind": 2}, {"kind": 3}, {"netfn": 0x07}, {"command": 9}):
            fields = dict({"msgid": len(kcs.asked), "kind": 1, "netfn": 0x2d,
                           "command": command}, **change)
            kcs.send(kcs.streams[-1], fields["msgid"], fields["command"], wrong, fields["kind"],
                     fields["netfn"])
        return kcs.forward(command, argument)
    kcs.answers = noisy
    start(lab)
    lab.agent.wait_connected(timeout=20)
    assert flat(trust_show(lab)["pin"]) == fingerprint(bmc_certificate(lab))


def test_the_driver_comes_late(lab):
    """At boot: SMBIOS type 38 names the interface, the module is not there yet."""
    kcs = Kcs(lab, device=False)
    os.makedirs(os.path.join(lab.trees.dmi, "entries", "38-0"))
    start(lab, enrolment="first-use")
    lab.agent.wait(lambda s: s["state"] == "connecting", 5)
    wait_for(lambda: "-> waiting" in lab.agent.log(), 5, "it waits for the driver")
    assert lab.syn_counts()["ipv4"] == 0
    kcs.plug()
    lab.agent.wait_connected(timeout=10)
    assert trust_show(lab)["made_by"] == "kcs"


def test_the_driver_does_not_come(lab):
    Kcs(lab, device=False)
    os.makedirs(os.path.join(lab.trees.dmi, "entries", "38-0"))
    start(lab, enrolment="first-use")
    assert lab.agent.wait_connected(timeout=20)["trust"]["by"] == "first-use"
    assert "ipmi_devintf" in lab.agent.wait_event("ISM1133")["args"][0]


# --- a man in the middle --------------------------------------------------------------------------

class Impostor(Service):
    """Somebody else's TLS service at the BMC's address."""

    def __init__(self, lab):
        tls = Tls(lab.folder, name="impostor")
        self.fingerprint = tls.fingerprint
        super().__init__(lab.bmc, 443, with_stream(), tls.context)


def start_hidden_endpoint(lab, **keys):
    """The BMC is there and answers over IPMI; on the NIC another one has taken its place."""
    lab.endpoint.start(interface="lo", port=9443, plain_port=9080, **keys)


def unhide(lab):
    lab.endpoint.stop()
    lab.endpoint.start(interface=BMC_NIC, port=443, plain_port=80)


@pytest.mark.parametrize("trust", ["auto", "kcs"])
def test_man_in_the_middle_at_enrolment(lab, kcs, trust):
    start_hidden_endpoint(lab)
    with Impostor(lab) as service:
        start(lab, trust, endpoint=False)
        status = wait_refused(lab, "ISM1132")
        event = lab.agent.wait_event("ISM1132")
        assert flat(event["args"][1]) == service.fingerprint
        assert flat(event["args"][2]) == fingerprint(bmc_certificate(lab))
        assert service.fingerprint in status["reason"]["text"]
        # Nothing of ours went to him, and nothing was asked for.
        assert service.requests == [] and kcs.count(CREDENTIALS) == 0
        assert not trust_show(lab)["pinned"]
    # He is gone: the BMC itself is taken.
    unhide(lab)
    lab.agent.wait_connected(timeout=40)
    assert trust_show(lab)["made_by"] == "kcs"


def test_twin_without_kcs_he_gets_in(lab):
    """What the test above is worth: on first use nobody can tell."""
    Kcs(lab, device=False)
    with Impostor(lab) as service:
        start(lab, endpoint=False)
        wait_for(lambda: service.requests, 10, "a request")
        assert lab.agent.wait_event("ISM1009")


def test_man_without_tls_in_the_middle(lab, kcs):
    """He offers no TLS, as old firmware would: but the BMC names a certificate over IPMI."""
    start_hidden_endpoint(lab)
    with Service(lab.bmc, 80, with_stream()) as service:
        start(lab, endpoint=False)
        wait_refused(lab, "ISM1007", timeout=20)
        assert [path for _, path, _ in service.requests] == ["/redfish/v1/"]


def test_twin_without_kcs_and_tls_he_gets_in(lab):
    Kcs(lab, device=False)
    with Service(lab.bmc, 80, with_stream()):
        start(lab, endpoint=False)
        assert lab.agent.wait_connected()["encrypted"] is False


def test_man_in_the_middle_later(lab, kcs):
    """Another certificate than the pinned one, and the BMC says that it is not its own."""
    start(lab)
    lab.agent.wait_connected()
    pin = trust_show(lab)["pin"]
    lab.endpoint.stop()
    start_hidden_endpoint(lab)
    with Impostor(lab) as service:
        wait_refused(lab, "ISM1132", timeout=30)
        assert service.requests == []
        assert trust_show(lab)["pin"] == pin
    assert kcs.count(CREDENTIALS) == 1


# --- a BMC that changes ---------------------------------------------------------------------------

def swap(lab):
    """Another BMC, or the same after a reset to its defaults: nothing of the old one is left."""
    old = fingerprint(bmc_certificate(lab))
    lab.endpoint.stop()
    for entry in list(os.scandir(lab.endpoint.state_dir)):
        (shutil.rmtree if entry.is_dir() else os.unlink)(entry.path)
    lab.endpoint.start()
    assert fingerprint(bmc_certificate(lab)) != old
    return old


@pytest.mark.parametrize("running", [True, False])
def test_board_swap_without_hands(lab, kcs, running):
    start(lab)
    lab.agent.wait_connected()
    if not running:
        lab.agent.stop()
    mark = lab.agent.mark() if running else None
    old = swap(lab)
    if not running:
        lab.agent.start()
    new = fingerprint(bmc_certificate(lab))
    event = lab.agent.wait_event("ISM1131", 20, mark)
    assert [flat(a) for a in event["args"]] == [old, new]
    lab.agent.wait_connected(timeout=20)
    assert flat(trust_show(lab)["pin"]) == new
    assert "ISM1001" not in lab.agent.event_ids(mark) and left_over(lab) == []


def test_a_host_that_slept_through_the_change(lab, kcs):
    """Off for the weeks in which the BMC announced its next certificate, and for the change: the
    same BMC's word over IPMI is enough. Without it: test_deadline_with_a_host_that_never_came."""
    start(lab)
    lab.agent.wait_connected()
    lab.agent.stop()
    lab.endpoint.stop()
    crt = os.path.join(lab.endpoint.state_dir, "endpoint.crt")
    replace_certificate(crt, not_before=soon(days=-3600), not_after=soon(days=6))
    lab.endpoint.start()
    coming = crt.replace("endpoint.crt", "endpoint.next.crt")
    wait_for(lambda: os.path.exists(coming), 10, "announced")
    lab.endpoint.stop()
    replace_certificate(coming, not_before=soon(days=-2))  # its time goes by
    lab.endpoint.start()
    wait_for(lambda: not os.path.exists(coming), 10, "in use")
    new = fingerprint(bmc_certificate(lab))
    lab.agent.start()
    lab.agent.wait_event("ISM1131", 20)
    lab.agent.wait_connected(timeout=20)
    assert flat(trust_show(lab)["pin"]) == new and "ISM1001" not in lab.agent.event_ids()


@pytest.mark.parametrize("code", [0x80, 0xc1, 0xc3])
def test_board_swap_twin_the_bmc_does_not_say(lab, kcs, code):
    """Refused as ever: without its word nobody can tell a new BMC from a man in the middle."""
    start(lab)
    lab.agent.wait_connected()
    kcs.answers = lambda command, argument: bytes([code])
    swap(lab)
    pin = trust_show(lab)["pin"]
    wait_refused(lab, "ISM1001", timeout=20)
    assert trust_show(lab)["pin"] == pin


def test_board_swap_without_device(lab):
    kcs = Kcs(lab)
    start(lab)
    lab.agent.wait_connected()
    kcs.close()
    swap(lab)
    wait_refused(lab, "ISM1001", timeout=20)


def test_what_an_administrator_pinned_is_his_to_change(lab, kcs):
    start(lab)
    lab.agent.wait_connected()
    lab.agent.ctl("trust", "pin", fingerprint(bmc_certificate(lab)))
    lab.agent.wait_connected()
    assert trust_show(lab)["made_by"] == "pinned"
    asked = len(kcs.asked)
    swap(lab)
    wait_refused(lab, "ISM1001", timeout=20)
    assert len(kcs.asked) == asked


def test_a_host_that_was_forgotten_stays_so(lab, kcs):
    """The same BMC, which knows us no more: that is its administrator's word, not an enrolment."""
    start(lab)
    lab.agent.wait_connected()
    endpoint_command(lab, "trust", "forget")
    wait_refused(lab, "ISM1004", timeout=20)
    assert kcs.count(CREDENTIALS) == 1


def test_trust_reset_asks_again(lab, kcs):
    start(lab)
    lab.agent.wait_connected()
    asked = kcs.count(FINGERPRINT)
    lab.agent.ctl("trust", "reset")
    wait_for(lambda: kcs.count(FINGERPRINT) > asked, 10, "asked anew")
    lab.agent.wait_connected()
    assert trust_show(lab)["made_by"] == "kcs"


# --- accounts -------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["unpadded", "unpadded without end", "17"])
def test_answers_of_the_field(lab, kcs, form):
    def odd(command, argument):
        answer = kcs.forward(command, argument)
        if command != CREDENTIALS:
            return answer
        user, password = (answer[i:i + 16].rstrip(b"\0") for i in (2, 18))
        return answer[:2] + {"unpadded": user + b"\0" + password + b"\0",
                             "unpadded without end": user + b"\0" + password,
                             "17": user.ljust(17, b"\0") + password.ljust(17, b"\0")}[form]
    kcs.answers = odd
    start(lab, enrolment="kcs")
    lab.agent.wait_connected()
    assert left_over(lab) == []


@pytest.mark.parametrize("answer", [
    b"\x80", b"\xc1", b"\xc4", b"\xff", b"", b"\0", b"\0\x52", b"\0\x52user", b"\0\x52" + bytes(32),
    b"\0\x52a b\0password", b"\0\x52user\0pass\nword", b"\0\x53user\0password"],
    ids=lambda a: a.hex()[:12] + "-%d" % len(a))
def test_no_account(lab, kcs, answer):
    """Pinned over IPMI, and no way in: it is said once, and the BMC is not asked without end."""
    kcs.answers = lambda c, a: answer if c == CREDENTIALS else kcs.forward(c, a)
    start(lab, enrolment="kcs")
    wait_refused(lab, "ISM1004")
    events = [e for e in lab.agent.events() if e["id"] == "ISM1136"]
    assert len(events) == 1
    assert trust_show(lab)["made_by"] == "kcs"
    # The next way: its administrator opens the window.
    endpoint_command(lab, "trust", "open")
    lab.agent.wait_connected(timeout=30)


def test_wrong_account(lab, kcs):
    """The BMC names one that it does not take: forgotten, and another asked for, few in an hour."""
    kcs.answers = lambda c, a: b"\0\x52nobody\0password" if c == CREDENTIALS else kcs.forward(c, a)
    start(lab, enrolment="kcs")
    wait_refused(lab, "ISM1004")
    assert "401" in lab.agent.wait_event("ISM1136")["args"][0]
    assert not os.path.exists(worker_file(lab, "bootstrap.json"))
    for i in range(10):
        mark = lab.agent.mark()
        lab.agent.reload(sections={"Tls": {"tls_min_version": "1.1" if i % 2 else "1.2"}})
        lab.agent.wait_event("ISM1030", 10, mark)
        lab.agent.wait_event("ISM1004", 10, mark)
    assert kcs.count(CREDENTIALS) == 6


# --- killed at each step --------------------------------------------------------------------------

def test_killed_before_the_account_was_used(lab, kcs):
    """The answer came, it is on disk, and then the power went: the same account goes on."""
    def cut(command, argument):
        answer = kcs.forward(command, argument)
        if command == CREDENTIALS:
            lab.silence_ipv4()
        return answer
    kcs.answers = cut
    start(lab, enrolment="kcs")
    wait_for(lambda: os.path.exists(worker_file(lab, "bootstrap.json")), 10, "the account is kept")
    assert os.stat(worker_file(lab, "bootstrap.json")).st_mode & 0o777 == 0o600
    lab.agent.kill()
    lab.clear_faults()
    lab.agent.start()
    lab.agent.wait_connected(timeout=20)
    assert kcs.count(CREDENTIALS) == 1 and left_over(lab) == []
    assert not os.path.exists(worker_file(lab, "bootstrap.json"))


def test_killed_before_the_account_was_deleted(lab, kcs):
    """The BMC knows us; what is left is deleted by the next life, and nothing is asked for."""
    start(lab, enrolment="kcs")
    lab.agent.wait_connected()
    lab.agent.kill()
    code, answer = 0, kcs.forward(CREDENTIALS, 0xa5)
    assert answer[0] == code
    user, password = (answer[i:i + 16].rstrip(b"\0").decode() for i in (2, 18))
    path = worker_file(lab, "bootstrap.json")
    with open(path, "w") as file:
        json.dump({"format": 1, "user": user, "password": password}, file)
    os.chown(path, *[getattr(os.stat(worker_file(lab, "trust.json")), f)
                     for f in ("st_uid", "st_gid")])
    assert left_over(lab) == [user]
    asked = kcs.count(CREDENTIALS)
    lab.agent.start()
    lab.agent.wait_connected()
    wait_for(lambda: left_over(lab) == [], 10, "the account is gone")
    wait_for(lambda: not os.path.exists(path), 10, "and forgotten")
    assert kcs.count(CREDENTIALS) == asked
    assert len(lab.wait_lifecycle("ISM1015")) == 1  # and no second certificate of ours


def start_with_an_account_that_stays(lab, kcs):
    """Connected over IPv6; IPv4 is refused, and so is the connection that would delete it."""
    start(lab, enrolment="kcs", keep_alive_seconds=3600)
    lab.agent.wait_connected()
    lab.agent.kill()
    answer = kcs.forward(CREDENTIALS, 0xa5)
    user, password = (answer[i:i + 16].rstrip(b"\0").decode() for i in (2, 18))
    path = worker_file(lab, "bootstrap.json")
    with open(path, "w") as file:
        json.dump({"format": 1, "user": user, "password": password}, file)
    os.chown(path, *[getattr(os.stat(worker_file(lab, "trust.json")), f)
                     for f in ("st_uid", "st_gid")])
    lab.refuse_port(443, family=4)
    lab.bmc.nft("add rule inet lab refuse meta nfproto ipv6 tcp dport 443 tcp flags syn / syn,ack "
                "limit rate over 1/hour burst 1 packets reject with tcp reset")
    clock = FakeClock(lab.folder, lab.agent, runs=True)
    lab.agent.start(ipv6="on")
    lab.agent.wait_connected("ipv6", 20)
    return clock, path, "account %s removed, at the wish of the host" % user


def try_ipv4(lab, clock):
    tried = lab.syn_counts()["ipv4"]
    clock.go(10)
    lab.host.ip("addr replace 192.0.2.9/32 dev " + HOST_NIC)
    wait_for(lambda: lab.syn_counts()["ipv4"] > tried, 20, "IPv4 was tried")


def test_deleted_over_the_protocol_that_there_is(lab, kcs):
    """The BMC does not delete it at once, and meanwhile IPv4 was tried, in vain."""
    clock, path, gone = start_with_an_account_that_stays(lab, kcs)
    try_ipv4(lab, clock)
    assert gone not in lab.endpoint.log() and os.path.exists(path)
    lab.allow_port()
    lab.refuse_port(443, family=4)
    clock.go(601)
    lab.host.ip("addr del 192.0.2.9/32 dev " + HOST_NIC)  # wakes it up
    wait_for(lambda: not os.path.exists(path), 30, "the account is gone, and forgotten")
    assert gone in lab.endpoint.log()


def test_deleted_though_an_attempt_was_cut_short_meanwhile(lab, kcs):
    """IPv4 is tried, and its address goes before the BMC has said anything to that."""
    clock, path, gone = start_with_an_account_that_stays(lab, kcs)
    lab.silence_ipv4()
    lab.allow_port()
    try_ipv4(lab, clock)
    lab.host.ip("addr flush dev %s to 169.254.0.0/16" % HOST_NIC)
    wait_for(lambda: BMC_IPV4 + ": root -> closed" in lab.agent.log(), 10, "cut short")
    assert gone not in lab.endpoint.log() and os.path.exists(path)
    clock.go(601)
    lab.host.ip("addr del 192.0.2.9/32 dev " + HOST_NIC)  # wakes it up
    wait_for(lambda: not os.path.exists(path), 30, "the account is gone, and forgotten")
    assert gone in lab.endpoint.log()


def test_account_that_is_gone_is_forgotten(lab, kcs):
    """The BMC was reset meanwhile: its accounts end with that."""
    start(lab, enrolment="kcs")
    lab.agent.wait_connected()
    lab.agent.stop()
    path = worker_file(lab, "bootstrap.json")
    with open(path, "w") as file:
        json.dump({"format": 1, "user": "boot-00000000", "password": "x" * 15}, file)
    os.chmod(path, 0o644)
    lab.agent.start()
    lab.agent.wait_connected()
    wait_for(lambda: not os.path.exists(path), 10, "forgotten")


@pytest.mark.parametrize("delay", range(0, 120, 8))
def test_killed_at_any_moment(lab, kcs, delay):
    """So many ms after the first question: wherever that was, the next life ends well."""
    start(lab, enrolment="kcs")
    wait_for(lambda: kcs.asked, 10, "asked")
    time.sleep(delay / 1000)
    lab.agent.kill()
    lab.agent.start()
    lab.agent.wait_connected(timeout=20)
    made = kcs.count(CREDENTIALS)
    assert made <= 2
    # Lost for good is only an account whose answer was on its way to us.
    wait_for(lambda: len(left_over(lab)) <= made - 1, 10, "no account is left that we knew of")
    assert not os.path.exists(worker_file(lab, "bootstrap.json"))
    assert len(lab.wait_lifecycle("ISM1015")) == 1
