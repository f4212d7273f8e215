"""A reward served over HTTP, for `remote` to ask; see `wire` for the form.

    python -m refimpl.sd3.rewards.server shapes --port 18085
    python -m refimpl.sd3.rewards.server clipscore --option device=cuda
    REFIMPL_REWARD_TOKEN=… python -m refimpl.sd3.rewards.server ocr --host 0.0.0.0

One request is computed at a time and a few are read at once. It listens on this machine only,
unless a token says who may ask. What a request would take is looked at before it is taken.
"""

import argparse
import contextlib
import hmac
import os
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .named import available, make
from .protocol import Reward, RewardError, judge
from .remote import TOKEN, loopback
from .wire import asked, media_type, reply


@dataclass(frozen=True)
class Limits:
    """What a client may take of a server.

    Attributes:
        body: bytes of a request.
        connections: at once; one more is told to come again (503).
        silence: seconds without a byte.
        seconds: for the whole of a request to arrive.
    """

    body: int = 256 << 20
    connections: int = 8
    silence: float = 30.0
    seconds: float = 120.0


LIMITS = Limits()


class Refused(ValueError):
    """A request that is not read: the status to answer, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Server(ThreadingHTTPServer):
    """A server of a bounded number of connections, quiet when a client leaves."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Any, limits: Limits) -> None:
        self.limits, self._room = limits, threading.BoundedSemaphore(limits.connections)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if there is room."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.sendall(b"HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The same, and room for another afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left needs no words; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"{client_address}: {type(error).__name__}: {error}", file=sys.stderr)


def server(
    name: str,
    reward: Reward,
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    limits: Limits = LIMITS,
) -> Server:
    """A server that is bound and not yet running; port 0 takes a free one.

    Args:
        token: what a request must prove itself with, `Authorization: Bearer TOKEN`.

    Raises:
        ValueError: a host that others reach, without a token.
    """
    if not loopback(host) and not token:
        raise ValueError(
            f"{host} is reached from other machines: set {TOKEN} to a secret of at least 16 "
            "characters, here and where the run is"
        )
    if token is not None and len(token) < 16:
        raise ValueError(f"{TOKEN} must have at least 16 characters, got {len(token)}")
    one = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = limits.silence

        def do_POST(self) -> None:
            try:
                self._allowed()
                body = self._body(self._length())
                question = asked(self.headers.get("Content-Type", ""), body)
                with one:
                    answer = reply(judge(name, reward, *question))
                self._answer(200, "application/json", answer)
            except Refused as error:
                self._answer(error.code, "text/plain", str(error).encode())
            except ValueError as error:
                self._answer(400, "text/plain", str(error).encode())
            except RewardError as error:
                self._answer(500, "text/plain", str(error).encode())

        def _allowed(self) -> None:
            """Who asks, and in what form: known from the headers alone."""
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if token is not None and not hmac.compare_digest(given.encode(), token.encode()):
                raise Refused(401, f"a token is asked for: set {TOKEN} where the run is")
            media_type(self.headers.get("Content-Type", ""))

        def _length(self) -> int:
            try:
                length = int(self.headers.get("Content-Length", ""))
            except ValueError:
                raise Refused(411, "a request needs a Content-Length") from None
            if not 0 <= length <= limits.body:
                raise Refused(413, f"a body of {length} bytes; at most {limits.body} are read")
            return length

        def _body(self, length: int) -> bytes:
            """The body, in pieces, as far as it comes in time."""
            found, end = bytearray(), time.monotonic() + limits.seconds
            while len(found) < length:
                if time.monotonic() > end:
                    raise Refused(408, f"the body was not complete after {limits.seconds:g} s")
                piece = self.rfile.read1(min(1 << 16, length - len(found)))
                if not piece:
                    raise Refused(400, f"the body ended after {len(found)} of {length} bytes")
                found += piece
            return bytes(found)

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing a request."""

    return Server((host, port), Handler, limits)


def main() -> None:
    """Serve a reward until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m refimpl.sd3.rewards.server")
    parser.add_argument("reward", help=f"one of {', '.join(available())}")
    parser.add_argument("--port", type=int, default=18085)
    parser.add_argument("--host", default="127.0.0.1", help=f"others need {TOKEN}")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=TEXT")
    given = parser.parse_args()
    options = dict(text.split("=", 1) for text in given.option)
    token = os.environ.get(TOKEN) or None
    try:
        reward = make(given.reward, **options)
        serving = server(given.reward, reward, given.port, host=given.host, token=token)
    except (ValueError, RewardError, OSError) as error:
        parser.exit(1, f"{error}\n")
    host, port = serving.server_address[:2]
    print(f"{given.reward} at http://{host!s}:{port}", flush=True)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        serving.server_close()


if __name__ == "__main__":
    main()
