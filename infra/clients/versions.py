"""What `make clients` fetches: the generators, and what the generated clients are compiled and run with."""

NPM = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3")
HEY_API = ("@hey-api/openapi-ts@0.99.0", "typescript@5.9.3", "zod@4.6.7")
PYPI = ("openapi-python-client==0.29.1",)
OPENAPI_GENERATOR = "7.25.0"
MAVEN_DEPENDENCY_PLUGIN = "3.6.1"
OAPI_CODEGEN = "v2.8.2"
OAPI_CODEGEN_RUNTIME = "v1.9.0"
TOKIO = "=1.54.1"

# The command that has to be there, and what to install where it is not.
NEEDED = {
    "node": "Node 20 or later",
    "npm": "npm",
    "go": "Go 1.24 or later",
    "java": "a JDK 17 or later",
    "javac": "a JDK 17 or later",
    "mvn": "Maven",
    "php": "PHP 8.1 or later (Debian: php-cli php-curl php-mbstring php-guzzlehttp-guzzle)",
    "cargo": "Rust 1.85 or later with cargo",
}
