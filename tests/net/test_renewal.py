# SPDX-License-Identifier: Apache-2.0
"""Renewal of the host's certificate over the channel that is still trusted."""
import datetime
import json
import os
import shutil
import subprocess

import pytest

from daemons import program
from hostile_attacks import JSON_HEAD
from hostile_bmc import HostileBmc
from netns import die_with_parent, run, wait_for
from peers import MANAGER, ROOT, Service, Tls, answer, with_stream
from servers import fingerprint, replace_certificate

CERTIFICATES = "/redfish/v1/AccountService/Accounts/host/Certificates"


def worker(lab, name=""):
    return os.path.join(lab.agent.state_dir, "worker", name)


def certificate(lab):
    return json.loads(lab.agent.ctl("certificate", "show", "--json").stdout)


def plain(text):
    return text.replace(":", "").lower()


def known_hosts(lab):
    """Fingerprints that the endpoint knows, as its administrator sees them."""
    command = [program("bmclink-endpoint"), "--config", lab.endpoint.config, "--state-dir",
               lab.endpoint.state_dir, "--runtime-dir", lab.endpoint.runtime_dir, "trust", "list"]
    out = run(lab.bmc.wrap(command)).stdout
    return [plain(line.split()[2].rstrip(",")) for line in out.splitlines()
            if line.startswith("host ")]


def enrolled(lab, sections=None, **keys):
    lab.endpoint.start(**keys)
    lab.agent.start(sections, ipv6="off")
    lab.agent.wait_connected("ipv4")
    return plain(certificate(lab)["fingerprint"])


def assert_one_at_each_end(lab):
    """Exactly one certificate, on both sides the same, and nothing staged."""
    shown = plain(certificate(lab)["fingerprint"])
    assert sorted(n for n in os.listdir(worker(lab)) if n.startswith("agent.")) \
        == ["agent.crt", "agent.key"]
    assert fingerprint(worker(lab, "agent.crt")) == shown
    assert known_hosts(lab) == [shown]
    assert certificate(lab)["renewal"]["staged"] is None


def soon(**delta):
    return datetime.datetime.utcnow() + datetime.timedelta(**delta)


# --- by command -----------------------------------------------------------------------------------

def test_by_command(lab):
    old = enrolled(lab)
    saved = [shutil.copy(worker(lab, "agent" + end), lab.folder) for end in (".crt", ".key")]
    done = lab.agent.ctl("certificate", "renew")
    assert "renewed" in done.stdout
    new = plain(certificate(lab)["fingerprint"])
    assert new != old
    lab.agent.wait_connected("ipv4")
    assert_one_at_each_end(lab)
    assert plain(lab.agent.wait_event("ISM1110")["args"][0]) == new
    # what the BMC has let go opens nothing any more; the new one does
    options = ["--cert", saved[0], "--key", saved[1]]
    assert lab.curl("/redfish/v1/Managers/bmc", certificate=False, options=options)[0] == 0
    assert lab.curl("/redfish/v1/Managers/bmc")[0] == 200
    entries = [e["MessageId"].split(".")[-1] for e in lab.lifecycle_log()]
    assert entries.count("ISM1015") == 2 and entries.count("ISM1038") == 1


def test_again_and_again(lab):
    seen = {enrolled(lab)}
    for _ in range(3):
        lab.agent.ctl("certificate", "renew")
        seen.add(plain(certificate(lab)["fingerprint"]))
        assert_one_at_each_end(lab)
    assert len(seen) == 4


def test_not_connected(lab):
    old = enrolled(lab)
    lab.endpoint.stop()
    lab.agent.wait_state("connecting")
    done = lab.agent.ctl("certificate", "renew", check=False)
    assert done.returncode == 3 and "not connected" in done.stderr and not done.stdout
    assert plain(certificate(lab)["fingerprint"]) == old
    assert certificate(lab)["renewal"]["staged"] is None


def test_an_answer_that_breaks_off(lab):
    """The connection lives on, perhaps for months: the new one is offered again over it."""
    bmc = HostileBmc(lab)
    lab.on_close(bmc.close)
    bmc.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait(lambda s: s["events"] and s["events"]["by"] == "stream", 20, "connected")
    old = plain(certificate(lab)["fingerprint"])
    bmc.arm("enrolment",
            lambda hit: hit.send(JSON_HEAD + b"Content-Length: 90\r\n\r\n{}"))  # and its end
    asked = subprocess.Popen(lab.agent.namespace.wrap(
        [program("bmclinkctl"), "--runtime-dir", lab.agent.runtime_dir, "certificate", "renew"]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    wait_for(lambda: bmc.hits, 20, "it was offered")
    bmc.step = None
    wait_for(lambda: plain(certificate(lab)["fingerprint"]) != old, 40, "offered again")
    asked.kill()
    asked.wait()


def test_without_tls_there_is_nothing_to_renew(lab):
    enrolled(lab, tls="off")
    done = lab.agent.ctl("certificate", "renew", check=False)
    assert done.returncode == 5 and "not encrypted" in done.stderr and not done.stdout


# --- a BMC that refuses ---------------------------------------------------------------------------

class Refuser(Service):
    """One of ours, which answers the offer as it is told."""

    def __init__(self, lab, status):
        self.status = status
        root = dict(ROOT, Oem={"Bmclink": {
            "Enrolment": "Closed",
            "HostAccount": {"@odata.id": "/redfish/v1/AccountService/Accounts/host"}}})
        table = with_stream(root=answer(200, root), manager=answer(200, MANAGER))
        table[CERTIFICATES] = self._offered
        super().__init__(lab.bmc, 443, table, Tls(lab.folder).context)

    def _offered(self, connection):
        connection.sendall(answer(self.status, {}))

    def offers(self):
        return [json.loads(body) for method, path, body in list(self.requests)
                if method == "POST" and path == CERTIFICATES]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 503])
def test_refused(lab, status):
    """No success for what did not happen; the old one stays in use; it is offered again later."""
    with Refuser(lab, status) as bmc:
        lab.agent.start({"Tls": {"pin": Tls(lab.folder).fingerprint}}, ipv6="off")
        lab.agent.wait_connected("ipv4")
        old = plain(certificate(lab)["fingerprint"])
        done = lab.agent.ctl("certificate", "renew", check=False)
        assert done.returncode == 1 and str(status) in done.stderr and not done.stdout
        state = certificate(lab)
        assert plain(state["fingerprint"]) == old and state["renewal"]["state"] == "failed"
        assert str(status) in state["renewal"]["trouble"]
        assert str(status) in lab.agent.wait_event("ISM1111")["args"][1]
        offered = bmc.offers()
        assert len(offered) == 1
        lab.agent.ctl("certificate", "renew", check=False)  # the same one, not another new one
        assert len(bmc.offers()) == 2 and bmc.offers()[1] == offered[0]
        assert lab.agent.status()["state"] == "connected"
        # the twin: it takes it now
        bmc.status = 201
        assert "renewed" in lab.agent.ctl("certificate", "renew").stdout
        assert plain(certificate(lab)["fingerprint"]) != old


# --- by itself ------------------------------------------------------------------------------------

def with_dates(lab, days_left, sections=None):
    """Enrolled with a certificate that has so many days left of ten years."""
    lab.agent.start(sections, ipv6="off")
    wait_for(lambda: os.path.exists(worker(lab, "agent.crt")), 5, "a certificate")
    lab.agent.stop()
    replace_certificate(worker(lab, "agent.crt"), not_before=soon(days=-3600),
                        not_after=soon(days=days_left))
    return fingerprint(worker(lab, "agent.crt"))


def test_by_itself_when_it_is_due(lab):
    old = with_dates(lab, 29)
    lab.endpoint.start()
    lab.agent.start()
    wait_for(lambda: plain(certificate(lab)["fingerprint"]) != old, 10, "renewed")
    lab.agent.wait_connected("ipv4")
    wait_for(lambda: certificate(lab)["renewal"]["state"] == "idle", 5, "at rest")
    assert_one_at_each_end(lab)
    left = datetime.datetime.fromisoformat(certificate(lab)["not_after"][:-1]) \
        - datetime.datetime.utcnow()
    assert left.days > 3600
    assert lab.agent.event_ids().count("ISM1110") == 1


@pytest.mark.parametrize("days,keys", [(40, {}), (29, {"renewal": "off"})])
def test_by_itself_twin(lab, days, keys):
    """Not before it is due, and not where it is switched off; by command then, too."""
    old = with_dates(lab, days, {"Tls": keys})
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    state = certificate(lab)
    assert plain(state["fingerprint"]) == old and state["renewal"]["state"] == "idle"
    assert (state["renewal"]["due"] is None) == bool(keys)
    lab.agent.ctl("certificate", "renew")
    assert plain(certificate(lab)["fingerprint"]) != old
