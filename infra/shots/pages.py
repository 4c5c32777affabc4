"""Every page that payers see, in each state, made without a gateway: of payments and refunds that nobody made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.errors import Conflict, RateUnavailable, Refusal
from ctrip.domain.invoices.invoice import Invoice, InvoiceState, LineItem, Standing
from ctrip.domain.links.link import Link, LinkTerms
from ctrip.domain.merchants.access import Brand, Merchant
from ctrip.domain.payments.choosing import Offered
from ctrip.domain.payments.payer import PayerStep
from ctrip.domain.payments.payment import Flag, Status, undecided
from ctrip.domain.prices.price import Price
from ctrip.domain.settlement.payout import Payout, PayoutKind, PayoutState
from ctrip.networks import load_networks
from ctrip.pages import bills, render
from ctrip.ports.language import Language
from ctrip.views.brand import Shop, shop_of
from ctrip.views.checkout import CheckoutState, checkout_view
from ctrip.views.choice_words import trouble_of
from ctrip.views.claim_words import refusal_of
from ctrip.views.link_words import closed_of
from ctrip.views.link_words import trouble_of as trouble_of_link
from tests.build import T0
from tests.support.payer_states import CASES, END, due, seen
from tests.world import NETWORK

MERCHANT = Merchant(
    id="m1",
    name="Coffee to go",
    account=1,
    xpub="",
    webhook_secrets=(),
    brand=Brand(colour="#0f766e", contact="help@shop.example", logo="image/png"),
)
SHOP = shop_of(MERCHANT)
PLAIN = shop_of(replace(MERCHANT, brand=None))
NETWORKS: dict[str, Network] = {
    "anvil": replace(NETWORK, title="Base", testnet=False, explorer="https://explorer.example"),
    "other": replace(NETWORK, name="other", title="Polygon"),
    "tron": load_networks(["tron"])["tron"],
}
USDT = NETWORKS["tron"].tokens[0]
# As somebody pays on Tron: an address of its own form, and no link for wallets.
ON_TRON = {
    "chain": "tron",
    "token_id": USDT.id,
    "token_address": USDT.address,
    "symbol": "USDT",
    "address": "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6",
    "payment_uri": None,
    "required_confirmations": 1,
}
DAI = replace(NETWORK.tokens[0], symbol="DAI", decimals=18)
_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_SENT = Transfer("0x" + "5d" * 32, 0, 7, "0xb", None, 12_500_000)
_ORDER = {
    "order_id": "1042",
    "description": "Two coffees and a cake",
    "success_url": "https://shop.example/thanks",
    "cancel_url": "https://shop.example/cart",
}


def _states() -> dict[str, tuple[dict[str, Any], int]]:
    """Name each state of a payment, with its changes and the time at which it is looked at."""
    found: dict[str, tuple[dict[str, Any], int]] = {}
    for step, changes, _ in CASES:
        name = step.value if step.value not in found else f"{step.value}_{len(found)}"
        transfers = {"transfers": (_SENT,)} if changes.get("amount_received") else {}
        found[name] = ({**_ORDER, **transfers, **changes}, T0)
    found[PayerStep.CHECKING.value] = (_ORDER, END)
    paid = Transfer("5d" * 32, 0, 7, "b", None, 12_500_000)
    found["tron"] = ({**_ORDER, **ON_TRON}, T0)
    found["tron_rest"] = ({**_ORDER, **ON_TRON, **seen(5_000_000, Status.PENDING, Flag.UNDERPAID)}, T0)
    found["tron_done"] = (
        {**_ORDER, **ON_TRON, **seen(12_500_000, Status.PAID, confirmations=1), "transfers": (paid,)},
        T0,
    )
    found["huge"] = ({**_ORDER, "amount": 2**256 - 1, "symbol": "DAI", "decimals": 18, "description": "M" * 500}, T0)
    return found


STATES = _states()


def state(name: str, language: Language) -> CheckoutState:
    """Return what the status of a payment in a state says."""
    changes, now = STATES[name]
    return checkout_view(due(id=name, **changes), NETWORKS, now, None, language)


def checkout(name: str, language: Language, shop: Shop = SHOP) -> str:
    """Render the checkout page of a payment in a state."""
    changes, _ = STATES[name]
    payment = due(id=name, **changes)
    return render.checkout(state(name, language), payment, NETWORKS[payment.due.chain], language, shop)


def _claim(state: PayoutState, **shown: Any) -> Callable[[Language], str]:
    refund = Payout(
        id="rf_1",
        kind=PayoutKind.REFUND,
        merchant_id="m1",
        chain="anvil",
        token_id=None,
        token=None,
        symbol="USDC",
        decimals=6,
        amount=1_250_000,
        to="" if state is PayoutState.AWAITING_ADDRESS else _TO,
        asked_by="key:1",
        state=state,
        approvals_needed=1,
        claim_until=END,
    )
    asked: dict[str, Any] = {"waits": state is PayoutState.AWAITING_ADDRESS, "address": "", "wrong": "", "why": ""}
    asked |= shown
    return lambda language: render.claim(refund, NETWORKS["anvil"], language, SHOP, **asked)


CLAIMS: dict[str, Callable[[Language], str]] = {
    "asked": _claim(PayoutState.AWAITING_ADDRESS),
    "wrong": _claim(PayoutState.AWAITING_ADDRESS, wrong="0x12", why=refusal_of("invalid_address")),
    "confirm": _claim(PayoutState.AWAITING_ADDRESS, address=_TO),
    "noted": _claim(PayoutState.AWAITING_APPROVAL),
    "sending": _claim(PayoutState.SENDING),
    "sent": _claim(PayoutState.COMPLETED),
    "over": _claim(PayoutState.CANCELLED),
}
OTHERS: dict[str, Callable[[Language], str]] = {
    "no-payment": render.missing,
    "no-refund": render.no_claim,
    "no-language": lambda _: render.no_language("unknown_language"),
}


def _choice(*, chosen: bool = False, offers: int = 6, refusal: Refusal | None = None) -> Callable[[Language], str]:
    asked = {**_ORDER, "id": "choose", "choosable": True, "price": Price("EUR", 2490)}
    plain = due(**asked)
    payment = plain if chosen else replace(plain, due=undecided(END))
    listed = [Offered(NETWORKS[name], NETWORK.tokens[0], 27_390_000) for name in ("anvil", "other")]
    listed += [
        Offered(NETWORKS["other"], NETWORK.coin, None, "no rate"),
        Offered(NETWORKS["other"], DAI, 27 * 10**18 + 1),
        Offered(NETWORKS["tron"], USDT, 27_390_000),
        Offered(NETWORKS["tron"], NETWORKS["tron"].coin, 80_000_000),
    ]

    def shown(language: Language) -> str:
        trouble = language.say(trouble_of(refusal)) if refusal else ""
        told = checkout_view(payment, NETWORKS, T0, None, language)
        return render.choose(told, payment, listed[:offers], language, SHOP, trouble=trouble, up="../")

    return shown


CHOICES: dict[str, Callable[[Language], str]] = {
    "first": _choice(),
    "anew": _choice(chosen=True),
    "refused": _choice(refusal=RateUnavailable("no rate", retry_after=10)),
    "nothing": _choice(offers=0),
}


def _link(code: str = "", *, typed: str = "", **terms: Any) -> Callable[[Language], str]:
    asked: dict[str, Any] = {"title": "A gift", "description": "For anything that you like."}
    shown = Link(id="link", merchant_id="m1", terms=LinkTerms(**asked | (terms or {"price": Price("EUR", 2490)})))
    refusal = Conflict("it takes no payments", code=code)

    def written(language: Language) -> str:
        closed, trouble = closed_of(refusal), trouble_of_link(refusal, shown.terms, language) if typed else ""
        return bills.link(shown, language, SHOP, closed=closed, trouble=trouble, typed=typed)

    return written


def _invoice(state: InvoiceState, paid: int = 0, over: int = 0) -> Callable[[Language], str]:
    items = (
        LineItem(description="A day's work, with a description that is longer", quantity=2, unit_price=45_000),
        LineItem(description="Travel", quantity=1_000, unit_price=5),
    )
    bill = Invoice(
        id="invoice",
        merchant_id="m1",
        number="2026-0042",
        currency="EUR",
        items=items,
        due_at=END,
        customer_name="Ann",
        note="Thank you.",
    )
    known = Standing(state=state, paid=paid, left=bill.total - paid, over=over)
    return lambda language: bills.invoice(bill, known, None, language, SHOP)


BILLS: dict[str, Callable[[Language], str]] = {
    "link-fixed": _link(),
    "link-open": _link(currency="EUR", minimum="5.00", maximum="500.00"),
    "link-wrong": _link("amount_out_of_bounds", typed="4,99", currency="EUR", minimum="5.00"),
    "link-over": _link("link_expired"),
    **{f"invoice-{each}": _invoice(each) for each in (InvoiceState.OPEN, InvoiceState.OVERDUE, InvoiceState.VOID)},
    "invoice-part_paid": _invoice(InvoiceState.PART_PAID, 50_000),
    "invoice-paid": _invoice(InvoiceState.PAID, 95_000, 1),
    "no-link": bills.no_link,
    "no-invoice": bills.no_invoice,
}
