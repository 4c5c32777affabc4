"""Where deposits are swept to: read from the configuration, and refused where money sent there would be lost.

Pure: what a node must be asked for (whether code lies at the address) is `services.check_treasury`'s.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import FIRST, KINDS, ChainRules, address_at, address_path, rules_of, same
from ctrip.domain.text import nearest, quoted

SETTING = "CTRIP_TREASURY"
EVERY_CHAIN = ""  # the name under which one treasury for all chains stands
OPERATORS_ACCOUNT = 0
TREASURY = (OPERATORS_ACCOUNT, 0)  # a treasury whose key is here
GAS_STATION, OPERATOR = (OPERATORS_ACCOUNT, 1), (OPERATORS_ACCOUNT, 2)  # account and index
# The operator's keys by the names under which they may be held in KMS, and their indexes in account 0.
OPERATORS_KEYS = {"treasury": TREASURY[1], "gas_station": GAS_STATION[1], "operator": OPERATOR[1]}
# Receiving addresses of account 0: index 0 may be the treasury, a hot wallet of the same mnemonic.
OPERATORS_OWN = {GAS_STATION[1]: "the gas station's", OPERATOR[1]: "the operator's"}
RECEIVING_CHECKED = 100  # addresses of a merchant's account that are compared


def parse_treasuries(text: str) -> dict[str, str]:
    """Read the setting: an address for all chains of its kind, or JSON of addresses by chain; raises ValueError."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return {EVERY_CHAIN: stripped} if stripped else {}
    try:
        held = json.loads(stripped, object_pairs_hook=_unique)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError('must be an address, or JSON such as {"ethereum": "0x..."}') from None
    if not all(isinstance(each, str) for each in held.values()):
        raise ValueError('must map chains to addresses, such as {"ethereum": "0x..."}')
    return dict(held)


def treasury_of(treasuries: Mapping[str, str], network: Network) -> str:
    """Return where a network's deposits are swept to, empty where nothing says."""
    if network.name in treasuries:
        return treasuries[network.name]
    every = treasuries.get(EVERY_CHAIN, "")
    return every if rules_of(network).owns(every) else ""


def check_treasuries(
    treasuries: Mapping[str, str], networks: Mapping[str, Network], contracts: Mapping[str, str]
) -> None:
    """Refuse what no money may be sent to; raises ValueError with one sentence.

    `networks` are all of the kinds that are built, `contracts` the tokens' names by folded address.
    """
    known = sorted(networks)
    for chain, address in treasuries.items():
        if chain != EVERY_CHAIN and chain not in known:
            alike = nearest(chain.lower(), known)
            raise ValueError(f"names the chain {quoted(chain)}{alike}; there are {', '.join(known)}")
        rules = rules_of(networks[chain]) if chain else _kind_of(address)
        if reason := wrong(rules, address, contracts):
            raise ValueError(f"{reason}{f', on {chain}' if chain else ''}")


def wrong(rules: ChainRules, address: str, contracts: Mapping[str, str]) -> str | None:
    """Say what is wrong with a treasury's address; None where nothing is."""
    if reason := rules.wrong_address(address):
        return reason
    if name := contracts.get(rules.folded(address)):
        return f"{address} is the contract of {name}: what is sent there is lost"
    return None


def operators_own(rules: ChainRules, address: str, own: Mapping[int, str]) -> str | None:
    """Say whose address of the operator's it is, among its addresses by index; None where of none of them."""
    for index, whose in OPERATORS_OWN.items():
        if index in own and same(own[index], address):
            path = address_path(rules, OPERATORS_ACCOUNT, index)
            return f"{address} is {whose} own address of this stage ({path})"
    return None


def own_address(rules: ChainRules, address: str, account: int, xpub: str) -> str | None:
    """Say whose address of ours it is, among those of an account that can be known cheaply; None where of nobody."""
    return _own_address(rules.kind, address, account, xpub)


@lru_cache(maxsize=256)
def _own_address(kind: str, address: str, account: int, xpub: str) -> str | None:
    rules = KINDS[kind]
    ours = OPERATORS_OWN if account == OPERATORS_ACCOUNT else dict.fromkeys(range(RECEIVING_CHECKED), "a merchant's")
    for index, whose in ours.items():
        if same(address_at(rules, xpub, index), address):
            return f"{address} is {whose} own address of this stage ({address_path(rules, account, index)})"
    return None


# -- rotation

NONCE = re.compile(r"(\d{4}-\d{2}-\d{2})-([0-9a-f]{16})", re.ASCII)
PROOF_DAYS = 14  # how old the message may be that proves control: several people may have to sign it


def control_message(stage: str, network: Network, address: str, nonce: str) -> str:
    """Write what whoever controls a new treasury signs: it proves nothing for another stage, chain or address."""
    return (
        "cTrip: I control this address, and deposits may be swept to it.\n"
        f"Stage: {stage}\nChain: {network.name} ({network.chain_id})\nTreasury: {address}\nNonce: {nonce}"
    )


def wrong_nonce(nonce: str, today: date) -> str | None:
    """Say what is wrong with a message's nonce, which begins with its date; None where nothing is."""
    match = NONCE.fullmatch(nonce)
    try:
        day = date.fromisoformat(match[1]) if match else None
    except ValueError:
        day = None
    if day is None:
        return "is none that this command has printed, such as 2026-11-28-0123456789abcdef"
    if not -1 <= (today - day).days <= PROOF_DAYS:
        return f"is of {day}, and counts for {PROOF_DAYS} days: begin anew, without a signature"
    return None


def rotated(treasuries: Mapping[str, str], networks: Iterable[Network], chain: str, address: str) -> str:
    """Return the setting with another treasury for one chain; all other enabled chains keep theirs."""
    kept = {each.name: treasury_of(treasuries, each) for each in networks} | {chain: address}
    return address if list(kept) == [chain] else json.dumps({name: kept[name] for name in sorted(kept) if kept[name]})


def _kind_of(address: str) -> ChainRules:
    return next((rules for rules in KINDS.values() if rules.owns(address)), FIRST)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise ValueError("names a chain twice")
    return held
