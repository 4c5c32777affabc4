"""Whether somebody controls an address: by a signature of its key (EIP-191), or by its contract's word (EIP-1271)."""

from __future__ import annotations

import re

from infra.stack import tokens

MAGIC = "1626ba7e"  # Source: EIP-1271. What `isValidSignature(bytes32,bytes)` returns, which is its own selector too.
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_LONGEST = 2 * 8_192
_BYTES_OF_A_KEY = 65


def refused(rpc_url: str, address: str, message: str, signature: str) -> str:
    """Say why a signature does not prove control of an address; empty where it does.

    A contract is asked; what it does not answer, or answers in other words, proves nothing.
    """
    if not _HEX.fullmatch(signature) or len(signature) > _LONGEST:
        return "the signature is no hexadecimal text that begins with 0x"
    signer = _signer(message, signature)
    if signer is not None and signer.lower() == address.lower():
        return ""
    code = str(tokens.rpc(rpc_url, "eth_getCode", address, "latest"))
    if code not in ("0x", ""):
        return _contract_refuses(rpc_url, address, message, signature)
    if signer is None:
        return "the signature is none of a key: 65 bytes, as personal_sign gives"
    return f"the message was signed by {signer}, or it was another message: of another stage, chain, address or nonce"


def _signer(message: str, signature: str) -> str | None:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    if len(signature) != 2 + 2 * _BYTES_OF_A_KEY:
        return None
    try:
        return str(Account.recover_message(encode_defunct(text=message), signature=signature))
    except Exception:  # whatever the library calls bytes that are no signature
        return None


def _contract_refuses(rpc_url: str, address: str, message: str, signature: str) -> str:
    from eth_abi.abi import encode
    from eth_account.messages import defunct_hash_message

    digest = bytes(defunct_hash_message(text=message))
    data = f"0x{MAGIC}{encode(['bytes32', 'bytes'], [digest, bytes.fromhex(signature[2:])]).hex()}"
    try:
        answer = str(tokens.rpc(rpc_url, "eth_call", {"to": address, "data": data}, "latest"))
    except RuntimeError as exc:
        return f"the contract at {address} does not confirm the signature (EIP-1271): {exc}"
    if answer.lower() != f"0x{MAGIC:0<64}":
        return f"the contract at {address} does not confirm the signature (EIP-1271): it answers {answer[:66]}"
    return ""
