"""A merchant's account of a newer mnemonic: its next addresses come from there, the former ones stay its own."""

from collections.abc import Mapping
from dataclasses import replace

from ctrip.domain.merchants.access import AccountKey, Merchant

# Around the index at which a merchant is moved both keys are looked at: whoever read the merchant before gives out the
# former one's addresses for another half minute, and indexes that were taken ahead come late.
SLACK = 30_000


def rotated(merchant: Merchant, xpubs: Mapping[str, str]) -> Merchant:
    """Give a merchant its keys of another account, by curve; nothing is signed yet.

    Where the keys are the merchant's own they stay: only their version goes up, to be signed anew.
    """
    assert merchant.rotation is not None
    starts = dict(merchant.rotation.first_indexes)
    if merchant.own_keys:
        keyed = replace(merchant, rotation=None)
        for key in merchant.keys:
            keyed = keyed.with_key(replace(key, version=key.version + 1, signature=""))
        return keyed
    former = tuple(_ended(key, merchant.account, starts.get(key.curve, 0)) for key in merchant.keys)
    keyed = replace(
        merchant,
        account=merchant.rotation.account,
        former_keys=(*merchant.former_keys, *former),
        rotation=None,
    )
    for key in merchant.keys:
        start = max(starts.get(key.curve, 0) - SLACK, 0)
        made = AccountKey(curve=key.curve, xpub=xpubs[key.curve], version=key.version + 1, first_index=start)
        keyed = keyed.with_key(made)
    return keyed


def _ended(key: AccountKey, account: int, start: int) -> AccountKey:
    return replace(key, account=account, until_index=start + SLACK)
