#!/usr/bin/env bash
# babel 2.19.0 (PyPI): the precision of a currency is Unicode CLDR's, and not the minor unit of ISO 4217.
#
# CLDR counts the decimals that people write today: the forint, the Colombian peso, the rupiah and others have none there,
# and two or three in ISO 4217, whose list is written out below. Payment providers and banks follow ISO 4217: whoever takes
# `get_currency_precision` for a currency's minor unit is wrong by a factor of a hundred towards them. For us: prices in
# these currencies take no decimals, and reach nobody as minor units without their currency's decimals beside.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "babel==2.19.0"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import babel
from babel.numbers import get_currency_precision

print("babel", babel.__version__)
ISO = {"HUF": 2, "COP": 2, "IDR": 2, "IQD": 3, "ALL": 2, "LBP": 2, "MGA": 2, "EUR": 2, "JPY": 0, "KWD": 3}
for code, minor in ISO.items():
    print(f"{code}: ISO 4217 {minor}, babel {get_currency_precision(code)}")
differs = {code for code, minor in ISO.items() if get_currency_precision(code) != minor}
sys.exit(0 if differs == {"HUF", "COP", "IDR", "IQD", "ALL", "LBP", "MGA"} else 1)
PYTHON
