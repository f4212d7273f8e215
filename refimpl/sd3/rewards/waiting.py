"""HTTP with one deadline for everything: name, connection, handshake, headers, body.

    post(url, body, headers, seconds)      (status, body), or TimeoutError

A timeout of a socket is a timeout of each packet: a server that sends a byte a second holds its
client for ever. Here the exchange has a thread of its own, which is left behind when the time is
over. Redirects are not followed and proxies of the environment are not asked: images go where they
were sent, and nowhere else.
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from urllib.parse import urlsplit

LONGEST = 64 << 20
"""Bytes of an answer."""
WORDS = 2.0
"""Seconds that an error is given to say something for itself."""


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
    """Status and body of the answer; of an error, as much of its body as came soon.

    Raises:
        TimeoutError: an answer that was not whole in time.
        ValueError: an answer that is too long.
        OSError, http.client.HTTPException: no connection, or a broken one.
    """
    exchange = _Exchange(url, body, headers, seconds)
    threading.Thread(target=exchange.run, name="remote reward", daemon=True).start()
    try:
        return exchange.answer.result(seconds)
    except TimeoutError:
        exchange.leave()
        raise TimeoutError(f"the answer was not complete after {seconds:g} s") from None


class _Exchange:
    """One question and its answer."""

    def __init__(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
        self.answer: Future[tuple[int, bytes]] = Future()
        self.url, self.body, self.headers, self.seconds = url, body, headers, seconds
        self._socket: socket.socket | None = None

    def run(self) -> None:
        """Ask; the answer, or what went wrong, is in `answer`."""
        try:
            self.answer.set_result(self._asked())
        except Exception as error:
            self.answer.set_exception(error)

    def leave(self) -> None:
        """End what the thread waits for."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _asked(self) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = {"https": http.client.HTTPSConnection, "http": http.client.HTTPConnection}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = kind[parts.scheme](str(parts.hostname), parts.port, timeout=self.seconds)
        with contextlib.closing(connection):
            connection.connect()
            self._socket = connection.sock
            connection.request("POST", path, self.body, dict(self.headers))
            with connection.getresponse() as response:
                if response.status == 200:
                    return 200, _whole(response)
                return response.status, self._words(response)

    def _words(self, response: http.client.HTTPResponse) -> bytes:
        """What an error says for itself; its status is known, so that its body may hang."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            if self._socket is not None:
                self._socket.settimeout(WORDS)
            return response.read1(300)
        return b""


def _whole(response: http.client.HTTPResponse) -> bytes:
    found = response.read(LONGEST + 1)
    if len(found) > LONGEST:
        raise ValueError(f"the answer is longer than {LONGEST} bytes")
    if response.length:  # what was promised and did not come
        raise http.client.IncompleteRead(found, response.length)
    return found
