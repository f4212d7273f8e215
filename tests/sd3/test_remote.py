"""Remote rewards on loopback: servers that answer, fail, hang, and answer nonsense."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from refimpl.sd3 import rewards
from refimpl.sd3.rewards import wire
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
        ((200, b'{"scores": [Infinity, 1, 1, 1, 1]}'), "infinite for 1 of 5"),
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


def test_a_nan_from_a_server_is_not_scored(running):
    scores, _ = ask(running(handler((200, b'{"scores": [NaN, 1, null, 1, 1]}'))))
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
