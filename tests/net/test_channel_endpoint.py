# SPDX-License-Identifier: Apache-2.0
"""The channel alone against the endpoint: enrolment by both windows, forgetting, versions."""
import datetime
import json
import os
import socket
import subprocess
import time

import pytest

import netns
from daemons import program
from lab import BMC_IPV4, BMC_NIC, HOST_NIC
from servers import fingerprint, make_certificate

CERTIFICATES = "/redfish/v1/AccountService/Accounts/host/Certificates"


class Host:
    """The host's side: several agents may have lived on it, each with a pair of its own."""

    def __init__(self, lab):
        self.lab = lab
        lab.host_configure()
        self.pair("agent")

    def pair(self, name, **dates):
        folder = os.path.join(self.lab.folder, "pairs", name)
        make_certificate(folder, "agent", common_name="bmclink-host", **dates)
        return folder

    def start(self, *options, pair="agent", address=BMC_IPV4):
        command = [program("channel_probe"), "--address", address, "--ifindex", HOST_NIC,
                   "--port", "443", "--plain-port", "80",
                   "--pair", os.path.join(self.lab.folder, "pairs", pair), *options]
        environment = dict(os.environ)
        if "--sandbox" in options:
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
        return subprocess.Popen(self.lab.host.wrap(command), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment,
                                preexec_fn=netns.die_with_parent)

    def probe(self, *options, **more):
        process = self.start(*options, **more)
        out, errors = process.communicate(timeout=40)
        assert process.returncode == 0 and "ERROR" not in errors, errors
        return json.loads(out)

    def expect(self, outcome, *options, **more):
        result = self.probe(*options, **more)
        assert result["done"]["outcome"] == outcome, result["done"]
        return result

    def enrol(self, pair="agent"):
        """Returns the option that pins the BMC from now on."""
        got = self.expect("enrolled", "--window", pair=pair)["done"]
        assert got["first_use"] and got["spoke_tls"]
        return ["--stored-pin", got["fingerprint"]]


@pytest.fixture
def host(lab):
    return Host(lab)


def test_first_use_and_connected(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    result = host.expect("connected", *pin, "--stay", "700", "--sandbox",
                         "--request", "GET /redfish/v1/AccountService/Accounts/host")
    assert "lost" not in result and result["info"]["encrypted"]
    assert result["info"]["tls_version"] == "TLS 1.3"
    assert result["answers"][0]["status"] == 200
    assert result["info"]["model"] and result["info"]["firmware_version"]


def test_window_of_the_bmc_closes_behind_the_first(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    host.pair("second")
    for trust in (["--window"], pin):
        got = host.expect("certificate-not-known", *trust, pair="second")["done"]
        assert "alert 48" in got["detail"]
    host.expect("connected", *pin)


def test_window_of_the_agent_is_closed(lab, host):
    lab.endpoint.start()
    host.expect("not-pinned")
    host.expect("identity-changed", "--stored-pin", "ab" * 32)
    host.expect("not-pinned", "--window", "--trust", "pinned")
    # none of these was an enrolment: the BMC's window is open still
    host.enrol()


def test_we_forgot_the_bmc_and_it_did_not_forget_us(lab, host):
    """trust reset on our side alone: the BMC knows us, the pin is made anew."""
    lab.endpoint.start()
    pin = host.enrol()
    assert host.enrol() == pin


def test_forget_and_enrol_anew(lab, host):
    """A pinned BMC whose window opened takes the certificate of a new installation."""
    lab.endpoint.start()
    pin = host.enrol()
    listed = host.expect("connected", *pin, "--request", "GET " + CERTIFICATES)["answers"][0]
    assert listed["body"]["Members@odata.count"] == 1
    own = listed["body"]["Members"][0]["@odata.id"]
    result = host.expect("connected", *pin, "--request", "DELETE " + own, "--stay", "5000")
    # the BMC ends the life line at once, which may overtake its answer
    assert result["answers"][0]["status"] in (204, 0)
    assert result["lost"]["outcome"] in ("closed", "certificate-not-known")
    host.pair("second")
    got = host.expect("enrolled", *pin, pair="second")["done"]
    assert not got["first_use"]
    host.expect("connected", *pin, pair="second")
    host.expect("certificate-not-known", *pin)  # the first one is forgotten


def post(pem):
    return ["--request", "POST %s %s" % (
        CERTIFICATES, json.dumps({"CertificateString": pem, "CertificateType": "PEM"}))]


def read_pem(folder):
    with open(os.path.join(folder, "agent.crt")) as file:
        return file.read()


def test_renewal(lab, host):
    """The next certificate over the trusted channel: both work, until the next one is used."""
    lab.endpoint.start()
    pin = host.enrol()
    second = read_pem(host.pair("second"))
    host.expect("certificate-not-known", *pin, pair="second")
    result = host.expect("connected", *pin, *post(second))
    assert result["answers"][0]["status"] == 201
    host.expect("connected", *pin)
    lab.endpoint.kill()  # what was promised is durable
    lab.endpoint.start()
    host.expect("connected", *pin)
    host.expect("connected", *pin, pair="second")
    host.expect("certificate-not-known", *pin)
    host.expect("connected", *pin, pair="second")


def test_renewal_cuts_what_the_old_one_opened(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    second = read_pem(host.pair("second"))
    host.expect("connected", *pin, *post(second))
    old = host.start(*pin, "--stay", "15000")
    netns.wait_for(lambda: lab.bmc.run(["ss", "-Htn", "state", "established"]).stdout.strip(), 5,
                   "the old connection")
    host.expect("connected", *pin, pair="second")
    assert json.loads(old.communicate(timeout=20)[0])["lost"]["outcome"] == "closed"


def test_renewals_do_not_pile_up(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    for name in ("n1", "n2", "n3"):
        result = host.expect("connected", *pin, *post(read_pem(host.pair(name))))
        assert result["answers"][0]["status"] == 201
    host.expect("certificate-not-known", *pin, pair="n1")
    host.expect("certificate-not-known", *pin, pair="n2")
    host.expect("connected", *pin, pair="n3")


def test_renewal_wants_a_whole_certificate(lab, host):
    """Not one whose own signature is wrong, nor an expired one."""
    lab.endpoint.start()
    pin = host.enrol()
    lines = read_pem(host.pair("second")).strip().split("\n")
    at = len(lines) - 3  # within the signature
    lines[at] = lines[at][:10] + ("A" if lines[at][10] != "A" else "B") + lines[at][11:]
    day, now = datetime.timedelta(days=1), datetime.datetime.utcnow()
    old = read_pem(host.pair("old", not_before=now - 9 * day, not_after=now - day))
    result = host.expect("connected", *pin, *post("\n".join(lines)), *post(old), *post("x"))
    assert [a["status"] for a in result["answers"]] == [403, 400, 400]
    listed = host.expect("connected", *pin, "--request", "GET " + CERTIFICATES)["answers"][0]
    assert listed["body"]["Members@odata.count"] == 1


def test_a_stranger_cannot_renew(lab, host):
    """In an open window an unknown host enrols itself, nobody else."""
    lab.endpoint.start()
    second = read_pem(host.pair("second"))
    folder = os.path.join(lab.folder, "pairs", "agent")
    data = json.dumps({"CertificateString": second, "CertificateType": "PEM"})
    out = lab.host.run(["curl", "-sk", "--noproxy", "*", "--cert", folder + "/agent.crt", "--key",
                        folder + "/agent.key", "-H", "Content-Type: application/json", "-d", data,
                        "-w", "%{http_code}", "-o", "/dev/null",
                        "https://%s%s" % (BMC_IPV4, CERTIFICATES)])
    assert out.stdout == "403"
    host.enrol(pair="second")  # by itself it can: the window is open still


def test_trust_survives_a_restart_of_the_bmc(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    lab.endpoint.kill()
    host.expect("port-refused", *pin)
    lab.endpoint.start()
    host.expect("connected", *pin)


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_versions(lab, host, version):
    lab.endpoint.start(tls_min_version=version, tls_max_version=version)
    pin = host.enrol()
    result = host.expect("connected", *pin)
    assert result["info"]["tls_version"] == "TLS " + version
    if version != "1.3":
        host.expect("tls-version", *pin, "--min", "1.3")
    if version != "1.1":
        host.expect("tls-version", *pin, "--max", "1.1")


def test_expired_for_the_bmc(lab, host):
    """Its clock says expired, ours does not: no communication, and we are told which."""
    lab.endpoint.start()
    host.enrol()
    day = datetime.timedelta(days=1)
    now = datetime.datetime.utcnow()
    host.pair("old", not_before=now - 9 * day, not_after=now - day)
    then = ["--now", str(int(time.time()) - 2 * 86400), "--build", "1"]
    got = host.expect("own-certificate-expired", "--window", *then, pair="old")["done"]
    assert "alert 45" in got["detail"]


def test_without_tls(lab, host):
    lab.endpoint.start(tls="off")
    result = host.expect("connected", "--window", "--stay", "500")
    assert not result["info"]["encrypted"] and "lost" not in result
    host.expect("connected", "--no-tls")
    host.expect("downgrade", "--window", "--seen-tls")
    host.expect("downgrade", "--stored-pin", "ab" * 32)


def test_our_tls_off(lab, host):
    lab.endpoint.start()
    host.expect("tls-required", "--no-tls")


def link_local(namespace, nic):
    for link in namespace.ip_json("-6 addr show dev %s scope link" % nic):
        for address in link.get("addr_info", []):
            if address.get("local", "").startswith("fe80") and not address.get("tentative"):
                return address["local"]
    return None


def test_link_local(lab, host):
    lab.endpoint.start()
    pin = host.enrol()
    netns.wait_for(lambda: link_local(lab.host, HOST_NIC), 5, "our link-local address")
    address = netns.wait_for(lambda: link_local(lab.bmc, BMC_NIC), 5, "the BMC's")
    result = host.expect("connected", *pin, "--sandbox", address=address)
    assert result["info"]["local_address"].startswith("fe80")


def test_upgrade_of_the_agent(lab):
    """A new certificate is staged, given to the BMC over the old trust, and then the only one."""
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    worker = os.path.join(lab.agent.state_dir, "worker")
    first = fingerprint(os.path.join(worker, "agent.crt"))
    lab.agent.stop()
    with open(os.path.join(worker, "stamp.json"), "r+") as file:  # written into: the owner stays
        stamp = json.load(file)
        stamp["version"] = "0.0.1"
        file.seek(0)
        file.truncate()
        json.dump(stamp, file)
    lab.agent.start()
    netns.wait_for(lambda: fingerprint(os.path.join(worker, "agent.crt")) != first, 10,
                   "the new certificate is ours")
    lab.agent.wait_connected("ipv4")
    lab.wait_lifecycle("ISM1038")
    assert not os.path.exists(os.path.join(worker, "agent.next.crt"))
    lab.agent.stop()
    lab.agent.start()  # the same version again: nothing more happens
    lab.agent.wait_connected("ipv4")
    assert len(lab.wait_lifecycle("ISM1015")) == 2


def test_stale_question_for_the_neighbour(lab, host):
    """
    Somebody's ARP requests went into a dead cable; the carrier comes back between the last of them
    and the end of the wait for its answer. The kernel then fails our SYN with the packet that
    began the questions: that says nothing about the BMC.
    """
    lab.endpoint.start()
    pin = host.enrol()
    lab.host.sysctl("ipv4/neigh/%s/retrans_time_ms" % HOST_NIC, 600)
    # Nor does the BMC ask for its host: its question would be an answer.
    lab.bmc.nft("add table arp mute\n"
                "add chain arp mute out { type filter hook output priority 0; policy drop; }\n")
    lab.silence_arp()
    with lab.host.enter():
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def is_last_request():
        """Counted from mcast_solicit's 3 on. It lasts 0.6 s: who is too late asks anew."""
        table = lab.host.ip("-s neigh show dev " + HOST_NIC)
        if "INCOMPLETE" not in table:
            stranger.sendto(b"x", (BMC_IPV4, 9))
        return "probes 6 INCOMPLETE" in table
    netns.wait_for(is_last_request, 30, "the last of three requests")
    stranger.close()
    lab.bmc.nft("delete table arp mute\n")
    lab.clear_faults()
    host.expect("connected", *pin)
    # Its twin: a BMC that truly does not answer stays unreachable.
    lab.host.sysctl("ipv4/neigh/%s/retrans_time_ms" % HOST_NIC, 50)
    lab.silence_arp()
    got = host.expect("unreachable", *pin)["done"]
    assert got["ms"] < 700 + 600, got
