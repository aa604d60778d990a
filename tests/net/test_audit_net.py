# SPDX-License-Identifier: Apache-2.0
"""The OS audit log: rows S11 and S27. Needs the first user namespace: the kernel takes audit
records from nowhere else."""
import datetime
import os

import pytest

from audit import open_listener
from lab import BMC_IPV4
from servers import replace_certificate

# There is one switch of the kernel's auditing, for all of the machine.
pytestmark = pytest.mark.xdist_group("audit")


@pytest.fixture
def audit():
    listener, why = open_listener()
    if not listener:
        pytest.skip(why)
    yield listener
    listener.__exit__()


def own(lab):
    """What only records of this test's agent have: others may run on this machine."""
    return "pid=%d " % lab.agent.pid


def test_s11_connected_names_the_protocol(lab, audit):
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")
    record = audit.wait(own(lab), "connected", "proto=ipv4", "addr=" + BMC_IPV4)
    assert "tls=TLS_1.3" in record and "res=success" in record


def test_s11_connected_over_ipv6(lab, audit):
    lab.endpoint.start()
    lab.agent.start(ipv4="off")
    lab.agent.wait_connected("ipv6")
    audit.wait(own(lab), "connected", "proto=ipv6", "addr=fe80:", "res=success")


def test_s27_expired_certificate(lab, audit):
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")
    lab.agent.stop()
    now = datetime.datetime.utcnow()
    replace_certificate(os.path.join(lab.agent.state_dir, "worker", "agent.crt"),
                        not_before=now - datetime.timedelta(days=20),
                        not_after=now - datetime.timedelta(days=10))
    lab.agent.start()
    lab.agent.wait_state("refused")
    audit.wait(own(lab), "expired", "res=failed")


def test_refusal_and_loss_are_audited(lab, audit):
    lab.endpoint.start()
    lab.agent.start({"Tls": {"pin": "ab" * 32}}, ipv6="off")
    lab.agent.wait_state("refused")
    audit.wait(own(lab), "refused", "res=failed")
    lab.agent.stop()
    lab.agent.start({"Tls": {"pin": ""}})
    lab.agent.wait_connected("ipv4")
    lab.endpoint.stop()
    audit.wait(own(lab), "lost", "proto=ipv4")
