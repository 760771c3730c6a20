"""The agent's word with the kiosk over real loopback, and what a stranger's word is worth."""

import pytest

from agent.errors import TryAgain
from agent.screen.kiosk.wire import Wire
from agent.screen.kiosk.word import Sight
from tests.web.serving import ADDRESS, Serving


def test_the_kiosk_asks_and_tells(serving: Serving) -> None:
    wire = Wire(serving.url)
    wish = wire.ask()
    assert (wish.page, wish.code, wish.page_age_s) == ("/screen", ADDRESS, None)
    wire.tell(Sight(browser="running", is_pictures_only=True))
    assert serving.glass.is_pictures_only


@pytest.mark.parametrize(
    "body", [{"browser": "melted"}, {"panel": {"fault": "OK"}}, {"restarts": -1}, [], b"{", b"\xff"]
)
def test_what_is_no_sight_is_refused(serving: Serving, body: object) -> None:
    answer, _ = serving.ask("POST", "/kiosk/report", body=body)
    assert answer.status == 400
    assert serving.glass.condition() is None


def test_another_site_is_not_believed(serving: Serving) -> None:
    answer, _ = serving.ask("POST", "/kiosk/report", body={}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status == 403


def test_an_agent_that_is_away_is_waited_for(serving: Serving) -> None:
    wire = Wire(serving.url)
    serving.stop()
    with pytest.raises(TryAgain):
        wire.ask()
    serving.start_again()
    wire.ask()
