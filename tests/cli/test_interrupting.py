"""An interrupted run ends at once, with its workers, and shows what it has as a part."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_lines import imported, squared

from refimpl.verify.workers import Died, carried_out

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")

VERIFY = [sys.executable, str(Path(__file__).with_name("endless.py")), "verify", "--only", "sde"]
"""A run that has results at once and then never ends by itself."""


def children(parent):
    """The processes below one that are alive, whatever they do, and those below these."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = status.read_text().split(" ", 1)
            state, ppid = rest.rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        if int(ppid) == parent and state != "Z":
            found += [int(pid), *children(int(pid))]
    return found


def alive(pids):
    """Which of the processes still run."""
    return [
        pid
        for pid in pids
        if Path(f"/proc/{pid}/stat").exists()
        and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    ]


def deaf(pid):
    """Whether an interrupt does nothing to a process: it is blocked, or ignored."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [line.split()[1] for line in status if line.startswith(("SigBlk", "SigIgn"))]
    return any(int(mask, 16) & 1 << (signal.SIGINT - 1) for mask in masks)


def until(condition, seconds):
    """Wait for a condition; whether it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def verifying(tmp_path):
    """A run in a session of its own, whose first results are in."""
    process = subprocess.Popen(
        [*VERIFY, "--json", str(tmp_path / "r.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert any(" of " in line for line in process.stderr)  # a line of progress with a count
        yield process
    finally:
        process.kill()
        process.communicate()


def test_an_interrupt_ends_all_at_once_and_shows_a_part(verifying, tmp_path):
    workers = children(verifying.pid)
    assert len(workers) >= 3  # two, and what they are forked from
    assert all(map(deaf, workers))
    os.killpg(verifying.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    out, errors = verifying.communicate(timeout=60)
    assert verifying.returncode == 130
    assert until(lambda: not alive(workers), 20)
    assert "Traceback" not in out + errors
    assert "interrupted: these are" in out.splitlines()[-1]
    content = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert content["interrupted"] is True
    assert content["holds"] is False
    assert 0 < len(content["outcomes"]) < content["asked"]


def test_the_workers_of_a_killed_run_end_too(verifying):
    workers = children(verifying.pid)
    assert len(workers) >= 3
    os.kill(verifying.pid, signal.SIGKILL)
    verifying.wait()
    assert until(lambda: not alive(workers), 20)


def test_a_worker_that_dies_is_a_result_and_the_rest_goes_on():
    found = dict(carried_out([(x,) for x in (1, -1, 2, 3)], squared, 2))
    assert found[(-1,)] == Died(-signal.SIGKILL)
    assert str(found.pop((-1,))) == "the process that ran it ended with SIGKILL"
    assert found == {(1,): 1, (2,): 4, (3,): 9}


def test_what_is_left_half_way_ends_its_workers():
    results = carried_out([(x,) for x in range(9)], squared, 2)
    next(results)
    workers = children(os.getpid())
    results.close()
    # The tracker of resources stays, and the process that workers are forked from.
    assert until(lambda: len(alive(workers)) <= 2, 5)


def test_workers_are_forked_with_everything_imported_and_nothing_calculated():
    (found,) = dict(carried_out([("torch",)], imported, 1)).values()
    assert found == (True, True, 1)
