"""What an API invocation loads."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WIRED = "import sys, app; from ctrip.bootstrap import stage; stage().merchants.authenticator; stage().payments.creator"
HEAVY = ("web3", "eth_account", "bip_utils", "jinja2", "segno", "yaml", "requests", "pydantic", "babel")


def fresh(code: str) -> str:
    """Return what code prints in a fresh interpreter that sees the gateway; nothing may be said beside."""
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_importing_the_app_loads_no_web3_and_no_private_key_library():
    """Threat 1, and the start of every Lambda: asserted in a fresh interpreter."""
    code = f"import sys; import app; print([name for name in {HEAVY} if name in sys.modules])"
    assert fresh(code) == "[]"


def test_importing_the_views_loads_nothing_that_describes_them():
    """What a field means stands beside its type as plain data; only the description of the API makes models of it."""
    modules = ", ".join(f"ctrip.views.{path.stem}" for path in (ROOT / "layers/core/ctrip/views").glob("[a-z]*.py"))
    heavy = ("pydantic", "pydantic_core", "typing_extensions", "annotated_types", "functions")
    code = f"import sys; import {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert fresh(code) == "[]"


def test_validating_a_request_reads_no_package_s_metadata():
    """Pydantic would look through every installed package for plugins at its first model."""
    code = (
        "import app, importlib.metadata as metadata\n"
        "def refuse(*_, **__): raise AssertionError('somebody looks for plugins')\n"
        "metadata.distributions = refuse\n"
        "from functions.requests.payments import PaymentRequest\n"
        "print(PaymentRequest.model_validate({'chain': 'anvil', 'amount': 1}).amount)"
    )
    assert fresh(code) == "1"


def test_what_creates_payments_loads_no_other_service():
    """Each service costs every start of the API; the ones that stay are what a creation goes through."""
    code = f"{WIRED}; print(*sorted(name for name in sys.modules if name.startswith('ctrip.services.')))"
    loaded = {name.removeprefix("ctrip.services.") for name in fresh(code).split()} - {
        "merchants",
        "payments",
        "shared",
    }
    assert loaded == {
        "merchants.authenticate",
        "merchants.limit_calls",
        "payments.create_payment",
        "payments.open_payment",
        *(f"shared.{name}" for name in ("choose_asset", "known_endpoints", "notify", "once", "recording")),
    }


def test_what_creates_payments_loads_few_packages():
    """Of others' packages: the framework, botocore with what it is made of, DynamoDB's expressions, and the curve."""
    code = f"{WIRED}; print(*{{name.partition('.')[0] for name in sys.modules}} - sys.stdlib_module_names)"
    botocore = {"botocore", "urllib3", "certifi", "dateutil", "six", "jmespath"}
    ours = {"__main__", "app", "ctrip", "functions"}
    packages = {name for name in fresh(code).split() if not name.startswith("_")}
    assert packages | ours == ours | botocore | {"chalice", "pynamodb", "coincurve"}


def test_what_creates_payments_loads_no_part_of_a_package_that_it_needs_not():
    """PynamoDB's models and connection, boto3 over botocore, and what formats the lines of a log."""
    unwanted = ("pynamodb.connection", "pynamodb.models", "boto3", "aws_lambda_powertools")
    assert fresh(f"{WIRED}; print([name for name in {unwanted} if name in sys.modules])") == "[]"


def test_what_creates_payments_loads_no_subject_that_it_never_touches():
    """A dataclass takes half a millisecond to make: payouts, bills, figures and what is signed are others' business."""
    unwanted = (
        *(
            "ctrip.store.payouts",
            "ctrip.store.bills",
            "ctrip.ports.payouts",
            "ctrip.ports.chain",
            "ctrip.ports.signing",
        ),
        *("ctrip.domain.settlement.payout", "ctrip.domain.figures", "ctrip.domain.ledger.reconcile"),
        *("ctrip.domain.chains.acts", "ctrip.domain.chains.evm.transaction", "ctrip.domain.chains.tron.transaction"),
    )
    assert fresh(f"{WIRED}; print([name for name in {unwanted} if name in sys.modules])") == "[]"


def test_every_late_handler_is_there():
    """The table of triggers names them, and loads them with the first call alone."""
    named = re.findall(r'late\("(\w+)\.(\w+)"\)', (ROOT / "app.py").read_text())
    assert len(named) == (ROOT / "app.py").read_text().count("late(")
    assert all(callable(getattr(import_module(f"functions.{module}"), own)) for module, own in named)
    assert (
        fresh(f"import sys, app; print([each for each, _ in {named} if f'functions.{{each}}' in sys.modules])") == "[]"
    )


def test_no_garbage_is_sought_while_a_function_starts():
    """What a start makes stays: where Lambda initialises a function, it is all made before anything is looked for."""
    count = "sum(each['collections'] for each in gc.get_stats())"
    code = (
        "import gc, os, functions\n"
        "os.environ |= {'AWS_LAMBDA_INITIALIZATION_TYPE': 'on-demand', '_HANDLER': 'app.app', 'CTRIP_STAGE': 'local'}\n"
        f"before = {count}\nimport app, sys\n"
        f"print({count} - before, 'pydantic' in sys.modules)"
    )
    assert fresh(code) == "0 True"


def test_what_a_start_made_is_left_out_of_later_searches():
    """And garbage is sought again once a function answers calls."""
    code = "import gc, app; print(gc.get_freeze_count() > len(gc.get_objects()), gc.get_threshold()[0])"
    assert fresh(code) == "True 50000"


def test_an_address_is_formatted_without_parsing_c():
    """Pycryptodome would have cffi parse declarations of C; whoever needs cffi itself still gets it."""
    code = (
        "import sys, ctrip.domain.chains.evm.addresses as addresses\n"
        "parsed = {'cffi', 'pycparser'} & set(sys.modules)\n"
        "import cffi\n"
        "print(addresses.checksum('0x' + 'ab' * 20), parsed, cffi.FFI().sizeof('int'))"
    )
    assert fresh(code) == "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB set() 4"


def test_all_clients_of_aws_come_from_one_session():
    """Each session reads botocore's descriptions of hosts and settings again."""
    code = (
        "import botocore.session as origin\n"
        "made, real = [], origin.Session.__init__\n"
        "def counted(*given, **more): made.append(1); real(*given, **more)\n"
        "origin.Session.__init__ = counted\n"
        "from ctrip.aws.clients import client\nfrom ctrip.store.engine.connection import connection\n"
        "connection(), client('sqs'), client('lambda'); print(len(made))"
    )
    assert fresh(code) == "1"


def test_the_signer_computes_no_curve_that_it_never_signs_on():
    """eth_account comes without its key files; whoever wants these gets them, and nobody gets a key file by half."""
    code = (
        "import sys, ctrip.signer.wallet\n"
        "slow = sorted(name for name in sys.modules if name.split('.')[0] in ('py_ecc', 'eth_keyfile', 'web3'))\n"
        "from eth_account import Account\n"
        "try:\n    Account.encrypt('0x' + '1' * 64, 'password')\n"
        "except NotImplementedError as refusal:\n    print(slow, refusal)\n"
        "import eth_keyfile; assert callable(eth_keyfile.create_keyfile_json) and 'py_ecc' in sys.modules"
    )
    assert fresh(code) == "[] eth_account was imported without key files"


def test_a_scanner_loads_no_web3():
    """JSON-RPC is spoken without it: it would take most of the scanner's cold start."""
    code = "import sys, ctrip.chains.evm.client; print({'web3', 'aiohttp', 'ens'} & set(sys.modules))"
    assert fresh(code) == "set()"
