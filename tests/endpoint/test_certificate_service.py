# SPDX-License-Identifier: Apache-2.0
"""CertificateService: the certificate of the service replaced over the standard actions."""
import datetime
import hashlib
import ipaddress
import os
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netns import wait_for
from service import PASSWORD, Stream, client_context

SERVICE = "/redfish/v1/CertificateService"
OWN = "/redfish/v1/Managers/bmc/NetworkProtocol/HTTPS/Certificates"
REPLACE = SERVICE + "/Actions/CertificateService.ReplaceCertificate"
GENERATE = SERVICE + "/Actions/CertificateService.GenerateCSR"


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def sign(public, name="bmc", issuer="CA of the site", signer=None, days=300, usage=None,
         digest=hashes.SHA256()):
    """A certificate as a CA would give it; PEM."""
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
               .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
               .public_key(public).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=400))
               .not_valid_after(now + datetime.timedelta(days=days)))
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    signer = signer or ec.generate_private_key(ec.SECP256R1())
    return builder.sign(signer, digest).public_bytes(
        serialization.Encoding.PEM).decode()


def fingerprint(pem):
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    return ":".join("%02x" % b for b in digest)


def shown(bmc):
    """The fingerprint of the certificate that a client sees in the handshake."""
    with client_context().wrap_socket(bmc.connect()) as stream:
        return ":".join("%02x" % b for b in hashlib.sha256(stream.getpeercert(True)).digest())


def replace(bmc, pem, uri=OWN + "/1", kind="PEM", **who):
    return bmc.request("POST", REPLACE, **(who or {"password": PASSWORD}), body={
        "CertificateString": pem, "CertificateType": kind, "CertificateUri": {"@odata.id": uri}})


def get(bmc, path):
    answer = bmc.get(path, password=PASSWORD)
    assert answer.status == 200, path
    return answer.json()


def test_what_is_there(bmc, host):
    assert bmc.root()["CertificateService"] == {"@odata.id": SERVICE}
    one = get(bmc, OWN + "/1")
    assert one["Fingerprint"] == shown(bmc) == fingerprint(one["CertificateString"])
    assert one["Subject"]["CommonName"] == one["Issuer"]["CommonName"] == "bmclink-endpoint"
    assert "PRIVATE" not in one["CertificateString"]
    assert get(bmc, OWN)["Members"] == [{"@odata.id": OWN + "/1"}]
    assert bmc.get(OWN + "/2", password=PASSWORD).status == 404
    assert bmc.enrol(host).status == 201
    links = get(bmc, SERVICE + "/CertificateLocations")["Links"]
    assert len(links["Certificates"]) == links["Certificates@odata.count"] == 2
    for link in links["Certificates"]:
        assert get(bmc, link["@odata.id"])["CertificateType"] == "PEM"
    protocol = get(bmc, "/redfish/v1/Managers/bmc/NetworkProtocol")
    assert protocol["HTTPS"]["Certificates"] == {"@odata.id": OWN}


@pytest.mark.parametrize("make", [
    lambda: ec.generate_private_key(ec.SECP256R1()),
    lambda: ec.generate_private_key(ec.SECP384R1()),
    lambda: rsa.generate_private_key(65537, 2048)], ids=["p256", "p384", "rsa"])
def test_replaced_at_once_where_no_host_is_known(bmc, make):
    key = make()
    pem = sign(key.public_key())
    old, uuid = shown(bmc), bmc.root()["UUID"]
    assert replace(bmc, pem + key_pem(key)).status == 204
    wait_for(lambda: shown(bmc) == fingerprint(pem), 5, "the new certificate")
    assert bmc.root()["UUID"] == uuid and old != shown(bmc)
    entry = bmc.wait_entry("ISM1076")[0]
    assert entry["MessageArgs"] == ["127.0.0.1", fingerprint(pem)]
    assert get(bmc, OWN + "/1")["Issuer"] == {"CommonName": "CA of the site"}
    assert "PRIVATE KEY" not in bmc.log()
    for name in os.listdir(bmc.state_dir):
        if name.endswith(".key"):
            assert os.stat(os.path.join(bmc.state_dir, name)).st_mode & 0o77 == 0
    bmc.kill()
    bmc.start()
    assert shown(bmc) == fingerprint(pem)


@pytest.mark.filterwarnings("ignore:SHA1")
@pytest.mark.parametrize("curve, digest", [
    (ec.SECP256K1(), hashes.SHA256()), (ec.SECP256R1(), hashes.SHA1())], ids=["curve", "sha1"])
@pytest.mark.parametrize("oldest", ["1.1", "1.2"])
def test_one_that_no_handshake_ends_well_with(endpoint, curve, digest, oldest):
    """OpenSSL takes it as a certificate: used, nobody could connect, or the service not start."""
    endpoint.set_password()
    endpoint.start(tls_min_version=oldest)
    old = shown(endpoint)
    key = ec.generate_private_key(curve)
    answer = replace(endpoint, sign(key.public_key(), digest=digest) + key_pem(key))
    assert answer.status == 400 and "cannot use it" in answer.json()["error"]["message"]
    assert endpoint.get(OWN + "/2", password=PASSWORD).status == 404
    endpoint.kill()
    endpoint.start()
    assert shown(endpoint) == old


def test_known_hosts_are_told_first(bmc, host):
    """The old one stays until the host says that it has the new one, and the link lives on."""
    assert bmc.enrol(host).status == 201
    key = ec.generate_private_key(ec.SECP256R1())
    pem = sign(key.public_key())
    stream = Stream(bmc, host)
    old = shown(bmc)
    assert replace(bmc, pem + key_pem(key)).status == 204
    stream.until("ISM1115")
    assert shown(bmc) == old
    assert get(bmc, OWN + "/2")["Fingerprint"] == fingerprint(pem)
    oem = get(bmc, "/redfish/v1/Managers/bmc")["Oem"]["Bmclink"]
    assert oem["NextCertificateFingerprint"] == fingerprint(pem)
    # It outlives a restart, and the host's word makes it the one in use.
    stream.close()
    bmc.kill()
    bmc.start()
    assert shown(bmc) == old and get(bmc, OWN + "/2")["Fingerprint"] == fingerprint(pem)
    manager = bmc.get("/redfish/v1/Managers/bmc", host).json()
    target = manager["Actions"]["Oem"]["#BmclinkManager.AcknowledgeCertificate"]["target"]
    answer = bmc.request("POST", target, host, body={"Fingerprint": fingerprint(pem)})
    assert answer.status == 204, answer.body
    wait_for(lambda: shown(bmc) == fingerprint(pem), 5, "the new certificate")
    assert bmc.get(OWN + "/2", password=PASSWORD).status == 404


@pytest.mark.parametrize("restarted", [False, True])
def test_used_when_the_last_host_is_forgotten(bmc, host, restarted):
    """A host that is gone for good must not keep the old certificate in force."""
    assert bmc.enrol(host).status == 201
    key = ec.generate_private_key(ec.SECP256R1())
    pem = sign(key.public_key())
    old = shown(bmc)
    assert replace(bmc, pem + key_pem(key)).status == 204
    assert bmc.wait_entry("ISM1115") and shown(bmc) == old
    if restarted:
        bmc.kill()
        bmc.start()
        assert shown(bmc) == old
    assert bmc.command("trust", "forget").returncode == 0
    wait_for(lambda: shown(bmc) == fingerprint(pem), 5, "the new certificate")


def test_used_when_the_last_that_had_it_not_leaves(bmc, host, stranger):
    """By its own wish, too: of those that are left each has the next one."""
    assert bmc.enrol(host).status == 201
    assert bmc.command("trust", "open").returncode == 0
    answer = bmc.enrol(stranger)
    assert answer.status == 201
    key = ec.generate_private_key(ec.SECP256R1())
    pem = sign(key.public_key())
    old = shown(bmc)
    assert replace(bmc, pem + key_pem(key)).status == 204
    target = "/redfish/v1/Managers/bmc/Actions/Oem/BmclinkManager.AcknowledgeCertificate"
    assert bmc.request("POST", target, host, body={
        "Fingerprint": fingerprint(pem)}).status == 204
    assert shown(bmc) == old
    assert bmc.request("DELETE", answer.headers["Location"], stranger).status == 204
    wait_for(lambda: shown(bmc) == fingerprint(pem), 10, "the new certificate")


def test_request_signed_by_a_ca(bmc):
    body = {"CommonName": "bmc.example", "AlternativeNames": ["bmc.example", "169.254.1.1"],
            "Organization": "ACME", "Country": "DE", "City": "Ulm",
            "KeyPairAlgorithm": "TPM_ALG_ECDSA", "KeyCurveId": "TPM_ECC_NIST_P256",
            "CertificateCollection": {"@odata.id": OWN}}
    answer = bmc.request("POST", GENERATE, password=PASSWORD, body=body)
    assert answer.status == 200, answer.body
    assert answer.json()["CertificateCollection"] == {"@odata.id": OWN}
    request = x509.load_pem_x509_csr(answer.json()["CSRString"].encode())
    assert request.is_signature_valid and "PRIVATE" not in answer.json()["CSRString"]
    assert request.subject.rfc4514_string() == "CN=bmc.example,O=ACME,L=Ulm,C=DE"
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["bmc.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("169.254.1.1")]
    # Nothing has changed by it; also not by a restart in between.
    before = shown(bmc)
    bmc.kill()
    bmc.start()
    assert shown(bmc) == before
    pem = sign(request.public_key(), usage=ExtendedKeyUsageOID.SERVER_AUTH)
    assert replace(bmc, pem).status == 204
    wait_for(lambda: shown(bmc) == fingerprint(pem), 5, "the CA's certificate")
    # The key of the request is spent, and is that of the certificate now: a new one for it works.
    again = sign(request.public_key())
    assert replace(bmc, again).status == 204
    wait_for(lambda: shown(bmc) == fingerprint(again), 5, "another one for the same key")


@pytest.mark.parametrize("change", [
    {"CommonName": None}, {"CommonName": ""}, {"CommonName": "x" * 65}, {"CommonName": "a\nb"},
    {"CommonName": 5}, {"Country": "Germany"}, {"KeyPairAlgorithm": "TPM_ALG_RSA"},
    {"KeyCurveId": "TPM_ECC_NIST_P521"}, {"AlternativeNames": "x"},
    {"AlternativeNames": ["a,DNS:b"]}, {"AlternativeNames": ["x"] * 17},
    {"AlternativeNames": ["email:copy"]}, {"CertificateCollection": {"@odata.id": "/x"}},
    {"CertificateCollection": None}, {"KeyBitLength": 4096}])
def test_requests_that_cannot_be(bmc, change):
    body = {"CommonName": "bmc", "CertificateCollection": {"@odata.id": OWN}}
    body.update(change)
    assert bmc.request("POST", GENERATE, password=PASSWORD, body=body).status == 400
    assert "endpoint.request.key" not in os.listdir(bmc.state_dir)


def bad_certificates():
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    good = sign(key.public_key())
    return {
        "no key": good, "another key": good + key_pem(other), "expired": sign(
            key.public_key(), days=-1) + key_pem(key),
        "of a client": sign(key.public_key(), usage=ExtendedKeyUsageOID.CLIENT_AUTH) + key_pem(key),
        "two": good + sign(other.public_key()) + key_pem(key), "a key": key_pem(key),
        "not PEM": "hello", "empty": "", "cut short": good[:200] + key_pem(key),
        "weak": sign((weak := rsa.generate_private_key(65537, 1024)).public_key()) + key_pem(weak),
        "encrypted key": good + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x")).decode()}


@pytest.mark.parametrize("name", list(bad_certificates()))
def test_certificates_that_are_refused(bmc, name):
    before = shown(bmc)
    answer = replace(bmc, bad_certificates()[name])
    assert answer.status == 400, answer.body
    assert answer.json()["error"]["message"]
    assert shown(bmc) == before and not bmc.entries("ISM1076")
    assert get(bmc, OWN)["Members@odata.count"] == 1


def test_wrong_requests(bmc, host):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = sign(key.public_key()) + key_pem(key)
    assert replace(bmc, pem, kind="PKCS7").status == 400
    assert replace(bmc, pem, uri=OWN + "/2").status == 400
    assert replace(bmc, pem, uri="/redfish/v1/AccountService/Accounts/host/Certificates/1"
                   ).status == 400
    for body in ({}, {"CertificateString": pem}, {"CertificateString": pem, "x": 1},
                 {"CertificateString": 1, "CertificateType": "PEM",
                  "CertificateUri": {"@odata.id": OWN + "/1"}}):
        assert bmc.request("POST", REPLACE, password=PASSWORD, body=body).status == 400
    assert bmc.enrol(host).status == 201
    assert replace(bmc, pem, certificate=host).status == 403
    assert bmc.request("POST", REPLACE, body={}).status == 401
    assert bmc.request("POST", GENERATE, host, body={}).status == 403
    assert bmc.get(SERVICE + "/CertificateLocations", host).status == 403
    assert not bmc.entries("ISM1076")
