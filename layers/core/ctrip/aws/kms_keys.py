"""Keys of the operator in KMS: made there, on secp256k1, and never shown."""

from ctrip.aws.clients import client
from ctrip.aws.names import named


def alias(stage: str, name: str) -> str:
    """Name the alias under which a stage's key stands."""
    return f"alias/{named(stage, name.replace('_', '-'))}"


class KmsKey:
    """Signs digests with a key in KMS."""

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id

    def public_key(self) -> bytes:
        """Return the public key, as a SubjectPublicKeyInfo in DER."""
        return bytes(client("kms").get_public_key(KeyId=self._key_id)["PublicKey"])

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes as they are; return the signature in DER."""
        asked = {"KeyId": self._key_id, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
        return bytes(client("kms").sign(**asked)["Signature"])
