"""Rewards run while the next rollout samples: one worker, answers in the order of the questions.

    with Background(mixture) as rewards:
        rewards.submit(images, prompts, metadata)      returns at once
        ...                                            the next rollout
        judged = rewards.collect()                     the oldest answer, waiting where needed

What the work raises is raised here, at the next `submit` or `collect`, as it was.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeVar

import torch

from .devices import make_current

T = TypeVar("T")


class Background(Generic[T]):
    """A queue of calls of one function in one thread beside the caller's.

    Args:
        device: the accelerator that is current in that thread.
    """

    def __init__(self, work: Callable[..., T], device: torch.device | None = None) -> None:
        self._work = work
        self._worker = ThreadPoolExecutor(
            1, thread_name_prefix="rewards", initializer=make_current, initargs=(device,)
        )
        self._asked: deque[Future[T]] = deque()

    def __len__(self) -> int:
        """The number of answers that were not collected yet."""
        return len(self._asked)

    def submit(self, *arguments: Any) -> None:
        """Ask; the answer is for `collect`. The caller must leave the arguments unchanged.

        Raises:
            Exception: what an earlier call raised.
        """
        for asked in self._asked:
            if asked.done() and (error := asked.exception()) is not None:
                raise error
        self._asked.append(self._worker.submit(self._work, *arguments))

    def collect(self) -> T:
        """The answer to the oldest question.

        Raises:
            LookupError: nothing was asked.
            Exception: what the call raised.
        """
        if not self._asked:
            raise LookupError("nothing was submitted: every answer has been collected")
        return self._asked.popleft().result()

    def close(self) -> None:
        """Drop what has not begun, and wait for what has."""
        self._asked.clear()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "Background[T]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
