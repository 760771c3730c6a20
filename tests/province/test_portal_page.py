"""The rating page as the portal serves it, in a real browser of a cheap phone's size."""

import time
from typing import TYPE_CHECKING

import pytest

from agent.rating.phone.sealed import unseal_vote
from agent.rating.record import Reason
from tests.broker import Broker
from tests.province.test_portal import KEYS, ServedPortal, broker, code, portal, sealed_votes
from tests.web.test_phone_browser import PHONE, choose, nothing_leaves_the_page, send, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["broker", "portal"]  # fixtures


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_visit_at_the_portal_from_the_code_to_the_sealed_vote(
    portal: ServedPortal, browser: "Browser", broker: Broker, scripts: bool
) -> None:
    with portal.open() as phone:
        context = browser.new_context(
            viewport={"width": PHONE[0], "height": PHONE[1]},
            locale="vi-VN",
            has_touch=True,
            is_mobile=True,
            java_script_enabled=scripts,
        )
        page = context.new_page()
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url.partition("/R/")[0]))
        page.goto(f"{phone.origin}/R/{code(time.time)}")
        if scripts:
            nothing_leaves_the_page(page)
            assert violations(page) == []
        choose(page, "Không hài lòng")
        page.locator("summary").tap()
        choose(page, "Thời hạn giải quyết")
        send(page)
        page.wait_for_url("**/thanks*")
        assert page.locator("h1").inner_text() == "Cảm ơn ông/bà!"
        assert context.cookies() == []
        assert asked == {phone.origin}
        context.close()
    (ballot,) = sealed_votes(portal.store)
    vote = unseal_vote(KEYS, ballot.id, ballot.sealed)
    assert (vote.level, vote.reasons) == (0, (Reason.DEADLINE,))
