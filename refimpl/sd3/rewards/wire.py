"""What travels between a run and a reward server: images one way, JSON the other. Never pickle.

    application/x-safetensors    a tensor "images", uint8 [B, 3, H, W]; "prompts" and "metadata",
                                 JSON lists, in the header's metadata
    application/json             {"images": [PNG in base64, …], "prompts": […], "metadata": […]}

    answer, application/json     {"scores": [0.3, null, …], "extras": {"strict": [1, null, …]}}

A null is an image that was not scored. Images are rounded to bytes on the way, in both forms.
"""

import base64
import io
import json
from collections.abc import Sequence
from email.message import Message
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...typed.problems import shown
from .images import as_bytes, as_pictures
from .protocol import Answer, Metadata

Form: TypeAlias = Literal["safetensors", "png"]
TYPES: dict[Form, str] = {"safetensors": "application/x-safetensors", "png": "application/json"}
LARGEST = torch.finfo(torch.float32).max


def question(
    form: Form, images: Float[Tensor, "B 3 H W"], prompts: Sequence[str], metadata: Metadata
) -> bytes:
    """The body of a request."""
    beside = {"prompts": list(prompts), "metadata": [dict(row) for row in metadata]}
    if form == "safetensors":
        from safetensors.torch import save

        levels = torch.from_numpy(as_bytes(images)).permute(0, 3, 1, 2).contiguous()
        return save({"images": levels}, {key: json.dumps(rows) for key, rows in beside.items()})
    return json.dumps({"images": [_png(p) for p in as_pictures(images)], **beside}).encode()


def asked(kind: str, body: bytes) -> tuple[Float[Tensor, "B 3 H W"], list[str], list[Any]]:
    """Images, prompts and metadata of a request.

    Raises:
        ValueError: another content type, a body of another form, or more pixels than are read.
    """
    try:
        if (plain := media_type(kind)) == TYPES["safetensors"]:
            return _from_safetensors(body)
        if plain == TYPES["png"]:
            rows = json.loads(body)
            pictures = [_opened(text) for text in rows["images"]]  # sizes only: nothing is decoded
            require_room(len(pictures), [picture.size for picture in pictures])
            images = torch.stack([_decoded(picture) for picture in pictures])
            return images, *_beside(rows["prompts"], rows["metadata"], len(images))
    except Exception as error:
        raise ValueError(f"a body of {kind} that cannot be read: {error}") from error
    raise ValueError(f"content type {kind!r} is none of {', '.join(TYPES.values())}")


def media_type(kind: str) -> str:
    """The type without its parameters; text must be UTF-8.

    Raises:
        ValueError: another charset.
    """
    message = Message()
    message["Content-Type"] = kind
    if (charset := message.get_content_charset("utf-8")) not in ("utf-8", "us-ascii"):
        raise ValueError(f"a charset of {charset!r}: only UTF-8 is read")
    return message.get_content_type()


IMAGES = 1024
PIXELS = 1 << 27
"""At most so many images a request, and pixels of all of them: 1.6 GB as float32."""


def require_room(count: int, sizes: Sequence[tuple[int, int]]) -> None:
    """Refuse what would take more memory than a request may, before it takes any.

    Raises:
        ValueError: too many images, or too many pixels.
    """
    if count > IMAGES:
        raise ValueError(f"{count} images; at most {IMAGES} are read")
    if (pixels := sum(width * height for width, height in sizes)) > PIXELS:
        raise ValueError(f"{pixels} pixels; at most {PIXELS} of all images are read")


def reply(answer: Answer) -> bytes:
    """The body of an answer; NaN becomes null."""
    scores, extras = answer
    rows = {"scores": _plain(scores), "extras": {key: _plain(x) for key, x in extras.items()}}
    return json.dumps(rows, allow_nan=False).encode()


def answered(body: bytes, count: int) -> Answer:
    """Scores and extras of an answer; null becomes NaN.

    Raises:
        ValueError: no JSON of that form, or not one number an image.
    """
    try:
        rows = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is no JSON: {body[:60]!r} ({error})") from error
    if not isinstance(rows, dict) or not isinstance(rows.get("extras", {}), dict):
        raise ValueError(f"the answer must be an object with scores and extras, got {body[:60]!r}")
    extras = {key: _numbers(key, x, count) for key, x in rows.get("extras", {}).items()}
    return _numbers("scores", rows.get("scores"), count), extras


def _numbers(name: str, values: Any, count: int) -> Tensor:
    if not isinstance(values, list) or len(values) != count:
        got = len(values) if isinstance(values, list) else type(values).__name__
        raise ValueError(f"{name} must be a list of {count} numbers, one an image, got {got}")
    for x in values:
        if x is not None and (isinstance(x, bool) or not isinstance(x, (int, float))):
            raise ValueError(f"{name} must be numbers or null, got {shown(x)}")
        if x is not None and not -LARGEST <= x <= LARGEST:
            raise ValueError(f"{name} must be numbers that float32 holds, got {str(x)[:40]}")
    return torch.tensor([torch.nan if x is None else x for x in values], dtype=torch.float32)


def _no_number(name: str) -> float:
    """JSON has no NaN and no Infinity; an image that was not scored is null."""
    raise ValueError(f"{name} is no number of JSON; null is not scored")


def _plain(values: Tensor) -> list[float | None]:
    return [None if x != x else x for x in values.tolist()]


def _png(picture: Any) -> str:
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def _opened(text: str) -> Any:
    """A PNG whose header is read: its size is known."""
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"])


def _decoded(picture: Any) -> Float[Tensor, "3 H W"]:
    return _from_bytes(torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1))


def _from_safetensors(body: bytes) -> tuple[Tensor, list[str], list[Any]]:
    from safetensors.torch import load

    (length,) = np.frombuffer(body[:8], dtype="<u8")
    about = json.loads(body[8 : 8 + int(length)])
    header, shape = about["__metadata__"], about["images"]["shape"]
    if len(shape) == 4:
        require_room(shape[0], [(shape[2], shape[3])] * min(shape[0], IMAGES))
    images = load(body)["images"]
    wanted = images.ndim == 4 and images.shape[1] == 3 and images.numel()
    if not wanted or images.dtype != torch.uint8:
        got = f"{images.dtype} {list(images.shape)}"
        raise ValueError(f"images must be uint8 [B, 3, H, W], none of them 0, got {got}")
    prompts, metadata = (json.loads(header[key]) for key in ("prompts", "metadata"))
    return _from_bytes(images), *_beside(prompts, metadata, len(images))


def _from_bytes(levels: Tensor) -> Tensor:
    return levels.float() / 255


def _beside(prompts: Any, metadata: Any, count: int) -> tuple[list[str], list[Any]]:
    if not all(isinstance(rows, list) and len(rows) == count for rows in (prompts, metadata)):
        raise ValueError(f"{count} images need as many prompts and metadata")
    for what, rows, kind in (("prompts", prompts, str), ("metadata", metadata, dict)):
        if wrong := [row for row in rows if not isinstance(row, kind)]:
            raise ValueError(f"{what} must be {_WORDS[kind]}, got {shown(wrong[0])}")
    return prompts, metadata


_WORDS: dict[type, str] = {str: "texts", dict: "objects"}
