"""`ctrip doctor`: whether a stage has what it needs, a line each; 1 where something is wrong or cannot be told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import typer

from ctrip.system import SystemClock
from infra.cli import deployed, rpc
from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import Output, shown

QUOTA = 50  # concurrent executions; a new account has 10, which scanners and webhooks would share with the API
CLOCK_SECONDS = 60
FAILED_STACK = "_FAILED"
LEFT_OVER = frozenset({"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `problem` says what to do, and is empty where all is well."""

    subject: str
    problem: str
    detail: str = ""


Check = Callable[[str], Iterator[Finding]]


def doctor() -> None:
    """Look at account, stacks, secrets, wallet, treasury, endpoints, rights, region and clock; change nothing."""
    stage = os.environ["CTRIP_STAGE"]
    findings = [each for check in CHECKS for each in _done(check, stage)]
    if Output.as_json:
        shown([asdict(each) for each in findings])
    for each in () if Output.as_json else findings:
        typer.echo(f"{'WRONG' if each.problem else 'ok':<6} {each.subject}: {each.problem or each.detail}")
    if any(each.problem for each in findings):
        raise typer.Exit(EXIT_REFUSED)


def _done(check: Check, stage: str) -> Iterator[Finding]:
    """Do one check; what it could not find out is not well, and stops no other."""
    try:
        yield from check(stage)
    except Exception as exc:
        subject = check.__name__.strip("_").replace("_", " ")
        yield Finding(subject, f"unknown: {type(exc).__name__}: {str(exc).splitlines()[0] if str(exc) else ''}")


def _region_and_clock(stage: str) -> Iterator[Finding]:
    answer = _client("sts").get_caller_identity()
    region = _client("lambda").meta.region_name
    yield Finding("region", "", f"{region}, account {answer['Account']}")
    said = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    off = abs(SystemClock().now() / 1000 - said.timestamp())
    problem = "" if off <= CLOCK_SECONDS else f"this machine's clock is {off:.0f} s off; AWS refuses such signatures"
    yield Finding("clock", problem, f"within {CLOCK_SECONDS} s of AWS")


def _quota(stage: str) -> Iterator[Finding]:
    most = _client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    problem = (
        f"the account may run {most} functions at a time; ask AWS for {QUOTA} or more (Service Quotas, Lambda, "
        "concurrent executions)"
    )
    yield Finding("quota", problem if most < QUOTA else "", f"{most} concurrent executions")


def _stacks(stage: str) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    for name in (f"ctrip-{stage}-data", f"ctrip-{stage}"):
        try:
            status = _client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ValidationError":
                raise
            yield Finding(f"stack {name}", f"it is not there: make deploy STAGE={stage}")
            continue
        bad = status in LEFT_OVER or status.endswith(FAILED_STACK)
        yield Finding(
            f"stack {name}", f"{status}: make deploy STAGE={stage} names what is left over" if bad else "", status
        )


def _secrets(stage: str) -> Iterator[Finding]:
    from ctrip.aws.secrets import mnemonic_name, read_endpoints

    held, missing = _secret(stage, mnemonic_name(stage))
    versions = held.get("VersionIdsToStages") or {}
    made = any("AWSCURRENT" in labels for labels in versions.values())
    yield Finding("wallet", missing or ("" if made else "there is none yet: ctrip wallet create FILE"), "made")
    if made and not missing:
        yield from _backup(stage)
    _, missing = _secret(stage, f"ctrip/{stage}/rpc")
    counts = {} if missing else {name: len(urls) for name, urls in read_endpoints(stage).items()}
    yield Finding("rpc secret", missing, ", ".join(f"{name}: {count}" for name, count in counts.items()) or "empty")


def _secret(stage: str, name: str) -> tuple[dict[str, Any], str]:
    """Describe a secret, without its value; and what is to be done where it is not there."""
    manager = _client("secretsmanager")
    try:
        held = manager.describe_secret(SecretId=name)
    except manager.exceptions.ResourceNotFoundException:
        return {}, f"the secret {name} is not there: make deploy STAGE={stage}"
    if held.get("DeletedDate"):
        return held, f"the secret {name} is about to be deleted: aws secretsmanager restore-secret --secret-id {name}"
    return held, ""


def _backup(stage: str) -> Iterator[Finding]:
    from ctrip.aws.secrets import backup_verified
    from ctrip.aws.signer import LambdaSigner
    from ctrip.networks import load_networks

    key, settings = LambdaSigner(stage).verifying_key(), deployed.settings()
    if settings.verifying_key and settings.verifying_key.split(",")[0] != key:
        yield Finding("verifying key", f"CTRIP_VERIFYING_KEY is another wallet's; this one's is {key}")
    elif not settings.verifying_key:
        yield Finding("verifying key", f"CTRIP_VERIFYING_KEY is not set; deploy with {key}")
    else:
        yield Finding("verifying key", "", "the wallet's")
    day, networks = backup_verified(stage, key), load_networks(local=settings.local)
    main = [name for name in settings.chains if not networks[name].testnet]
    problem = f"not read back, and {', '.join(main)} will not start: ctrip wallet verify FILE" if main else ""
    if day and main and settings.backup_verified != day:
        problem, day = f"read back on {day}, which the functions do not know yet: make deploy STAGE={stage}", ""
    yield Finding(
        "backup", "" if day else problem, f"read back on {day}" if day else "not read back; test networks only"
    )


def _treasury(stage: str) -> Iterator[Finding]:
    from ctrip.domain.errors import ConfigurationError
    from ctrip.networks import check_treasuries, load_networks

    settings = deployed.settings()
    try:
        check_treasuries(settings.treasuries, settings.treasury_contract)
    except ConfigurationError as exc:
        yield Finding("treasury", str(exc))
        return
    for name in settings.chains:
        treasury = settings.treasury_of(load_networks(local=settings.local)[name])
        problem = "none is set: nothing is swept (CTRIP_TREASURY)" if not treasury else ""
        yield Finding(f"treasury {name}", problem, treasury)


def _endpoints(stage: str) -> Iterator[Finding]:
    found = rpc.tested(None)
    for chain in dict.fromkeys(each.chain for each in found):
        mine = [each for each in found if each.chain == chain]
        good = [each for each in mine if not each.problem]
        worst = "; ".join(f"{each.host}: {each.problem}" for each in mine if each.problem)
        yield Finding(
            f"endpoints {chain}",
            "" if good else f"none is usable ({worst}): ctrip rpc add {chain}",
            f"{len(good)} of {len(mine)} usable{f' ({worst})' if worst else ''}",
        )


def _rights(stage: str) -> Iterator[Finding]:
    """Have each function try its own writes, none of which can succeed: AWS alone knows what its role permits."""
    from infra.deploy import smoke
    from infra.deploy.aws import connect

    if deployed.environment() is None:
        yield Finding("rights", "", "not tried: on this machine no function has a role")
        return
    try:
        yield Finding("rights", "", smoke.rights(smoke.Stage(connect(), stage)))
    except smoke.Wrong as problem:
        yield Finding("rights", str(problem))


CHECKS: tuple[Check, ...] = (_region_and_clock, _quota, _stacks, _secrets, _treasury, _endpoints, _rights)


def _client(service: str) -> Any:
    from ctrip.aws.clients import client

    return client(service)
