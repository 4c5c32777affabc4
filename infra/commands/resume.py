"""`make resume CHAIN=...`: let a chain be scanned again that a deep reorganisation has paused."""

from __future__ import annotations

import os
import sys

from infra.stack.handle import find
from infra.stack.settings import check
from infra.tools.awsenv import aws_env
from infra.tools.errors import Refused


def main() -> int:
    """Resume and say so."""
    chain = os.environ.get("CHAIN", "")
    try:
        check()
        gateway = find()
        if chain not in gateway.about["chains"]:
            raise Refused(f"say which: make resume CHAIN=<{'|'.join(gateway.about['chains'])}>")
        os.environ.update(aws_env(gateway.about["aws_endpoint_url"]))
        resume(chain)
    except Refused as refusal:
        print(f"make resume: {refusal}", file=sys.stderr)
        return 2
    print(f"{chain} is scanned again")
    return 0


def resume(chain: str) -> None:
    """Lift the pause, and start a scanner at the next tick."""
    from ctrip.bootstrap import stage

    stage().adapters.access.pause(chain, False)


if __name__ == "__main__":
    sys.exit(main())
