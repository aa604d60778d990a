# SPDX-License-Identifier: Apache-2.0
"""Certificates of every kind that one end may show to the other, right, wrong and absurd."""
import datetime
import os
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write(folder, name, chain, key):
    """Chain and key in one PEM file; its path."""
    os.makedirs(str(folder), exist_ok=True)
    path = os.path.join(str(folder), name + ".pem")
    with open(path, "wb") as file:
        os.chmod(path, 0o600)
        for certificate in chain:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    return path


def build(subject, key, issuer=None, issuer_key=None, begin=-1, end=3650, names=(), ca=False,
          padding=0):
    """begin and end: days from now. issuer None: self-signed."""
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(name_of(subject))
               .issuer_name(name_of(issuer or subject)).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=begin))
               .not_valid_after(now + datetime.timedelta(days=end))
               .add_extension(x509.BasicConstraints(ca, None), True))
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    if padding:
        builder = builder.add_extension(x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"x" * padding), False)
    signer = issuer_key or key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm)


def make_rsa(folder, name, bits, subject):
    """With openssl, and of more than two primes where that is allowed: found in seconds."""
    key, path = os.path.join(str(folder), name + ".key"), os.path.join(str(folder), name + ".pem")
    primes = 4 if bits >= 4096 else 2
    run = dict(check=True, capture_output=True, timeout=300)
    os.makedirs(str(folder), exist_ok=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                    "rsa_keygen_bits:%d" % bits, "-pkeyopt", "rsa_keygen_primes:%d" % primes,
                    "-out", key], **run)
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=" + subject,
                    "-days", "3650", "-out", path], **run)
    with open(path, "ab") as file, open(key, "rb") as key_file:
        file.write(key_file.read())
    return path


def p256():
    return ec.generate_private_key(ec.SECP256R1())


class Kinds:
    """right is a path to certificate and key in one file; the others are made to resemble it."""

    def __init__(self, folder, right, subject):
        self.folder, self.right, self.subject = str(folder), right, subject

    def path(self, kind):
        return getattr(self, "make_" + kind)(kind)

    def one(self, kind, key, **options):
        return write(self.folder, kind, [build(self.subject, key, **options)], key)

    def make_right(self, kind):
        return self.right

    def make_wrong(self, kind):
        key = p256()
        return write(self.folder, kind, [build("somebody else", key)], key)

    def make_expired(self, kind):
        return self.one(kind, p256(), begin=-30, end=-1)

    def make_not_yet(self, kind):
        return self.one(kind, p256(), begin=30, end=60)

    def make_foreign(self, kind):
        """The right subject, from an authority that nobody here knows."""
        ca, key = p256(), p256()
        return write(self.folder, kind, [
            build(self.subject, key, issuer="An Authority", issuer_key=ca),
            build("An Authority", ca, ca=True)], key)

    def make_other_key(self, kind):
        return self.one(kind, p256())

    def make_long_chain(self, kind):
        """A hundred intermediates."""
        keys = [p256() for _ in range(3)]
        chain = [build(self.subject, keys[0], issuer="Authority 0", issuer_key=keys[1])]
        for i in range(100):
            chain.append(build("Authority %d" % i, keys[1 + i % 2], issuer="Authority %d" % (i + 1),
                               issuer_key=keys[1 + (i + 1) % 2], ca=True))
        return write(self.folder, kind, chain, keys[0])

    def make_60_kilobytes(self, kind):
        return self.one(kind, p256(), padding=60000)

    def make_many_names(self, kind):
        return self.one(kind, p256(), names=["n%d.example" % i for i in range(350)])

    def make_rsa_8192(self, kind):
        return make_rsa(self.folder, kind, 8192, self.subject)

    def make_rsa_1024(self, kind):
        return make_rsa(self.folder, kind, 1024, self.subject)

    def make_odd_curve(self, kind):
        return self.one(kind, ec.generate_private_key(ec.BrainpoolP512R1()))

    def make_p521(self, kind):
        return self.one(kind, ec.generate_private_key(ec.SECP521R1()))

    def make_ed25519(self, kind):
        return self.one(kind, ed25519.Ed25519PrivateKey.generate())


def s_client(address, port, version, path=None, stdin="", timeout=60):
    """openssl s_client with this certificate and the chain beside it; its output."""
    command = ["openssl", "s_client", "-connect", "%s:%d" % (address, port), version,
               "-cipher", "ALL:@SECLEVEL=0", "-ign_eof"]
    if path:
        command += ["-cert", path, "-key", path, "-cert_chain", path]
    out = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout,
                         errors="replace")
    return out.stdout + out.stderr
