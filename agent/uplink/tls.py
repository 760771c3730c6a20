"""TLS to the broker: the context from the settings, and every refusal by its name.

The chain and the host name are always checked; there is no switch that turns this off.
"""

import socket
import ssl
from contextlib import suppress
from typing import Any

from agent.errors import PersonMustAct
from agent.settings.model import Uplink

# Verification results, from OpenSSL's x509_vfy.h.
_VERIFY_CODES = {
    9: "UPLINK_CERT_NOT_YET_VALID",
    10: "UPLINK_CERT_EXPIRED",
    23: "UPLINK_CERT_REVOKED",
    62: "UPLINK_CERT_WRONG_HOST",
    64: "UPLINK_CERT_WRONG_HOST",
}

_ERRORS: dict[type[OSError], str] = {
    socket.gaierror: "UPLINK_NO_NAME",
    ConnectionRefusedError: "UPLINK_NO_BROKER",
    ConnectionResetError: "UPLINK_TLS",  # somebody is there and does not like a handshake
}


class _Line(ssl.SSLSocket):
    """Closes itself when the handshake fails (paho would leave that to the garbage collector), and says why it broke.

    In TLS 1.3 the broker judges this box's certificate only after the handshake. Its verdict arrives, it closes,
    and whoever writes meanwhile hears of a broken pipe only: the verdict still waits to be read.
    """

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError):
                self.recv(1)
            raise

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's own signature
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def context(link: Uplink) -> ssl.SSLContext:
    """A client context with the configured authority and, for mutual TLS, this box's certificate.

    Raises:
        PersonMustAct: a file is missing or is not what it should be.
    """
    try:
        made = ssl.create_default_context(cafile=str(link.ca_file) if link.ca_file else None)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.sslsocket_class = _Line
        if link.certificate_file is not None:
            key = str(link.key_file) if link.key_file else None
            made.load_cert_chain(str(link.certificate_file), key, password="")  # never ask on a terminal
    except (OSError, ssl.SSLError) as error:
        raise PersonMustAct(
            f"certificate files {link.ca_file}, {link.certificate_file}, {link.key_file}: {error}"
        ) from error
    return made


def code_of(error: OSError) -> str:
    """The health code that names why a connection could not be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, "UPLINK_CERT_UNTRUSTED")
    if isinstance(error, ssl.SSLError):
        return code_of_alert(str(error))
    if isinstance(error, TimeoutError) and "handshake" in str(error):
        return "UPLINK_MUTE"
    return next((code for kind, code in _ERRORS.items() if isinstance(error, kind)), "UPLINK_NO_NETWORK")


def code_of_alert(text: str) -> str:
    """The health code for what the broker's TLS said when it turned this box away (RFC 8446 section 6)."""
    said = text.lower().replace("_", " ")
    for word, code in (
        ("certificate expired", "UPLINK_OWN_CERT_EXPIRED"),
        ("certificate revoked", "UPLINK_OWN_CERT_REVOKED"),
        ("certificate required", "UPLINK_OWN_CERT_MISSING"),
        ("handshake failure", "UPLINK_OWN_CERT_MISSING"),
        ("unknown ca", "UPLINK_OWN_CERT_UNTRUSTED"),
        ("bad certificate", "UPLINK_OWN_CERT_UNTRUSTED"),
        ("unknown certificate", "UPLINK_OWN_CERT_UNTRUSTED"),
    ):
        if word in said:
            return code
    return "UPLINK_TLS"
