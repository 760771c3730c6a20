"""A small certificate authority for TLS tests, with the wrong certificates to attack with.

Everything is written into one folder: `ca.pem`, and per holder `<name>.pem` with `<name>.key`.
`expired` ended yesterday; `stranger` is signed by another authority, `foreign-ca.pem`.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = folder / f"{name}.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Authority:
    """One certificate authority; its own certificate is `<name>.pem`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._subject = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            self._build(self._subject, self._key.public_key(), now - timedelta(days=2), now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        _write(folder, name, certificate, self._key)

    def issue(
        self,
        name: str,
        purpose: x509.ObjectIdentifier = CLIENT,
        *,
        starts_in: timedelta = timedelta(days=-2),
        ends_in: timedelta = timedelta(days=7),
        host: str = "localhost",
    ) -> x509.Certificate:
        """Write `<name>.pem` and `<name>.key`.

        A negative *ends_in* makes a certificate that has ended, a positive *starts_in* one that has not begun.
        *host* is whom a server's certificate is for.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name)]
        if purpose == SERVER:
            alternatives = [x509.DNSName(host)]
            if host == "localhost":
                alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = (
            self._build(_name(name), key.public_key(), now + starts_in, now + ends_in)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write(self._folder, name, certificate, key)
        return certificate

    def revoke(self, certificate: x509.Certificate) -> Path:
        """Write `revoked.crl`, the list of the authority's revoked certificates: this one."""
        now = datetime.now(UTC)
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(now - timedelta(hours=1))
            .build()
        )
        revoked = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._subject)
            .last_update(now - timedelta(hours=1))
            .next_update(now + timedelta(days=7))
            .add_revoked_certificate(entry)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / "revoked.crl"
        path.write_bytes(revoked.public_bytes(serialization.Encoding.PEM))
        return path

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, starts: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        # Python 3.13 verifies strictly (VERIFY_X509_STRICT): both key identifiers must be there.
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(starts)
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Certificates:
    """The folder of a test's certificates."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def of(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key_of(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def make_certificates(folder: Path, clients: tuple[str, ...] = ("na-0123", "province")) -> Certificates:
    """Write an authority, `server`, one certificate for each of *clients*, and the wrong ones."""
    authority = Authority(folder, "ca")
    authority.issue("server", SERVER)
    for client in clients:
        authority.issue(client)
    authority.issue("expired", ends_in=timedelta(days=-1))
    Authority(folder, "foreign-ca").issue("stranger")
    return Certificates(folder)
