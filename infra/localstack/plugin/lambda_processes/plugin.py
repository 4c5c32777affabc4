"""What LocalStack finds by its entry point."""

from __future__ import annotations

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessPlugin(RuntimeExecutorPlugin):
    """The runtime executor `process`."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> type:
        """Return the executor's class."""
        from lambda_processes.executor import ProcessExecutor

        return ProcessExecutor
