"""What a payer is told in each state: the next step, its words, and a page that asks for no more than is missing."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.chains.chain import Transfer
from ctrip.domain.payments.payer import PayerStep
from ctrip.domain.payments.payment import Flag, Status
from ctrip.pages import render
from ctrip.views.checkout import CheckoutState, checkout_view
from ctrip.views.checkout_words import WORDS
from tests.build import ADDRESS, T0
from tests.support.payer_states import CASES, END, ENGLISH, NETWORKS, SHOP, WRONG, due, seen
from tests.world import NETWORK, USDC

_S, _F = Status, Flag


def shown(now: int = T0, **changes: Any) -> tuple[CheckoutState, str]:
    """The status of a payment, and its page as text with tags."""
    asked = due(**changes)
    state = checkout_view(asked, NETWORKS, now, None, ENGLISH)
    return state, html.unescape(render.checkout(state, asked, NETWORK, ENGLISH, SHOP))


PAYABLE = {PayerStep.PAY, PayerStep.PAY_REST, PayerStep.WRONG_ASSET, PayerStep.WRONG_NETWORK}


@pytest.mark.parametrize(("step", "changes", "words"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_each_state_has_its_step_and_words(step: PayerStep, changes: dict[str, Any], words: tuple[str, ...]) -> None:
    """The page says what the status says, title included; how to pay stands where something may be sent alone."""
    state, page = shown(**changes)
    assert state["step"] == step
    said = f"{state['heading']} {state['text']}"
    assert all(each in said for each in words), said
    assert f'<p id="heading">{state["heading"]}</p>' in page
    assert f'<p id="state-text">{state["text"]}</p>' in page
    assert f"<title>{state['title']}</title>" in page
    payable = step in PAYABLE and changes.get("status") is not Status.EXPIRED
    assert state["payable"] == payable
    assert (ADDRESS in page, "<svg" in page, state["rest_uri"] is not None) == (payable,) * 3
    assert not re.search(r"\{\w+\}", said + state["title"])


def test_every_step_is_reached_and_no_two_have_the_same_words() -> None:
    assert {case[0] for case in CASES} | {PayerStep.CHECKING, PayerStep.CHOOSE} == set(PayerStep) == set(WORDS)
    assert len({(each.heading, each.text) for each in WORDS.values()}) == len(WORDS)


def test_the_rest_is_computed_in_base_units() -> None:
    """Beyond every float, to the last digit; the QR code, the link and the amount ask for the same."""
    huge = 2**256 - 1
    token = {"symbol": "DAI", "decimals": 18, "amount": huge}
    state, page = shown(**token, **seen(1, _S.DETECTED, _F.UNDERPAID))
    rest = "115792089237316195423570985008687907853269984665640564039457.584007913129639934"
    assert state["rest_decimal"] == rest
    assert state["rest_uri"] == f"ethereum:{USDC.address}@31337/transfer?address={ADDRESS}&uint256={huge - 1}"
    assert f'data-copy="{rest}"' in page
    assert str(huge) not in page
    assert page.count(f'href="{state["rest_uri"]}"') == 2


def test_of_a_network_that_is_gone_no_link_asks_for_the_whole_again() -> None:
    """Amount and address remain, and the QR code of the address."""
    asked = due(**seen(5_000_000, _S.DETECTED, _F.UNDERPAID))
    state = checkout_view(asked, {}, T0, None, ENGLISH)
    page = render.checkout(state, asked, None, ENGLISH, SHOP)
    assert (state["payable"], state["rest_uri"]) == (True, None)
    assert (page.count("<svg"), "12500000" in page, ADDRESS in page) == (1, False, True)


@pytest.mark.parametrize("amount", [0, 5_000_000])
def test_from_the_deadline_by_the_servers_clock_nothing_is_asked_for(amount: int) -> None:
    """Not a millisecond longer, whatever the status still is; before it, it is."""
    changes = seen(amount, _S.DETECTED if amount else _S.PENDING)
    assert shown(END - 1, **changes)[0]["payable"]
    state, page = shown(END, **changes)
    assert (state["step"], state["payable"], state["rest_uri"]) == ("checking", False, None)
    assert "Checking for a payment on its way" in page
    assert (ADDRESS in page, "<svg" in page) == (False, False)
    assert state["server_time"] == state["expires_at"]


def test_an_amount_within_the_tolerance_is_not_asked_for() -> None:
    policy = replace(due().policy, tolerance_per_mille=10)
    state, _ = shown(policy=policy, **seen(12_400_000, _S.DETECTED))
    assert (state["step"], state["payable"], state["rest_decimal"]) == ("wait", False, "0")


def test_what_was_sent_by_mistake_is_named_beside_a_payment_that_is_done() -> None:
    state, _ = shown(strays=(WRONG,), **seen(12_500_000, _S.PAID, _F.WRONG_ASSET))
    assert (state["step"], "5 USDT has arrived too" in state["text"]) == ("done", True)


def test_a_payment_that_is_done_shows_its_transactions() -> None:
    """Each once, with a link where the network has an explorer."""
    hashes = ["0x" + digit * 64 for digit in "ab"]
    transfers = tuple(Transfer(each, 0, 7, "0xb", None, 5) for each in (*hashes, hashes[0], None))
    asked = due(**seen(12_500_000, _S.PAID, transfers=transfers))
    without = checkout_view(asked, NETWORKS, T0, None, ENGLISH)
    assert without["transactions"] == [{"tx_hash": each, "url": None} for each in hashes]
    explored = replace(NETWORK, explorer="https://scan.example/")
    state = checkout_view(asked, {"anvil": explored}, T0, None, ENGLISH)
    assert [each["url"] for each in state["transactions"]] == [f"https://scan.example/tx/{each}" for each in hashes]
    page = render.checkout(state, asked, explored, ENGLISH, SHOP)
    assert all(each in page and f'href="https://scan.example/tx/{each}"' in page for each in hashes)
    assert "scan.example" not in render.checkout(without, asked, NETWORK, ENGLISH, SHOP)


def test_the_way_back_is_there_once_the_payment_is_confirmed() -> None:
    links = {"success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no"}
    for changes, success in ((seen(12_500_000, _S.DETECTED), False), (seen(12_500_000, _S.CONFIRMED), True)):
        _, page = shown(**links, **changes)
        assert ("https://shop.example/ok?" in page, "https://shop.example/no?" in page) == (success, not success)


def test_confirmations_never_pass_those_that_are_needed() -> None:
    changes = seen(12_500_000, _S.DETECTED, detected_in_block=5)
    state = checkout_view(due(**changes), NETWORKS, T0, 6, ENGLISH)
    assert (state["confirmations"], state["required_confirmations"]) == (2, 3)
    assert checkout_view(due(**changes), NETWORKS, T0, 60, ENGLISH)["confirmations"] == 3
