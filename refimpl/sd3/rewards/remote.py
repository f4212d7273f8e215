"""A reward that another process computes, asked over HTTP in batches; `wire` says in what form.

A model whose libraries cannot share an environment with this one's lives in a server of its own:
`refimpl.sd3.rewards.server`, or anything that answers alike. What may pass (a server that starts,
is busy or hangs) is asked again, with growing pauses; what will not (a wrong answer) stops the run.
"""

import http.client
import ipaddress
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlsplit

import torch
from jaxtyping import Float
from torch import Tensor

from .protocol import Answer, Metadata, Reward, RewardError
from .waiting import post
from .wire import TYPES, Form, answered, question

URL = "http://127.0.0.1:18085"
TOKEN = "REFIMPL_REWARD_TOKEN"
"""The environment variable whose text proves, where a server asks for it, who is asking."""
_BUSY = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Server:
    """Where a reward is served, and how long to wait for it.

    Attributes:
        url: of the reward.
        form: how images travel: "safetensors" or "png".
        batch: images a request.
        timeout: seconds an attempt may take, from the name's look-up to the answer's last byte.
        attempts: how often a batch is sent before the run stops.
        pause: seconds before the second attempt; doubled each time.
        anywhere: allow a url on another machine.

    Raises:
        ValueError: no http address, another machine without `anywhere`, a number out of range.
    """

    url: str = URL
    form: Form = "safetensors"
    batch: int = 64
    timeout: float = 120.0
    attempts: int = 5
    pause: float = 1.0
    anywhere: bool = False

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise ValueError(f"form must be one of {', '.join(TYPES)}, got {self.form!r}")
        if self.batch < 1 or self.attempts < 1 or not self.timeout > 0 or not self.pause >= 0:
            raise ValueError(
                "batch and attempts count from 1, timeout must be positive and pause not "
                f"negative, got {self!r}"
            )
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be like {URL}, got {self.url!r}")
        if not self.anywhere and not loopback(parts.hostname):
            raise ValueError(
                f"{parts.hostname} is not this machine: prompts and images would leave it; "
                "set anywhere=true if that is meant"
            )

    def ask(
        self, images: Float[Tensor, "B 3 H W"], prompts: Sequence[str], metadata: Metadata
    ) -> Answer:
        """Scores and extras of one batch.

        Raises:
            RewardError: no answer in so many attempts, or one that cannot be used.
        """
        body, problem = question(self.form, images, prompts, metadata), ""
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                status, answer = self._send(body)
            except ValueError as error:
                raise RewardError(f"{self.url}: {error}") from error
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if status == 200:
                return self._read(answer, len(images))
            problem = f"HTTP {status}: {answer.decode(errors='replace').strip()}"
            if status not in _BUSY:
                raise RewardError(f"{self.url} refused: {problem}")
        raise RewardError(
            f"{self.url} gave no answer in {self.attempts} attempts of {self.timeout:g} s; the "
            f"last said: {problem}"
        )

    def _read(self, answer: bytes, count: int) -> Answer:
        try:
            return answered(answer, count)
        except ValueError as error:
            raise RewardError(f"{self.url}: {error}") from error

    def _send(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": TYPES[self.form]}
        if token := os.environ.get(TOKEN):
            headers["Authorization"] = f"Bearer {token}"
        return post(self.url, body, headers, self.timeout)


def remote(**options: object) -> Reward:
    """The reward that a server computes; the options are those of `Server`."""
    server = Server(**options)  # type: ignore[arg-type]

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        parts = []
        for i in range(0, len(images), server.batch):
            rows = slice(i, i + server.batch)
            parts.append(server.ask(images[rows], prompts[rows], metadata[rows]))
        names = [set(extras) for _, extras in parts]
        if any(name != names[0] for name in names):
            raise RewardError(f"{server.url} named other extras from batch to batch: {names}")
        extras = {key: torch.cat([extras[key] for _, extras in parts]) for key in names[0]}
        return torch.cat([scores for scores, _ in parts]), extras

    return score


def geneval(**options: object) -> Reward:
    """GenEval's detectors (Ghosh et al. 2023, arXiv:2310.11513) behind a server.

    They need libraries of their own (mmdetection), so there is only a server's side. Metadata
    travel with the images: each must have GenEval's "tag" and "include".
    """
    served = remote(**options)

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        for prompt, row in zip(prompts, metadata, strict=True):
            if not {"tag", "include"} <= row.keys():
                raise RewardError(
                    f'GenEval needs metadata with "tag" and "include", prompt {prompt!r} has '
                    f"{sorted(row)}: use a .jsonl of GenEval's form"
                )
        return served(images, prompts, metadata)

    return score


def loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
