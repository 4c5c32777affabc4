"""The four tables and the shape of every key in them; nowhere else is a key put together.

`#` separates; a part that callers choose freely (an order's id, an idempotency key) always comes last.
"""

import base64
import hashlib
import re
from typing import Any, NamedTuple
from zlib import crc32

from ctrip.domain.chains.bip32 import fingerprint
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.chains.kinds import folded
from ctrip.domain.errors import InvalidField
from ctrip.domain.payments.payment import Payment, Tier

WATCH_SHARDS = 4
_LATEST = 10**13 - 1  # unix milliseconds that have thirteen digits
DELIVERY_SHARDS = 8  # of the outbox, and of the due index

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# The character after the separator: the end of everything that begins with a number and the separator.
_AFTER = "$"


class Key(NamedTuple):
    """Partition and sort key of an item."""

    pk: str
    sk: str


class Tables(NamedTuple):
    """The physical names in one stage."""

    payments: str
    events: str
    money: str
    access: str

    @classmethod
    def of(cls, stage: str) -> "Tables":
        """Name the tables of a stage, as data.yaml does."""
        return cls(*(f"ctrip-{stage}-{name}" for name in cls._fields))


# -- payments


def payment_key(payment_id: str) -> Key:
    """Name a payment."""
    return Key(f"P#{payment_id}", "META")


AUDIT_PREFIX = "AUD#"


def audit_key(payment_id: str, version: int) -> Key:
    """Name the audit record of a payment's version."""
    return Key(f"P#{payment_id}", f"{AUDIT_PREFIX}{version:06d}")


TRANSFER_PREFIX = "TR#"


def transfer_key(payment_id: str, transfer: Transfer) -> Key:
    """Name one of a payment's transfers, by its block, its place there, and its transaction."""
    place = "" if transfer.log_index is None else f"{transfer.log_index:06d}"
    position = f"{transfer.block_number:012d}#{place}#{transfer.tx_hash}#{transfer.block_hash}"
    return Key(f"P#{payment_id}", f"{TRANSFER_PREFIX}{position}")


def address_key(address: str) -> Key:
    """Name the owner of a deposit address, whichever way its hexadecimal is spelt."""
    return Key(f"A#{folded(address)}", "A")


def order_key(merchant_id: str, order_id: str) -> Key:
    """Name the holder of a merchant's order."""
    return Key(f"O#{merchant_id}#{order_id}", "O")


def idempotency_key(owner: str, route: str, key: str) -> Key:
    """Name an idempotency record."""
    return Key(f"I#{owner}#{route}#{key}", "I")


def list_partition(merchant_id: str) -> str:
    """Name a merchant's partition of the index `list`."""
    return f"M#{merchant_id}"


def list_position(payment: Payment) -> str:
    """Place a payment in its merchant's list."""
    return f"{payment.times.created_at:013d}#{payment.id}"


def watch_partition(chain: str, tier: Tier, shard: int) -> str:
    """Name one shard of a tier in the index `watch`."""
    return f"{chain}#{tier}#{shard}"


# Payments whose payer has not chosen yet, by when they expire; the name is no chain's.
UNCHOSEN_PARTITION = "UNCHOSEN"


def former_key(payment_id: str, chain: str) -> Key:
    """Name that a payment's payer had chosen a chain before another one."""
    return Key(f"P#{payment_id}", f"FORMER#{chain}")


def former_partition(chain: str) -> str:
    """Name what payers had chosen on a chain before another one, in `watch`, by when nobody looks any more."""
    return f"{chain}#former#"


def watch_place(raised_at: int, payment_id: str) -> str:
    """Place a payment in its tier, by when it was raised to it."""
    return f"{raised_at:013d}#{payment_id}"


def watch_shard(payment_id: str) -> int:
    """Choose a payment's shard of the index `watch`."""
    return crc32(payment_id.encode()) % WATCH_SHARDS


def link_key(link_id: str) -> Key:
    """Name a payment link."""
    return Key(f"LINK#{link_id}", "LINK")


def links_partition(merchant_id: str) -> str:
    """Name a merchant's payment links in the index `list`."""
    return f"ML#{merchant_id}"


def invoice_key(invoice_id: str) -> Key:
    """Name an invoice."""
    return Key(f"INV#{invoice_id}", "INV")


def invoices_partition(merchant_id: str) -> str:
    """Name a merchant's invoices in the index `list`."""
    return f"MI#{merchant_id}"


def invoice_number_key(merchant_id: str, invoice_number: str) -> Key:
    """Name the invoice that has a number of its merchant's."""
    return Key(f"INO#{merchant_id}#{invoice_number}", "INO")


def unmatched_key(merchant_id: str, payment_id: str) -> Key:
    """Name a payment of a merchant to which money came that is unmatched, or was."""
    return Key(f"UM#{merchant_id}", payment_id)


# -- payouts


def payout_key(merchant_id: str, payout_id: str) -> Key:
    """Name a payout: a merchant's own, by their ids, which have the order of their making."""
    return Key(f"PO#{merchant_id}", payout_id)


PAYOUTS_PARTITION = "PAYOUTS"  # of the index `watch`: those that the worker looks after
INSTRUCTIONS_PARTITION = "INSTRUCTIONS"  # of the same index: those that wait for a person's transfer
UNVOUCHED_PARTITION = "ADDRESSES"  # of the same index: settlement addresses that the signer does not know of yet
SCHEDULES_PARTITION = "SCHEDULES"  # of the same index: by the moment at which the calendar asks
THRESHOLDS_PARTITION = "THRESHOLDS"  # of the same index: those that ask once an amount is free
REFUND_PREFIX = "RF#"


def reservation_key(merchant_id: str, chain: str, asset: str) -> Key:
    """Name what a merchant has asked for of an asset and is not booked yet."""
    return Key(f"RSV#{merchant_id}", f"{chain}#{asset}")


def schedule_key(merchant_id: str, chain: str, asset: str) -> Key:
    """Name when a merchant's settlements of an asset are asked for."""
    return Key(f"SS#{merchant_id}", f"{chain}#{asset}")


def refunded_key(payment_id: str, chain: str, asset: str) -> Key:
    """Name the sum of what was refunded of an asset that came for a payment."""
    return Key(f"P#{payment_id}", f"RFSUM#{chain}#{asset}")


def refund_key(payment_id: str, payout_id: str) -> Key:
    """Name one of a payment's refunds."""
    return Key(f"P#{payment_id}", f"{REFUND_PREFIX}{payout_id}")


def claim_key(digest: str) -> Key:
    """Name the refund whose recipient's address the secret of a digest may name."""
    return Key(f"CLAIM#{digest}", "CLAIM")


def sent_by_key(chain: str, tx_hash: str) -> Key:
    """Name that a transaction which a person sent has completed a payout."""
    return Key(f"SENT#{chain}", tx_hash)


def settlement_address_key(merchant_id: str, chain: str) -> Key:
    """Name where a merchant's settlements of a chain go."""
    return Key(f"SA#{merchant_id}", chain)


# -- events


def event_key(merchant_id: str, ulid: str) -> Key:
    """Name an event."""
    return Key(f"E#{merchant_id}", ulid)


def endpoint_key(merchant_id: str, endpoint_id: str) -> Key:
    """Name a merchant's webhook endpoint."""
    return Key(f"EP#{merchant_id}", endpoint_id)


def outbox_partition(shard: int) -> str:
    """Name one shard of the outbox."""
    return f"OUT#{shard}"


def outbox_key(ulid: str, endpoint: str) -> Key:
    """Name the first attempt to deliver an event to an endpoint, until it is on record."""
    return Key(outbox_partition(_delivery_shard(ulid)), f"{ulid}#{endpoint}")


def deliveries_partition(merchant_id: str, endpoint: str) -> str:
    """Name the log of an endpoint's deliveries; `payment` and `stage` are endpoints of every merchant."""
    return f"DL#{merchant_id}#{endpoint}"


def delivery_key(merchant_id: str, endpoint: str, ulid: str, attempt: int) -> Key:
    """Name one attempt to deliver an event to an endpoint: an endpoint's log has the order of the events."""
    return Key(deliveries_partition(merchant_id, endpoint), f"{ulid}#{attempt:04d}")


def due_partition(shard: int) -> str:
    """Name one shard of the deliveries that are due again."""
    return f"DUE#{shard}"


def due_key(ulid: str, endpoint: str, attempt: int, due_at: int) -> Key:
    """Name a delivery that is due again; `due_at` is unix milliseconds."""
    return Key(due_partition(_delivery_shard(ulid)), f"{due_at:013d}#{ulid}#{attempt:04d}#{endpoint}")


def due_parts(key: Key) -> tuple[int, str, int, str]:
    """Read when, which event, which attempt and which endpoint out of a due key."""
    due_at, ulid, attempt, endpoint = key.sk.split("#", 3)
    return int(due_at), ulid, int(attempt), endpoint


def ulid_floor(at: int) -> str:
    """Return the time part of a ULID at `at` (unix milliseconds): every ULID made earlier sorts before it."""
    return "".join(_CROCKFORD[(at >> shift) & 31] for shift in range(45, -1, -5))


def ulid_time(ulid: str) -> int:
    """Return the moment in a ULID, in unix milliseconds."""
    at = 0
    for character in ulid[:10]:
        at = at * 32 + _CROCKFORD.index(character)
    return at


def _delivery_shard(ulid: str) -> int:
    return crc32(ulid.encode()) % DELIVERY_SHARDS


# -- money


def ledger_partition(owner: str) -> str:
    """Name an owner's ledger."""
    return f"L#{owner}"


def entry_key(owner: str, at: int, entry_id: str) -> Key:
    """Name a ledger entry, by when it was decided (unix milliseconds)."""
    return Key(ledger_partition(owner), f"{at:013d}#{entry_id}")


def reconciliation_key(chain: str) -> Key:
    """Name a chain's last look of reconciliation."""
    return Key(f"RC#{chain}", "LOOK")


def operators_addresses_key(kind: str) -> Key:
    """Name what is known of the addresses that pay for the operator's transactions on chains of a kind."""
    return Key(f"RCA#{kind}", "ADDRESSES")


def fold_key(owner: str) -> Key:
    """Name the sum of an owner's older ledger entries."""
    return Key(f"LF#{owner}", "FOLD")


def sender_partition(chain: str, sender: str) -> str:
    """Name the outgoing transactions of one sender on one chain."""
    return f"N#{chain}#{folded(sender)}"


def transaction_key(chain: str, sender: str, slot: str) -> Key:
    """Name an outgoing transaction."""
    return Key(sender_partition(chain, sender), slot)


def setbacks_partition(chain: str) -> str:
    """Name a chain's payments whose sweeps are not tried for the time being."""
    return f"SB#{chain}"


def setback_key(chain: str, payment_id: str) -> Key:
    """Name why one payment's sweep is not tried."""
    return Key(setbacks_partition(chain), payment_id)


def sweeps_partition(chain: str) -> str:
    """Name what is counted and noted of a chain's sweeps, by asset."""
    return f"SW#{chain}"


def swept_day_key(chain: str, asset: str, day: str) -> Key:
    """Name how much of an asset was swept on a day."""
    return Key(sweeps_partition(chain), f"DAY#{asset}#{day}")


LOUD_PREFIX = "LOUD#"


def loud_gas_key(chain: str, asset: str) -> Key:
    """Name whether an asset's sweeps wait for cheaper gas."""
    return Key(sweeps_partition(chain), f"{LOUD_PREFIX}{asset}")


def unfinished_partition(chain: str) -> str:
    """Name a chain's partition of the index `due`."""
    return f"U#{chain}"


def tip_key(chain: str) -> Key:
    """Name a chain's fence and tip."""
    return Key(f"F#{chain}", "TIP")


def payout_costs_key(chain: str) -> Key:
    """Name what payouts cost on a chain."""
    return Key(f"PC#{chain}", "COSTS")


# -- access


def logo_key(merchant_id: str) -> Key:
    """Name the picture of a merchant's shop."""
    return Key(f"MER#{merchant_id}", "LOGO")


def merchant_key(merchant_id: str) -> Key:
    """Name a merchant."""
    return Key(f"MER#{merchant_id}", "MER")


MERCHANTS_PARTITION = "MERS"
WAITING_PARTITION = "WAIT"
ADMINS_PARTITION = "ADMS"
TOKEN_KEYS_PARTITION = "JWT"  # noqa: S105  a partition, not a password
CHECKPOINTS_PARTITION = "SEALS"
RATES_PARTITION = "RATES"


def merchant_pointer_key(merchant_id: str) -> Key:
    """Name a merchant's row in the list of all merchants."""
    return Key(MERCHANTS_PARTITION, merchant_id)


def waiting_key(merchant_id: str) -> Key:
    """Name a merchant's row in the list of those that wait for the signer."""
    return Key(WAITING_PARTITION, merchant_id)


def account_key(account: int) -> Key:
    """Name the owner of a hardened account."""
    return Key(f"ACC#{account}", "ACC")


def xpub_key(xpub: str) -> Key:
    """Name the merchant whose deposit addresses come from an extended public key."""
    return Key(f"XPUB#{fingerprint(xpub)}", "XPUB")


def signature_key(merchant_id: str, version: int, curve: str = "") -> Key:
    """Name the note that a version of a merchant's extended key was signed; nothing removes it.

    Of its first one the curve is left out.
    """
    return Key(f"SIG#{merchant_id}", f"{version:06d}#{curve}" if curve else f"{version:06d}")


def api_key_key(key_id: str) -> Key:
    """Name an API key by its public id."""
    return Key(f"KEY#{key_id}", "KEY")


def keys_partition(merchant_id: str) -> str:
    """Name the list of a merchant's keys."""
    return f"KEYS#{merchant_id}"


def use_key(key_id: str) -> Key:
    """Name the note of when a key was used last."""
    return Key(f"USE#{key_id}", "USE")


def access_audit_partition(subject: str) -> str:
    """Name the audit chain of a merchant or an admin."""
    return f"AUD#{subject}"


def access_audit_key(subject: str, version: int) -> Key:
    """Name the audit record of one version of a merchant or an admin."""
    return Key(access_audit_partition(subject), f"{version:06d}")


def admin_key(admin_id: str) -> Key:
    """Name an admin."""
    return Key(f"ADM#{admin_id}", "ADM")


def email_key(email: str) -> Key:
    """Name the owner of an e-mail address."""
    return Key(f"MAIL#{email}", "MAIL")


def session_key(session_id: str) -> Key:
    """Name a login."""
    return Key(f"SES#{session_id}", "SES")


def token_key_key(key_id: str) -> Key:
    """Name a key that signs access tokens."""
    return Key(TOKEN_KEYS_PARTITION, key_id)


def bucket_key(merchant_id: str) -> Key:
    """Name a merchant's token bucket."""
    return Key(f"TB#{merchant_id}", "TB")


def places_key(merchant_id: str, chain: str) -> Key:
    """Name the count of a merchant's open payments on a chain."""
    return Key(f"OPEN#{merchant_id}#{chain}", "OPEN")


def nonce_key(key_id: str, nonce: str) -> Key:
    """Name a signed request's nonce."""
    return Key(f"NONCE#{key_id}#{nonce}", "NONCE")


def attempts_key(scope: str, window: int) -> Key:
    """Name the count of login attempts in one window."""
    return Key(f"TRY#{scope}#{window}", "TRY")


def checkpoint_key(hour: str) -> Key:
    """Name the seal of one hour."""
    return Key(CHECKPOINTS_PARTITION, hour)


def checkpoint_leaves_key(hour: str, root: str, chunk: int) -> Key:
    """Name one chunk of the heads of one root: two runs of an hour may see different heads, and one of them wins."""
    return Key(f"SEAL#{hour}#{root}", f"{chunk:04d}")


def totals_key() -> Key:
    """Name the payments by state, and how far events are counted."""
    return Key("FIG", "TOTALS")


def day_figures_key(day: int) -> Key:
    """Name the figures of a day, by its number since 1970."""
    return Key(f"FIG#{day}", "DAY")


def reviewed_key(flag: str, place: str) -> Key:
    """Name a payment's place on the list of a flag."""
    return Key(f"FLAG#{flag}", place)


def index_key(merchant_id: str, curve: str) -> Key:
    """Name a merchant's counter of addresses on a curve."""
    return Key(f"IX#{merchant_id}#{curve}", "IX")


def addresses_key(merchant_id: str, curve: str, page: int) -> Key:
    """Name a page of a merchant's addresses."""
    return Key(f"AB#{merchant_id}#{curve}", f"{page:08d}")


ACCOUNTS_KEY = Key("IX#accounts", "IX")


def vouched_key(merchant_id: str, chain: str) -> Key:
    """Name where a merchant's settlements go, as the signer has taken it over."""
    return Key(f"SAV#{merchant_id}", chain)


def spent_key(chain: str, asset: str, day: str) -> Key:
    """Name the sum of an asset that the signer has signed payouts of on one day."""
    return Key(f"SPENT#{chain}#{asset}", day)


def spent_once_key(payout_id: str, slot: str) -> Key:
    """Name that a payout has been counted for a slot."""
    return Key(f"SPENTBY#{payout_id}", slot)


def rate_key(symbol: str) -> Key:
    """Name what is kept of the rate of an asset or a currency in US dollars."""
    return Key(RATES_PARTITION, symbol)


def gate_key(chain: str) -> Key:
    """Name a chain's gate."""
    return Key(f"G#{chain}", "G")


# -- parts


def since(at: int) -> str:
    """Return the first position at `at` (unix milliseconds)."""
    return f"{min(max(at, 0), _LATEST):013d}"


def until(at: int) -> str:
    """Return the end of the positions at `at` (unix milliseconds)."""
    return f"{min(max(at, 0), _LATEST):013d}{_AFTER}"


# -- cursors

_CHECK = 6


def cursor_of(scope: str, position: str) -> str:
    """Wrap a position for the outside: URL-safe, and good for its `scope` alone."""
    return base64.urlsafe_b64encode(_check(scope, position) + position.encode()).rstrip(b"=").decode()


def cursor_position(scope: str, cursor: str) -> str:
    """Unwrap a cursor; raises ValueError for one that is not ours, or another scope's."""
    if not cursor.isascii():
        raise ValueError("a cursor is ASCII")
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    position = raw[_CHECK:].decode()
    if cursor_of(scope, position) != cursor:
        raise ValueError("a cursor is checked against its scope")
    return position


def open_cursor(scope: str, cursor: str | None, shape: re.Pattern[str]) -> str | None:
    """Unwrap a list's cursor; raises `InvalidField` for one that it did not give out."""
    if cursor is None:
        return None
    try:
        position = cursor_position(scope, cursor)
    except ValueError:
        position = ""
    if not shape.fullmatch(position):
        raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
    return position


def _check(scope: str, position: str) -> bytes:
    # Not a secret: it tells a cursor from a mistake. A forged one leads nowhere but into the caller's own list.
    return hashlib.sha256(f"{scope}\n{position}".encode()).digest()[:_CHECK]


def plain(item: dict[str, Any], name: str) -> str:
    """Return a text or number attribute as text."""
    value: str = next(iter(item[name].values()))
    return value


def key_of(item: dict[str, Any]) -> Key:
    """Return an item's key."""
    return Key(item["pk"]["S"], item["sk"]["S"])
