# SPDX-License-Identifier: Apache-2.0
"""The NIC: bound to it and to no other; absent, late, gone, born again."""
import hashlib
import json
import os
import re
import resource
import socket
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from netns import Namespace, wait_for
from service import Endpoint, PLAIN_PORT, PORT, make_certificate
from test_certificate_service import fingerprint, key_pem, shown, sign


def ip(text):
    subprocess.run(["ip"] + text.split(), check=True)


def plug(name="usb0", peer="bmc0"):
    ip("link add %s type veth peer name %s" % (name, peer))
    ip("link set %s up" % name)
    ip("link set %s up" % peer)
    ip("addr add 169.254.1.1/16 dev %s" % name)


@pytest.fixture
def nic_endpoint(tmp_path):
    endpoint = Endpoint(str(tmp_path / "bmc"), interface="usb0")
    yield endpoint
    endpoint.finish()
    for name in ("usb0", "other0"):
        subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL)


def listening():
    """(port, device) of each listening socket: the device is part of the socket."""
    out = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    return {line.split()[3] for line in out.splitlines()}


def test_bound_to_the_nic_only(nic_endpoint):
    """From another network not even the NIC's own address answers."""
    plug()
    lan = Namespace("lan%d" % os.getpid())
    try:
        ip("link add other0 type veth peer name up0 netns " + lan.name)
        ip("addr add 192.0.2.1/24 dev other0")
        ip("link set other0 up")
        lan.ip("addr add 192.0.2.2/24 dev up0")
        lan.ip("link set up0 up")
        lan.ip("route add 169.254.0.0/16 via 192.0.2.1")
        nic_endpoint.start()
        assert listening() == {"0.0.0.0%usb0:8443", "0.0.0.0%usb0:8080", "[::]%usb0:8443",
                               "[::]%usb0:8080"}
        with lan.enter():
            for address in ("192.0.2.1", "169.254.1.1"):
                with pytest.raises(ConnectionRefusedError):
                    nic_endpoint.connect(PORT, address=address)
        with pytest.raises(ConnectionRefusedError):
            nic_endpoint.connect(PORT, address="127.0.0.1")
        # The twin: over the NIC it does.
        ip("link set bmc0 netns " + lan.name)
        lan.ip("route del 169.254.0.0/16")
        lan.ip("addr add 169.254.1.2/16 dev bmc0")
        lan.ip("link set bmc0 up")
        ip("link set usb0 up")
        with lan.enter():
            nic_endpoint.connect(PORT, address="169.254.1.1").close()
    finally:
        lan.close()


def test_late_gone_and_born_again(nic_endpoint):
    nic_endpoint.start()
    assert not listening()
    for _ in range(3):
        plug()
        wait_for(lambda: len(listening()) == 4, 5, "the sockets are there")
        ip("link del usb0")
        wait_for(lambda: not listening(), 5, "the sockets are gone")
    assert nic_endpoint.descriptors() < 20


def test_want_of_a_descriptor_is_no_missing_nic(nic_endpoint):
    """The message of the kernel that it is there comes once: it is looked for again."""
    nic_endpoint.start()
    limit = resource.prlimit(nic_endpoint.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(nic_endpoint.process.pid, resource.RLIMIT_NOFILE, (0, limit[1]))
    plug()
    wait_for(lambda: "cannot be looked for" in nic_endpoint.log(), 10, "it was looked for")
    assert not listening()
    resource.prlimit(nic_endpoint.process.pid, resource.RLIMIT_NOFILE, limit)
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")


def test_a_port_that_is_taken_is_tried_again(nic_endpoint):
    """Said once each SIGHUP, and taken when it is free; in between the same settings do no harm."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    with socket.create_server(("0.0.0.0", PORT + 1)):
        for count in (1, 2):
            nic_endpoint.reload(port=PORT + count, plain_port=PORT + 3 - count)
            wait_for(lambda: nic_endpoint.log().count("cannot be listened on") == count, 10,
                     "the port is taken")
        nic_endpoint.reload()
        assert nic_endpoint.command("certificate", "show").returncode == 0  # the loop went round
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    assert nic_endpoint.log().count("cannot be listened on") == 2


def names(endpoint, file="endpoint.crt"):
    """The addresses in the certificate on disk."""
    out = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in",
                          os.path.join(endpoint.state_dir, file)],
                         capture_output=True, text=True, check=True).stdout
    return re.findall(r"IP Address:([^,\s]+)", out)


@pytest.fixture
def host():
    namespace = Namespace("host%d" % os.getpid())
    yield namespace
    namespace.close()


def served(host):
    """The certificate that a host at the other end of the NIC is shown."""
    ip("link set bmc0 netns " + host.name)
    host.ip("addr add 169.254.1.2/16 dev bmc0")
    host.ip("link set bmc0 up")
    with host.enter():
        return ssl.get_server_certificate(("169.254.1.1", PORT), timeout=10)


@pytest.mark.parametrize("there", ["no NIC", "no address"])
def test_addresses_that_come_late_are_in_the_certificate(nic_endpoint, host, there):
    """A BMC that boots: the service is there before its NIC is."""
    if there == "no address":
        plug()
        ip("addr del 169.254.1.1/16 dev usb0")
    nic_endpoint.start()
    assert "169.254.1.1" not in names(nic_endpoint)
    if there == "no NIC":
        plug()
    else:
        ip("addr add 169.254.1.1/16 dev usb0")
    wait_for(lambda: "169.254.1.1" in names(nic_endpoint), 10, "the address is in it")
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    with open(os.path.join(nic_endpoint.state_dir, "endpoint.crt")) as file:
        assert served(host).strip() == file.read().strip()


def test_an_ipv6_address_is_no_reason_for_another_certificate(nic_endpoint):
    """One comes a second late each time; it is in the next certificate that has another reason."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    ip("addr add fd00:9::9/64 dev usb0 nodad")
    ip("addr add 169.254.9.9/16 dev usb0")
    wait_for(lambda: "169.254.9.9" in names(nic_endpoint), 10, "the address is in it")
    assert "FD00:9:0:0:0:0:0:9" in names(nic_endpoint)
    assert nic_endpoint.log().count("made again") == 1


@pytest.mark.parametrize("seen", ["shown", "told over IPMI", "connected", "another start"])
def test_a_certificate_that_was_seen_stays(nic_endpoint, host, seen):
    """The twin: somebody may have pinned it."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    if seen == "shown":
        assert nic_endpoint.command("certificate", "show").returncode == 0
    elif seen == "told over IPMI":
        assert nic_endpoint.command("ipmi", "0x2c", "1", "0x52", "1").returncode == 0
    elif seen == "connected":
        assert served(host)
    else:
        nic_endpoint.stop()
        nic_endpoint.start()
    before = names(nic_endpoint)
    ip("addr add 169.254.9.9/16 dev usb0")
    assert nic_endpoint.command("certificate", "show").returncode == 0  # the loop went round
    assert names(nic_endpoint) == before and "169.254.9.9" not in before


def test_an_address_that_came_later_is_in_the_next_certificate(nic_endpoint):
    """The present one stays, for it was seen; 'certificate renew' puts the address in."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 10, "the sockets are there")
    shown = nic_endpoint.command("certificate", "show").stdout
    ip("addr add 169.254.9.9/16 dev usb0")
    renewed = nic_endpoint.command("certificate", "renew")
    assert renewed.returncode == 0 and renewed.stdout.splitlines()[0] == shown.splitlines()[0]
    assert sorted(names(nic_endpoint, "endpoint.next.crt"))[:2] == ["169.254.1.1", "169.254.9.9"]
    assert "169.254.9.9" not in names(nic_endpoint)
    with open(os.path.join(nic_endpoint.state_dir, "endpoint.next.crt")) as file:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
    assert digest in renewed.stdout.replace(":", "")  # what is announced is that one
    assert "a host is known and has it, which none is yet" in renewed.stdout


def test_renamed_nic_stays(nic_endpoint):
    """Known by its index once found: a new name changes nothing."""
    plug()
    nic_endpoint.start()
    wait_for(lambda: len(listening()) == 4, 5, "the sockets are there")
    ip("link set usb0 down")
    ip("link set usb0 name other0")
    ip("link set other0 up")
    wait_for(lambda: all("%other0:" in address for address in listening()), 5, "the new name")
    assert len(listening()) == 4
    ip("link del other0")
    wait_for(lambda: not listening(), 5, "the sockets are gone")


def test_sysctls_of_the_nic(nic_endpoint):
    """Set at birth, put back at stop."""
    plug()
    knobs = {"ipv4/neigh/usb0/retrans_time_ms": "50", "ipv6/neigh/usb0/retrans_time_ms": "50",
             "ipv6/conf/usb0/router_solicitation_delay": "0",
             "ipv4/neigh/usb0/base_reachable_time_ms": "1000",
             "ipv6/neigh/usb0/base_reachable_time_ms": "1000",
             "ipv4/neigh/usb0/delay_first_probe_time": "1",
             "ipv6/neigh/usb0/delay_first_probe_time": "1",
             "ipv6/conf/usb0/accept_ra": "0", "ipv6/conf/usb0/accept_redirects": "0"}

    def read():
        values = {}
        for knob in knobs:
            with open(os.path.join("/proc/sys/net", knob)) as file:
                values[knob] = file.read().strip()
        return values
    before = read()
    assert all(before[knob] != knobs[knob] for knob in knobs), json.dumps(before)
    nic_endpoint.start()
    # The kernel rounds to its ticks.
    for knob, value in read().items():
        assert int(knobs[knob]) <= int(value) <= int(knobs[knob]) + 10, knob
    assert nic_endpoint.stop() == 0
    assert read() == before


@pytest.mark.filterwarnings("ignore:SHA1")
def test_settings_without_tls_are_not_taken(nic_endpoint):
    """A certificate of the site's own that TLS 1.1 alone lets pass: the old settings stay, now and
    at the next SIGHUP, and good ones are taken after that."""
    plug()
    nic_endpoint.address = "169.254.1.1"
    key = ec.generate_private_key(ec.SECP256R1())
    os.makedirs(nic_endpoint.state_dir)
    for name, text in (("endpoint.key", key_pem(key)),
                       ("endpoint.crt", sign(key.public_key(), digest=hashes.SHA1()))):
        with open(os.path.join(nic_endpoint.state_dir, name), "w") as file:
            file.write(text)
    nic_endpoint.set_password()
    nic_endpoint.start()
    stream = nic_endpoint.tls()
    for count in (1, 2):
        nic_endpoint.reload(tls_min_version="1.2", port=PORT + 1)
        entries = nic_endpoint.wait_entry("ISM1029", count)
        assert "no TLS" in entries[0]["Message"]
        assert len(listening()) == 4
    stream.sendall(b"GET /redfish HTTP/1.1\r\nHost: bmc\r\n\r\n")
    assert stream.recv(12) == b"HTTP/1.1 200"  # it was not cut for that
    stream.close()
    nic_endpoint.reload(tls_min_version="1.1", port=PORT + 1)
    wait_for(lambda: "0.0.0.0%%usb0:%d" % (PORT + 1) in listening(), 10, "the new port is open")


@pytest.mark.filterwarnings("ignore:SHA1")
def test_never_plain_for_want_of_a_certificate(nic_endpoint, tmp_path):
    """A next certificate that no TLS can be made with is not used: the NIC comes anew, and what
    needs TLS is not served without it."""
    plug()
    nic_endpoint.address = "169.254.1.1"
    host = make_certificate(tmp_path, "host")
    nic_endpoint.start()
    assert nic_endpoint.enrol(host).status == 201
    nic_endpoint.stop()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = sign(key.public_key(), digest=hashes.SHA1())
    for name, text in (("endpoint.next.key", key_pem(key)), ("endpoint.next.crt", pem)):
        with open(os.path.join(nic_endpoint.state_dir, name), "w") as file:
            file.write(text)
    nic_endpoint.start(tls_min_version="1.2")
    old = shown(nic_endpoint)
    target = "/redfish/v1/Managers/bmc/Actions/Oem/BmclinkManager.AcknowledgeCertificate"
    assert nic_endpoint.request("POST", target, host, body={
        "Fingerprint": fingerprint(pem)}).status == 204
    wait_for(lambda: "Key was rejected" in nic_endpoint.log(), 10, "it cannot be used")
    ip("link del usb0")
    wait_for(lambda: not listening(), 10, "the NIC is gone")
    plug()
    wait_for(lambda: "0.0.0.0%usb0:8080" in listening(), 10, "the NIC is back")
    assert nic_endpoint.get("/redfish/v1/Managers", plain=PLAIN_PORT).status == 426
    assert shown(nic_endpoint) == old
    nic_endpoint.kill()
    nic_endpoint.start()
    assert shown(nic_endpoint) == old
