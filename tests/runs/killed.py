"""Run a tuning to its end, killing it again and again; a helper process of test_resume.

    python killed.py TASK FOLDER SEED

Each attempt is a forked process that is sent SIGKILL after a random time, four times. Forking saves
the seconds that an import of torch takes; the process that is killed is as real as any.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from refimpl.toy.grpo import running

CHANGES = {
    "gaussian": {"iterations": 30, "groups": 4, "group": 4, "signal": 3},
    "mixture": {"iterations": 14, "groups": 4, "group": 4, "T": 4, "minibatches": 2, "signal": 3},
}


def attempt(task: str, folder: Path, resume: bool) -> int:
    """Fork a process that runs the task; its id."""
    child = os.fork()
    if child == 0:
        request = running.Request(
            task, CHANGES[task], True, resume and folder.exists(), folder, every=4, record=5
        )
        try:
            running.run(request)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(3)
        os._exit(0)
    return child


def main() -> None:
    """Print how often it was killed."""
    task, folder, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    draw, kills = random.Random(seed), 0
    whole = attempt(task, folder / "whole", False)
    start = time.perf_counter()
    assert os.waitpid(whole, 0)[1] == 0
    took = time.perf_counter() - start
    while True:
        child = attempt(task, folder / "killed", True)
        end = time.perf_counter() + (draw.uniform(0.2, 0.8) * took if kills < 4 else 3600)
        while time.perf_counter() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                print(kills)
                sys.exit(0 if status == 0 else 1)
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1


if __name__ == "__main__":
    main()
