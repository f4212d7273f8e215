"""TensorBoard, where it is installed: the numbers of metrics.jsonl as curves.

The curves are written from the same values as the lines of metrics, and a resumed run purges what
was drawn after its checkpoint. Nothing is read back: a lost event file costs a picture only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Board:
    """Curves of one run.

    Raises:
        ModuleNotFoundError: TensorBoard is not installed, with the remedy.
    """

    def __init__(self, path: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "curves need TensorBoard: pip install tensorboard, or run without it "
                "(metrics.jsonl has the same numbers)"
            ) from error
        self._writer = SummaryWriter(str(path / "tensorboard"), purge_step=step)

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Every number of a metrics line; of a reading, its value."""
        for name, value in values.items():
            if isinstance(value, (int, float)):
                self._writer.add_scalar(name, value, step)
            elif name == "readings":
                for invariant, (seen, *_) in value.items():
                    self._writer.add_scalar(f"invariants/{invariant}", seen, step)
            elif name == "signal":
                for i, cosine in enumerate(value):
                    self._writer.add_scalar(f"signal/step{i}", cosine, step)

    def close(self) -> None:
        """Flush."""
        self._writer.close()
