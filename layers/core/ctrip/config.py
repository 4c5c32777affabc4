"""Settings, typed: the only reader of the environment.

`docs/configuration.md` and `.env.example` are generated from here.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ctrip.domain import settings as read
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError
from ctrip.domain.rpc import RpcEntry
from ctrip.domain.settings import YEAR_SECONDS
from ctrip.domain.settlement.rules import PayoutRules, parse_rules
from ctrip.domain.sweeping.policy import SweepPolicy, parse_policies
from ctrip.domain.sweeping.treasury import OPERATORS_KEYS, SETTING, parse_treasuries, treasury_of

LOCAL = "local"
EXCHANGES = ("kraken", "coinbase")


class Fixed(dict[str, Any]):
    """A mapping that may be a setting's default: nobody changes it, so it may be hashed, as dataclasses ask."""

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash by what it holds."""
        return hash(tuple(self))


def _setting(name: str, default: Any, doc: str, reader: Callable[[str], Any] = read.plain, *, local: Any = None) -> Any:
    held = {"name": name, "doc": doc, "read": reader, "local": default if local is None else local}
    return field(default=default, metadata=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One stage's settings; a stage named `local` has its own defaults."""

    stage: str = _setting(
        "CTRIP_STAGE", LOCAL, "The stage: it prefixes every table, queue, secret and function.", read.stage
    )
    chains: tuple[str, ...] = _setting(
        "CTRIP_CHAINS",
        ("anvil",),
        "The networks of `chains.yaml` that this stage accepts, separated by commas.",
        read.names,
    )
    rpc: Mapping[str, tuple[RpcEntry, ...]] = _setting(
        "CTRIP_RPC",
        Fixed({}),
        'RPC endpoints that go before the public list, as JSON: `{"ethereum": ["https://..."]}`. '
        'A Tron node whose sides are apart is an object: `{"full": "https://...", "solid": "https://..."}`, with its '
        "`jsonrpc` on final blocks and `headers` where there are any.",
        read.endpoints,
        local=Fixed({"anvil": ("http://127.0.0.1:8545",)}),
    )
    treasury: str = _setting(
        "CTRIP_TREASURY",
        "",
        "The EVM address that deposits are swept to, or one for each chain, as JSON: "
        '`{"ethereum": "0x...", "base": "0x..."}`. The signer signs for no other; without one nothing is swept.',
    )
    treasury_contract: tuple[str, ...] = _setting(
        "CTRIP_TREASURY_CONTRACT",
        (),
        "The chains, separated by commas, on which the treasury is a contract (a multi-signature wallet, say); 1: all "
        "chains. Anywhere else a treasury with code is not swept to.",
        read.names,
    )
    verifying_key: str = _setting(
        "CTRIP_VERIFYING_KEY",
        "",
        "The public key, in hexadecimal, by which the signer's signatures on merchants' extended keys are verified; "
        "`ctrip verifying-key` prints it. While the wallet is being rotated, the new one and the old one, by comma. "
        "Without it no payment is created.",
        read.verifying_key,
    )
    backup_verified: str = _setting(
        "CTRIP_BACKUP_VERIFIED",
        "",
        "The day on which the wallet's backup was read back, as `ctrip wallet verify` prints it (`make deploy` sets "
        "it); without it no main network starts.",
        read.day,
    )
    public_url: str = _setting(
        "CTRIP_PUBLIC_URL", "", "The address merchants reach the API at; empty: taken from each request.", read.address
    )
    webhook_url: str = _setting(
        "CTRIP_WEBHOOK_URL", "", "Where events go when a payment names no `webhook_url`.", read.hook
    )
    webhook_loopback: int = _setting(
        "CTRIP_WEBHOOK_LOOPBACK",
        0,
        "1: webhooks may go to this machine itself, and over plain http. The stage `local` alone starts with it.",
        read.integer(0, 1),
        local=1,
    )
    monitor_seconds: int = _setting(
        "CTRIP_MONITOR_SECONDS",
        180,
        "How often expired and settled payments are looked at, in seconds.",
        read.integer(1, YEAR_SECONDS),
        local=5,
    )
    other_seconds: int = _setting(
        "CTRIP_OTHER_SECONDS",
        60,
        "How often watched addresses are looked at for other assets, in seconds.",
        read.integer(1, YEAR_SECONDS),
        local=5,
    )
    daily_seconds: int = _setting(
        "CTRIP_DAILY_SECONDS",
        86_400,
        "The time between two looks at every address ever given out, in seconds.",
        read.integer(1, YEAR_SECONDS),
    )
    agree_above: Mapping[str, Mapping[str, str]] = _setting(
        "CTRIP_AGREE_ABOVE",
        Fixed({}),
        "From which amount a second endpoint must agree before a payment is confirmed, as JSON in whole units: "
        '`{"ethereum": {"USDC": "10000"}}`.',
        read.amounts,
    )
    sweep_seconds: int = _setting(
        "CTRIP_SWEEP_SECONDS",
        60,
        "The least time between two sweep jobs of one chain and asset, in seconds.",
        read.integer(1, YEAR_SECONDS),
        local=5,
    )
    gas_funding_cap: Mapping[str, str] = _setting(
        "CTRIP_GAS_FUNDING_CAP",
        Fixed({}),
        "The most that a chain's gas station gives one address at a time, where it is not what `chains.yaml` names, "
        'as JSON in the coin\'s base units: `{"polygon": "500000000000000000"}`.',
        read.caps,
    )
    fee_cap: Mapping[str, str] = _setting(
        "CTRIP_FEE_CAP",
        Fixed({}),
        "The most that one own transaction of a chain may cost, where it is not what `chains.yaml` names, as JSON in "
        'the coin\'s base units: `{"polygon": "500000000000000000"}`.',
        read.caps,
    )
    sweeps: Mapping[str, Mapping[str, SweepPolicy]] = _setting(
        "CTRIP_SWEEPS",
        Fixed({}),
        "What sweeps of an asset are held to, as JSON in base units and seconds: "
        '`{"ethereum": {"USDC": {"factor": 2, "minimum": "1000000", "max_age": 604800, "quiet_gas": "30000000000", '
        '"per_day": "200000000000", "approval_above": "50000000000", "batch": 300}}}`. A sweep must be worth `factor` '
        "times its cost and move `minimum`; after `max_age` it only has to pay for itself (0: never). While gas costs "
        "more than `quiet_gas`, in the coin's base units, sweeps wait until then; `per_day` is the most in a day of "
        "UTC; above `approval_above` each waits for `ctrip sweeps approve`; `batch` is the most payments in one "
        "transaction. `<merchant id>/<symbol>` names a merchant's own rules (custody `direct`), with a day of its own.",
        parse_policies,
    )
    payouts: Mapping[str, Mapping[str, PayoutRules]] = _setting(
        "CTRIP_PAYOUTS",
        Fixed({}),
        "What settlements and refunds of an asset are held to, as JSON in base units: "
        '`{"ethereum": {"USDC": {"fee_per_mille": 5, "fee_fixed": "200000", "approval_above": "1000000000", '
        '"minimum": "5000000", "per_transaction": "50000000000", "per_day": "200000000000"}}}`. For an asset that is '
        "not named two persons approve each settlement and refund; on the local stage nobody has to.",
        parse_rules,
    )
    kms_keys: tuple[str, ...] = _setting(
        "CTRIP_KMS_KEYS",
        (),
        "Which of the operator's keys are in KMS, made with the key spec ECC_SECG_P256K1 and never shown, and not the "
        "mnemonic's: any of `treasury`, `gas_station` and `operator`, by comma. Each stands under the alias "
        "`alias/ctrip-<stage>-treasury`, `-gas-station` or `-operator`: `ctrip kms create`.",
        read.names_of(OPERATORS_KEYS),
    )
    address_delay_seconds: int = _setting(
        "CTRIP_ADDRESS_DELAY_SECONDS",
        172_800,
        "How long a merchant's settlements still go to the address before, once another one is set, in seconds.",
        read.integer(1, YEAR_SECONDS),
        local=60,
    )
    exchanges: tuple[str, ...] = _setting(
        "CTRIP_EXCHANGES",
        (),
        "The exchanges that rates are read from beside Chainlink's feeds, by comma: kraken, coinbase. Prices in a "
        "currency need two sources at least that agree.",
        read.names_of(EXCHANGES),
    )
    recorded_exchange: str = _setting(
        "CTRIP_RECORDED_EXCHANGE",
        "",
        "The address on this machine that answers in the exchanges' place; `make up` starts it. The stage `local` "
        "alone starts with it.",
        read.loopback,
    )
    rate_seconds: int = _setting(
        "CTRIP_RATE_SECONDS",
        90,
        "How old a rate may be that a price is turned into an amount with, in seconds; an older one is asked for anew.",
        read.integer(1, 3_600),
        local=5,
    )
    calls_per_second: int = _setting(
        "CTRIP_CALLS_PER_SECOND",
        20,
        "How many changing calls a second a merchant may make that has no limit of its own.",
        read.integer(1, 10_000),
        local=1_000,
    )
    open_payments: int = _setting(
        "CTRIP_OPEN_PAYMENTS",
        1_000,
        "How many payments a merchant may have open on a chain that has no limit of its own.",
        read.integer(1, 1_000_000),
        local=10_000,
    )
    key_cache_seconds: int = _setting(
        "CTRIP_KEY_CACHE_SECONDS",
        30,
        "How long a Lambda remembers an API key and its merchant, in seconds: a revocation takes that long.",
        read.integer(0, 86_400),
        local=2,
    )
    log_level: str = _setting("CTRIP_LOG_LEVEL", "INFO", "The least level that is logged.", read.level)
    metrics: int = _setting(
        "CTRIP_METRICS",
        1,
        "1: figures are written to the log, where CloudWatch finds them; 0: they are not.",
        read.integer(0, 1),
        local=0,
    )

    @property
    def local(self) -> bool:
        """Whether this is the stage on one laptop."""
        return self.stage == LOCAL

    def treasury_of(self, network: Network) -> str:
        """Name the address that a chain's deposits are swept to; empty: there is none."""
        return treasury_of(self.treasuries, network)

    @property
    def treasuries(self) -> dict[str, str]:
        """Read the treasuries by chain; raises `ConfigurationError`."""
        try:
            return parse_treasuries(self.treasury)
        except ValueError as exc:
            raise ConfigurationError(f"{SETTING} {exc}") from None

    def treasury_may_be_contract(self, chain: str) -> bool:
        """Whether code at a chain's treasury is as it should be."""
        return "1" in self.treasury_contract or chain in self.treasury_contract

    def must_start(self) -> "Settings":
        """Refuse settings with which webhooks could reach what is not on the internet; raises `ConfigurationError`."""
        if self.webhook_loopback and not self.local:
            raise ConfigurationError(
                f"CTRIP_WEBHOOK_LOOPBACK is for the stage {LOCAL!r} alone; {self.stage!r} refuses to start with it"
            )
        if self.recorded_exchange and not self.local:
            raise ConfigurationError(
                f"CTRIP_RECORDED_EXCHANGE is for the stage {LOCAL!r} alone; {self.stage!r} refuses to start with it"
            )
        if self.webhook_url:
            # Here, as few stages have one and every start reads the settings.
            from ctrip.domain.webhooks.addresses import endpoint_problem

            if problem := endpoint_problem(self.webhook_url, loopback=bool(self.webhook_loopback)):
                raise ConfigurationError(f"CTRIP_WEBHOOK_URL {problem}")
        return self


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises `ConfigurationError` naming the variable that is malformed."""
    env = os.environ if environment is None else environment
    local = (env.get("CTRIP_STAGE", "").strip() or LOCAL) == LOCAL
    values: dict[str, Any] = {}
    for item in fields(Settings):
        default = item.metadata["local"] if local else item.default
        text = env.get(item.metadata["name"], "").strip()
        values[item.name] = _parse(item.metadata, text) if text else default
    return Settings(**values)


def names() -> tuple[str, ...]:
    """Name every setting's variable."""
    return tuple(item.metadata["name"] for item in fields(Settings))


def _parse(setting: Mapping[str, Any], text: str) -> Any:
    try:
        return setting["read"](text)
    except ValueError as exc:
        raise ConfigurationError(f"{setting['name']} {exc}") from None


def reference() -> str:
    """Write the settings as a Markdown table."""
    rows = ["| variable | default | local | what it settles |", "|---|---|---|---|"]
    for item in fields(Settings):
        meta = item.metadata
        rows.append(f"| `{meta['name']}` | {_spell(item.default)} | {_spell(meta['local'])} | {meta['doc']} |")
    return "# Settings\n\nGenerated from `ctrip/config.py`; `make docs` writes it anew.\n\n" + "\n".join(rows) + "\n"


def example() -> str:
    """Write the settings as a commented `.env` file."""
    lines = [
        "# Generated from ctrip/config.py; make docs writes it anew. Copy it to .env, which every make target reads.",
        "# Every value below is the default on this machine; what the environment sets goes before this file.",
    ]
    for item in fields(Settings):
        lines += ["", f"# {item.metadata['doc']}", f"#{item.metadata['name']}={_plain(item.metadata['local'])}"]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return json.dumps(dict(value)) if isinstance(value, Mapping) else str(value)


def _spell(value: Any) -> str:
    return f"`{_plain(value)}`" if _plain(value) else ""
