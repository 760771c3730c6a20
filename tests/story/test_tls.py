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
