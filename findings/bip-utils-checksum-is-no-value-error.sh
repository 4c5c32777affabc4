#!/bin/sh
# bip-utils 2.12.3 (PyPI): a mnemonic with a wrong checksum raises an error that is no ValueError; every other fault is one.
#
# A wrong number of words, or a word that is in no list, raises ValueError from Bip39SeedGenerator; a wrong checksum, which
# is what a mistyped mnemonic has most often, raises MnemonicChecksumError, whose only base is Exception. Who catches
# ValueError alone lets the commonest fault through as a crash. For us: ctrip wallet restore refuses all three alike.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check bip-utils==2.12.3
cat >ask.py <<'PY'
from importlib.metadata import version

from bip_utils import Bip39SeedGenerator

# Public test phrases: the first is right, and each of the others has one fault.
PHRASES = {
    "right": "abandon " * 11 + "about",
    "eleven words": "abandon " * 11,
    "an unknown word": "abandon " * 11 + "abbandon",
    "a wrong checksum": "abandon " * 12,
}
found = {}
for name, phrase in PHRASES.items():
    try:
        Bip39SeedGenerator(phrase.strip())
        found[name] = "taken"
    except Exception as exc:
        found[name] = f"{type(exc).__name__}, {'a' if isinstance(exc, ValueError) else 'no'} ValueError"
print("bip-utils", version("bip-utils"))
for name, outcome in found.items():
    print(f"{name}: {outcome}")
expected = {
    "right": "taken",
    "eleven words": "ValueError, a ValueError",
    "an unknown word": "ValueError, a ValueError",
    "a wrong checksum": "MnemonicChecksumError, no ValueError",
}
raise SystemExit(0 if found == expected else "it answers otherwise now")
PY
env/bin/python ask.py
