"""Where numbers go beside the run's own files: TensorBoard; trackio or wandb where asked for."""

import io
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import outside
from ...runs import atomic
from ...runs.board import Board
from ..settings.config import Config, plain


def identity(folder: Path) -> str:
    """The run's name at the tracker: made once, so that a resumed run adds to the same curves."""
    file = folder / "tracker.json"
    if not file.is_file():
        atomic.write(file, json.dumps({"id": uuid.uuid4().hex}).encode())
    found = outside.settings(file).get("id")
    if not isinstance(found, str):
        raise ValueError(f"{file} names no run: delete it, and a new one is made")
    return found


class Trackers:
    """All trackers of a run, as one.

    Raises:
        ModuleNotFoundError: a tracker that is not installed, with the remedy.
    """

    def __init__(self, config: Config, folder: Path, step: int) -> None:
        self._board = Board(folder, step) if config.run.tensorboard else None
        self._client: Any = None
        self._send: Any = None
        name = config.run.tracker
        if name is not None:
            import importlib

            try:
                self._client = importlib.import_module(name)
            except ModuleNotFoundError:
                raise ModuleNotFoundError(
                    f"run.tracker={name} is not installed: pip install {name}, or leave it out "
                    "(metrics.jsonl has the same numbers)"
                ) from None
            about = {"project": config.run.tracker_project, "name": folder.name}
            if name == "wandb":
                about |= {"id": identity(folder), "resume": "allow"}
            self._client.init(**about, config=plain(config))
            self._send = self._client.log

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """The numbers of one iteration."""
        if self._board is not None:
            self._board.add(step, values)
        if self._client is not None:
            numbers = {k: v for k, v in values.items() if isinstance(v, (int, float))}
            self._send(numbers, step=step)

    def picture(self, step: int, png: bytes) -> None:
        """A sheet of held-out images."""
        if self._client is not None and hasattr(self._client, "Image"):
            from PIL import Image

            image = self._client.Image(Image.open(io.BytesIO(png)))
            self._send({"held out": image}, step=step)

    def close(self) -> None:
        """Flush."""
        if self._board is not None:
            self._board.close()
        if self._client is not None:
            self._client.finish()
