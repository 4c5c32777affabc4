"""The wallet's offline copy: the mnemonic, encrypted by age (age-encryption.org), which any age program can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyrage
import typer

SHORTEST_PASSPHRASE = 12


def write(path: Path, mnemonic: str, recipients: list[str]) -> None:
    """Write a new file that only its owner may read, for age keys or, without any, a passphrase that is asked for.

    Raises `typer.BadParameter` where the file exists already, or a key is none.
    """
    encrypted = _for_keys(mnemonic, recipients) if recipients else _for_passphrase(mnemonic)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise typer.BadParameter(f"{path} exists, and is not overwritten; name another file") from None
    except OSError as exc:
        raise typer.BadParameter(f"{path} cannot be written: {exc.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(encrypted)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, identity: Path | None) -> str:
    """Decrypt a copy, with the age identity in a file or a passphrase that is asked for.

    Raises `typer.BadParameter` where that does not succeed.
    """
    try:
        encrypted = path.read_bytes()
        decrypted: bytes
        if identity is None:
            decrypted = pyrage.passphrase.decrypt(encrypted, typer.prompt("Passphrase of the copy", hide_input=True))
        else:
            decrypted = pyrage.decrypt(encrypted, _identities(identity))
        return " ".join(decrypted.decode("ascii").split())
    except OSError as exc:
        raise typer.BadParameter(f"{exc.filename} cannot be read: {exc.strerror}") from None
    except (pyrage.DecryptError, UnicodeDecodeError):
        raise typer.BadParameter(f"{path} cannot be decrypted with that") from None


def _for_keys(mnemonic: str, recipients: list[str]) -> bytes:
    try:
        keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    except pyrage.RecipientError:
        raise typer.BadParameter("a recipient is an age key such as age1...; age-keygen makes one") from None
    encrypted: bytes = pyrage.encrypt(mnemonic.encode(), keys)
    return encrypted


def _for_passphrase(mnemonic: str) -> bytes:
    passphrase = typer.prompt("Passphrase for the encrypted copy", hide_input=True, confirmation_prompt=True)
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise typer.BadParameter(f"a passphrase has {SHORTEST_PASSPHRASE} characters or more")
    encrypted: bytes = pyrage.passphrase.encrypt(mnemonic.encode(), passphrase)
    return encrypted


def _identities(path: Path) -> list[Any]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise typer.BadParameter(f"{path} holds no age identity (AGE-SECRET-KEY-1...)")
    return found
