"""The generators, each with how its client is made, compiled and run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.clients import versions
from infra.tools.errors import Refused
from infra.tools.process import ROOT

PROGRAMS = Path(__file__).parent / "programs"
JAR = f"openapi-generator-cli-{versions.OPENAPI_GENERATOR}.jar"
DEPENDENCIES = f"org.apache.maven.plugins:maven-dependency-plugin:{versions.MAVEN_DEPENDENCY_PLUGIN}"
NEWER, OLDER = "openapi.json", "openapi-3.0.json"
OPENAPI_GENERATOR = f"openapi-generator {versions.OPENAPI_GENERATOR}"
OAPI_CODEGEN = f"oapi-codegen {versions.OAPI_CODEGEN}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one client is made: a folder of its own, the description in it, and what was downloaded before."""

    folder: Path
    description: str
    tools: Path

    def run(self, *command: str | Path, **env: str) -> str:
        """Run a command in the folder; raises `CalledProcessError` with what it printed."""
        done = subprocess.run(
            [str(each) for each in command],
            cwd=self.folder,
            env=os.environ | self._caches() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout

    def take(self, program: str, name: str) -> None:
        """Copy one of our programs in."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROGRAMS / program, path)

    def write(self, name: str, text: str) -> None:
        """Write a file of a build."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def maven(self, *arguments: str) -> None:
        """Run Maven with a repository of our own."""
        self.run("mvn", "--quiet", "--batch-mode", f"-Dmaven.repo.local={self.tools / 'm2'}", *arguments)

    def _caches(self) -> dict[str, str]:
        return {
            "npm_config_cache": str(self.tools / "npm-cache"),
            "UV_CACHE_DIR": str(self.tools / "uv-cache"),
            "GOPATH": str(self.tools / "go"),
            "GOCACHE": str(self.tools / "go-cache"),
            "GOFLAGS": "-modcacherw",  # so that `make clean` can remove it
            "CARGO_HOME": str(self.tools / "cargo"),
            "CARGO_TARGET_DIR": str(self.tools / "cargo-target"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One generated client. `use` runs our program with the environment that it reads and returns what it printed."""

    name: str
    generator: str
    description: str
    generate: Callable[[Place], None]
    compile: Callable[[Place], None]
    use: Callable[[Place, dict[str, str]], str]


def missing() -> list[str]:
    """Name what has to be installed first."""
    lacking = dict.fromkeys(words for command, words in versions.NEEDED.items() if not shutil.which(command))
    if shutil.which("php"):
        loads = "exit((int) !(extension_loaded('curl') && extension_loaded('mbstring')"
        loads += " && stream_resolve_include_path('GuzzleHttp/autoload.php')));"
        if subprocess.run(["php", "-r", loads], check=False, capture_output=True).returncode:
            lacking |= {versions.NEEDED["php"]: None}
    return list(lacking)


def _npm(place: Place, packages: tuple[str, ...]) -> None:
    """Fetch packages from npm, once for these versions, and let the folder see them."""
    home = place.tools / f"npm-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        place.run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", home, *packages)
        (home / "done").touch()
    (place.folder / "node_modules").symlink_to(home / "node_modules")


def _generate_typescript(place: Place) -> None:
    _npm(place, versions.NPM)
    place.run("node_modules/.bin/openapi-typescript", place.description, "-o", "description.d.ts")


def _compile_typescript(place: Place) -> None:
    place.write("package.json", '{"type": "module"}')
    place.take("uses.ts", "uses.ts")
    options = ("--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--outDir", "built")
    place.run("node_modules/.bin/tsc", "--strict", *options, "uses.ts")


def _generate_hey_api(place: Place) -> None:
    _npm(place, versions.HEY_API)
    place.take("hey_api.mjs", "openapi-ts.config.mjs")
    place.run("node_modules/.bin/openapi-ts", "--input", place.description, "--output", "generated")


def _compile_hey_api(place: Place) -> None:
    place.take("uses_hey_api.ts", "uses.ts")
    options = ("--module", "commonjs", "--moduleResolution", "node10", "--outDir", "built", "--skipLibCheck")
    libraries = ("--target", "es2022", "--lib", "es2022,dom,dom.iterable")
    place.run("node_modules/.bin/tsc", "--strict", *options, *libraries, "uses.ts")


def _python(place: Place) -> Path:
    """Make an environment with the generator, once for these versions; the generated client needs no more."""
    named = f"python-{hashlib.sha256(' '.join(versions.PYPI).encode()).hexdigest()[:12]}"
    home = place.tools / named
    if not (home / "done").exists():
        uv = Path(sys.executable).parent / "uv"
        place.run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, home)
        place.run(uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", *versions.PYPI)
        (home / "done").touch()
    return home / "bin"


def _generate_python(place: Place) -> None:
    binaries = _python(place)
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    options = ("--meta", "none", "--fail-on-warning", "--output-path", "generated")
    place.run(binaries / "openapi-python-client", "generate", "--path", place.description, *options, PATH=path)


def _compile_python(place: Place) -> None:
    place.take("uses.py", "uses.py")
    place.run(_python(place) / "python", "-m", "compileall", "-q", ".")


def _oapi_codegen(place: Place) -> Path:
    binaries = place.tools / f"oapi-codegen-{versions.OAPI_CODEGEN}"
    if not (binaries / "oapi-codegen").exists():
        module = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
        place.run("go", "install", f"{module}@{versions.OAPI_CODEGEN}", GOBIN=str(binaries))
    return binaries / "oapi-codegen"


def _generate_oapi_codegen(place: Place) -> None:
    (place.folder / "generated").mkdir()
    options = ("-generate", "types,client", "-package", "generated", "-o", "generated/generated.go")
    place.run(_oapi_codegen(place), *options, place.description)


def _compile_oapi_codegen(place: Place) -> None:
    place.take("uses_oapi_codegen.go", "uses.go")
    runtime = f"github.com/oapi-codegen/runtime {versions.OAPI_CODEGEN_RUNTIME}"
    _build_go(place, f"require {runtime}\n")


def _compile_go(place: Place) -> None:
    place.take("uses_openapi_generator.go", "uses.go")
    _build_go(place)


def _build_go(place: Place, requires: str = "") -> None:
    place.write("go.mod", f"module example.com/uses\n\ngo 1.24\n\n{requires}")
    place.run("go", "mod", "tidy")
    place.run("go", "vet", ".")
    place.run("go", "build", "-o", "uses", ".")


def _generated(language: str, output: str = ".", **options: str) -> Callable[[Place], None]:
    """Generate with openapi-generator."""

    def generate(place: Place) -> None:
        path = place.tools / "m2/org/openapitools/openapi-generator-cli" / versions.OPENAPI_GENERATOR / JAR
        if not path.exists():
            artifact = f"org.openapitools:openapi-generator-cli:{versions.OPENAPI_GENERATOR}"
            place.maven(f"{DEPENDENCIES}:get", f"-Dartifact={artifact}", "-Dtransitive=false")
        only = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
        command = ["java", "-jar", str(path), "generate", "-i", place.description, "-g", language, "-o", output]
        command += ["--global-property", only]
        if options:
            command += ["--additional-properties", ",".join(f"{name}={value}" for name, value in options.items())]
        place.run(*command)

    return generate


def _compile_java(place: Place) -> None:
    place.take("Uses.java", "src/main/java/Uses.java")
    place.maven("compile", f"{DEPENDENCIES}:build-classpath", "-Dmdep.outputFile=classpath")


def _use_java(place: Place, env: dict[str, str]) -> str:
    classes = f"target/classes{os.pathsep}{(place.folder / 'classpath').read_text()}"
    return place.run("java", "-cp", classes, "Uses", **env)


def _compile_php(place: Place) -> None:
    place.take("uses.php", "uses.php")
    for path in sorted(place.folder.rglob("*.php")):
        place.run("php", "-l", path)


def _compile_rust(place: Place) -> None:
    place.take("uses.rs", "uses/src/main.rs")
    settings = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "config.toml"
    if settings.exists():  # the registry's mirror, where there is one
        (place.tools / "cargo").mkdir(parents=True, exist_ok=True)
        shutil.copy(settings, place.tools / "cargo" / "config.toml")
    # Without its features it has no TLS, which loopback needs not, and which takes minutes to compile.
    client = 'openapi = { path = "..", default-features = false }'
    tokio = f'tokio = {{ version = "{versions.TOKIO}", features = ["macros", "rt"] }}'
    package = '[package]\nname = "uses"\nversion = "1.0.0"\nedition = "2021"\n'
    place.write("uses/Cargo.toml", f"{package}\n[dependencies]\n{client}\n{tokio}\n")
    place.run("cargo", "build", "--quiet", "--manifest-path", "uses/Cargo.toml")


TARGETS = (
    Target(
        name="typescript",
        generator=versions.NPM[0].replace("@", " "),
        description=NEWER,
        generate=_generate_typescript,
        compile=_compile_typescript,
        use=lambda place, env: place.run("node", "built/uses.js", **env),
    ),
    Target(
        name="zod",
        generator=f"hey-api {versions.HEY_API[0].rsplit('@', 1)[1]} with zod",
        description=NEWER,
        generate=_generate_hey_api,
        compile=_compile_hey_api,
        use=lambda place, env: place.run("node", "built/uses.js", **env),
    ),
    Target(
        name="python",
        generator=versions.PYPI[0].replace("==", " "),
        description=NEWER,
        generate=_generate_python,
        compile=_compile_python,
        use=lambda place, env: place.run(_python(place) / "python", "uses.py", **env),
    ),
    Target(
        name="oapi-go",
        generator=OAPI_CODEGEN,
        description=OLDER,
        generate=_generate_oapi_codegen,
        compile=_compile_oapi_codegen,
        use=lambda place, env: place.run("./uses", **env),
    ),
    *(
        Target(
            name=f"{language}{suffix}",
            generator=OPENAPI_GENERATOR,
            description=description,
            generate=generate,
            compile=compiled,
            use=use,
        )
        for description, suffix in ((NEWER, ""), (OLDER, "-3.0"))
        for language, generate, compiled, use in (
            (
                "go",
                _generated("go", "generated", packageName="generated", withGoMod="false"),
                _compile_go,
                lambda place, env: place.run("./uses", **env),
            ),
            ("java", _generated("java"), _compile_java, _use_java),
            ("php", _generated("php"), _compile_php, lambda place, env: place.run("php", "uses.php", **env)),
            (
                "rust",
                _generated("rust"),
                _compile_rust,
                lambda place, env: place.run(place.tools / "cargo-target/debug/uses", **env),
            ),
        )
    ),
)


def chosen(names: list[str]) -> list[Target]:
    """Return the targets of these names, all for none."""
    known = {target.name: target for target in TARGETS}
    for name in names:
        if name not in known:
            raise Refused(f"there is no client {name!r}; there are {', '.join(known)}.")
    return [known[name] for name in names] or list(TARGETS)


def tools() -> Path:
    """Return the folder of what is downloaded."""
    path = ROOT / ".tools" / "clients"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()
