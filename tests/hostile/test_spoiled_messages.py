"""Answers of a reward's server and requests to one, spoiled: read, or refused in one line."""

import json
import threading

import pytest
import torch
from safetensors.torch import save
from spoiling import bytes_spoiled, documents_spoiled, refusal, some

from refimpl.sd3 import rewards
from refimpl.sd3.rewards import wire
from refimpl.sd3.rewards.server import server

IMAGES = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
BESIDE = ["a cat", "a dog"], [{"tag": "x"}, {}]
ANSWER = {"scores": [0.5, None], "extras": {"strict": [1.0, 0]}}
PNG = json.loads(wire.question("png", IMAGES, *BESIDE))
LEVELS = {"images": torch.zeros(2, 3, 4, 4, dtype=torch.uint8)}
HEADER = {"prompts": '["a cat", "a dog"]', "metadata": "[{}, {}]"}


def answers():
    """(title, body) of answers to two images."""
    yield from bytes_spoiled(json.dumps(ANSWER).encode()).items()
    yield from ((t, json.dumps(d).encode()) for t, d in documents_spoiled(ANSWER))


def requests():
    """(title, content type, body) of requests."""
    png, tensors = wire.TYPES["png"], wire.TYPES["safetensors"]
    yield from ((f"png {t}", png, json.dumps(d).encode()) for t, d in documents_spoiled(PNG))
    for kind, form in ((png, "png"), (tensors, "safetensors")):
        whole = wire.question(form, IMAGES, *BESIDE)
        yield from ((f"{form} {t}", kind, body) for t, body in bytes_spoiled(whole).items())
    for title, document in documents_spoiled({"prompts": ["a", "b"], "metadata": [{}, {}]}):
        if isinstance(document, dict):
            about = {k: json.dumps(v) for k, v in document.items()}
            yield f"header {title}", tensors, save(LEVELS, about)
    for title, x in (
        ("floats", LEVELS["images"].float()), ("three axes", LEVELS["images"][0]),
        ("one channel", LEVELS["images"][:, :1]), ("none", LEVELS["images"][:0]),
        ("no width", LEVELS["images"][..., :0]),
    ):  # fmt: skip
        yield f"tensor {title}", tensors, save({"images": x.contiguous()}, HEADER)
    for kind in ("", "text/plain", "application/json; charset=latin-1", "a/b/c", ";;;", "\x00"):
        yield f"kind {kind!r}", kind, json.dumps(PNG).encode()


ANSWERS, REQUESTS = list(answers()), list(requests())


def is_answer(body):
    scores, extras = wire.answered(body, 2)
    for x in (scores, *extras.values()):
        assert x.shape == (2,), x
        assert not x.isinf().any(), x


def is_request(kind, body):
    images, prompts, metadata = wire.asked(kind, body)
    assert images.ndim == 4, images.shape
    assert images.shape[1] == 3, images.shape
    assert images.numel() > 0, images.shape
    assert len(images) == len(prompts) == len(metadata), (prompts, metadata)
    assert all(isinstance(p, str) for p in prompts), prompts
    assert all(isinstance(row, dict) for row in metadata), metadata


def misread(rows, read):
    return [f"{t}: {s}" for t, *told in rows if (s := refusal(lambda told=told: read(*told)))]


def test_some_spoiled_answers_are_numbers_or_refused():
    assert not misread(some(ANSWERS, 2, 7), is_answer)


def test_some_spoiled_requests_are_images_and_texts_or_refused():
    assert not misread(some(REQUESTS, 4, 7), is_request)


@pytest.mark.slow
def test_every_spoiled_answer_is_numbers_or_refused():
    assert not misread(ANSWERS, is_answer)


@pytest.mark.slow
def test_every_spoiled_request_is_images_and_texts_or_refused():
    assert not misread(REQUESTS, is_request)


# ---------------------------------------------------------------- through a server


@pytest.fixture
def served():
    """A server of a reward, on this machine; its address."""
    one = server("r", lambda images, prompts, metadata: (images.mean((1, 2, 3)), {}))
    threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield one.server_address[:2]
    one.shutdown()
    one.server_close()


def sent(address, rows):
    """What is wrong with how a server took requests: each is answered, and it lives on."""
    import http.client

    found = []
    for title, kind, body in rows:
        to = http.client.HTTPConnection(*address, timeout=20)
        try:
            to.request("POST", "/", body, {"Content-Type": kind.replace("\x00", "?")})
            status, text = (got := to.getresponse()).status, got.read()
        except Exception as error:
            found.append(f"{title}: {type(error).__name__}: {error}")
            continue
        finally:
            to.close()
        if status not in (200, 400) or b"Traceback" in text or len(text) > 2000:
            found.append(f"{title}: {status} {text[:200]!r}")
    url = "http://{}:{}".format(*address)
    rewards.judge("r", rewards.make("remote", url=url), IMAGES, *BESIDE)
    return found


def test_a_server_answers_some_spoiled_requests_and_lives_on(served):
    assert not sent(served, some(REQUESTS, 1, 31))


@pytest.mark.slow
def test_a_server_answers_every_spoiled_request_and_lives_on(served):
    assert not sent(served, REQUESTS)
