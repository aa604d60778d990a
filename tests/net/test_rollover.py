# SPDX-License-Identifier: Apache-2.0
"""The BMC's own certificate changes: announced while the old one is in use, pinned beside it."""
import json
import os

import pytest

from daemons import program
from hostile_attacks import JSON_HEAD
from hostile_bmc import HostileBmc
from netns import run, wait_for
from servers import fingerprint, make_certificate, replace_certificate
from test_renewal import plain, soon, worker


def endpoint_command(lab, *arguments, check=True):
    command = [program("bmclink-endpoint"), "--config", lab.endpoint.config, "--state-dir",
               lab.endpoint.state_dir, "--runtime-dir", lab.endpoint.runtime_dir]
    return run(lab.bmc.wrap(command + list(arguments)), check=check)


def bmc(lab, name=""):
    return os.path.join(lab.endpoint.state_dir, name)


def trust(lab):
    return json.loads(lab.agent.ctl("trust", "show", "--json").stdout)


def manager(lab):
    code, body = lab.curl("/redfish/v1/Managers/bmc")
    assert code == 200
    return json.loads(body)


def enrolled(lab, sections=None, **keys):
    lab.endpoint.start(**keys)
    lab.agent.start(sections, ipv6="off")
    lab.agent.wait_connected("ipv4")
    # its event stream is what an announcement comes by
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream", 5, "the stream")
    return fingerprint(bmc(lab, "endpoint.crt"))


def wait_changed(lab, old, timeout=15):
    """Connected, and both ends have one certificate: not the old one."""
    def is_new(status):
        shown = plain(status["bmc_fingerprint"] or "")
        return status["state"] == "connected" and shown not in ("", old)
    status = lab.agent.wait(is_new, timeout, "connected with another certificate")
    new = plain(status["bmc_fingerprint"])
    assert fingerprint(bmc(lab, "endpoint.crt")) == new
    assert sorted(n for n in os.listdir(bmc(lab)) if n.startswith("endpoint.")) \
        == ["endpoint.crt", "endpoint.key"]
    state = trust(lab)
    assert plain(state["pin"]) == new and state["next_pin"] is None
    return new


def test_by_command(lab):
    old = enrolled(lab)
    uuid = manager(lab)["UUID"]
    out = endpoint_command(lab, "certificate", "renew").stdout
    new = wait_changed(lab, old)
    assert new in plain(out)
    ids = lab.agent.event_ids()
    assert ids.count("ISM1112") == 1 and ids.count("ISM1114") == 1 and "ISM1001" not in ids
    told = manager(lab)
    assert plain(told["Oem"]["Bmclink"]["CertificateFingerprint"]) == new
    assert "NextCertificateFingerprint" not in told["Oem"]["Bmclink"]
    assert told["UUID"] == uuid  # it is the same BMC
    assert lab.wait_lifecycle("ISM1115") and lab.wait_lifecycle("ISM1116")
    lab.endpoint.stop()
    lab.endpoint.start()
    lab.agent.wait_connected("ipv4")
    assert manager(lab)["UUID"] == uuid


def test_again_and_again(lab):
    seen = [enrolled(lab)]
    for _ in range(3):
        endpoint_command(lab, "certificate", "renew")
        seen.append(wait_changed(lab, seen[-1]))
    assert len(set(seen)) == 4


def test_a_host_that_is_away_is_waited_for(lab):
    """The old one stays in use until the host has heard of the next one, over the old."""
    old = enrolled(lab)
    lab.agent.stop()
    out = endpoint_command(lab, "certificate", "renew").stdout
    assert "when every known host has it" in out
    again = endpoint_command(lab, "certificate", "renew", check=False)
    assert again.returncode == 1 and "made already" in again.stderr
    lab.endpoint.stop()
    lab.endpoint.start()  # what was announced outlives the process
    assert fingerprint(bmc(lab, "endpoint.crt")) == old
    assert fingerprint(bmc(lab, "endpoint.next.crt")) in plain(
        endpoint_command(lab, "certificate", "show").stdout)
    lab.agent.start()
    wait_changed(lab, old)


def test_by_itself_when_it_is_due(lab):
    lab.endpoint.start()
    lab.endpoint.stop()
    replace_certificate(bmc(lab, "endpoint.crt"), not_before=soon(days=-3600),
                        not_after=soon(days=29))
    old = fingerprint(bmc(lab, "endpoint.crt"))
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    wait_changed(lab, old)


@pytest.mark.parametrize("days,keys", [(40, {}), (29, {"renewal": "off"})])
def test_by_itself_twin(lab, days, keys):
    lab.endpoint.start()
    lab.endpoint.stop()
    replace_certificate(bmc(lab, "endpoint.crt"), not_before=soon(days=-3600),
                        not_after=soon(days=days))
    old = enrolled(lab, **keys)
    assert "NextCertificateFingerprint" not in manager(lab)["Oem"]["Bmclink"]
    assert plain(lab.agent.status()["bmc_fingerprint"]) == old
    assert not os.path.exists(bmc(lab, "endpoint.next.crt"))


def test_deadline_with_a_host_that_never_came(lab):
    """A week before the end it is used, whoever has heard of it; who has not, refuses it."""
    old = enrolled(lab)
    lab.agent.stop()
    lab.endpoint.stop()
    replace_certificate(bmc(lab, "endpoint.crt"), not_before=soon(days=-3600),
                        not_after=soon(days=6))
    old = fingerprint(bmc(lab, "endpoint.crt"))
    lab.endpoint.start()  # too late for the usual week: announced for a day
    assert fingerprint(bmc(lab, "endpoint.crt")) == old
    wait_for(lambda: os.path.exists(bmc(lab, "endpoint.next.crt")), 5, "announced")
    lab.endpoint.stop()
    replace_certificate(bmc(lab, "endpoint.next.crt"), not_before=soon(days=-2))  # it goes by
    lab.endpoint.start()
    wait_for(lambda: not os.path.exists(bmc(lab, "endpoint.next.crt")), 5, "in use")
    lab.agent.start()
    lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1001", 10,
                   "identity changed")


def test_pin_of_the_configuration_is_the_administrators(lab):
    """He has named one certificate: the agent does not take another, and tells him."""
    lab.endpoint.start()
    pin = fingerprint(bmc(lab, "endpoint.crt"))
    lab.agent.start({"Tls": {"pin": pin}}, ipv6="off")
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream", 5, "the stream")
    endpoint_command(lab, "certificate", "renew")
    following = fingerprint(bmc(lab, "endpoint.next.crt"))
    assert plain(lab.agent.wait_event("ISM1113")["args"][0]) == following
    assert fingerprint(bmc(lab, "endpoint.crt")) == pin
    assert trust(lab)["next_pin"] is None
    lab.agent.ctl("status")
    assert lab.agent.status()["state"] == "connected"


def test_nobody_else_may_acknowledge(lab):
    """Else a stranger could make the BMC change before its host knows."""
    old = enrolled(lab)
    lab.agent.stop()
    endpoint_command(lab, "certificate", "renew")
    following = fingerprint(bmc(lab, "endpoint.next.crt"))
    path = "/redfish/v1/Managers/bmc/Actions/Oem/BmclinkManager.AcknowledgeCertificate"

    def post(text, **options):
        return lab.curl(path, options=["-H", "Content-Type: application/json", "-d", text],
                        **options)[0]
    right = json.dumps({"Fingerprint": following})
    assert post(right, certificate=False) == 401
    for wrong in ("{}", '{"Fingerprint": 5}', json.dumps({"Fingerprint": old}),
                  json.dumps({"Fingerprint": following[:-2]}),
                  json.dumps({"Fingerprint": following, "Odd": 1})):
        assert post(wrong) == 400, wrong
    assert fingerprint(bmc(lab, "endpoint.crt")) == old
    assert post(right) == 204  # the twin
    wait_for(lambda: fingerprint(bmc(lab, "endpoint.crt")) == following, 5, "in use")


def test_next_pin_is_believed_of_the_pinned_bmc_alone(lab):
    """Whoever answers with another certificate announces nothing: he is refused before that."""
    enrolled(lab)
    with open(worker(lab, "trust.json")) as file:
        before = file.read()
    lab.endpoint.stop()
    make_certificate(lab.folder, "thief")
    replace_certificate(bmc(lab, "endpoint.crt"))
    lab.endpoint.start()
    endpoint_command(lab, "certificate", "renew")
    lab.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1001", 10,
                   "identity changed")
    with open(worker(lab, "trust.json")) as file:
        assert file.read() == before
    assert trust(lab)["next_pin"] is None


class BreaksOff(HostileBmc):
    """Answers one request of this kind by half, and all else as it should be."""
    wanted = None

    def _step_of(self, head):
        step = super()._step_of(head)
        return "half" if self.wanted and self.wanted in head.split(b"\r\n")[0] else step

    def half(self, hit):
        self.wanted = None
        hit.send(JSON_HEAD + b"Content-Length: 90\r\n\r\n{}")


@pytest.mark.parametrize("what", [b"GET /redfish/v1/Managers/bmc ", b"AcknowledgeCertificate"],
                         ids=["the announcement", "the acknowledgement"])
def test_an_answer_that_breaks_off(lab, what):
    """The connection lives on: the BMC, which waits for our word, gets it all the same."""
    bmc = BreaksOff(lab)
    lab.on_close(bmc.close)
    bmc.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream"
                   and s["features"]["local-names"]["active"], 20, "connected, all is read")
    old = plain(lab.agent.status()["bmc_fingerprint"])
    bmc.arm("half", bmc.half)
    bmc.wanted = what
    endpoint_command(lab, "certificate", "renew")
    wait_for(lambda: bmc.hits == 1, 20, "half an answer")
    wait_changed(lab, old, 45)
    assert bmc.hits == 1
