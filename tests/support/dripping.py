"""A server on loopback that drips: one byte now and then, for ever, until the other side hangs up."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

DRIP_SECONDS = 0.02


@dataclass(slots=True)
class Dripping:
    """Sends `at_once` after each request, then `drop` again and again; `cut` is set when it was hung up on."""

    at_once: bytes
    drop: bytes
    context: ssl.SSLContext | None = None
    port: int = 0
    cut: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        """Take connections one after the other."""
        while not self.stop.is_set():
            with contextlib.suppress(OSError):
                taken, _ = listener.accept()
                threading.Thread(target=self._drip, args=(taken,), daemon=True).start()

    def _drip(self, taken: socket.socket) -> None:
        try:
            if self.context is not None:
                taken = self.context.wrap_socket(taken, server_side=True)
            taken.recv(65_536)
            taken.sendall(self.at_once)
            while not self.stop.wait(DRIP_SECONDS):
                taken.sendall(self.drop)
        except OSError:
            self.cut.set()
        finally:
            taken.close()


@contextlib.contextmanager
def dripping(at_once: bytes, drop: bytes, context: ssl.SSLContext | None = None) -> Iterator[Dripping]:
    """Run such a server; end it on leaving, and with it a client that it still holds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        made = Dripping(at_once, drop, context, listener.getsockname()[1])
        thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.stop.set()
            thread.join()


HEADER = (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x")
HEADERS = (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")
STATUS = (b"HTT", b"")
BODY = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{", b" ")
CHUNKS = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
DRIPS = {"header": HEADER, "headers": HEADERS, "silence": STATUS, "body": BODY, "chunks": CHUNKS}
