"""Run `ctrip`."""

import sys

from infra.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
