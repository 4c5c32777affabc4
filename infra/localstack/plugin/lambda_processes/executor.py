"""One execution environment, as LocalStack asks for it."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from lambda_processes import record
from lambda_processes.child import Child
from lambda_processes.code import unpacked
from lambda_processes.runtime_api import HOST, InitFailed, Invocation

# The interpreter that has the runtime client, and the only runtime that there is: `python3.13`, say.
PYTHON = "LAMBDA_PROCESS_PYTHON"
RUNTIME = "LAMBDA_PROCESS_RUNTIME"
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class ProcessExecutor(RuntimeExecutor):
    """Runs a version of a function in a process; a process that crashed or was too slow is followed by another."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002 - the base class's name
        super().__init__(id=id, function_version=function_version)
        self._env: dict[str, str] = {}
        self._child: Child | None = None

    @property
    def _config(self) -> Any:
        return self.function_version.config

    # -- what LocalStack asks for in this order

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unpack the archive; raises where this machine cannot run it."""
        wanted = function_version.config
        if wanted.runtime != os.environ[RUNTIME]:
            raise LambdaRuntimeException(f"there is no {wanted.runtime} here, only {os.environ[RUNTIME]}")
        here = _MACHINES.get(platform.machine().lower(), platform.machine())
        if here not in wanted.architectures:
            raise LambdaRuntimeException(f"the archive is for {', '.join(wanted.architectures)}, and this is {here}")
        if wanted.layers:
            raise LambdaRuntimeException("layers are not known here")
        unpacked(wanted.code)

    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process and wait until it has loaded the function's module, which is Lambda's INIT."""
        code = unpacked(self._config.code)
        # Each environment has a scratch folder, and nothing else that it may write to.
        scratch = tempfile.mkdtemp(prefix="lambda-scratch-")
        self._env = {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            **{name: str(value) for name, value in env_vars.items()},
            "LAMBDA_TASK_ROOT": str(code),
            "PYTHONPATH": str(code),
            # The archive's own bytecode is used, and no other is written beside it.
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": scratch,
            "TMPDIR": scratch,
        }
        self._spawn(code)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Work on one event."""
        child = self._child
        if child is None or not child.runs:
            child = self._spawn(unpacked(self._config.code))
        begun, request, seconds = time.time(), payload["invoke-id"], self._config.timeout
        event = Invocation(
            id=request,
            payload=payload["payload"].encode(),
            arn=payload["invoked-function-arn"],
            trace=payload["trace-id"],
            deadline_ms=int((begun + seconds) * 1000),
        )
        try:
            body, failed = child.ask(event, seconds)
        except TimeoutError:
            child.stop()
            body, failed = _error("Sandbox.Timedout", request, f"Task timed out after {seconds:.2f} seconds"), True
        spent = time.time() - begun
        record.invoked(self.function_version.id.function_name, payload["payload"], spent, failed)
        return InvocationResult(request, body, is_error=failed, logs=self._logs(request, child.take_said(), spent))

    def stop(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child:
            child.stop()

    def get_logs(self) -> str:
        """Return what the process has written and no invocation has taken, as after a failed start."""
        return self._child.take_said() if self._child else ""

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Keep the archive: other functions run from it."""

    # -- where things are

    def get_address(self) -> str:
        """Return where the environment is."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Return where LocalStack is for the environment, which AWS_ENDPOINT_URL says."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Return where the containers' own init would report to; nobody does here."""
        return f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def _spawn(self, code: Path) -> Child:
        begun = time.time()
        self.stop()
        self._child = child = Child(os.environ[PYTHON], self._config.handler, code, self._env)
        try:
            # LocalStack's own timer calls `stop` where this takes too long.
            child.wait_until_ready()
        except InitFailed as failure:
            record.began(self.function_version.id.function_name, time.time() - begun, failed=True)
            raise StatusErrorException("Environment startup failed", payload=failure.payload) from failure
        record.began(self.function_version.id.function_name, time.time() - begun, failed=False)
        return child

    def _logs(self, request: str, said: str, spent: float) -> str:
        version = self.function_version.id.qualifier
        report = f"REPORT RequestId: {request}\tDuration: {spent * 1000:.2f} ms"
        return f"START RequestId: {request} Version: {version}\n{said}END RequestId: {request}\n{report}\n"


def _error(kind: str, request: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {request} Error: {message}"}).encode()
