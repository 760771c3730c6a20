"""Every way in which two ends do not trust each other has its own name in health. Against a real Mosquitto."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from agent.errors import PersonMustAct
from agent.language import language, languages
from agent.settings.model import Uplink
from agent.uplink import tls
from agent.uplink.link import Link, door
from agent.uplink.session import Connected, LinkDown, Protocol
from agent.uplink.topics import Topics
from tests.broker import Broker
from tests.certificates import SERVER, Authority, Certificates
from tests.eventually import eventually
from tests.uplink.at_the_broker import waking

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One authority with good and bad certificates for both ends, and a list of revoked ones."""
    folder = tmp_path_factory.mktemp("papers")
    authority = Authority(folder, "ca")
    authority.issue("server", SERVER)
    authority.issue("server-expired", SERVER, ends_in=-DAY)
    authority.issue("server-not-yet", SERVER, starts_in=DAY)
    authority.issue("server-elsewhere", SERVER, host="mqtt.elsewhere.example")
    for client in ("na-0123", "revoked"):
        certificate = authority.issue(client)
    authority.revoke(certificate)
    authority.issue("expired", ends_in=-DAY)
    authority.issue("not-yet", starts_in=DAY)
    foreign = Authority(folder, "foreign-ca")
    foreign.issue("stranger")
    foreign.issue("server-foreign", SERVER)
    return Certificates(folder)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def one_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This box speaks one version of TLS only; in 1.3 its certificate is judged after the handshake."""

    def of_one_version(settings: Uplink) -> ssl.SSLContext:
        made = context(settings)
        made.minimum_version = made.maximum_version = request.param
        return made

    context = tls.context
    monkeypatch.setattr(tls, "context", of_one_version)


@contextmanager
def broker_showing(papers: Certificates, name: str, folder: Path, **options: Any) -> Iterator[Broker]:
    """A broker that shows the certificate *name*."""
    shown = folder / name
    shown.mkdir()
    shutil.copy(papers.ca, shown / "ca.pem")
    shutil.copy(papers.of(name), shown / "server.pem")
    shutil.copy(papers.key_of(name), shown / "server.key")
    with Broker(shown, **{"tls": "server", **options}, certificates=Certificates(shown)) as broker:
        yield broker


def uplink(broker: str, papers: Certificates, client: str | None = None, **more: Any) -> Uplink:
    files = (
        {} if client is None else {"certificate_file": str(papers.of(client)), "key_file": str(papers.key_of(client))}
    )
    return Uplink.model_validate({"broker": broker, "ca_file": str(papers.ca), **files, **more})


def knock(settings: Uplink) -> Connected | LinkDown:
    """Try to connect once, as the uplink does."""
    with waking() as wake:
        link = Link(settings, topics=Topics("40", "na-0123"), wake=wake, beat=lambda: None)
        try:
            session, connected = link.establish(1, threading.Event())
        except LinkDown as down:
            return down
        session.close()
        return connected


def code_of(settings: Uplink) -> str:
    answer = knock(settings)
    if isinstance(answer, Connected):
        return "connected"
    for code in languages():  # whatever it is called, there are words for it
        assert language(code).text(f"health.{answer.code}.message", broker="b", reason=str(answer))
    return answer.code


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ("server", "connected"),
        ("server-expired", "UPLINK_CERT_EXPIRED"),
        ("server-not-yet", "UPLINK_CERT_NOT_YET_VALID"),
        ("server-elsewhere", "UPLINK_CERT_WRONG_HOST"),
        ("server-foreign", "UPLINK_CERT_UNTRUSTED"),
    ],
)
@pytest.mark.parametrize("protocol", Protocol)
def test_a_broker_whose_certificate_is_wrong_is_not_spoken_to_and_health_says_how(
    papers: Certificates, tmp_path: Path, shown: str, code: str, protocol: Protocol
) -> None:
    with broker_showing(papers, shown, tmp_path) as broker:
        assert code_of(uplink(broker.url, papers, protocol=protocol)) == code


def test_a_brokers_address_is_checked_as_its_name_is(papers: Certificates, tmp_path: Path) -> None:
    with broker_showing(papers, "server-elsewhere", tmp_path) as broker:
        assert code_of(uplink(f"mqtts://127.0.0.1:{broker.port}", papers)) == "UPLINK_CERT_WRONG_HOST"
    with broker_showing(papers, "server", tmp_path) as broker:
        assert code_of(uplink(f"mqtts://127.0.0.1:{broker.port}", papers)) == "connected"


def test_without_an_authority_of_its_own_the_systems_are_believed_and_no_other(
    papers: Certificates, tmp_path: Path
) -> None:
    with broker_showing(papers, "server", tmp_path) as broker:
        assert code_of(Uplink(broker=broker.url)) == "UPLINK_CERT_UNTRUSTED"


@pytest.mark.parametrize(
    ("client", "code"),
    [
        ("na-0123", "connected"),
        (None, "UPLINK_OWN_CERT_MISSING"),
        ("expired", "UPLINK_OWN_CERT_EXPIRED"),
        ("not-yet", "UPLINK_OWN_CERT_UNTRUSTED"),
        ("stranger", "UPLINK_OWN_CERT_UNTRUSTED"),
        ("revoked", "UPLINK_OWN_CERT_REVOKED"),
    ],
)
@pytest.mark.usefixtures("one_version")
def test_a_box_whose_certificate_the_broker_turns_down_says_which_way(
    papers: Certificates, tmp_path: Path, client: str | None, code: str
) -> None:
    options = [f"crlfile {papers.folder / 'revoked.crl'}"]
    with broker_showing(papers, "server", tmp_path, tls="mutual", options=options) as broker:
        assert code_of(uplink(broker.url, papers, client)) == code


def test_a_certificates_name_is_the_user_and_another_boxs_is_refused(papers: Certificates, tmp_path: Path) -> None:
    options = ["clientid_prefixes none-has-this"]
    with broker_showing(papers, "server", tmp_path, tls="mutual", options=options) as broker:
        assert code_of(uplink(broker.url, papers, "na-0123")) in ("UPLINK_NOT_AUTHORISED", "UPLINK_REFUSED")


def test_a_plain_port_spoken_to_in_tls_is_named(papers: Certificates, mosquitto: Broker) -> None:
    assert code_of(uplink(f"mqtts://localhost:{mosquitto.port}", papers)) == "UPLINK_TLS"


def test_a_tls_port_spoken_to_in_the_clear_is_a_lost_line(papers: Certificates, tmp_path: Path) -> None:
    with broker_showing(papers, "server", tmp_path) as broker:
        assert code_of(Uplink(broker=f"mqtt://127.0.0.1:{broker.port}")) == "UPLINK_LOST"


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_broker_that_takes_the_line_and_says_nothing_is_mute(
    papers: Certificates, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("link", "session"):
        monkeypatch.setattr(f"agent.uplink.{module}.CONNECT_TIMEOUT_S", 0.3)
    with socket.create_server(("localhost", 0)) as mute:
        url = f"{scheme}://localhost:{mute.getsockname()[1]}"
        settings = uplink(url, papers) if scheme == "mqtts" else Uplink(broker=url)
        assert code_of(settings) == "UPLINK_MUTE"


def test_a_port_where_nobody_listens_and_a_name_that_nobody_has_are_told_apart(papers: Certificates) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert code_of(Uplink(broker=f"mqtt://127.0.0.1:{nobody.getsockname()[1]}")) == "UPLINK_NO_BROKER"
    assert code_of(Uplink(broker="mqtt://no-such-host.invalid:1883")) == "UPLINK_NO_NAME"


def test_a_missing_or_wrong_file_needs_a_person_and_names_the_file(papers: Certificates, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.pem"
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    for wrong in (
        {"ca_file": nowhere},
        {"ca_file": garbage},
        {"certificate_file": garbage, "key_file": papers.key_of("na-0123")},
        {"certificate_file": papers.of("na-0123"), "key_file": papers.key_of("expired")},
        {"certificate_file": papers.of("na-0123"), "key_file": nowhere},
    ):
        settings = uplink("mqtts://localhost:1", papers, **{name: str(path) for name, path in wrong.items()})
        with pytest.raises(PersonMustAct, match="certificate files"):
            tls.context(settings)


def test_a_locked_key_is_refused_and_nobody_is_asked_for_its_password(papers: Certificates, tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(papers.key_of("na-0123").read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(PersonMustAct, match=r"locked\.key"):
        tls.context(uplink("mqtts://localhost:1", papers, "na-0123", key_file=str(locked)))


def test_a_password_file_is_read_anew_at_every_connection(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("first\n")
    settings = Uplink.model_validate({"broker": "mqtt://localhost", "password_file": str(path)})
    assert door(settings, client_id="na-0123").password == "first"
    path.write_text("second")
    assert door(settings, client_id="na-0123").password == "second"
    path.unlink()
    with pytest.raises(PersonMustAct, match="password"):
        door(settings, client_id="na-0123")


def test_a_wrong_password_is_named(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("wrong")
    folder = tmp_path / "broker"
    folder.mkdir()
    with Broker(folder, passwords={"na-0123": "right"}) as broker:
        settings = Uplink.model_validate({"broker": broker.url, "password_file": str(path)})
        assert code_of(settings) == "UPLINK_NOT_AUTHORISED"
        path.write_text("right\n")
        assert eventually(lambda: code_of(settings)) == "connected"
