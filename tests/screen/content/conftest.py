"""Certificates made once, and a web server for each test."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.certificates import SERVER, Authority, Certificates
from tests.screen.content.web import Web, serving


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("content-certificates")
    authority = Authority(folder, "ca")
    authority.issue("server", SERVER)
    authority.issue("expired-server", SERVER, ends_in=timedelta(days=-1))
    authority.issue("elsewhere", SERVER, host="elsewhere.example")
    Authority(folder, "foreign-ca").issue("stranger", SERVER)
    return Certificates(folder)


@pytest.fixture
def web(certificates: Certificates) -> Iterator[Web]:
    with serving(certificates.of("server"), certificates.key_of("server")) as made:
        yield made


@pytest.fixture
def ca(certificates: Certificates) -> Path:
    return certificates.ca
