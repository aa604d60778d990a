# SPDX-License-Identifier: Apache-2.0
"""Trust over IPMI with BMCs of other makes: an account of ours, and the one from IPMI deleted."""
import json
import os

import pytest

from bmcs import USER, write_password
from bootstrap_bmcs import BootGb200, BootXcc, cut
from kcs import Kcs
from netns import wait_for
from peers import Tls
from test_vendors import smbios_of


class Stage:
    def __init__(self, make_lab, kind, **changes):
        self.lab = make_lab(ids=kind.ids, bmc_ipv4=kind.address, bmc_ipv6=False)
        if hasattr(kind, "host_address"):
            self.lab.trees.add_type42(smbios_of(kind))
        else:
            with open(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                   "data", "smbios42", "lenovo_xcc.raw"), "rb") as file:
                self.lab.trees.add_type42(file.read())
        self.folder = os.path.join(self.lab.folder, "stock")
        self.bmc = kind(self.lab.bmc, self.folder, **changes)
        self.bmc.folder = self.folder
        self.lab.on_close(self.bmc.close)
        self.kcs = Kcs(self.lab)
        self.kcs.answers = lambda command, argument: self.bmc.ipmi(command, argument)
        self.agent = self.lab.agent

    def start(self, trust="auto", **sections):
        self.bmc.start()
        self.agent.start(sections=dict({"Tls": {"trust": trust}}, **sections), ipv6="off")
        return self.agent

    def file(self, name):
        return os.path.join(self.agent.state_dir, "worker", name)

    def restart(self):
        self.agent.kill()
        self.agent.start()


@pytest.fixture(params=[BootXcc, BootGb200], ids=["xcc", "gb200"])
def stage(request, make_lab):
    return Stage(make_lab, request.param)


@pytest.fixture
def xcc(make_lab):
    return Stage(make_lab, BootXcc)


def settled(stage):
    """Connected by the account of our own, which is the only one; nothing else is left."""
    status = stage.agent.wait(lambda s: s["state"] == "connected", 30)
    assert status["login"] == "session" and status["trust"]["by"] == "kcs"
    wait_for(lambda: stage.bmc.bootstraps() == [], 10, "no bootstrap account is left")
    wait_for(lambda: not os.path.exists(stage.file("bootstrap.json")), 10, "and none remembered")
    account, = stage.bmc.lasting()
    with open(stage.file("account.json")) as file:
        kept = json.load(file)
    assert (account["UserName"], account["Password"]) == (kept["user"], kept["password"])
    assert os.stat(stage.file("account.json")).st_mode & 0o777 == 0o600
    assert account["RoleId"] == "ReadOnly" and len(account["Password"]) == 16
    assert stage.bmc.owners[list(stage.bmc.sessions.values())[-1]] == account["UserName"]
    return account


@pytest.mark.parametrize("trust", ["auto", "kcs"])
def test_an_account_of_our_own(stage, trust):
    stage.start(trust)
    account = settled(stage)
    assert stage.bmc.asked.count(2) == 1 and len(stage.bmc.made) == 1
    assert account["Password"] not in stage.agent.log()
    assert stage.bmc.invented() == []
    # Again and again: nobody is asked, nothing is made.
    for _ in range(2):
        stage.restart()
        settled(stage)
    assert stage.bmc.asked.count(2) == 1 and len(stage.bmc.made) == 1


def test_answer_lost_never_a_second_account(stage):
    """The BMC has made it, and we did not hear: it is found again, and its password made ours."""
    stage.bmc.faults["POST"] = cut
    stage.start()
    settled(stage)
    assert len(stage.bmc.made) == 1 and stage.bmc.asked.count(2) == 1


def test_killed_after_it_was_made(stage):
    """On disk before it was told: it is tried before anything is asked for."""
    def cut_and_stay(connection, request):
        stage.lab.silence_ipv4()
        return False
    stage.bmc.faults["POST"] = cut_and_stay
    stage.start()
    wait_for(lambda: stage.bmc.made, 10, "it is made")
    stage.agent.kill()
    stage.lab.clear_faults()
    stage.agent.start()
    settled(stage)
    assert len(stage.bmc.made) == 1 and stage.bmc.asked.count(2) == 1


def test_deletion_refused_is_made_good_later(stage):
    stage.bmc.refuses = ("DELETE",)
    stage.start()
    stage.agent.wait_connected(timeout=20)
    assert "not deleted yet" in stage.agent.wait_event("ISM1135")["args"]
    assert len(stage.bmc.bootstraps()) == 1 and os.path.exists(stage.file("bootstrap.json"))
    stage.bmc.refuses = ()
    stage.restart()
    settled(stage)
    assert stage.bmc.asked.count(2) == 1


def test_no_account_can_be_made(xcc):
    """Said, with the reason; the account from IPMI is deleted all the same."""
    xcc.bmc.refuses = ("POST",)
    xcc.start()
    xcc.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1050", 20)
    event = xcc.agent.wait_event("ISM1136")
    assert "405" in event["args"][0]
    wait_for(lambda: xcc.bmc.bootstraps() == [], 10, "none is left")
    assert xcc.bmc.lasting() == []


def test_board_swap(stage):
    stage.start()
    before = settled(stage)
    stage.bmc.reset_to_defaults("another")
    event = stage.agent.wait_event("ISM1131", 30)
    assert event["args"][1].replace(":", "") == stage.bmc.tls.fingerprint.replace(":", "")
    after = settled(stage)
    assert after["UserName"] == before["UserName"]
    assert "ISM1001" not in stage.agent.event_ids()


def test_disabled_by_firmware(xcc):
    """80h: the host's firmware took it. First use, and no way in but an administrator's account."""
    xcc.bmc.enabled = False
    xcc.start()
    xcc.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1050", 20)
    assert "80h" in xcc.agent.wait_event("ISM1133")["args"][0]
    assert xcc.bmc.lasting() == [] and xcc.bmc.asked.count(2) == 0


def test_an_administrators_account_goes_first(xcc):
    """[Login] is his word: nothing is asked for beside it, not even when it is wrong."""
    xcc.bmc.accounts["his"] = {"UserName": USER, "Password": "of the day", "RoleId": "ReadOnly"}
    xcc.start(Login={"user": USER, "password_file": write_password(xcc.lab.folder, "of the day")})
    xcc.agent.wait_connected()
    assert xcc.bmc.asked.count(2) == 0 and xcc.agent.status()["trust"]["by"] == "kcs"
    assert not os.path.exists(xcc.file("account.json"))


def test_twin_his_wrong_account(xcc):
    xcc.start(Login={"user": USER, "password_file": write_password(xcc.lab.folder, "wrong one")})
    xcc.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1050", 20)
    assert xcc.bmc.asked.count(2) == 0 and len(xcc.bmc.accounts) == 1


def test_man_in_the_middle(xcc):
    own = xcc.bmc.tls
    xcc.bmc.tls = Tls(xcc.folder, name="impostor")
    word = bytes.fromhex(own.fingerprint.replace(":", ""))
    xcc.kcs.answers = lambda c, a: b"\0\x52\x01" + word if (c, a) == (1, 1) else b"\xcb"
    xcc.start()
    xcc.agent.wait(lambda s: s["state"] == "refused" and s["reason"]["id"] == "ISM1132", 20)
    assert xcc.bmc.requests == [] and xcc.kcs.count(2) == 0
