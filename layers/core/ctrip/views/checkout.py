"""What the checkout page may know of a payment: nothing private."""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict, cast
from urllib.parse import quote, urlencode

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.choosing import may_choose
from ctrip.domain.payments.payer import DONE, WAITING, PayerStep, may_pay, payer_step, rest_of, strays_of
from ctrip.domain.payments.payment import Payment
from ctrip.ports.language import Language, amount_in
from ctrip.views.checkout_words import ASIDE, ON_NETWORK, PAY_RIGHT, TOO_LATE, WHEN_FINAL, WITHOUT_LINK, WORDS
from ctrip.views.fields import Address, Decimal, Hash, Id, Shape, Time, rfc3339
from ctrip.views.payments import PaymentFlag, PaymentStatus, PaymentView, PriceView, payment_view


class PayerTransaction(TypedDict):
    """A transaction that brought money; `url` shows it in the network's explorer, null where there is none."""

    tx_hash: Hash
    url: str | None


class CheckoutState(TypedDict):
    """What the checkout page knows, and the words that it says."""

    id: Id
    chain: Annotated[str | None, "Null, as all that follows from it: the payer has not chosen yet."]
    symbol: str | None
    address: Address | None
    status: PaymentStatus
    exception: PaymentFlag | None
    fulfillable: bool
    amount_decimal: Decimal | None
    received_decimal: Decimal | None
    confirmations: int
    required_confirmations: int | None
    payment_uri: str | None
    price: PriceView | None
    expires_at: Time
    success_url: str | None
    cancel_url: str | None
    step: Annotated[str, Shape(values=PayerStep), "What the payer has to do next."]
    language: Annotated[str, "The language of the words, as a tag."]
    title: Annotated[str, "The title of the window."]
    heading: Annotated[str, "The state, in a few words."]
    text: Annotated[str, "What to do, in words."]
    payable: Annotated[bool, "Whether the payer may send money now."]
    waiting: Annotated[bool, "Whether only confirmations are waited for."]
    done: Annotated[bool, "Whether the payer may go back to the shop."]
    choosable: Annotated[bool, "Whether the payer may choose what to pay with, or choose anew."]
    rest_decimal: Annotated[Decimal | None, "What is still missing."]
    rest_uri: Annotated[str | None, "For wallets: the link that sends the rest; null where nothing may be sent."]
    transactions: list[PayerTransaction]
    server_time: Annotated[Time, "The server's clock, by which `expires_at` is to be read."]
    revision: Annotated[str, "Changes whenever the page must be read again, because more than its words changed."]


def checkout_view(
    payment: Payment, networks: Mapping[str, Network], now: int, head: int | None, language: Language
) -> CheckoutState:
    """Show a payment to its payer at a time, in a language; `head` is the newest block known of its chain."""
    view = payment_view(payment, head=head)
    network = networks.get(payment.due.chain)
    step, payable = payer_step(payment, now), may_pay(payment, now)
    title, heading, text = _words(payment, networks, step, language, payable=payable)
    shown = cast(
        "CheckoutState", {name: value for name, value in view.items() if name in CheckoutState.__annotations__}
    )
    return {
        **shown,
        "confirmations": min(view["confirmations"], payment.due.required_confirmations),
        "success_url": return_url(view["success_url"], view),
        "cancel_url": return_url(view["cancel_url"], view),
        "step": step.value,
        "language": language.tag,
        "title": title,
        "heading": heading,
        "text": text,
        "payable": payable,
        "waiting": step in WAITING,
        "done": step in DONE,
        "choosable": may_choose(payment, now),
        "rest_decimal": format_decimal(rest_of(payment), payment.due.decimals) if payment.is_chosen else None,
        "rest_uri": _rest_uri(payment, network) if payable else None,
        "transactions": _transactions(payment, network),
        "server_time": rfc3339(now),
        "revision": f"{payment.version}-{step}",
    }


def return_url(url: str | None, payment: PaymentView) -> str | None:
    """Append `payment_id` and `order_id` to a return address; it proves nothing, webhooks do."""
    if url is None:
        return None
    more = {name: value for name, value in (("payment_id", payment["id"]), ("order_id", payment["order_id"])) if value}
    # What is there stays byte for byte: the shop may have signed it, or read it by rules of its own.
    address, hash_sign, fragment = url.partition("#")
    joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{urlencode(more, quote_via=quote)}{hash_sign}{fragment}"


def _words(
    payment: Payment, networks: Mapping[str, Network], step: PayerStep, language: Language, *, payable: bool
) -> tuple[str, str, str]:
    """Choose the words of a step: the title, the heading and the text, in a language and filled in."""
    title, heading, text = WORDS[step]
    network = networks.get(payment.due.chain)
    if payable and _rest_uri(payment, network) is None:
        text = WITHOUT_LINK.get(step, text)
    if payable and network is not None and rules_of(network).seen_final:
        text = (*text, WHEN_FINAL)
    if step in (PayerStep.WRONG_ASSET, PayerStep.WRONG_NETWORK):
        text = (*text, PAY_RIGHT if payable else TOO_LATE)
    elif strays_of(payment):
        text = (*text, *ASIDE)
    due, received = payment.due, payment.seen.amount_received
    amounts = {
        "amount": due.amount,
        "received": received,
        "rest": rest_of(payment),
        "over": max(received - due.amount, 0),
    }
    if payment.is_chosen:
        values = {name: _amount(language, amount, due.decimals, due.symbol) for name, amount in amounts.items()}
    else:
        values = {"amount": asked(payment, language), "received": "", "rest": "", "over": ""}
    values |= {
        "until": language.moment(due.expires_at),
        "symbol": due.symbol,
        "network": network_title(networks, due.chain),
        "strays": _strays(payment, networks, language),
    }
    sentences = (language.say(each, **values) for each in text)
    return language.say(title, **values), language.say(heading, **values), language.joined(sentences)


def asked(payment: Payment, language: Language) -> str:
    """Say what the amount follows from: the price, or an amount of whatever asset; empty where it is fixed itself."""
    price = payment.choice.price
    if price is not None:
        return language.price(price.decimal, price.currency)
    return language.number(payment.choice.whole) if payment.choice.whole else ""


def _strays(payment: Payment, networks: Mapping[str, Network], language: Language) -> str:
    """List what was sent by mistake, with its network where that is another one."""
    found = []
    for each in strays_of(payment):
        amount = _amount(language, each.amount, each.decimals, each.symbol)
        elsewhere = each.chain != payment.due.chain
        title = network_title(networks, each.chain)
        found.append(language.say(ON_NETWORK, amount=amount, network=title) if elsewhere else amount)
    return language.listed(found) if found else ""


def _amount(language: Language, amount: int, decimals: int, symbol: str) -> str:
    return amount_in(language, format_decimal(amount, decimals), symbol)


def network_title(networks: Mapping[str, Network], chain: str) -> str:
    """Return the name of a network for people; of one that is not enabled any more only its own name is known."""
    network = networks.get(chain)
    return network.title if network else chain


def token_standard(payment: Payment, network: Network | None) -> str:
    """Name the standard of the token that is due; empty of a coin, and of a network that is not enabled any more."""
    return rules_of(network).token_standard(network) if network and payment.due.token_address else ""


def wallet_request(payment: Payment, network: Network | None) -> dict[str, Any] | None:
    """Describe for a wallet in the payer's browser what is missing; None where there is nothing to ask for."""
    if network is None or not rest_of(payment):
        return None
    return rules_of(network).wallet_request(network, _asset(payment), payment.due.address, rest_of(payment))


def _asset(payment: Payment) -> Asset:
    due = payment.due
    return Asset(due.chain, due.symbol, due.decimals, due.token_id, due.token_address)


def _rest_uri(payment: Payment, network: Network | None) -> str | None:
    """Write the link for what is missing; of a network that is not enabled any more only the whole's is known."""
    due, rest = payment.due, rest_of(payment)
    if rest == due.amount:
        return due.payment_uri
    if network is None:
        return None
    return rules_of(network).payment_uri(network, _asset(payment), due.address, rest)


def _transactions(payment: Payment, network: Network | None) -> list[PayerTransaction]:
    hashes = dict.fromkeys(each.tx_hash for each in payment.seen.transfers if each.tx_hash)
    with_explorer = network if network and network.explorer else None
    return [
        {
            "tx_hash": each,
            "url": rules_of(with_explorer).transaction_url(with_explorer, each) if with_explorer else None,
        }
        for each in hashes
    ]
