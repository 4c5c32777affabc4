"""The functions' archives, each unpacked once however many functions have it."""

from __future__ import annotations

import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

_UNPACKING = threading.Lock()


def unpacked(code: Any) -> Path:
    """Return the folder of an archive of LocalStack's."""
    # The digest is base64.
    folder = Path(tempfile.gettempdir()) / "lambda-code" / str(code.code_sha256).replace("/", "_")
    with _UNPACKING:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as draft, tempfile.TemporaryFile() as archive:
                code._download_archive_to_file(archive)  # noqa: SLF001 - as LocalStack itself unpacks it
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(Path(draft) / "code")
                (Path(draft) / "code").rename(folder)
    return folder
