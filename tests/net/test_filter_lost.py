# SPDX-License-Identifier: Apache-2.0
"""Another program takes the NIC's nft table away: it is said, and the table is set again."""
import json
import os
import signal

import pytest

from lab import HOST_NIC
from netns import wait_for
from test_monitor import tables

ABOVE = 2000  # tables made and removed: more news than the monitor's socket can keep


@pytest.fixture
def connected(lab):
    lab.endpoint.start()
    lab.agent.start(wait=False)
    lab.agent.wait_connected("ipv4", 30)
    lab.agent.wait(lambda s: s["unprotected"] is None, 10, "protected")
    return lab


def rules(lab):
    """The rules of our table, without their numbers and counts."""
    out = lab.host.run(["nft", "-s", "list", "table", "inet", table(lab)], check=False)
    return out.stdout if out.returncode == 0 else ""


def table(lab):
    return "bmclink_%d" % lab.ifindex


def wait_set_again(lab, before, events=1):
    wait_for(lambda: lab.agent.event_ids().count("ISM1044") >= events, 30, "it is said to stand")
    assert rules(lab) == before


@pytest.mark.parametrize("taken", ["flush ruleset", "delete table inet %s", "flush table inet %s",
                                   "flush chain inet %s input", "rule"])
def test_it_is_set_again(connected, taken):
    lab, before = connected, rules(connected)
    assert "counter drop" in before
    if taken == "rule":  # the last one of the chain, which drops
        listed = json.loads(lab.host.run(["nft", "-j", "list", "chain", "inet", table(lab),
                                          "input"]).stdout)["nftables"]
        handle = [one["rule"]["handle"] for one in listed if "rule" in one][-1]
        taken = "delete rule inet %%s input handle %d" % handle
    lab.host.nft(taken % table(lab) if "%" in taken else taken)
    wait_set_again(lab, before)
    said = [e for e in lab.agent.events() if e["id"] in ("ISM1035", "ISM1044")]
    assert [e["id"] for e in said] == ["ISM1035", "ISM1044"]
    assert "another program removed the nft table " + table(lab) in said[0]["text"]
    assert lab.agent.status()["unprotected"] is None
    assert lab.agent.status()["state"] == "connected"
    lab.agent.stop()
    assert tables(lab) == []


def test_what_is_not_lost_is_not_said(connected, tmp_path):
    """The twins: a rule set saved and restored with ours in it, as scripts of administrators do, a
    reload of ours, and tables of others that come and go."""
    lab, before = connected, rules(connected)
    saved = lab.host.run(["nft", "list", "ruleset"]).stdout
    lab.host.nft("flush ruleset\n" + saved)
    lab.host.nft("add table inet bmclink_99\nadd table ip " + table(lab))
    lab.host.nft("delete table inet bmclink_99\ndelete table ip " + table(lab))
    lab.agent.reload(nic_filter="off")
    wait_for(lambda: tables(lab) == [], 10, "the filter is off")
    lab.agent.reload(nic_filter="replies")
    wait_for(lambda: rules(lab) == before, 10, "the filter is on")
    lab.host.nft("delete table inet " + table(lab))  # and is seen after all of this
    wait_set_again(lab, before)
    assert lab.agent.event_ids().count("ISM1035") == 1


def test_without_the_filter_nothing_is_set(lab):
    lab.endpoint.start()
    lab.agent.start(wait=False, nic_filter="off")
    lab.agent.wait_connected("ipv4", 30)
    lab.host.nft("add table inet %s\ndelete table inet %s" % (table(lab), table(lab)))
    lab.agent.reload(nic_filter="replies")  # what was told before is read by then
    wait_for(lambda: rules(lab), 10, "the filter is on")
    assert not {"ISM1035", "ISM1044"} & set(lab.agent.event_ids())


def test_a_sysctl_of_the_administrator_stays(connected):
    """The filter alone is set again."""
    lab, before = connected, rules(connected)
    lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC, "2")
    lab.host.nft("flush ruleset")
    wait_set_again(lab, before)
    assert lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC) == "2"


def test_who_removes_it_each_time_is_fought_less_and_less_often(connected):
    """0.1 s, 0.4 s, 1.6 s, 6.4 s: nobody makes the monitor run nft all the time."""
    lab, before = connected, rules(connected)
    for times in range(1, 5):
        lab.host.nft("delete table inet " + table(lab))
        wait_set_again(lab, before, times)
    waits = [line.rsplit("it is set again in ", 1)[1] for line in lab.agent.log().splitlines()
             if "it is set again in" in line]
    assert waits == ["100 ms", "400 ms", "1600 ms", "6400 ms"]


def test_more_news_than_can_be_kept(connected):
    """The monitor sleeps while thousands of tables come and go, and then its own: it sets that
    again without knowing, and does not say what it does not know."""
    lab, before = connected, rules(connected)
    os.kill(lab.agent.pid, signal.SIGSTOP)
    try:
        for number in range(0, ABOVE, 100):
            lab.host.nft("\n".join("add table ip x%d\ndelete table ip x%d" % (i, i)
                                   for i in range(number, number + 100)))
        lab.host.nft("delete table inet " + table(lab))
        assert rules(lab) == ""
    finally:
        os.kill(lab.agent.pid, signal.SIGCONT)
    wait_for(lambda: rules(lab) == before, 30, "the table is set again")
    assert not {"ISM1035", "ISM1044"} & set(lab.agent.event_ids())
