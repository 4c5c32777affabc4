"""What may stand in a log, and what never does."""

from __future__ import annotations

import ast
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctrip.aws import log as logs
from ctrip.aws import masking
from ctrip.aws.log import FACTS, allowed, bind, bound
from ctrip.aws.masking import bare, is_secret, mask, mask_field, told
from ctrip.domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
HASH = "0x" + "ab12" * 16
XPRV = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key ctrip_localdemo1_abcdefghij-KLMNOP_123 used", "key ctrip_localdemo1_*** used"),
        ("whsec_c2VjcmV0IHNlY3JldA==", "whsec_***"),
        ("ctsk_abcdEFGH-_12 ctrt_abcdEFGH-_12", "ctsk_*** ctrt_***"),
        # Alone, too, and spelt as names of ours are.
        *[(f"{name}_abcdefgh", f"{name}_***") for name in ("ctrip_stage", "whsec", "ctsk")],
        *[(f"{name}:123456", f"{name}:***") for name in ("totp", "seed")],
        ("got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "got ***!"),
        ("Authorization: Bearer abcdefgh, x", "Authorization: ***"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz', 'Accept': '*'}", "{'Authorization': '***', 'Accept': '*'}"),
        ("sent Bearer abcd.efgh", "sent Bearer ***"),
        ("password=hunter22&user=me", "password=***&user=me"),
        ('{"signingSecret": "a, b", "name": "x"}', '{"signingSecret": "***", "name": "x"}'),
        (f"privateKey: {HASH}", "privateKey: ***"),
        (f"key={HASH}", "key=***"),
        (f"mnemonic is {PHRASE}.", "mnemonic is ***."),
        (str(PHRASE.split()), "['***']"),
        (f"from {XPRV}", "from ***"),
        ("-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\nnext", "***\nnext"),
        ("at https://user:pass@host.example:8545/v2/abcDEF0123456789abcd?k=v&z#f",
         "at https://***@host.example:8545/v2/***?k=***&***"),
        ("wss://host/ws/v3/0123456789abcdef0123456789abcdef", "wss://host/ws/v3/***"),
        ("with url: /v2/abcDEF0123456789abcd (Caused by X)", "with url: /v2/*** (Caused by X)"),
        ('"POST /v2/abcDEF0123456789abcd HTTP/1.1" 200', '"POST /v2/*** HTTP/1.1" 200'),
    ],
)  # fmt: skip
def test_credentials_go(text: str, shown: str) -> None:
    """Each kind of credential is masked where it stands, and no more than it."""
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"mined {HASH}",
        "https://host.example/api/v1/payments/7f8e0a4c-1b2d-4c3e-8f90-a1b2c3d4e5f6",
        "/var/task/ctrip/store/payments.py",
        "not authorized to perform: secretsmanager:GetSecretValue",
        "The gateway could not answer, and nobody knows why that is so today.",
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94 holds 1000000",
        "2026-11-25T13:00:00Z 100%",
    ],
)
def test_what_a_reader_needs_stays(text: str) -> None:
    """Ids, hashes, addresses, hosts, routes, files, times and sentences are no credentials."""
    assert mask(text) == text


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "newPassword",
            "SECRET",
            "client-secret",
            "signing_secret",
            "token",
            "refresh_token",
            "accessToken",
        ),
        *("authorization", "Cookie", "mnemonic", "seed", "privateKey", "private_key", "api_key", "X-Api-Key", "totp"),
        *("code", "recovery_codes", "secretAccessKey", "key"),
    ],
)
def test_secret_names(name: str) -> None:
    """A field of such a name is never shown, text or number."""
    assert is_secret(name)
    assert mask_field(name, 123456) == "***"
    assert mask_field("body", {"list": [{name: "x"}], "n": 1}) == {"list": [{name: "***"}], "n": 1}


@pytest.mark.parametrize(
    "name",
    [
        *("token_id", "token_address", "key_id", "status_code", "order_id", "payment", "tx_hash", "amount"),
        *("monkey", "tokenised"),
    ],
)
def test_other_names(name: str) -> None:
    """What only sounds so is shown."""
    assert mask_field(name, HASH) == HASH


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of somebody else's with a handler of its own, after masking was installed."""
    before = logging.getLogRecordFactory()
    masking.install()
    stream = io.StringIO()
    logger, handler = logging.getLogger("somebody.elses"), logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger, stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_every_line_of_every_library(lines: tuple[logging.Logger, io.StringIO]) -> None:
    """Text, arguments, mappings, exceptions and tracebacks are masked, whoever logs them."""
    logger, stream = lines
    canary = "ctrip_aaaaaaaa_canarycanary"
    logger.info(f"as text {canary}")  # noqa: G004
    logger.debug("as argument %s and %d%%", canary, 7)
    logger.warning("by name %(password)s", {"password": "canary"})
    logger.warning("an error: %s", ValueError("canary"))
    logger.error(ValueError("canary"))
    logger.info({"token": "canary", "fine": 1})
    logger.info("too few %s %s", "arguments")  # noqa: PLE1206 - libraries have such mistakes
    logger.info("100% of it")
    try:
        try:
            raise KeyError("canary")
        except KeyError as exc:
            raise RuntimeError("canary") from exc
    except RuntimeError:
        logger.exception("it broke")
    said = stream.getvalue()
    assert "canary" not in said
    assert "as argument ctrip_aaaaaaaa_*** and 7%" in said
    assert "an error: ValueError at nowhere" in said
    assert "too few %s %s" in said
    assert "100% of it" in said
    assert "it broke [RuntimeError at test_masking.py:" in said
    assert "after KeyError at test_masking.py:" in said
    assert "Traceback" not in said


def test_masking_is_installed_once(lines: tuple[logging.Logger, io.StringIO]) -> None:
    """A second time changes nothing."""
    factory = logging.getLogRecordFactory()
    masking.install()
    assert logging.getLogRecordFactory() is factory


def fails(message: str) -> Exception:
    try:
        raise ValueError(message)
    except ValueError as exc:
        return exc


def test_what_escapes_says_type_and_place_alone() -> None:
    """The error that Lambda prints has the type's name and no message, cause or context of the first one."""
    shown = bare(fails("canary"))
    assert type(shown).__name__ == "ValueError"
    assert str(shown).startswith("ValueError at test_masking.py:")
    assert (shown.__cause__, shown.__context__) == (None, None)
    assert told(shown) == str(shown)


def test_a_stage_that_may_not_start_says_why() -> None:
    """What the configuration lacks is our own sentence, and is masked like any other."""
    assert told(ConfigurationError("CTRIP_X is malformed: whsec_abcdefghi")).endswith("CTRIP_X is malformed: whsec_***")


def test_facts_are_allowed_by_name() -> None:
    """A fact that nobody allowed is named and not shown; an allowed one is masked, bounded, and no object."""
    got = allowed({"chain": "anvil", "amount": 7, "error": fails("canary"), "where": "x" * 999, "metadata": "canary"})
    assert got["dropped"] == ["metadata"]
    assert "canary" not in str(got)
    assert (got["chain"], got["amount"], len(str(got["where"]))) == ("anvil", 7, logs.LONGEST)


def test_binding_nests() -> None:
    """Inner facts are added for their block; a binding allows no fact that a line may not carry."""
    with bind(request_id="r"):
        with bind(payment="p", password="canary"):
            assert bound() == {"request_id": "r", "payment": "p", "dropped": ["password"]}
        assert bound() == {"request_id": "r"}
    assert bound() == {}


def test_every_fact_in_the_code_is_a_decision() -> None:
    """Each name that a log call gives is allowed, none sounds secret, and no allowed name is left over."""
    used: set[str] = set()
    paths = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "core" / "ctrip").rglob("*.py")]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in LOGGING:
                used |= {each.arg for each in node.keywords if each.arg}
            gathers = path.name == "deliver_webhook.py" and isinstance(node, ast.Assign)
            if isinstance(node, ast.Assign) and gathers and ast.unparse(node.targets[0]) == "facts":
                assert isinstance(node.value, ast.Dict)
                used |= {str(ast.literal_eval(key)) for key in node.value.keys if key}
    assert used - {"extra", "stacklevel"} == FACTS
    assert not [name for name in FACTS if is_secret(name)]


LOGGING = {"info", "warning", "error", "bind"}
