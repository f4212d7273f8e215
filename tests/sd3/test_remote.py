"""Remote rewards on loopback: servers that answer, fail, hang, and answer nonsense."""

import base64
import io
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from PIL import Image

from refimpl.sd3 import rewards
from refimpl.sd3.rewards import wire
from refimpl.sd3.rewards.server import Limits
from refimpl.sd3.rewards.server import server as serve

IMAGES = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
PROMPTS = [f"a {i}" for i in range(5)]
METADATA = [{"tag": "x", "include": [i]} for i in range(5)]


def brightness(images, prompts, metadata):
    scores = images.mean(dim=(1, 2, 3))
    scores[[row["include"] == [3] for row in metadata]] = torch.nan
    return scores, {"letters": torch.tensor([float(len(p)) for p in prompts])}


@pytest.fixture
def running():
    """Start a server of a handler's `do_POST`, or of a reward; its address."""
    started = []

    def start(what):
        if isinstance(what, type):
            one = ThreadingHTTPServer(("127.0.0.1", 0), what)
        else:
            one = serve("r", what)
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}).start()
        started.append(one)
        return "http://{}:{}".format(*one.server_address[:2])

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def handler(*replies, seen=None):
    """Replies one after another, the last for good: (code, body), or a function of the handler."""
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if seen is not None:
                seen.append((self.headers["Content-Type"], body))
            reply = left.pop(0) if len(left) > 1 else left[0]
            if callable(reply):
                reply(self)
                return
            code, body = reply
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


def ask(url, **options):
    options = {"pause": 0.001, "timeout": 5.0, "attempts": 2} | options
    return rewards.judge("r", rewards.make("remote", url=url, **options), IMAGES, PROMPTS, METADATA)


def good(count=5):
    return 200, json.dumps({"scores": [0.5] * count}).encode()


@pytest.mark.parametrize("form", ["safetensors", "png"])
@pytest.mark.parametrize("batch", [1, 2, 64])
def test_a_served_reward_is_the_reward_in_batches_of_any_size(running, form, batch):
    scores, extras = ask(running(brightness), form=form, batch=batch)
    exact, more = brightness(IMAGES, PROMPTS, METADATA)
    # bytes on the way: half a level at most
    torch.testing.assert_close(scores, exact, rtol=0, atol=0.5 / 255, equal_nan=True)
    assert scores.isnan().tolist() == [False, False, False, True, False]
    assert torch.equal(extras["letters"], more["letters"])


@pytest.mark.parametrize("form", ["safetensors", "png"])
def test_what_travels_is_the_image_in_bytes_and_no_pickle(running, form):
    seen = []
    ask(running(handler(good(), seen=seen)), form=form)
    (kind, body) = seen[0]
    assert kind == wire.TYPES[form]
    assert not body.startswith(b"\x80")  # pickle's first byte
    images, prompts, metadata = wire.asked(kind, body)
    assert torch.equal(images, (255 * IMAGES).round() / 255)
    assert (prompts, metadata) == (PROMPTS, METADATA)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_recovers_is_asked_again(running, code):
    seen = []
    url = running(handler((code, b"busy"), (code, b"busy"), good(), seen=seen))
    assert ask(url, attempts=3)[0].tolist() == [0.5] * 5
    assert len(seen) == 3
    assert len({body for _, body in seen}) == 1


def test_a_server_that_keeps_failing_stops_the_run_with_its_last_words(running):
    url = running(handler((503, b"out of memory")))
    with pytest.raises(rewards.RewardError, match="no answer in 2 attempts.*HTTP 503: out of mem"):
        ask(url)


def test_pauses_double(running, monkeypatch):
    slept = []
    monkeypatch.setattr("refimpl.sd3.rewards.remote.time.sleep", slept.append)
    with pytest.raises(rewards.RewardError):
        ask(running(handler((500, b""))), attempts=4, pause=0.5)
    assert slept == [0.5, 1.0, 2.0]


def test_a_server_that_hangs_costs_the_timeout_and_no_more(running):
    go = threading.Event()
    url = running(handler(lambda handler: go.wait(20)))
    start = time.monotonic()
    with pytest.raises(rewards.RewardError, match="in 2 attempts of 0.2 s.*[Tt]imed? ?out"):
        ask(url, timeout=0.2)
    go.set()
    assert time.monotonic() - start < 10  # not the 20 it would have hung


def test_a_server_that_dribbles_costs_the_timeout_and_no_more(running):
    stop = threading.Event()

    def dribble(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not stop.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with pytest.raises(rewards.RewardError, match="was not complete after 0.2 s"):
        ask(running(handler(dribble)), timeout=0.2, attempts=1)
    stop.set()


def test_a_connection_that_breaks_is_tried_again(running):
    def half(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"{")

    assert ask(running(handler(half, good())))[0].tolist() == [0.5] * 5


def test_no_server_is_one_line():
    with pytest.raises(rewards.RewardError, match="no answer in 2 attempts.*refused") as caught:
        ask("http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (good(4), "a list of 5 numbers, one an image, got 4"),
        ((200, b'{"scores": 3}'), "a list of 5 numbers, one an image, got int"),
        ((200, b'{"extras": {}}'), "got NoneType"),
        ((200, b'{"scores": ["a", 1, 1, 1, 1]}'), "numbers or null, got 'a'"),
        ((200, b'{"scores": [true, 1, 1, 1, 1]}'), "numbers or null, got True"),
        ((200, b'{"scores": [Infinity, 1, 1, 1, 1]}'), "Infinity is no number of JSON"),
        ((200, b'{"scores": [NaN, 1, 1, 1, 1]}'), "null is not scored"),
        ((200, b"<html>"), "is no JSON"),
        ((200, b"[1, 2]"), "must be an object"),
        ((404, b"nothing here"), "refused: HTTP 404: nothing here"),
        ((302, b""), "refused: HTTP 302"),
    ],
)
def test_an_answer_that_cannot_be_used_is_not_asked_for_twice(running, reply, word):
    seen = []
    with pytest.raises(rewards.RewardError, match=word):
        ask(running(handler(reply, seen=seen)))
    assert len(seen) == 1


def test_a_null_from_a_server_is_not_scored(running):
    scores, _ = ask(running(handler((200, b'{"scores": [null, 1, null, 1, 1]}'))))
    assert scores.isnan().tolist() == [True, False, True, False, False]


def test_a_redirect_takes_no_image_elsewhere(running):
    seen = []
    other = running(handler(good(), seen=seen))

    def redirect(handler):
        handler.send_response(307)
        handler.send_header("Location", other)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with pytest.raises(rewards.RewardError, match="HTTP 307"):
        ask(running(handler(redirect)))
    assert not seen


def test_proxies_of_the_environment_are_not_asked(running, monkeypatch):
    seen = []
    monkeypatch.setenv("http_proxy", running(handler(good(), seen=seen)))
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(running(brightness))[0][0] != 0.5
    assert not seen


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"url": "http://reward.example"}, "not this machine.*anywhere=true"),
        ({"url": "http://10.0.0.1:80"}, "not this machine"),
        ({"url": "ftp://127.0.0.1"}, "url must be like"),
        ({"url": "127.0.0.1:80"}, "url must be like"),
        ({"form": "pickle"}, "one of safetensors, png"),
        ({"batch": 0}, "count from 1"),
        ({"timeout": 0}, "must be positive"),
        ({"retries": 3}, "retries"),
    ],
)
def test_options_are_checked_when_the_reward_is_made(options, word):
    with pytest.raises(rewards.RewardError, match=word):
        rewards.make("remote", **options)
    rewards.make("remote", url="http://reward.example", anywhere=True)


def test_the_server_says_what_was_wrong_with_a_request_and_lives_on(running):
    def broken(images, prompts, metadata):
        raise KeyError("weights")

    url = running(broken)
    with pytest.raises(rewards.RewardError, match="HTTP 500: reward 'r' failed.*'weights'"):
        ask(url)
    with pytest.raises(rewards.RewardError, match="HTTP 500"):
        ask(url)


@pytest.mark.parametrize(
    ("kind", "body", "word"),
    [
        ("application/octet-stream", b"\x80\x04.", "is none of"),
        ("application/json", b"{}", "cannot be read"),
        ("application/json", b'{"images": ["AA=="], "prompts": [""], "metadata": [{}]}', "cannot"),
        ("application/x-safetensors", b"1234", "cannot be read"),
    ],
)
def test_a_request_of_another_form_is_refused(kind, body, word):
    with pytest.raises(ValueError, match=word):
        wire.asked(kind, body)


def test_geneval_sends_its_metadata_and_wants_them(running):
    seen = []
    url = running(handler(good(), seen=seen))
    geneval = rewards.make("geneval", url=url)
    assert geneval(IMAGES, PROMPTS, METADATA)[0].tolist() == [0.5] * 5
    assert wire.asked(*seen[0])[2] == METADATA
    with pytest.raises(rewards.RewardError, match='GenEval needs metadata with "tag"'):
        geneval(IMAGES, PROMPTS, [{}] * 5)


def drip(pause, *pieces):
    """A reply that comes piece by piece, its headers too."""
    stop = threading.Event()

    def reply(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for piece in pieces:
            if stop.wait(pause):
                return
            handler.wfile.write(piece)
            handler.wfile.flush()

    return reply, stop


def test_headers_that_drip_cost_the_timeout_and_no_more(running):
    reply, stop = drip(0.05, *[b"X-Wait: a\r\n"] * 400)
    begun = time.monotonic()
    with pytest.raises(rewards.RewardError, match="was not complete after 0.3 s"):
        ask(running(handler(reply)), timeout=0.3, attempts=1)
    assert time.monotonic() - begun < 15  # not the 20 of its headers
    stop.set()


def test_a_busy_server_whose_words_hang_is_asked_again(running, monkeypatch):
    monkeypatch.setattr("refimpl.sd3.rewards.waiting.WORDS", 0.1)
    go = threading.Event()

    def hang(handler):
        handler.send_response(503)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        go.wait(20)

    begun = time.monotonic()
    assert ask(running(handler(hang, good())), timeout=10.0)[0].tolist() == [0.5] * 5
    assert time.monotonic() - begun < 16  # not the 20 that it would hang
    go.set()


@pytest.mark.parametrize(
    ("score", "word"),
    [
        ("NaN", "NaN is no number of JSON"),
        ("Infinity", "Infinity is no number of JSON"),
        ("-Infinity", "Infinity is no number of JSON"),
        ("1e999", "that float32 holds, got inf"),
        ("3.5e38", "that float32 holds, got 3.5e"),
        ("1" * 400, "that float32 holds, got 1111111111"),
        ("-" + "1" * 400, "that float32 holds, got -111111111"),
        ("1" * 5000, "is no JSON"),
        ("[" * 100000, "is no JSON"),
    ],
)
@pytest.mark.parametrize(
    "place", ['{"scores": [%s, 1]}', '{"scores": [1, 1], "extras": {"a": [%s, 1]}}']
)
def test_what_is_no_number_of_json_or_float32_is_refused(score, word, place):
    with pytest.raises(ValueError, match=word):
        wire.answered((place % score).encode(), 2)


def raw(url, request, seconds=10.0):
    """Send bytes, and the answer's status line and body."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as to:
        to.sendall(request)
        found = b""
        while piece := to.recv(1 << 16):
            found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body.decode()


def request(body, kind="application/json", **headers):
    lines = {"Content-Type": kind, "Content-Length": len(body), **headers}
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST / HTTP/1.0\r\n{told}\r\n".encode() + body


@pytest.fixture
def guarded():
    """A server with limits, or a token, of the test's own; its address."""
    started = []

    def start(**options):
        one = serve("r", brightness, **options)
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}).start()
        started.append(one)
        return "http://{}:{}".format(*one.server_address[:2])

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def test_a_body_is_refused_by_its_length_before_it_is_read(guarded):
    url = guarded(limits=Limits(body=1000))
    status, body = raw(url, request(b"", **{"Content-Length": 10**12}))
    assert "413" in status
    assert "at most 1000 are read" in body
    for bad in ("-1", "many", "1e3"):
        assert raw(url, request(b"", **{"Content-Length": bad}))[0].split()[1] in ("411", "413")


def test_pixels_are_counted_before_they_are_decoded(monkeypatch):
    """28 kB of PNG are 13,000² pixels: 2 GB as float32, of which none is made."""
    file = io.BytesIO()
    Image.new("L", (13000, 13000)).save(file, format="PNG")
    text = base64.b64encode(file.getvalue()).decode()
    body = json.dumps({"images": [text], "prompts": [""], "metadata": [{}]}).encode()
    assert len(body) < 300_000
    monkeypatch.setattr(wire, "_decoded", lambda picture: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match="169000000 pixels; at most"):
        wire.asked("application/json", body)
    many = json.dumps({"images": [good_png()] * 1025, "prompts": [], "metadata": []}).encode()
    with pytest.raises(ValueError, match="1025 images; at most 1024"):
        wire.asked("application/json", many)


def test_a_tensors_shape_is_looked_at_before_it_is_loaded(monkeypatch):
    header = json.dumps({
        "__metadata__": {"prompts": "[]", "metadata": "[]"},
        "images": {"dtype": "U8", "shape": [1, 3, 20000, 20000], "data_offsets": [0, 12 * 10**8]},
    }).encode()  # fmt: skip
    with pytest.raises(ValueError, match="400000000 pixels; at most"):
        wire.asked("application/x-safetensors", len(header).to_bytes(8, "little") + header)


def good_png():
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("kind", "code"),
    [("application/json; charset=utf-8", "200"), ("Application/JSON;charset=UTF-8", "200"),
     ("application/json; charset=utf-16", "400"), ("text/plain", "400"), ("", "400")],
)  # fmt: skip
def test_a_content_type_may_name_its_charset(guarded, kind, code):
    rows = {"images": [good_png()], "prompts": ["a"], "metadata": [{}]}
    body = json.dumps({**rows, "metadata": [{"include": []}]}).encode()
    assert raw(guarded(), request(body, kind))[0].split()[1] == code


def test_a_client_that_leaves_or_falls_silent_costs_a_thread_its_seconds(guarded, capfd):
    url = guarded(limits=Limits(connections=2, silence=0.3, seconds=0.6))
    host, port = url.removeprefix("http://").split(":")
    left = socket.create_connection((host, int(port)))
    left.sendall(b"POST / HTTP/1.0\r\nContent-Length: 100\r\n\r\n{")
    left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    left.close()  # a reset, not a farewell
    time.sleep(0.2)
    silent = [socket.create_connection((host, int(port))) for _ in range(2)]
    for one in silent:
        one.sendall(
            b"POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
    time.sleep(0.1)
    assert "503" in raw(url, request(b"{}"))[0]  # full
    time.sleep(1.0)
    assert "400" in raw(url, request(b"{}"))[0]  # there is room again
    for one in silent:
        one.close()
    assert "Traceback" not in capfd.readouterr().err


def test_a_server_that_others_reach_asks_for_a_token(guarded, monkeypatch):
    with pytest.raises(ValueError, match="set REFIMPL_REWARD_TOKEN to a secret"):
        serve("r", brightness, host="0.0.0.0")
    with pytest.raises(ValueError, match="at least 16 characters, got 5"):
        serve("r", brightness, token="short")
    url = guarded(token="a secret of some length")
    monkeypatch.delenv("REFIMPL_REWARD_TOKEN", raising=False)
    with pytest.raises(rewards.RewardError, match="HTTP 401: a token is asked for"):
        ask(url)
    monkeypatch.setenv("REFIMPL_REWARD_TOKEN", "another secret of some length")
    with pytest.raises(rewards.RewardError, match="HTTP 401"):
        ask(url)
    monkeypatch.setenv("REFIMPL_REWARD_TOKEN", "a secret of some length")
    assert len(ask(url)[0]) == 5
