"""Jobs in processes of their own, which end with their parent, whatever ends it.

    for job, result in carried_out(jobs, work, 2): ...        in the order in which they come in

An interrupt kills the workers at once: they hold nothing that would be lost. A parent that is
killed takes them along, since each watches it. A worker that dies (out of memory, say) is a result
too, and another takes its place.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any


@dataclass(frozen=True)
class Died:
    """A worker ended in the middle of its job.

    Attributes:
        code: its exit code; negative for a signal.
    """

    code: int | None

    def __str__(self) -> str:
        signalled = self.code is not None and self.code < 0
        name = signal.Signals(-self.code).name if signalled and self.code else f"code {self.code}"
        return f"the process that ran it ended with {name}"


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: Connection


def carried_out(
    jobs: Sequence[tuple[Any, ...]], work: Callable[..., Any], count: int
) -> Generator[tuple[tuple[Any, ...], Any], None, None]:
    """Each job with what `work(*job)` returned, or `Died`.

    Args:
        work: a function of a module; it and what it returns can be pickled.
        count: how many processes share the jobs.
    """
    todo, busy = list(reversed(jobs)), dict[Any, tuple[_Worker, tuple[Any, ...]]]()
    free: list[_Worker] = []
    try:
        for _ in range(min(count, len(jobs))):
            free.append(_started(work))
        while todo or busy:
            while todo and free:
                worker, job = free.pop(), todo.pop()
                busy[worker.pipe] = worker, job
                with contextlib.suppress(OSError):  # it died; the wait will see it
                    worker.pipe.send(job)
            for pipe in wait(list(busy)):
                worker, job = busy.pop(pipe)
                try:
                    result = worker.pipe.recv()
                    free.append(worker)
                except (EOFError, OSError):
                    worker.process.join()
                    result = Died(worker.process.exitcode)
                    if todo:
                        free.append(_started(work))
                yield job, result
    finally:
        for worker in [*free, *(worker for worker, _ in busy.values())]:
            worker.process.kill()
            worker.process.join()


READY = "refimpl.verify.ready"
"""The module that imports what workers need."""


def _context() -> Any:
    """How processes start: forked from one that has imported, on Linux, where that is sound."""
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([READY])
    return context


def _started(work: Callable[..., Any]) -> _Worker:
    context = _context()
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=(its, work), daemon=True)
    with _deaf():
        process.start()
    its.close()  # so that its end is the end of the pipe
    return _Worker(process, ours)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """What is started meanwhile hears no interrupt: that is the parent's to judge."""
    resource_tracker.ensure_running()  # starting it would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, work: Callable[..., Any]) -> None:
    """The life of a worker: a job, its result, the next."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)  # workers share the cores: more threads would wait for each other
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send(work(*pipe.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
