"""What each function builds while Lambda initialises it, when it has more CPU than its memory would give it.

A table by function, as `app.py` names them. Anywhere else, in a test or on the local stack, everything is built by the
call that needs it first: many functions share one process there.
"""

import gc
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ctrip.bootstrap import stage

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage


GARBAGE_AFTER = 50_000  # new objects: what a call leaves is freed by counting references, but for little


def prepare() -> None:
    """Build what this function's first call needs, where Lambda initialises it; no search for garbage looks at that."""
    _build()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


def _build() -> None:
    """Build it; what cannot be built is built by the call, which says why: a failure here would say it to nobody."""
    if "AWS_LAMBDA_INITIALIZATION_TYPE" not in os.environ:
        return
    build = BUILDS.get(os.environ.get("_HANDLER", "").rpartition(".")[2])
    try:
        if build is not None:
            build(stage())
    except Exception as exc:
        # Where its settings are wrong, the stage has no log either: each call says so.
        with suppress(Exception):
            stage().log("init").warning("not_prepared", kind=type(exc).__name__, error=exc)


def _api(stage: "Stage") -> object:
    from functions.http.operation import OPERATIONS

    [created] = [each for each in OPERATIONS if (each.method, each.path) == ("POST", "/api/v1/payments")]
    payments, merchants = stage.payments, stage.merchants
    return created.body, _queues(), merchants.authenticator, payments.creator, payments.reader


def _tick(stage: "Stage") -> object:
    return _jobs(), stage.detection.starter, stage.payments.lapser


def _scan(stage: "Stage") -> object:
    return _jobs(), [stage.detection.scanner(name) for name in stage.networks]


def _relay(stage: "Stage") -> object:
    return _jobs(), stage.webhooks.relay


def _sweep(stage: "Stage") -> object:
    return _jobs(), [stage.sweeping.sweeper(name) for name in stage.networks]


def _sweep_due(stage: "Stage") -> object:
    return _jobs(), stage.sweeping.resumer


def _webhooks(stage: "Stage") -> object:
    return _jobs(), stage.webhooks.deliverer


def _settle(stage: "Stage") -> object:
    return _jobs(), stage.payouts.worker


def _rates(stage: "Stage") -> object:
    return stage.prices.refresher


def _reconcile(stage: "Stage") -> object:
    return stage.ledger.reconciler


def _provision(stage: "Stage") -> object:
    return _jobs(), stage.merchants.waiting(), stage.ledger.noter


def _seal(stage: "Stage") -> object:
    return stage.audit.checkpointer


def _signer(stage: "Stage") -> object:
    import ctrip.aws.signer

    adapters = stage.adapters
    return ctrip.aws.signer, stage.sweeping.signer, stage.merchants.provisioner, adapters.wallet(), adapters.authority()


def _jobs() -> object:
    from ctrip.aws.clients import HURRIED, client

    return _queues(), client("lambda", HURRIED)


def _queues() -> object:
    """Make the client of the queues: botocore reads its description of SQS for it."""
    from ctrip.aws.clients import HURRIED, client

    return client("sqs", HURRIED)


BUILDS: dict[str, Callable[["Stage"], object]] = {
    "app": _api,
    "tick": _tick,
    "scan": _scan,
    "relay": _relay,
    "sweep": _sweep,
    "sweep_due": _sweep_due,
    "webhooks": _webhooks,
    "settle": _settle,
    "rates": _rates,
    "reconcile": _reconcile,
    "provision": _provision,
    "seal": _seal,
    "signer": _signer,
}
