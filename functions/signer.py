"""Derive and sign: called by other functions, by no trigger; the only function that can read the mnemonic."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call."""
    from ctrip.aws.signer import answer_call

    return answer_call(event, stage().sweeping.signer, stage().merchants.provisioner)
