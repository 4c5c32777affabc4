"""What surrounds the gateway: its local stack, packaging and Solidity sources; nothing here runs in AWS."""

import sys
from pathlib import Path

# `python -m infra.x` seeds and drives the gateway, whose package lives where Chalice's layers do.
_CORE = str(Path(__file__).resolve().parents[1] / "layers" / "core")
if _CORE not in sys.path:
    sys.path.insert(1, _CORE)
