"""A reward served over HTTP, for `remote` to ask; see `wire` for the form.

    python -m refimpl.sd3.rewards.server shapes --port 18085
    python -m refimpl.sd3.rewards.server clipscore --option device=cuda

One request is computed at a time. It listens on this machine only: it asks nobody who they are.
"""

import argparse
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .named import available, make
from .protocol import Reward, RewardError, judge
from .wire import asked, reply

LONGEST = 1 << 30


def server(name: str, reward: Reward, port: int = 0) -> ThreadingHTTPServer:
    """A server that is bound and not yet running; port 0 takes a free one."""
    one = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", ""))
                if not 0 <= length <= LONGEST:
                    raise ValueError(f"a body of {length} bytes; at most {LONGEST} are read")
                question = asked(self.headers.get("Content-Type", ""), self.rfile.read(length))
                with one:
                    self._answer(200, "application/json", reply(judge(name, reward, *question)))
            except ValueError as error:
                self._answer(400, "text/plain", str(error).encode())
            except RewardError as error:
                self._answer(500, "text/plain", str(error).encode())

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing a request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve a reward until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m refimpl.sd3.rewards.server")
    parser.add_argument("reward", help=f"one of {', '.join(available())}")
    parser.add_argument("--port", type=int, default=18085)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=TEXT")
    given = parser.parse_args()
    options = dict(text.split("=", 1) for text in given.option)
    try:
        serving = server(given.reward, make(given.reward, **options), given.port)
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
