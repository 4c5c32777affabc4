"""Secrets: the mnemonic in Secrets Manager, the others encrypted by KMS."""

import base64
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own

from ctrip.aws.clients import client
from ctrip.domain.errors import Busy, ConfigurationError, DecryptionRefused
from ctrip.domain.rpc import RpcEntry
from ctrip.domain.settings import endpoints
from ctrip.ports.runtime import Clock

REMEMBER_MS = 300_000
REMEMBERED = 1_000
_SHORT_OF_BREATH = frozenset(
    {
        "ThrottlingException",
        "KMSInternalException",
        "DependencyTimeoutException",
        "InternalFailure",
        "ServiceUnavailable",
    }
)
# Another owner in the encryption context, bytes that are no ciphertext, or a key that is none of this stage's.
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "AccessDeniedException"})


# The tag of the mnemonic's secret that says which wallet's backup was read back, and when: "<day> <verifying key>".
BACKUP_TAG = "ctrip:backup-verified"


def read_mnemonic(stage: str) -> str:
    """Read the stage's mnemonic; only the signer function's role may."""
    return str(client("secretsmanager").get_secret_value(SecretId=mnemonic_name(stage))["SecretString"])


def mnemonic_name(stage: str) -> str:
    """Name the secret of a stage's mnemonic."""
    return f"ctrip/{stage}/mnemonic"


def backup_verified(stage: str, verifying_key: str) -> str:
    """Return the day on which the backup of this very wallet was read back; empty where it was not."""
    return noted_backup(client("secretsmanager").describe_secret(SecretId=mnemonic_name(stage)), verifying_key)


def noted_backup(secret: Mapping[str, Any], verifying_key: str) -> str:
    """Read the same from what Secrets Manager says of the secret."""
    said = next((tag["Value"] for tag in secret.get("Tags", []) if tag["Key"] == BACKUP_TAG), "")
    day, _, key = said.partition(" ")
    return day if key == verifying_key else ""


def read_endpoints(stage: str) -> dict[str, tuple[RpcEntry, ...]]:
    """Read the stage's RPC endpoints, with their providers' keys: `{chain: [url, ...]}`; empty where none are set.

    Raises `ConfigurationError`, as for `CTRIP_RPC`, which is read alike; no address is repeated.
    """
    manager = client("secretsmanager")
    try:
        text = manager.get_secret_value(SecretId=f"ctrip/{stage}/rpc")["SecretString"]
    except manager.exceptions.ResourceNotFoundException:
        return {}  # the secret is there, and nobody has given it a value
    try:
        return endpoints(text)
    except ValueError as exc:
        raise ConfigurationError(f"the secret ctrip/{stage}/rpc {exc}") from None


class KmsCipher:
    """Encrypts secrets under the stage's own key, bound to their owner; remembers what was decrypted a while."""

    def __init__(self, stage: str, clock: Clock) -> None:
        self._key = f"alias/ctrip-{stage}-secrets"
        self._clock = clock
        self._opened: dict[tuple[str, str], tuple[int, str]] = {}

    def encrypt(self, secret: str, owner: str) -> str:
        """Encrypt; the answer is base64."""
        given = {"Plaintext": secret.encode(), "EncryptionContext": {"owner": owner}}
        answer = _kms("encrypt", KeyId=self._key, **given)
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def decrypt(self, encrypted: str, owner: str) -> str:
        """Decrypt; raises `DecryptionRefused` for another owner's secret, and for what is no ciphertext."""
        until, known = self._opened.get((encrypted, owner), (0, ""))
        if self._clock.now() < until:
            return known
        try:
            blob = base64.b64decode(encrypted, validate=True)
        except ValueError:
            blob = b""
        if not blob:  # KMS is not asked about nothing
            raise DecryptionRefused("what is stored is no ciphertext")
        answer = _kms("decrypt", KeyId=self._key, CiphertextBlob=blob, EncryptionContext={"owner": owner})
        if len(self._opened) >= REMEMBERED:
            self._opened.clear()
        secret: str = answer["Plaintext"].decode()
        self._opened[encrypted, owner] = self._clock.now() + REMEMBER_MS, secret
        return secret


def _kms(operation: str, **given: Any) -> Any:
    """Call KMS; raises `Busy` where it has no breath or no answer for us, `DecryptionRefused` for what is not ours.

    Source: the KMS API reference, "Errors" of Encrypt and Decrypt.
    """
    try:
        return getattr(client("kms"), operation)(**given)
    except (ConnectionError, HTTPClientError) as exc:  # not reached, or no whole answer
        raise Busy from exc
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        if code in _SHORT_OF_BREATH:
            raise Busy from exc
        if operation == "decrypt" and code in _NOT_OURS:
            raise DecryptionRefused("KMS refused the ciphertext for this owner") from exc
        raise
