"""The signer function, called; and the shape of its calls, for both ends."""

import json
from typing import Any

from ctrip.aws.clients import PATIENT, client
from ctrip.aws.names import named
from ctrip.domain.chains.acts import Signed, Unsigned
from ctrip.domain.chains.kinds import read_transaction
from ctrip.domain.errors import SigningRefused, Unavailable
from ctrip.ports.signing import Provisioner, Signer


class LambdaSigner:
    """A `Signer` and `Provisioner` whose keys live in another function."""

    def __init__(self, stage: str) -> None:
        self._function = named(stage, "signer")
        self._xpubs: dict[tuple[str, int], str] = {}
        self._addresses: dict[tuple[str, int], str] = {}

    def account_xpub(self, kind: str, account: int) -> str:
        """Ask for an account's extended public key; it never changes, so it is asked for once."""
        if (kind, account) not in self._xpubs:
            self._xpubs[kind, account] = self._call({"op": "xpub", "kind": kind, "account": account})["xpub"]
        return self._xpubs[kind, account]

    def operators_address(self, kind: str, index: int) -> str:
        """Ask for an address of the operator's; it never changes while the process lives, so it is asked for once."""
        if (kind, index) not in self._addresses:
            answer = self._call({"op": "operators_address", "kind": kind, "index": index})
            self._addresses[kind, index] = str(answer["address"])
        return self._addresses[kind, index]

    def provision(self, merchant_id: str) -> None:
        """Have a merchant given its account, and its extended key signed; raises `SigningRefused`."""
        self._call({"op": "provision", "merchant": merchant_id})

    def verifying_key(self) -> str:
        """Ask for the public key that the signer's signatures are verified by."""
        return str(self._call({"op": "verifying_key"})["verifying_key"])

    def vouch(self, merchant_id: str, chain: str) -> str:
        """Ask the signer to take over where a merchant's settlements go; raises `SigningRefused`."""
        return str(self._call({"op": "vouch", "merchant": merchant_id, "chain": chain})["signature"])

    def sign(
        self,
        chain: str,
        path: str,
        sender: str,
        transaction: Unsigned,
        *,
        recipient_path: str | None = None,
        payouts: tuple[tuple[str, str], ...] = (),
    ) -> Signed:
        """Ask for a signature; raises `SigningRefused`."""
        answer = self._call(
            {
                "op": "sign",
                "chain": chain,
                "path": path,
                "sender": sender,
                "recipient_path": recipient_path,
                "payouts": payouts,
                "kind": transaction.kind,
                "transaction": transaction.fields(),
            }
        )
        return Signed(answer["raw"], answer["tx_hash"])

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = client("lambda", PATIENT).invoke(FunctionName=self._function, Payload=json.dumps(request).encode())
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise Unavailable(f"the signer failed: {payload.get('errorType')}")
        if "refused" in payload:
            raise SigningRefused(payload["refused"])
        return dict(payload)


def answer_call(request: dict[str, Any], signer: Signer, provisioner: Provisioner) -> dict[str, Any]:
    """Answer one call of `LambdaSigner` at the signer's end; a refusal is an answer, not a failure."""
    try:
        if request["op"] == "xpub":
            return {"xpub": signer.account_xpub(str(request["kind"]), int(request["account"]))}
        if request["op"] == "operators_address":
            return {"address": signer.operators_address(str(request["kind"]), int(request["index"]))}
        if request["op"] == "provision":
            provisioner.provision(str(request["merchant"]))
            return {}
        if request["op"] == "verifying_key":
            return {"verifying_key": provisioner.verifying_key()}
        if request["op"] == "vouch":
            return {"signature": signer.vouch(str(request["merchant"]), str(request["chain"]))}
        signed = signer.sign(
            request["chain"],
            request["path"],
            request["sender"],
            read_transaction(str(request["kind"]), request["transaction"]),
            recipient_path=request["recipient_path"],
            payouts=tuple((str(merchant), str(payout)) for merchant, payout in request.get("payouts", ())),
        )
        return {"raw": signed.raw, "tx_hash": signed.tx_hash}
    except SigningRefused as exc:
        return {"refused": str(exc)}
