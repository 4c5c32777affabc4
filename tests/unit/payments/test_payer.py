"""What a payer is told in each state: the next step, its words, and a page that asks for no more than is missing."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.chains.chain import Transfer
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.payments.payer import PayerStep
from ctrip.domain.payments.payment import Flag, Status
from ctrip.networks import load_networks
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
    assert "QR code and the amount" not in state["text"]


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


TRON = load_networks(["tron"])["tron"]
USDT = TRON.tokens[0]
TRON_ADDRESS = "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6"


def on_tron(*, coin: bool = False, **changes: Any) -> tuple[CheckoutState, str]:
    """The status and the page of a payment on Tron."""
    asset = TRON.coin if coin else USDT
    what = {"token_id": asset.id, "token_address": asset.address, "symbol": asset.symbol}
    uri = rules_of(TRON).payment_uri(TRON, asset, TRON_ADDRESS, 12_500_000)
    asked = due(**{**what, "chain": "tron", "address": TRON_ADDRESS, "payment_uri": uri, **changes})
    state = checkout_view(asked, {"tron": TRON}, T0, None, ENGLISH)
    return state, html.unescape(render.checkout(state, asked, TRON, ENGLISH, SHOP))


def test_on_tron_no_link_is_offered_that_wallets_refuse() -> None:
    """The one QR code holds the bare address; no link and no button of a browser's wallet are there."""
    state, page = on_tron()
    assert (state["payment_uri"], state["rest_uri"], page.count("<svg")) == (None, None, 1)
    assert segno_of(TRON_ADDRESS) in page
    assert not re.search(r'href="(ethereum|tron):|id="pay-here"|id="way-whole"', page)
    assert f'data-copy="{TRON_ADDRESS}"' in page
    assert 'data-copy="12.5"' in page
    assert "misread the other" not in page


def test_on_tron_the_network_is_named_as_wallets_and_exchanges_name_it() -> None:
    """A token by its standard too; the coin has none."""
    _, page = on_tron()
    assert "Send only USDT on Tron (TRC-20)." in page
    assert "choose the network Tron: what is sent on another network does not arrive here." in page
    _, page = on_tron(coin=True)
    assert ("Send only TRX on Tron." in page, "TRC-20" in page) == (True, False)


def test_on_tron_a_payer_knows_that_a_payment_shows_once_it_is_final() -> None:
    """Whoever waits a minute and sees nothing pays twice; confirmations, never counted there, are not shown."""
    for changes in ({}, seen(5_000_000, _S.PENDING, _F.UNDERPAID)):
        state, _ = on_tron(**changes)
        assert "about a minute after it was sent, once Tron has made it final" in state["text"]
        assert "QR code and the amount below ask for the rest" not in state["text"]
    state, page = on_tron(**seen(12_500_000, _S.PAID, transfers=(Transfer("5d" * 32, 0, 7, "b", None, 12_500_000),)))
    assert ("final" in state["text"], "Confirmations" in page) == (False, False)
    assert state["transactions"][0]["url"] == f"https://tronscan.org/#/transaction/{'5d' * 32}"


def test_on_evm_nothing_of_this_is_said() -> None:
    """The address is there on every network of the kind, and what comes is seen at once; the standard is its own."""
    state, page = shown()
    assert "Send only USDC on Anvil (ERC-20)." in page
    assert ("does not arrive here" in page, "final" in state["text"]) == (False, False)


def segno_of(text: str) -> str:
    """Return the modules of a text's QR code, as the page draws them."""
    return str(render._qr(text, "QR code of the address")).split("<path", 1)[1]
