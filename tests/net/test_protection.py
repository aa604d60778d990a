# SPDX-License-Identifier: Apache-2.0
"""The NIC's protection where the program nft is slow: said as long as it is so, and tried again."""
import os
import shutil

import pytest

from lab import HOST_NIC
from netns import wait_for
from test_monitor import tables

LATE = "nft did not end within 5000 ms"


class Nft:
    """In the place of the program, in the agent's mount namespace only; as its file says."""

    def __init__(self, lab, tmp_path):
        self.lab = lab
        self.how, real, script = tmp_path / "how", tmp_path / "real-nft", tmp_path / "nft"
        shutil.copy("/usr/sbin/nft", real)
        script.write_text('#!/bin/sh\nread how <%s\n[ "$how" = hangs ] && exec sleep 60\n'
                          '[ "$how" = fails ] && exit 1\n'
                          '%s "$@"\nr=$?\n[ "$how" = late ] && exec sleep 60\nexit $r\n'
                          % (self.how, real))
        script.chmod(0o755)
        lab.agent.prefix = ["unshare", "-m", "sh", "-c",
                            'for p in /usr/sbin/nft /sbin/nft /usr/bin/nft; do [ -e $p ] && '
                            'mount --bind %s $p; done; exec "$@"' % script, "x"]

    def set(self, how):
        self.how.write_text(how + "\n")

    def start_agent(self, how):
        """With a nft that is too slow: the NIC stays unprotected."""
        self.set(how)
        self.lab.agent.start(wait=False)
        wait_unprotected(self.lab, LATE)
        return self.lab


@pytest.fixture
def nft(lab, tmp_path):
    made = Nft(lab, tmp_path)
    lab.endpoint.start()
    return made


def wait_unprotected(lab, text, timeout=60):
    return lab.agent.wait(lambda s: (s["unprotected"] or "") == text, timeout,
                          "unprotected: %r" % text)


def test_a_slow_nft_is_tried_again(nft):
    """Connected all the same; the state says it until it is mended, each change is one event."""
    lab = nft.start_agent("hangs")
    lab.agent.wait_connected("ipv4", 30)
    assert tables(lab) == []
    shown = lab.agent.ctl("status").stdout
    assert "Unprotected" in shown and LATE in shown
    wait_for(lambda: "acts: care of NIC" in lab.agent.log(), 60, "it was tried again")
    assert lab.agent.event_ids().count("ISM1035") == 1
    assert "ISM1044" not in lab.agent.event_ids()
    nft.set("works")
    wait_unprotected(lab, "")
    assert len(tables(lab)) == 1 and lab.agent.event_ids().count("ISM1044") == 1
    assert "Unprotected" not in lab.agent.ctl("status").stdout
    lab.agent.stop()
    assert tables(lab) == []


def test_what_nft_did_before_it_was_ended_is_put_back(nft):
    """It was too slow only after its work: the table stands, and must go at the end."""
    lab = nft.start_agent("late")
    assert len(tables(lab)) == 1
    nft.set("works")
    lab.agent.stop(30)  # it may be trying again
    assert tables(lab) == []


def test_a_worker_that_ended_does_not_forget_it(nft):
    lab = nft.start_agent("hangs")
    os.kill(lab.agent.children()[0], 9)
    wait_unprotected(lab, LATE)
    nft.set("works")
    wait_unprotected(lab, "")
    assert len(tables(lab)) == 1


def test_a_sysctl_that_was_changed_is_no_lack(lab):
    """The twin: all is well, and the administrator's later change is not fought against."""
    lab.endpoint.start()
    lab.agent.start(wait=False)
    lab.agent.wait_connected("ipv4", 30)
    assert lab.agent.status()["unprotected"] is None and len(tables(lab)) == 1
    lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC, "2")
    assert "ISM1035" not in lab.agent.event_ids() and "ISM1044" not in lab.agent.event_ids()
    lab.agent.stop()
    assert lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC) == "2"


@pytest.mark.parametrize("then", ["started without the filter", "removed"])
def test_a_table_that_could_not_be_removed_is_removed_later(nft, then):
    """A stop at which nft fails (no memory, a busy machine) leaves it; nobody else removes it."""
    nft.set("works")
    lab = nft.lab
    lab.agent.start(wait=False)
    lab.agent.wait_connected("ipv4", 30)
    wait_unprotected(lab, "")
    nft.set("fails")
    lab.agent.stop()
    assert len(tables(lab)) == 1 and "cannot remove the nft table" in lab.agent.log()
    lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC, "2")  # an administrator's, since
    nft.set("works")
    if then == "removed":
        lab.host.run(lab.agent.command() + ["--cleanup"])
    else:
        lab.agent.start(nic_filter="off")
        lab.agent.wait_connected("ipv4", 30)
        lab.agent.stop()
    assert tables(lab) == []
    assert lab.host.sysctl("ipv6/conf/%s/accept_ra" % HOST_NIC) == "2", "it was put back before"
