# SPDX-License-Identifier: Apache-2.0
"""The agent with BMCs of other makes, each as a script that behaves as that vendor's does."""
import os

import pytest

from bmcs import PASSWORD, USER, Bmcweb2024, Gb200, Idrac9, Ilo6, Xcc, type42, write_password
from lab import HOST_MAC
from netns import wait_for

SAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data",
                       "smbios42")


def read(name):
    with open(os.path.join(SAMPLES, name + ".raw"), "rb") as file:
        return file.read()


class Stage:
    """A lab whose BMC is a scripted one."""

    def __init__(self, make_lab, kind, smbios=None, address=None, **changes):
        self.lab = make_lab(ids=kind.ids, bmc_ipv4=address or kind.address, bmc_ipv6=False)
        if smbios:
            self.lab.trees.add_type42(smbios)
        self.bmc = kind(self.lab.bmc, os.path.join(self.lab.folder, "stock"), **changes)
        self.lab.on_close(self.bmc.close)
        self.agent = self.lab.agent

    def start(self, password=PASSWORD, mode=0o600, bmc=True, sections=None, **keys):
        login = {"user": USER, "password_file": write_password(self.lab.folder, password, mode)}
        if bmc:
            self.bmc.start()
        self.agent.start(sections=dict({"Login": login}, **(sections or {})), ipv6="off", **keys)
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
                                    "ServerSentEventUri"}
    else:
        assert status["events"] == {"by": "stream", "reason": None}
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
