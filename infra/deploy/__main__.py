"""`make deploy` and `make rollback`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import approval, parameters, release, smoke
from infra.deploy.aws import connect, first_line
from infra.deploy.flow import Deployment
from infra.tools.errors import Failed, Refused


def main() -> int:
    """Run from the command line; exit code 2: refused before anything was changed, 1: something failed."""
    given = _parser().parse_args()
    try:
        return _roll_back(given) if given.command == "rollback" else _deploy(given)
    except Refused as refusal:
        print(f"make {given.command}: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make {given.command}: {failure}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"make {given.command}: AWS answered: {first_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"make {given.command}: interrupted; CloudFormation ends by itself what it has begun.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("deploy", "rollback"):
        command = commands.add_parser(name)
        command.add_argument("--stage", required=True)
        command.add_argument("--execution-role", default="", help="the ARN of the role that CloudFormation acts with")
        command.add_argument("--no-smoke", action="store_true", help="make no payment to try the stage with")
        if name == "deploy":
            command.add_argument("--package", required=True, type=Path, help="what make package wrote")
            command.add_argument("--parameters", type=Path, help="a JSON file of parameters' names and values")
            command.add_argument("--set", action="append", default=[], help="Name=value; goes before the file")
            command.add_argument("--plan", action="store_true", help="show the changes, and make none")
            command.add_argument("--data-only", action="store_true", help="the data stack alone")
    return parser


def _deploy(given: argparse.Namespace) -> int:
    chosen = parameters.read(given.parameters, given.set)
    package = release.read(given.package, given.stage)
    deployment = Deployment(
        connect(), given.stage, approval.ask, _say, chosen, execution_role=given.execution_role, plan=given.plan
    )
    changed = deployment.run(package, application=not given.data_only)
    if not changed:
        _say("no changes")
    elif not (given.plan or given.data_only or given.no_smoke):
        return _smoke(deployment)
    return 0


def _roll_back(given: argparse.Namespace) -> int:
    deployment = Deployment(connect(), given.stage, approval.ask, _say, execution_role=given.execution_role)
    deployment.roll_back()
    return 0 if given.no_smoke else _smoke(deployment)


def _smoke(deployment: Deployment) -> int:
    if smoke.run(deployment.aws, deployment.stage, _say):
        return 0
    _say(f"The stage does not do what it should: make rollback STAGE={deployment.stage} goes back.")
    return 1


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
