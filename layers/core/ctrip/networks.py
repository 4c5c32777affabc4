"""Reads `chains.yaml`: which networks there are, and what can be paid with on them."""

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ctrip import described
from ctrip.domain.chains.assets import FEE_CAP, GAS_FUNDING_CAP, Asset, FeeFloor, Network
from ctrip.domain.chains.kinds import KINDS, folded
from ctrip.domain.errors import ConfigurationError, InvalidField
from ctrip.domain.money import parse_decimal
from ctrip.domain.sweeping import treasury
from ctrip.domain.text import nearest, quoted

_NAME = re.compile(r"[a-z][a-z0-9-]{2,19}", re.ASCII)
_URL = re.compile(r"https://[^\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])[^\s@]*", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,78}", re.ASCII)
_FINALITIES = ("depth", "safe", "finalized")
# Two seconds: polling faster finds little more and costs each provider's patience.
_LEAST_POLL_SECONDS = 2.0


def load_networks(names: Sequence[str] | None = None, *, local: bool = False) -> dict[str, Network]:
    """Return the networks of these names, or all; for the `local` stage those that stand in for them on one machine.

    Raises `ConfigurationError` for an unknown name.
    """
    every = _on_one_machine() if local else _every()
    if names is None:
        return dict(every)
    for name in names:
        if name not in every:
            raise _unknown("CTRIP_CHAINS", name, every)
    return {name: every[name] for name in names}


def check_treasuries(treasuries: Mapping[str, str], contract_on: Sequence[str] = ()) -> None:
    """Refuse treasuries that money must not be sent to; raises `ConfigurationError` with one line."""
    every = _every()
    contracts = {
        folded(token.address): f"{token.symbol} on {network.name}"
        for network in every.values()
        for token in network.tokens
        if token.address
    }
    try:
        treasury.check_treasuries(treasuries, every, contracts)
    except ValueError as exc:
        raise ConfigurationError(f"{treasury.SETTING} is refused: {exc}") from None
    for name in contract_on:
        if name not in ("0", "1", *every):
            raise _unknown("CTRIP_TREASURY_CONTRACT", name, every)


def with_caps(
    networks: Mapping[str, Network], *, gas_funding: Mapping[str, Any], fee: Mapping[str, Any]
) -> dict[str, Network]:
    """Put a stage's own caps in place of those of `chains.yaml`.

    Raises `ConfigurationError` for a chain that is not in `chains.yaml`, and for what is no amount of base units.
    """
    changed = dict(networks)
    for setting, field, caps in (
        ("CTRIP_GAS_FUNDING_CAP", "gas_funding_cap", gas_funding),
        ("CTRIP_FEE_CAP", "fee_cap", fee),
    ):
        for name, value in caps.items():
            if name not in _every():
                raise _unknown(setting, name, _every())
            if not (cap := base_units(value)):
                raise ConfigurationError(f"{setting} of {name} must be digits as text, in the coin's base units")
            if name in changed:
                changed[name] = replace(changed[name], **{field: cap})  # type: ignore[arg-type]
    return changed


def check_named(setting: str, names: Iterable[str]) -> None:
    """Refuse a setting that names a chain which is not in `chains.yaml`; raises `ConfigurationError`."""
    for name in names:
        if name not in _every():
            raise _unknown(setting, name, _every())


def amounts_that_need_agreement(network: Network, amounts: Mapping[str, str]) -> dict[str, int]:
    """Read from which amounts a second endpoint must agree, in base units by symbol; raises `ConfigurationError`."""
    setting, read = "CTRIP_AGREE_ABOVE", {}
    assets = check_symbols(setting, network, amounts)
    for symbol, text in amounts.items():
        try:
            read[symbol] = parse_decimal(text, assets[symbol].decimals, field=symbol)
        except InvalidField as exc:
            raise ConfigurationError(f"{setting} of {network.name}: {exc.detail}") from None
    return read


def check_symbols(setting: str, network: Network, symbols: Iterable[str]) -> dict[str, Asset]:
    """Return a network's assets by symbol; raises `ConfigurationError` where a setting names a symbol of none."""
    assets = {asset.symbol: asset for asset in (network.coin, *network.tokens)}
    for symbol in symbols:
        if symbol not in assets:
            alike, known = nearest(symbol.upper(), assets), ", ".join(assets)
            raise ConfigurationError(f"{setting} of {network.name} names {quoted(symbol)}{alike}; there are {known}")
    return assets


def _unknown(setting: str, name: str, known: Collection[str]) -> ConfigurationError:
    alike = nearest(name.lower(), known)
    return ConfigurationError(
        f"{setting}: the chain {quoted(name)} is not in chains.yaml{alike}; there are {', '.join(known)}"
    )


def base_units(value: Any) -> int | None:
    """Read an amount: an integer, or digits as text; None for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@functools.cache
def _every() -> Mapping[str, Network]:
    return _networks(described.load("chains"))


@functools.cache
def _on_one_machine() -> Mapping[str, Network]:
    return _networks(described.load("chains"), local=True)


def parse(text: str) -> dict[str, Network]:
    """Read networks from YAML. Raises `ConfigurationError` that names network and field."""
    return _networks(described.parsed(text, "chains"))


def _networks(document: Any, *, local: bool = False) -> dict[str, Network]:
    if not isinstance(document, dict):
        raise ConfigurationError("chains.yaml must map names to networks")
    networks = {str(name): _chosen(str(name), entry, local) for name, entry in document.items()}
    if len({(each.kind, each.chain_id) for each in networks.values()}) < len(networks):
        raise ConfigurationError("chains.yaml gives one chain_id to two networks")
    return networks


class _Fields:
    """One mapping of the file; what is left in the end is unknown."""

    def __init__(self, where: str, entry: Any) -> None:
        if not isinstance(entry, dict):
            raise ConfigurationError(f"chains.yaml: {where} must be a mapping")
        self._where = where
        self._left = dict(entry)

    def text(self, name: str, pattern: re.Pattern[str] | None = None, default: str | None = None) -> str:
        if default is not None and name not in self._left:
            return default
        value = self._take(name)
        if not isinstance(value, str) or not value or (pattern and not pattern.fullmatch(value)):
            raise self.wrong(name, value)
        return value

    def one_of(self, name: str, choices: Sequence[str]) -> str:
        value = self._take(name)
        if value not in choices:
            raise self.wrong(name, value, f"one of {', '.join(choices)}")
        return str(value)

    def integer(self, name: str, least: int, most: int) -> int:
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, value, f"an integer from {least} to {most}")
        return value

    def amount(self, name: str, default: int | None, least: int = 0) -> int | None:
        if name not in self._left:
            return default
        value = self._take(name)
        if (found := base_units(value)) is None or found < least:
            raise self.wrong(name, value, f"base units, at least {least}: an integer, or digits as text")
        return found

    def seconds(self, name: str, default: float | None = None) -> float:
        if default is not None and name not in self._left:
            return default
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise self.wrong(name, value, "seconds, up to an hour")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self._left.pop(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false")
        return value

    def sequence(self, name: str) -> list[Any]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self.wrong(name, value, "a list")
        return value

    def mapping(self, name: str, default: Any = None) -> Any:
        return default if default is not None and name not in self._left else self._take(name)

    def done(self) -> None:
        if self._left:
            raise ConfigurationError(
                f"chains.yaml: {self._where} has unknown fields: {', '.join(map(str, self._left))}"
            )

    def wrong(self, name: str, value: Any, wanted: str = "") -> ConfigurationError:
        hint = f"; it must be {wanted}" if wanted else ""
        return ConfigurationError(f"chains.yaml: {self._where}.{name} is {value!r}{hint}")

    def _take(self, name: str) -> Any:
        if name not in self._left:
            raise ConfigurationError(f"chains.yaml: {self._where} lacks {name}")
        return self._left.pop(name)


def _chosen(name: str, entry: Any, local: bool) -> Network:
    """Read one network, or the one that stands in for it on one machine: that says only what is different there."""
    if not isinstance(entry, dict) or "local" not in entry:
        return _network(name, entry)
    fields = _Fields(name, entry)
    different = fields.mapping("local")
    if not isinstance(different, dict):
        raise fields.wrong("local", different, "a mapping")
    main = {key: value for key, value in entry.items() if key != "local"}
    stand_in = _network(name, {key: value for key, value in (main | different).items() if value is not None})
    return stand_in if local else _network(name, main)


def _network(name: str, entry: Any) -> Network:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"chains.yaml: {name!r} is not a name of 3 to 20 lower-case letters, digits and dashes"
        )
    fields = _Fields(name, entry)
    kind = fields.one_of("kind", tuple(KINDS))
    chain_id = fields.integer("chain_id", 1, 2**53 - 1)
    block_seconds = fields.seconds("block_seconds")
    network = Network(
        name=name,
        title=fields.text("title"),
        kind=kind,
        chain_id=chain_id,
        confirmations=fields.integer("confirmations", 1, 100_000),
        finality=fields.one_of("finality", _FINALITIES),
        block_seconds=block_seconds,
        poll_seconds=fields.seconds("poll_seconds", max(_LEAST_POLL_SECONDS, block_seconds)),
        head_age_alarm=fields.integer("head_age_alarm", 1, 86_400),
        explorer=fields.text("explorer", _URL, ""),
        rpc=tuple(_url(fields, url) for url in fields.sequence("rpc")),
        coin=_asset(name, kind, chain_id, fields.mapping("coin"), token=False),
        tokens=tuple(_asset(name, kind, chain_id, token, token=True) for token in fields.sequence("tokens")),
        gas_funding_cap=fields.amount("gas_funding_cap", GAS_FUNDING_CAP, 1) or 0,
        fee_cap=fields.amount("fee_cap", FEE_CAP, 1) or 0,
        fee_floor=_fee_floor(name, fields.mapping("fee_floor", {})),
        gas_estimated=fields.flag("gas_estimated", False),
        testnet=fields.flag("testnet", False),
    )
    fields.done()
    symbols = [network.coin.symbol, *(token.symbol for token in network.tokens)]
    if len(set(symbols)) < len(symbols) or len({token.id for token in network.tokens}) < len(network.tokens):
        raise ConfigurationError(f"chains.yaml: {name} names a symbol or a token twice")
    return network


def _fee_floor(chain: str, entry: Any) -> FeeFloor:
    fields = _Fields(f"{chain}.fee_floor", entry)
    floor = FeeFloor(tip=fields.amount("tip", 0) or 0, fee=fields.amount("fee", 0) or 0)
    fields.done()
    return floor


def _url(fields: _Fields, url: Any) -> str:
    if not isinstance(url, str) or not _URL.fullmatch(url):
        raise fields.wrong("rpc", url, "an https address; http is for loopback alone")
    return url


def _asset(chain: str, kind: str, chain_id: int, entry: Any, *, token: bool) -> Asset:
    fields = _Fields(f"{chain}.{'tokens' if token else 'coin'}", entry)
    address = fields.text("address", KINDS[kind].address) if token else None
    asset = Asset(
        chain=chain,
        symbol=fields.text("symbol"),
        decimals=fields.integer("decimals", 0, 77),
        id=KINDS[kind].token_id(chain_id, address) if address else None,
        address=address,
        enabled=fields.flag("enabled", True),
        sweep_floor=fields.amount("sweep_floor", 0) or 0,
        coin_value=fields.amount("coin_value", None, 1) if token else None,
    )
    fields.done()
    return asset
