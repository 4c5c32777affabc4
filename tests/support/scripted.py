"""A server that answers each request with bytes of a script, and keeps what it was sent over each connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

HANG = b"HANG"
Script = Callable[[bytes], bytes]


@dataclass
class Scripted:
    """`url` is where it listens, `seen` holds for each connection the requests that came over it."""

    url: str
    seen: list[list[bytes]] = field(default_factory=list)
    _live: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        """Close every connection, as a server does with those that are idle."""
        while self._live:
            with suppress(OSError):
                self._live.pop().shutdown(socket.SHUT_RDWR)


@contextmanager
def scripted(answer: Script, context: SSLContext | None = None) -> Iterator[Scripted]:
    """Serve until the block ends; `answer` gets a request whole.

    What it gives is sent as it is. After `HANG` nothing more is sent; after an answer that ends in `CLOSE` the
    connection is closed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Scripted(f"{'https' if context else 'http'}://localhost:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, made, answer, context), daemon=True).start()
        yield made
        made.hang_up()


CLOSE = b"CLOSE"


def _accept(listener: socket.socket, made: Scripted, answer: Script, context: SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, made, answer, context), daemon=True).start()


def _serve(connection: socket.socket, made: Scripted, answer: Script, context: SSLContext | None) -> None:
    with suppress(OSError):
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        made._live.append(connection)
        requests: list[bytes] = []
        made.seen.append(requests)
        with connection, connection.makefile("rb") as incoming:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    if not (line := incoming.readline()):
                        return
                    head += line
                length = next(
                    (
                        int(each.split(b":")[1])
                        for each in head.lower().split(b"\r\n")
                        if each.startswith(b"content-length:")
                    ),
                    0,
                )
                requests.append(head + incoming.read(length))
                told = answer(requests[-1])
                if told == HANG:
                    incoming.read()
                    return
                connection.sendall(told.removesuffix(CLOSE))
                if told.endswith(CLOSE):
                    connection.shutdown(socket.SHUT_RDWR)
                    return
