"""Leaving when the machine's scheduler asks: SIGTERM, and SIGUSR1 as Slurm sends it ahead of time.

    with heeded() as asked:  ...  asked.signal      0, or the number of the signal that came

The signal is remembered, and the loop looks at it where every process can leave together.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@dataclass
class Asked:
    """Attributes:
    signal: the number of the last signal that asked this process to leave; 0: none did.
    """

    signal: int = 0


@contextlib.contextmanager
def heeded() -> Iterator[Asked]:
    """Remember the signals instead of dying of them; the handlers of before come back.

    Only a process's main thread may have handlers: in any other nothing is changed.
    """
    asked = Asked()

    def remember(number: int, frame: FrameType | None) -> None:
        asked.signal = number

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, remember) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
