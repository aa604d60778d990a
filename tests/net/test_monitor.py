# SPDX-License-Identifier: Apache-2.0
"""The acts of the monitor, each asked for by a worker in its real sandbox: effect and refusal."""
import errno
import json
import os
import re
import shutil
import socket
import threading

import pytest

from daemons import program
from lab import BMC_IPV4, BMC_MAC, BMC_NIC, BMC_ULA, HOST_IPV4, HOST_MAC, HOST_NIC, HOST_ULA
from netns import run, wait_for
from probe import (ARMED, EADDRINUSE, ENODEV, EPERM, NOTICE_ARP, NOTICE_EVENT, NOTICE_RELOAD,
                   REAPPLY, SPENT, Gone, Probe)

PAIR = {"host4": HOST_IPV4, "bmc4": BMC_IPV4}


@pytest.fixture
def probe(lab):
    made = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(made.kill)
    made.lab = lab
    yield made
    if made.process is not None:
        made.stop()
    assert not made.trouble()


@pytest.fixture
def claimed(probe):
    """Started, with the NIC claimed."""
    probe.start()
    probe.must("claim", ifindex=probe.lab.ifindex)
    return probe


def tables(lab):
    out = lab.host.run(["nft", "-j", "list", "tables"]).stdout
    return [t["table"]["name"] for t in json.loads(out)["nftables"] if "table" in t]


def sysctl(lab, key):
    """key with % for the NIC's name"""
    return lab.host.sysctl(key.replace("%", HOST_NIC))


# The password of the BMC's account

def with_password(probe, content=b"s3cret pass\n", mode=0o600, owner=0):
    path = os.path.join(probe.lab.folder, "password")
    if content is not None:
        with open(path, "wb") as file:
            file.write(content)
        os.chown(path, owner, 0)
        os.chmod(path, mode)
    probe.start(sections={"Login": {"user": "host", "password_file": path}})
    probe.must("claim", ifindex=probe.lab.ifindex)
    return path


@pytest.mark.parametrize("content,password", [
    (b"s3cret pass\n", "s3cret pass"), (b"x", "x"), (b"x\r\n", "x"),
    (b"p" * 256 + b"\n", "p" * 256), ("gr\u00fc\u00dfe".encode(), "gr\u00fc\u00dfe")])
def test_password_is_given_when_asked_for(probe, content, password):
    with_password(probe, content)
    assert probe.must("password")["password"] == password
    assert password == "x" or password not in probe.log()


@pytest.mark.parametrize("content,mode,owner,error,why", [
    (b"s3cret", 0o640, 0, errno.EACCES, "group or others"),
    (b"s3cret", 0o604, 0, errno.EACCES, "group or others"),
    (b"s3cret", 0o620, 0, errno.EACCES, "group or others"),
    (b"s3cret", 0o600, 12, errno.EACCES, "not owned by root"),
    (b"", 0o600, 0, errno.ENODATA, "empty"), (b"\n", 0o600, 0, errno.ENODATA, "empty"),
    (b"p" * 257, 0o600, 0, errno.EFBIG, "longer"), (b"p" * 9999, 0o600, 0, errno.EFBIG, "longer"),
    (b"s3\ncret\n", 0o600, 0, errno.EILSEQ, "one line"),
    (b"s3\0cret\n", 0o600, 0, errno.EILSEQ, "one line"),
    (b"\xff\xfe\n", 0o600, 0, errno.EILSEQ, "one line"),
    (None, 0, 0, errno.ENOENT, "No such file")])
def test_password_file_that_is_not_used(probe, content, mode, owner, error, why):
    """Each with the reason in the log, and never with a word of what is in it."""
    with_password(probe, content, mode, owner)
    answer = probe.ask("password")
    assert (answer["r"], answer["password"]) == (-error, "")
    assert why in probe.log() and "cret" not in probe.log()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo,
                                  lambda path: os.symlink(path + "-there", path)],
                         ids=["folder", "pipe", "link"])
def test_password_file_that_is_no_file(probe, make):
    path = with_password(probe)
    os.rename(path, path + "-there")  # what a link leads to would do
    make(path)
    if not os.path.islink(path):
        os.chmod(path, 0o600)
    assert probe.r("password") in (-errno.EINVAL, -errno.ELOOP)
    os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
    os.rename(path + "-there", path)
    assert probe.must("password")["password"] == "s3cret pass"


def test_no_password_unless_configured_and_claimed(probe):
    probe.start()
    probe.must("claim", ifindex=probe.lab.ifindex)
    assert probe.r("password") == EPERM
    probe.stop()
    path = with_password(probe)
    assert probe.must("password")["password"] == "s3cret pass"
    probe.stop()
    probe.start(sections={"Login": {"user": "host", "password_file": path}})
    assert probe.r("password") == EPERM  # no NIC is claimed: there is nobody to log in to


# Claim

def test_claim_is_for_a_pass_through_nic_only(probe):
    lab = probe.lab
    probe.start()
    lo = lab.host.link("lo")["ifindex"]
    assert probe.r("claim", ifindex=lo) < 0
    assert probe.r("claim", ifindex=0) == EPERM
    assert probe.r("claim", ifindex=4711) == ENODEV
    probe.must("claim", ifindex=lab.ifindex)
    probe.must("claim", ifindex=lab.ifindex)


def test_claim_of_a_nic_with_other_ids_is_refused(make_lab):
    lab = make_lab(ids=("1234", "5678"))
    probe = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(probe.kill)
    probe.start()
    assert probe.r("claim", ifindex=lab.ifindex) == EPERM
    # the twin: the administrator names it
    probe.reload(interface=HOST_NIC)
    probe.wait_notice(NOTICE_RELOAD)
    probe.must("claim", ifindex=lab.ifindex)
    probe.stop()


def test_claim_moves_only_when_the_nic_is_gone(claimed):
    lab = claimed.lab
    old = lab.ifindex
    # a second NIC that would be allowed, beside the first
    lab.host.ip("link add bmc1 type veth peer name other")
    second = lab.host.link("bmc1")["ifindex"]
    first = os.path.realpath(os.path.join(lab.trees.sys, "class/net", HOST_NIC))
    shutil.copytree(first, os.path.join(os.path.dirname(first), "bmc1"), symlinks=True)
    with open(os.path.join(os.path.dirname(first), "bmc1", "ifindex"), "w") as file:
        file.write("%d\n" % second)
    os.symlink(os.path.join(os.path.dirname(first), "bmc1"),
               os.path.join(lab.trees.sys, "class/net", "bmc1"))
    assert claimed.must("facts", ifindex=second)["product"] == 0xa102
    assert claimed.r("claim", ifindex=second) == EPERM
    lab.host.ip("link del " + HOST_NIC)
    claimed.must("claim", ifindex=second)
    assert claimed.r("claim", ifindex=old) == ENODEV


def test_acts_without_a_claim_are_refused(probe):
    probe.start()
    for act, arguments in (("managed", {}), ("tcp", {"family": 4}), ("profile", {}),
                           ("configure", PAIR), ("spend", {}), ("rearm", {}),
                           ("care", {"on": True}), ("arp", {"target": BMC_IPV4})):
        assert probe.r(act, **arguments) == EPERM, act
    assert not probe.lab.host.addresses(HOST_NIC, 4)


# Facts

def test_facts_and_dmi(probe):
    lab = probe.lab
    raw = bytes(range(42)) * 3
    lab.trees.add_type42(raw)
    probe.start()
    facts = probe.must("facts", ifindex=lab.ifindex)
    assert (facts["vendor"], facts["product"], facts["ready"]) == (0x413c, 0xa102, True)
    assert probe.r("facts", ifindex=4711) == ENODEV
    dmi = probe.must("dmi", index=0)
    assert bytes.fromhex(dmi["data"]) == raw and not dmi["whole"]
    assert probe.r("dmi", index=1) < 0
    assert probe.r("dmi", index=99999) == EPERM
    assert "169" not in probe.must("settings")["text"]


def test_managed(claimed):
    lab, run = claimed.lab, claimed.lab.trees.run

    def write(path, text):
        path = os.path.join(run, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def managed():
        answer = claimed.must("managed")
        return answer["managed"], answer["ipv4_disabled"]
    assert managed() == (False, False)
    device = "NetworkManager/devices/%d" % lab.ifindex
    write(device, "[device]\nmanaged=true\n")
    assert managed() == (False, False), "no active profile"
    write(device, "[device]\nmanaged=false\nconnection-uuid=11-22\n")
    assert managed() == (False, False)
    write(device, "[device]\nmanaged=true\nconnection-uuid=11-22\n")
    assert managed() == (True, False)
    connection = "NetworkManager/system-connections/x.nmconnection"
    write(connection, "[connection]\nuuid=33-44\n[ipv4]\nmethod=disabled\n")
    assert managed() == (True, False), "another connection's"
    write(connection, "[connection]\nuuid=11-22\n[ipv6]\nmethod=disabled\n")
    assert managed() == (True, False), "another protocol's"
    write(connection, "[connection]\nuuid=11-22\n[ipv4]\nmethod=disabled\n")
    assert managed() == (True, True)
    os.unlink(os.path.join(run, device))
    for state, expected in (("unmanaged", False), ("configured", True), ("configuring", True)):
        write("systemd/netif/links/%d" % lab.ifindex, "# x\nADMIN_STATE=%s\n" % state)
        assert managed() == (expected, False), state


# Sockets

def listen(namespace, address, port=4433, family=socket.AF_INET):
    with namespace.enter():
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        return listener


def echo_once(listener):
    def work():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(16).upper())
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_tcp_goes_out_by_the_nic_only(claimed):
    lab = claimed.lab
    lab.host_configure()
    with listen(lab.bmc, "0.0.0.0") as listener:
        echo_once(listener)
        answer = claimed.must("tcp", family=4, address=BMC_IPV4, port=4433, echo=True)
        assert answer["connect"] == 0 and answer["echo"] == "PING"
        assert answer["device"] == HOST_NIC
    # a listener of the host itself, reachable by any socket but one that is bound to the NIC
    with listen(lab.host, "127.0.0.1", 4434):
        assert claimed.must("tcp", family=4, address="127.0.0.1", port=4434)["connect"] < 0
    assert claimed.r("tcp", family=1) == EPERM


def test_tcp_of_a_disabled_protocol_is_refused(claimed):
    claimed.must("tcp", family=4)
    claimed.must("tcp", family=6)
    claimed.reload(ipv6="off")
    claimed.wait_notice(NOTICE_RELOAD)
    assert claimed.r("tcp", family=6) == EPERM
    claimed.must("tcp", family=4)
    claimed.reload(ipv6="on", ipv4="off")
    claimed.wait_notice(NOTICE_RELOAD)
    assert claimed.r("tcp", family=4) == EPERM
    claimed.must("tcp", family=6)


# The one-time configuration

def our_pairs(lab):
    return [(a["local"], a.get("address"), a["prefixlen"], a["scope"])
            for a in lab.host.addresses(HOST_NIC, 4)]


def test_configure_once(claimed):
    lab = claimed.lab
    assert claimed.must("profile")["once"] == ARMED
    claimed.must("configure", **PAIR)
    assert our_pairs(lab) == [(HOST_IPV4, BMC_IPV4, 32, "link")]
    assert "UP" in lab.host.link(HOST_NIC)["flags"]
    assert [r["dst"] for r in lab.host.ip_json("-4 route show table main")] == [BMC_IPV4]
    profile = claimed.must("profile")
    assert (profile["once"], profile["host4"], profile["bmc4"]) == (SPENT, HOST_IPV4, BMC_IPV4)
    assert claimed.r("configure", **PAIR) == EPERM
    lab.host.ip("addr flush dev " + HOST_NIC)
    assert claimed.r("configure", **PAIR) == EPERM
    assert our_pairs(lab) == []


def test_spent_stays_spent_over_restarts(claimed):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    assert claimed.stop() == 0
    assert our_pairs(lab), "the address stays over a stop"
    lab.host.ip("-4 addr flush dev " + HOST_NIC)
    claimed.start()
    claimed.must("claim", ifindex=lab.ifindex)
    assert claimed.must("profile")["once"] == SPENT
    assert claimed.r("configure", **PAIR) == EPERM
    assert our_pairs(lab) == []


@pytest.mark.parametrize("birth", ["replug", "reboot"])
def test_a_new_birth_applies_the_same_addresses_once(claimed, birth):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    if birth == "replug":
        lab.replug()
    else:
        claimed.kill()
        lab.unplug()
        lab.trees.new_boot()
        lab.plug()
        claimed.start()
    claimed.must("claim", ifindex=lab.ifindex)
    profile = claimed.must("profile")
    assert (profile["once"], profile["host4"]) == (REAPPLY, HOST_IPV4)
    assert claimed.r("configure", host4="169.254.1.9", bmc4=BMC_IPV4) == EPERM
    claimed.must("configure", **PAIR)
    assert our_pairs(lab) == [(HOST_IPV4, BMC_IPV4, 32, "link")]
    lab.host.ip("-4 addr flush dev " + HOST_NIC)
    assert claimed.r("configure", **PAIR) == EPERM
    assert our_pairs(lab) == []


def test_complete_nic_is_spent_without_setting_anything(claimed):
    lab = claimed.lab
    lab.host_configure("169.254.1.7/16")
    claimed.must("spend")
    assert claimed.must("profile") == dict(claimed.must("profile"), once=SPENT, has_ipv4=False)
    assert claimed.r("configure", **PAIR) == EPERM
    assert [p[0] for p in our_pairs(lab)] == ["169.254.1.7"]
    lab.replug()
    claimed.must("claim", ifindex=lab.ifindex)
    assert claimed.must("profile")["once"] == SPENT, "nothing of ours to apply again"


def test_rearm_takes_our_address_and_configures_anew(claimed):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    claimed.must("rearm")
    assert our_pairs(lab) == []
    assert claimed.must("profile")["once"] == ARMED
    claimed.must("configure", host4="169.254.1.3", bmc4=BMC_IPV4)
    assert [p[0] for p in our_pairs(lab)] == ["169.254.1.3"]


@pytest.mark.parametrize("what", ["machine-id", "product_uuid"])
def test_a_cloned_state_starts_afresh(claimed, what):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    machine = claimed.must("machine")["machine"]
    claimed.stop()
    lab.host.ip("-4 addr flush dev " + HOST_NIC)
    if what == "machine-id":
        lab.trees.new_machine()
    else:
        lab.trees.set_product_uuid("11111111-2222-3333-4444-555555555555")
    claimed.start()
    assert claimed.must("machine")["machine"] != machine
    claimed.wait_notice(NOTICE_EVENT, id="ISM1028")
    claimed.must("claim", ifindex=lab.ifindex)
    assert claimed.must("profile")["once"] == ARMED
    claimed.must("configure", **PAIR)


def test_damaged_profile_counts_as_spent(claimed):
    path = os.path.join(claimed.state_dir, "monitor", "profile.json")
    claimed.must("configure", **PAIR)
    claimed.stop()
    with open(path, "r+") as file:
        file.truncate(os.path.getsize(path) // 2)
    claimed.lab.replug()
    claimed.start()
    claimed.must("claim", ifindex=claimed.lab.ifindex)
    assert claimed.must("profile")["once"] == SPENT
    assert claimed.r("configure", **PAIR) == EPERM
    claimed.must("rearm")
    claimed.must("configure", **PAIR)


def test_configure_never(claimed):
    claimed.reload(configure="never")
    claimed.wait_notice(NOTICE_RELOAD)
    assert claimed.r("configure", **PAIR) == EPERM
    assert our_pairs(claimed.lab) == []


BAD_PAIRS = [
    ("0.0.0.0", BMC_IPV4), (HOST_IPV4, "0.0.0.0"), (HOST_IPV4, HOST_IPV4),
    ("127.0.0.1", "127.0.0.2"), ("224.0.0.1", "224.0.0.2"), ("255.255.255.255", BMC_IPV4),
    ("8.8.8.9", "8.8.8.8"), (HOST_IPV4, "8.8.8.8"), ("16.1.15.2", "16.1.15.9"),
    (HOST_IPV4, "169.254.169.254"), ("169.254.169.254", BMC_IPV4), ("240.0.0.1", BMC_IPV4),
    (HOST_IPV4, "169.254.170.2"), ("16.1.15.2", "16.1.15.1"),  # of containers; of another vendor
]


@pytest.mark.parametrize("host,bmc", BAD_PAIRS)
def test_configure_refuses(claimed, host, bmc):
    assert claimed.r("configure", host4=host, bmc4=bmc) == EPERM
    assert our_pairs(claimed.lab) == []
    assert claimed.must("profile")["once"] == ARMED, "a refusal does not spend it"


@pytest.mark.parametrize("host,bmc", [
    ("10.1.1.2", "10.1.1.1"), ("172.31.255.2", "172.31.255.1"),
    ("192.168.7.2", "192.168.7.1"), ("169.254.0.2", "169.254.0.1")])
def test_configure_accepts(claimed, host, bmc):
    claimed.must("configure", host4=host, bmc4=bmc)
    assert our_pairs(claimed.lab) == [(host, bmc, 32, "link")]


def test_configure_accepts_the_vendors_own_net(make_lab):
    lab = make_lab(ids=("03f0", "2927"))
    probe = Probe(lab.host, os.path.join(lab.folder, "probe"), lab.trees)
    lab.on_close(probe.kill)
    probe.start()
    probe.must("claim", ifindex=lab.ifindex)
    probe.must("configure", host4="16.1.15.2", bmc4="16.1.15.1")
    probe.stop()


def test_configure_accepts_a_public_address_that_is_named(claimed):
    public = {"host4": "203.0.113.2", "bmc4": "203.0.113.1"}
    assert claimed.r("configure", **public) == EPERM
    claimed.reload(host_ipv4="203.0.113.2", bmc_ipv4="203.0.113.1")
    claimed.wait_notice(NOTICE_RELOAD)
    claimed.must("configure", **public)


def test_configure_refuses_what_the_host_uses_elsewhere(claimed):
    lab = claimed.lab
    lab.host.ip("link add lan0 type veth peer name lan1")
    lab.host.ip("link set lan0 up")
    lab.host.ip("addr add 169.254.1.5/24 dev lan0")
    assert claimed.r("configure", host4="169.254.1.5", bmc4="169.254.9.1") == EADDRINUSE
    assert claimed.r("configure", host4="169.254.9.2", bmc4="169.254.1.5") == EADDRINUSE
    assert claimed.r("configure", **PAIR) == EADDRINUSE, "the BMC's lies in lan0's subnet"
    lab.host.ip("addr flush dev lan0")
    claimed.must("configure", **PAIR)


def test_configure_ipv6(claimed):
    lab = claimed.lab
    lan = {"host4": HOST_IPV4, "bmc4": BMC_IPV4}
    for bad in ({"host6": "2001:db8::2", "bmc6": "2001:db8::1", "prefix": 128},
                {"host6": HOST_ULA, "bmc6": "::", "prefix": 3},
                {"host6": HOST_ULA, "bmc6": BMC_ULA, "prefix": 64},
                {"host6": HOST_ULA, "bmc6": HOST_ULA, "prefix": 128},
                {"host6": "fe80::2", "bmc6": "::", "prefix": 64},
                {"host6": "ff02::2", "bmc6": "::", "prefix": 64},
                {"host6": "::1", "bmc6": "::", "prefix": 128}):
        assert claimed.r("configure", **lan, **bad) == EPERM, bad
    assert our_pairs(lab) == []
    claimed.must("configure", **lan, host6=HOST_ULA, bmc6=BMC_ULA, prefix=128)
    ours = [a for a in lab.host.addresses(HOST_NIC, 6) if a["local"] == HOST_ULA]
    assert ours and ours[0]["address"] == BMC_ULA and ours[0]["prefixlen"] == 128

    def routes():
        found = [r["dst"] for r in lab.host.ip_json("-6 route show dev " + HOST_NIC)]
        return sorted(r for r in found if r.startswith("fd"))
    # the kernel adds the peer's route when duplicate detection is done
    wait_for(lambda: routes() == [BMC_ULA, HOST_ULA], 5, "a route to the BMC alone")


# Care

CARE = {"ipv6/conf/%/accept_ra": "0", "ipv6/conf/%/router_solicitations": "0",
        "ipv4/conf/%/arp_announce": "2", "ipv4/conf/%/rp_filter": "1"}


def test_care_is_set_and_put_back(claimed):
    lab = claimed.lab
    before = {key: sysctl(lab, key) for key in CARE}
    lab.host.sysctl("ipv4/conf/%s/proxy_arp" % HOST_NIC, 1)
    claimed.must("care", on=True)
    assert {key: sysctl(lab, key) for key in CARE} == CARE != before
    for family in ("ipv4", "ipv6"):
        assert int(sysctl(lab, family + "/neigh/%/retrans_time_ms")) <= 60
    assert sysctl(lab, "ipv4/conf/%/proxy_arp") == "0"
    assert tables(lab) == ["bmclink_%d" % lab.ifindex]
    claimed.must("care", on=True)
    # an administrator's later choice is left alone
    lab.host.sysctl("ipv4/conf/%s/arp_announce" % HOST_NIC, 1)
    assert claimed.stop() == 0
    before["ipv4/conf/%/arp_announce"] = "1"
    assert {key: sysctl(lab, key) for key in CARE} == before
    assert sysctl(lab, "ipv4/conf/%/proxy_arp") == "1"
    assert tables(lab) == []
    assert os.listdir(os.path.join(claimed.state_dir, "monitor")) == []


def test_care_is_put_back_after_a_kill(claimed):
    lab = claimed.lab
    before = {key: sysctl(lab, key) for key in CARE}
    claimed.must("care", on=True)
    claimed.kill()
    assert tables(lab)
    claimed.start()
    claimed.must("claim", ifindex=lab.ifindex)
    claimed.must("care", on=True)
    claimed.stop()
    assert {key: sysctl(lab, key) for key in CARE} == before
    # also when no worker asks for it in the second life
    claimed.start()
    claimed.must("claim", ifindex=lab.ifindex)
    claimed.must("care", on=True)
    claimed.kill()
    claimed.start()
    claimed.stop()
    assert {key: sysctl(lab, key) for key in CARE} == before and tables(lab) == []


def test_care_follows_the_nic_and_the_filter_the_configuration(claimed):
    lab = claimed.lab
    claimed.must("care", on=True)
    lab.replug()
    claimed.must("claim", ifindex=lab.ifindex)
    assert tables(lab) == []
    claimed.must("care", on=True)
    assert tables(lab) == ["bmclink_%d" % lab.ifindex]
    assert sysctl(lab, "ipv6/conf/%/accept_ra") == "0"
    claimed.reload(nic_filter="off")
    claimed.wait_notice(NOTICE_RELOAD)
    assert tables(lab) == []
    claimed.reload(nic_filter="replies")
    claimed.wait_notice(NOTICE_RELOAD)
    assert tables(lab) == ["bmclink_%d" % lab.ifindex]


def test_the_worker_cannot_switch_the_care_off(claimed):
    claimed.must("care", on=True)
    assert claimed.r("care", on=False) == EPERM
    assert tables(claimed.lab) == ["bmclink_%d" % claimed.lab.ifindex]
    assert sysctl(claimed.lab, "ipv6/conf/%/accept_ra") == "0"


def test_care_survives_a_rename(claimed):
    lab = claimed.lab
    claimed.must("care", on=True)
    lab.host.ip("link set %s name idrac" % HOST_NIC)
    assert lab.host.sysctl("ipv6/conf/idrac/accept_ra") == "0"
    claimed.stop()
    assert lab.host.sysctl("ipv6/conf/idrac/accept_ra") == "1"
    assert tables(lab) == []


def test_foreign_tables_are_left_alone(claimed):
    lab = claimed.lab
    lab.host.nft("table inet filter { chain input { type filter hook input priority 0; }\n}")
    claimed.must("care", on=True)
    claimed.stop()
    assert tables(lab) == ["filter"]


def cleanup(probe):
    run(probe.lab.host.wrap([program("bmclinkd"), "--cleanup", "--foreground", "--state-dir",
                             probe.state_dir] + probe.lab.trees.options()))


def test_cleanup_takes_everything_away(claimed):
    lab = claimed.lab
    before = {key: sysctl(lab, key) for key in CARE}
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]
    claimed.must("configure", **PAIR)
    claimed.must("care", on=True)
    claimed.kill()
    assert "UP" in lab.host.link(HOST_NIC)["flags"]
    assert our_pairs(lab) and tables(lab)
    cleanup(claimed)
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]
    assert our_pairs(lab) == [] and tables(lab) == []
    assert {key: sysctl(lab, key) for key in CARE} == before
    for part in ("monitor", "worker"):
        assert not os.path.exists(os.path.join(claimed.state_dir, part)), "keys and trust, too"


def test_cleanup_leaves_up_what_was_up_or_is_in_use(claimed):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    claimed.kill()
    lab.host.ip("addr add 192.0.2.1/24 dev " + HOST_NIC)  # somebody else's since
    cleanup(claimed)
    assert [pair[0] for pair in our_pairs(lab)] == ["192.0.2.1"]
    assert "UP" in lab.host.link(HOST_NIC)["flags"]


def test_a_configuration_that_failed_leaves_the_nic_down(claimed):
    """Else the next try found it up, and nobody would put it down again at removal."""
    lab = claimed.lab
    lab.host.sysctl("ipv6/conf/%s/disable_ipv6" % HOST_NIC, "1")
    assert claimed.r("configure", host6=HOST_ULA, bmc6=BMC_ULA, prefix=128) == -errno.EACCES
    assert claimed.must("profile")["once"] == ARMED
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]
    claimed.must("configure", **PAIR)
    assert "UP" in lab.host.link(HOST_NIC)["flags"]
    claimed.kill()
    cleanup(claimed)
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]


def test_missing_nft_is_an_event_and_no_end(claimed):
    lab = claimed.lab
    claimed.kill()
    # an empty file over the program, in the daemon's mount namespace only
    plain = claimed.command
    claimed.command = lambda: ["unshare", "-m", "sh", "-c",
                               'for p in /usr/sbin/nft /sbin/nft /usr/bin/nft; do [ -e $p ] && '
                               'mount --bind /etc/hostname $p; done; exec "$@"', "x"] + plain()
    claimed.start()
    claimed.must("claim", ifindex=lab.ifindex)
    claimed.must("care", on=True)
    event = claimed.wait_notice(NOTICE_EVENT, id="ISM1035")
    assert "nft" in event["arg"]
    assert sysctl(lab, "ipv6/conf/%/accept_ra") == "0", "the rest is done"


# ARP probes

def test_arp_probe_before_any_address(claimed):
    lab = claimed.lab
    assert "UP" not in lab.host.link(HOST_NIC)["flags"]
    claimed.must("arp", target="169.254.0.1")
    claimed.must("arp", target=BMC_IPV4)
    assert claimed.wait_notice(NOTICE_ARP)["address"] == BMC_IPV4
    assert claimed.must("profile")["once"] == ARMED
    assert our_pairs(lab) == []


def test_arp_probe_hears_no_other_answer(claimed):
    """Only a reply in the name of the asked address counts."""
    lab = claimed.lab
    lab.host_up()
    wait_for(lambda: "LOWER_UP" in lab.host.link(HOST_NIC)["flags"], 5, "carrier")
    with lab.bmc.enter(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((BMC_NIC, 0x0806))
        ours, theirs = (bytes.fromhex(m.replace(":", "")) for m in (HOST_MAC, BMC_MAC))

        def reply(address, operation=2, protocol=0x0800):
            return (ours + theirs + b"\x08\x06\x00\x01" + protocol.to_bytes(2, "big") + b"\x06\x04"
                    + operation.to_bytes(2, "big") + theirs + socket.inet_aton(address) + ours
                    + bytes(4))
        claimed.must("arp", target="169.254.0.1")
        for frame in (reply("169.254.0.2"), reply("169.254.0.1", 1),
                      reply("169.254.0.1", 2, 0x86dd), reply("169.254.0.1")[:30], b"\0" * 60):
            raw.send(frame)
        claimed.must("arp", target=BMC_IPV4)
        assert claimed.wait_notice(NOTICE_ARP)["address"] == BMC_IPV4
        assert not [n for n in claimed.must("notices")["notices"] if n["notice"] == NOTICE_ARP]
        # the twin: the right one is heard
        raw.send(reply("169.254.0.1"))
        assert claimed.wait_notice(NOTICE_ARP)["address"] == "169.254.0.1"


def test_duplicate_address_is_noticed(claimed):
    lab = claimed.lab
    claimed.must("configure", **PAIR)
    claimed.must("arp", target=HOST_IPV4)
    claimed.must("arp", target=BMC_IPV4)
    assert claimed.wait_notice(NOTICE_ARP)["address"] == BMC_IPV4, "we do not answer ourselves"
    lab.bmc.ip("addr add %s/16 dev %s" % (HOST_IPV4, BMC_NIC))
    claimed.must("arp", target=HOST_IPV4)
    assert claimed.wait_notice(NOTICE_ARP)["address"] == HOST_IPV4


def test_arp_probe_of_a_spent_nic_that_is_down(claimed):
    claimed.must("spend")
    assert claimed.r("arp", target=BMC_IPV4) < 0
    assert "UP" not in claimed.lab.host.link(HOST_NIC)["flags"]


def test_arp_probes_are_bounded(claimed):
    claimed.lab.host_up()
    results = [claimed.r("arp", target="169.254.7.%d" % n) for n in range(1, 7)]
    assert results[:4] == [0] * 4 and all(r < 0 for r in results[4:])
    # they end by themselves
    wait_for(lambda: claimed.r("arp", target="169.254.7.9") == 0, 2, "a free probe")
    assert claimed.r("arp", target="0.0.0.0") < 0


# Audit

def test_audit_is_bounded(claimed):
    claimed.must("audit", kind=0, address=BMC_IPV4, tls="TLS 1.3", reason="connected")
    claimed.must("audit", kind=4, address="x" * 500, tls='"\n op=forged', reason="a=b")
    assert claimed.r("audit", kind=5, address="", tls="", reason="") == EPERM
    results = [claimed.r("audit", kind=0, address="", tls="", reason="") for _ in range(70)]
    assert results[0] == 0 and results[-1] < 0, "not more than forty a minute"
    # what is about trust has its own share: a link that flaps leaves it room
    trust = [claimed.r("audit", kind=3, address="", tls="", reason="") for _ in range(30)]
    assert trust[0] == 0 and trust[-1] < 0
    assert not re.search(r"forged|a=b", re.sub(r"op_forged|a_b", "", claimed.log()))


# Reload

def test_a_bad_configuration_is_not_taken(claimed):
    claimed.must("tcp", family=6)
    claimed.reload(ipv6="perhaps")
    event = claimed.wait_notice(NOTICE_EVENT, id="ISM1029")
    assert "bmclinkd" in event["arg"] or "monitor_probe" in event["arg"]
    assert claimed.r("tcp", family=6) == 0
    claimed.reload(ipv6="off")
    claimed.wait_notice(NOTICE_EVENT, id="ISM1030")
    assert claimed.r("tcp", family=6) == EPERM


# Garbage, from the worker's own socket

def test_garbage_is_refused_and_nothing_done(claimed):
    lab = claimed.lab
    for hex_text in ("", "00", "0000", "ffff", "0100ff", "0500", "0900" + "00" * 42, "0900" * 20,
                     "0c0002", "0d00" + "00" * 5, "0e00" + "ff" * 40, "0700" + "04" * 900,
                     "0900" + "ff" * 4000, "0300" + "00" * 2000):
        if not hex_text:
            continue
        assert claimed.r("raw", hex=hex_text) == EPERM, hex_text[:40]
    assert our_pairs(lab) == [] and tables(lab) == []
    assert claimed.must("profile")["once"] == ARMED


def test_an_empty_request_ends_the_worker_only(claimed):
    """A datagram of no bytes looks like the end of the socket: the worker is started again."""
    before = claimed.children()
    with pytest.raises(Gone):
        claimed.do("abort")
    wait_for(lambda: claimed.children() not in ([], before) and claimed._answers(), 5, "restart")
    claimed.must("claim", ifindex=claimed.lab.ifindex)
