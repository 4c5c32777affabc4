"""What the packaged archive holds, that Lambda can start from it, and that its bytes follow from the commit."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.init import BUILDS
from infra.package import archive, runtime, slim
from infra.tools.errors import Failed
from infra.tools.process import ROOT
from tests.package.conftest import STAGE, Archive, Packaged

HEAVY = ("web3", "eth_account", "bip_utils")
# e_machine in the header of an ELF file.
MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
MB = 1_000_000
PACKAGE = (
    "import sys; from pathlib import Path; from infra.commands.package import package; "
    "package(sys.argv[1], Path(sys.argv[2]), sys.argv[3])"
)


def test_the_archive_holds_the_gateway(packaged: Packaged) -> None:
    """Each file of ours is in it but for caches, with what Lambda needs of Chalice."""
    trees = {"functions": ROOT / "functions", "ctrip": ROOT / "layers" / "core" / "ctrip"}
    ours = {
        f"{top}/{path.relative_to(folder).as_posix()}"
        for top, folder in trees.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # The words of the pages are compiled.
    ours = {f"{name[:-3]}.mo" if name.endswith(".po") else name for name in ours}
    assert {"ctrip/chains.yaml", "ctrip/contracts/Probe.json", "functions/scan.py"} <= ours
    assert ours | {"app.py", "chalice/app.py", "chalice/__init__.py"} <= packaged.archive.names


def test_the_archive_holds_nothing_of_the_workshop(packaged: Packaged) -> None:
    """None of the repository's own files but the gateway's is in it, nor local state, nor a file of secrets."""
    names = packaged.archive.names
    tops = {name.split("/", 1)[0] for name in names}
    assert not tops & {"infra", "layers", "vendor", ".chalice", ".git", ".local", ".tools", ".env", "template.yaml"}
    assert not tops & slim.STRAYS
    assert not [name for name in names if any(part.startswith(".") for part in name.split("/"))]
    unwanted = re.compile(r"(^|/)(tests?|SelfTest)/|(^|/)test_[^/]*\.py$|\.(pyi|c|h|pyx|pxd)$|dist-info/RECORD$")
    assert not [name for name in names if unwanted.search(name)]


def test_the_same_commit_gives_the_same_bytes_wherever_it_is_packaged(packaged: Packaged, tmp_path: Path) -> None:
    """Another folder, other times, rights and umask, and files that are none of ours change nothing."""
    clone = tmp_path / "elsewhere" / "ctrip"
    for name in (
        "app.py",
        "template.yaml",
        "data.yaml",
        "requirements.txt",
        "functions",
        "layers",
        "infra",
        ".chalice",
        "vendor",
    ):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            clone.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, clone / name)
    (clone / "functions" / ".env").write_text("SECRET=1")
    (clone / "functions" / "keys.txt").write_text("secret")
    (clone / "functions" / "scan.py~").write_text("an editor's copy")
    (clone / "functions" / "linked.py").symlink_to("/etc/hostname")
    (clone / "functions" / "scan.py").chmod(0o755)
    for path in clone.rglob("*.py"):
        if not path.is_symlink():
            os.utime(path, (1_000_000_000, 1_000_000_000))
    out = tmp_path / "out"
    out.mkdir()
    environment = os.environ | {"PYTHONPATH": f"{clone}:{clone / 'layers' / 'core'}", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", PACKAGE, STAGE, str(out), runtime.here()]
    subprocess.run(command, cwd=clone, env=environment, umask=0o077, check=True, timeout=300)
    assert (out / "sam.json").read_bytes() == packaged.path.read_bytes()
    assert (out / "deployment.zip").read_bytes() == packaged.archive.path.read_bytes()


def test_the_archive_is_sorted_and_its_times_and_rights_are_fixed(packaged: Packaged) -> None:
    """Regular files alone, readable by all, in the order of their names and without a time of packaging."""
    entries = packaged.archive.entries
    assert [entry.filename for entry in entries] == sorted(packaged.archive.names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_bytecode_is_beside_its_source_and_used_unchecked(packaged: Packaged) -> None:
    """Each module has bytecode that Lambda takes as it is, and that names no folder of whoever packaged."""
    names = packaged.archive.names
    tag = sys.implementation.cache_tag
    for name in sorted(name for name in names if name.endswith(".py")):
        folder, module = os.path.split(name)
        compiled = os.path.join(folder, "__pycache__", f"{module[:-3]}.{tag}.pyc")
        assert compiled in names, name
        held = (packaged.archive.unpacked / compiled).read_bytes()
        # Hash-based, and the hash is not compared (PEP 552).
        assert int.from_bytes(held[4:8], "little") == 1, name
        assert f"/var/task/{name}".encode() in held, name
        assert b"ctrip-package-" not in held, name


def test_each_processor_has_its_own_libraries(packaged: Packaged, foreign: Archive) -> None:
    """Every compiled module is for the architecture that was asked for."""
    own = runtime.here()
    (other,) = set(MACHINES) - {own}
    assert set(machines(packaged.archive)) == {MACHINES[own]}
    assert set(machines(foreign)) == {MACHINES[other]}


def machines(held: Archive) -> Iterator[int]:
    """Yield what each ELF file of an archive says of its machine."""
    for entry in held.entries:
        with (held.unpacked / entry.filename).open("rb") as file:
            head = file.read(20)
        if head.startswith(b"\x7fELF"):
            yield int.from_bytes(head[18:20], "little")


def test_it_is_small(packaged: Packaged, foreign: Archive) -> None:
    """Unpacked it is at most 95 MB with its bytecode, packed at most 35."""
    for held in (packaged.archive, foreign):
        assert sum(entry.file_size for entry in held.entries) <= 95 * MB
        assert held.path.stat().st_size <= 35 * MB


def test_every_handler_can_be_called(packaged: Packaged) -> None:
    """Each function's handler in the template is an attribute of its module, wrapped by Chalice."""
    handlers = sorted({function["Handler"] for function in packaged.functions.values()})
    assert len(handlers) == len(packaged.functions) == len(BUILDS)
    code = (
        "import importlib, json\n"
        f"found = {{}}\nfor name in {handlers!r}:\n"
        "    module, attribute = name.rsplit('.', 1)\n"
        "    held = getattr(importlib.import_module(module), attribute, None)\n"
        "    found[name] = type(held).__name__ if callable(held) else None\n"
        "print(json.dumps(found))"
    )
    found = json.loads(packaged.in_lambda(code))
    # A bare function would be called without Chalice's event object: it must be the wrapped one (functions/smoke.py).
    assert found.pop("app.app") == "Gateway"
    assert set(found.values()) == {"Worker"}, found


def test_every_import_of_the_gateway_finds_its_module(packaged: Packaged) -> None:
    """What slimming left out is nothing that a module of ours imports, at its start or within a function."""
    wanted = sorted({name for source, _ in archive.gateway() for name in imported(source)})
    assert {"ctrip.signer.wallet", "functions.admin", "bip_utils", "httpx"} <= set(wanted)
    packaged.in_lambda("import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)", *wanted)


def imported(source: Path) -> Iterator[str]:
    """Yield the modules that a module of ours imports when it runs."""
    if source.suffix != ".py" or source.parent.name == "chalice":
        return
    unseen = {"TYPE_CHECKING"}
    pending: list[ast.AST] = [ast.parse(source.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        pending.extend(ast.iter_child_nodes(node))


def test_every_service_that_is_called_has_its_description(packaged: Packaged) -> None:
    """Botocore can build a client of each AWS service that the code names, and no other's description is packaged."""
    called = {
        service
        for source, _ in archive.gateway()
        if source.suffix == ".py" and source.parent.name != "chalice"
        for service in re.findall(r"\b(?:client|make_client)\(\s*\"([a-z0-9-]+)\"", source.read_text())
    }
    assert called == slim.SERVICES
    code = "import sys; from ctrip.aws.clients import client\nfor name in sys.argv[1:]: client(name)"
    packaged.in_lambda(code, *sorted(called))
    described = {path.parent.name for path in (packaged.archive.unpacked / "botocore" / "data").glob("*/*/")}
    assert described == slim.SERVICES


def test_botocore_reads_no_other_service_s_hosts_and_no_documentation(packaged: Packaged) -> None:
    """Both would be read at each start: the hosts of 400 services alone took a tenth of the API's."""
    data = packaged.archive.unpacked / "botocore" / "data"
    hosts = json.loads((data / "endpoints.json").read_text())
    assert {name for each in hosts["partitions"] for name in each["services"]} == slim.SERVICES
    texts = [path.read_text() for path in sorted(data.glob("*/*/service-2.json"))]
    assert len(texts) == len(slim.SERVICES)
    assert not [text for text in texts if "<p>" in text]


def test_what_botocore_reads_says_the_same_as_before_it_was_shortened(packaged: Packaged) -> None:
    """Every operation, shape and member of the services that are called, and their hosts in every region, are there."""
    described = packaged.in_lambda(DESCRIBED, *sorted(slim.SERVICES))
    ours = subprocess.run(
        [sys.executable, "-c", DESCRIBED, *sorted(slim.SERVICES)], check=True, capture_output=True, text=True
    )
    assert json.loads(described) == json.loads(ours.stdout)


# Prints what botocore knows of services but their documentation.
DESCRIBED = """
import json, sys
from botocore.session import Session
session = Session()
resolver = session.get_component("endpoint_resolver")
known = {}
for name in sys.argv[1:]:
    model = session.get_service_model(name)
    shapes = {each: model.shape_for(each) for each in model.shape_names}
    known[name] = {
        "metadata": model.metadata,
        "operations": {
            each: [repr(getattr(model.operation_model(each), part)) for part in
                   ("http", "input_shape", "output_shape", "error_shapes", "endpoint", "auth_type")]
            for each in model.operation_names
        },
        "shapes": {
            each: [shape.type_name, list(getattr(shape, "members", ())), list(getattr(shape, "required_members", ())),
                   list(map(str, getattr(shape, "enum", ()))), shape.metadata, str(shape.serialization)]
            for each, shape in shapes.items()
        },
        "hosts": {
            region: resolver.construct_endpoint(name, region)
            for partition in resolver.get_available_partitions()
            for region in resolver.get_available_endpoints(name, partition)
        },
    }
print(json.dumps(known, sort_keys=True, default=str))
"""


def test_each_language_of_the_pages_is_packaged_compiled_and_no_other(packaged: Packaged) -> None:
    """Words, numbers, times and lists come out of the archive as out of the sources, without other locales."""
    code = (
        "from ctrip.pages import language\n"
        "def refuse(tag): raise AssertionError('a catalogue is compiled while a page is waited for')\n"
        "language.compile_catalogue = {} or refuse\n"
        "for tag in language.LANGUAGES:\n"
        "    known = language.language(tag)\n"
        "    print(known.say('Waiting for your payment'), known.number('12345678.5'), known.listed('ab'),"
        " known.moment(0).encode('unicode_escape'))"
    )
    ours = subprocess.run(
        [sys.executable, "-c", code.replace("{} or refuse", "language.compile_catalogue")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers" / "core")},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert packaged.in_lambda(code) == ours.stdout
    held = {path.stem for path in (packaged.archive.unpacked / "babel" / "locale-data").glob("*.dat")}
    assert held == slim.LOCALES


def test_the_api_starts_without_the_chains_libraries(packaged: Packaged) -> None:
    """Importing what API Gateway calls loads nothing that could derive a key or that is slow to import."""
    loaded = packaged.in_lambda(f"import app, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))")
    assert loaded.strip() == "[]"


def test_a_wheel_of_another_hash_is_not_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong hash in the lock file ends the build, and nothing is written (threat 19)."""
    lock = (ROOT / "requirements.txt").read_text()
    start = lock.index("\nsegno==")
    block = lock[start : lock.index("\n    # via", start)]
    wrong = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", block)
    assert wrong != block
    changed = tmp_path / "requirements.txt"
    changed.write_text(wrong.strip() + "\n")
    monkeypatch.setattr(archive, "LOCK", changed)
    with pytest.raises(Failed, match=r"(?i)hash"):
        archive.build(tmp_path, arch=runtime.here())
    assert not (tmp_path / "deployment.zip").exists()
