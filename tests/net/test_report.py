# SPDX-License-Identifier: Apache-2.0
"""bmclinkctl report on a host where bmclinkd has been at work."""
import json

from lab import HOST_IPV4, HOST_NIC


def report(lab):
    out = lab.agent.ctl("--state-dir", lab.agent.state_dir, "--config", lab.agent.config,
                        *lab.trees.options(), "report", "--json").stdout
    made = json.loads(out)
    return made, {s["name"]: s for s in made["sections"]}


def states(section):
    return {i["what"]: i["state"] for i in section["items"]}


def connect(lab):
    lab.endpoint.start()
    lab.agent.start(ipv6="off")
    lab.agent.wait_connected("ipv4")


def test_everything_as_recorded(lab):
    connect(lab)
    made, sections = report(lab)
    ours = [w for w, s in states(sections["addresses"]).items() if s == "as-recorded"]
    assert len(ours) == 1 and ours[0].startswith(HOST_IPV4) and HOST_NIC in ours[0]
    sysctls = sections["sysctls"]["items"]
    ra = [i for i in sysctls if i["what"] == "net.ipv6.conf.%s.accept_ra = 0" % HOST_NIC]
    assert ra[0]["state"] == "as-recorded" and ra[0]["note"] == "it was 1 before"
    assert {i["state"] for i in sysctls} == {"as-recorded"}
    assert states(sections["firewall"]) == {
        "table inet bmclink_%d" % lab.ifindex: "as-recorded"}
    assert states(sections["sockets"]) == {
        "unix socket %s" % lab.agent.control: "as-recorded"}
    files = states(sections["directories"])
    assert any("agent.key (file, mode 0600" in name for name in files)
    assert made["differences"] == 0, made


def test_what_somebody_changed_is_seen(lab):
    connect(lab)
    lab.host.run(["sysctl", "-qw", "net.ipv6.conf.%s.accept_ra=2" % HOST_NIC])
    lab.host.run(["nft", "delete", "table", "inet", "bmclink_%d" % lab.ifindex])
    lab.host.run(["nft", "add", "table", "inet", "bmclink_9999"])
    lab.host.ip("address del %s peer 169.254.1.1/32 dev %s" % (HOST_IPV4, HOST_NIC))
    lab.host.ip("address add 198.51.100.7/24 dev %s" % HOST_NIC)
    made, sections = report(lab)
    addresses = states(sections["addresses"])
    assert addresses.pop("198.51.100.7 on " + HOST_NIC) == "not-ours"
    assert list(addresses.values()) == ["missing"]
    assert states(sections["sysctls"])["net.ipv6.conf.%s.accept_ra = 2" % HOST_NIC] == "changed"
    assert states(sections["firewall"]) == {
        "table inet bmclink_%d" % lab.ifindex: "missing",
        "table inet bmclink_9999": "changed"}
    assert made["differences"] == 4


def test_after_the_end_nothing_but_the_address_is_left(lab):
    connect(lab)
    lab.agent.stop()
    made, sections = report(lab)
    assert made["daemon_running"] is False and made["differences"] == 0
    assert list(states(sections["addresses"]).values()) == ["as-recorded"]
    assert sections["sysctls"]["items"] == [] and sections["firewall"]["items"] == []
    assert sections["sockets"]["none"] == "bmclinkd does not run"
