"""`ctrip doctor` on the deployed application: what is well, and a secret that is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ctrip.store.smoke import TRANSACTIONS
from infra.stack import wallet
from infra.tools.process import ROOT, base_env
from tests.e2e.shop import Shop
from tests.localstack.cloud import STAGE, Cloud

MNEMONIC = f"ctrip/{STAGE}/mnemonic"


def test_the_doctor_finds_nothing_wrong_with_what_is_deployed(cloud: Cloud, shop: Shop) -> None:
    """Account, stacks, secrets, treasury, nodes; and each function's own answer about what its role permits."""
    done = _doctor(cloud)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    assert f"transactions of {len(TRANSACTIONS)} functions are permitted to their roles" in done.stdout


def test_a_secret_that_is_missing_is_the_one_thing_that_is_wrong(cloud: Cloud, shop: Shop) -> None:
    """One line says what to do, and the exit code is 1; once it is there again, all is well."""
    with _without_mnemonic(cloud):
        done = _doctor(cloud)
    assert done.returncode == 1, done.stdout + done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert wrong == [f"WRONG  wallet: the secret {MNEMONIC} is not there: make deploy STAGE={STAGE}"]
    assert _doctor(cloud).returncode == 0


@contextmanager
def _without_mnemonic(cloud: Cloud) -> Iterator[None]:
    """Remove the secret at once; in the end it stands under the stack's key again, as before."""
    secrets = cloud.client("secretsmanager")
    key = secrets.describe_secret(SecretId=MNEMONIC)["KmsKeyId"]
    secrets.delete_secret(SecretId=MNEMONIC, ForceDeleteWithoutRecovery=True)
    try:
        yield
    finally:
        secrets.create_secret(Name=MNEMONIC, KmsKeyId=key, SecretString=wallet.LOCAL_MNEMONIC)


def _doctor(cloud: Cloud) -> subprocess.CompletedProcess[str]:
    """Run it as an operator does, who has an account's credentials and a stage's name, and no setting beside."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", "--stage", STAGE, "doctor"],
        cwd=ROOT,
        env=base_env() | cloud.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
