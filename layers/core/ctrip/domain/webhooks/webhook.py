"""Signatures of webhooks: the plain hex one and the Standard Webhooks three headers.

Source: the Standard Webhooks specification: `v1,` + base64 HMAC-SHA256 of `id.timestamp.body`, by the decoded secret.
"""

import base64
import hmac

PREFIX = "whsec_"
PLAIN_HEADERS = ("X-Webhook-Signature", "X-Webhook-Signature-Previous")


def new_secret(entropy: bytes) -> str:
    """Spell 32 random bytes as a webhook secret."""
    return PREFIX + base64.b64encode(entropy).decode()


def sign(body: bytes, *, event_id: str, timestamp: int, secrets: tuple[str, ...]) -> dict[str, str]:
    """Return the signature headers of one delivery; `timestamp` is unix seconds, the first secret is the newest.

    While a secret is being rotated there is a signature by each: several in `webhook-signature`, and the one by the
    secret before in a plain header of its own.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    tags = [
        base64.b64encode(_hmac(base64.b64decode(secret.removeprefix(PREFIX)), signed)).decode() for secret in secrets
    ]
    plain = zip(PLAIN_HEADERS, secrets, strict=False)
    return {
        **{header: _hmac(secret.encode(), body).hex() for header, secret in plain},
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{tag}" for tag in tags),
    }


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
