"""Encrypted from the first day: one certificate a box, and a name that decides what it may say."""

from pathlib import Path

from agent.uplink.session import Door
from tests.broker import COUNTER_ACL, Broker
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.story.counter import Counter, Province, same_events


def _client(certificates: Certificates, name: str) -> Door:
    import ssl

    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(str(certificates.of(name)), str(certificates.key_of(name)))
    return Door("localhost", 0, "province-40-receive", None, None, context)


def test_ratings_travel_over_mutual_tls_with_the_protocols_access_list(
    tmp_path: Path, certificates: Certificates
) -> None:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Broker(folder, tls="mutual", certificates=certificates, acl=COUNTER_ACL) as broker:
        box = Counter(tmp_path / "counter", broker.url)
        box.settings["uplink"].update(
            ca_file=str(certificates.ca),
            certificate_file=str(certificates.of("na-0123")),
            key_file=str(certificates.key_of("na-0123")),
        )
        door = _client(certificates, "province")
        province = Province(
            broker, tmp_path / "province.db", door=Door(door.host, broker.port, door.client_id, None, None, door.tls)
        )
        province.start()
        try:
            box.start()
            box.press("32")
            box.press("33")
            eventually(lambda: same_events(box, province), within_s=30)
        finally:
            box.close()
            province.stop()


def test_new_certificate_files_are_tried_before_they_replace_the_session_that_works(
    tmp_path: Path, certificates: Certificates
) -> None:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    own, key = tmp_path / "own.pem", tmp_path / "own.key"
    _lay(own, key, certificates, "na-0123")
    with Broker(folder, tls="mutual", certificates=certificates, acl=COUNTER_ACL) as broker:
        box = Counter(tmp_path / "counter", broker.url)
        box.settings["uplink"].update(ca_file=str(certificates.ca), certificate_file=str(own), key_file=str(key))
        try:
            box.start()
            eventually(lambda: " as na-0123 " in broker.log_file.read_text(), within_s=20)
            _lay(own, key, certificates, "stranger")
            eventually(lambda: "the new certificate files are not used" in box.said, within_s=30)
            assert "no link to" not in box.said
            _lay(own, key, certificates, "na-0123")
            eventually(lambda: "new certificate files work" in box.said, within_s=30)
            assert "no link to" not in box.said
        finally:
            box.close()


def _lay(certificate: Path, key: Path, certificates: Certificates, name: str) -> None:
    """Put *name*'s files in place of what is there, as a technician would."""
    for target, source in ((key, certificates.key_of(name)), (certificate, certificates.of(name))):
        new = target.with_suffix(".new")
        new.write_bytes(source.read_bytes())
        new.replace(target)
