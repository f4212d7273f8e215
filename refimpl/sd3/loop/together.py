"""Going through an iteration together: what one process meets, all of them hear of.

    with together.within("the rollout"): ...       all get through, or none goes on
    with together.within("the update", leave=False): ...

A process that fails while another waits for its part would leave it waiting for ever; so each says
how it fared where all of them pass, and there they also leave, if any was asked to.
"""

import contextlib
from collections.abc import Callable, Iterator

from ..engine.memory import guarded
from ..engine.processes import Engine


class Stopped(Exception):
    """A process was asked to leave.

    Attributes:
        signal: the number of the signal that asked.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal


class Together:
    """The processes of a run, as one of them sees them.

    Attributes:
        asked: the number of the signal that asked this process to leave; 0: none did.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asked: Callable[[], int] = lambda: 0

    def heed(self, error: Exception | None = None, *, leave: bool = True) -> None:
        """Leave if any process was asked to or has failed, all of them at the same place.

        Args:
            leave: False goes on though a process was asked to leave.

        Raises:
            Stopped: a process was asked to leave; nothing of the iteration under way is kept.
            Exception: `error`, or on the other processes a RuntimeError that names this one.
        """
        signal = self.engine.agreed(error, self.asked())
        if signal and leave:
            raise Stopped(signal)

    @contextlib.contextmanager
    def within(self, where: str, *, leave: bool = True) -> Iterator[None]:
        """What every process does by itself, and what none goes on from if one fails in it.

        Where weights are spread, a process that fails inside the network is not heard: the others
        wait for it there.

        Args:
            where: for `engine.memory.guarded`.
            leave: see `heed`.

        Raises:
            Stopped, Exception: as `heed`.
        """
        error = None
        try:
            with guarded(where):
                yield
        except Exception as found:
            error = found
        self.heed(error, leave=leave)
