"""What is asked on every save: the lists name files that exist, and proofs of what changed."""

import runpy
from pathlib import Path
from types import SimpleNamespace

SCRIPT = Path(__file__).with_name("quick.py")
quick = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def test_every_name_is_of_tests_that_exist_and_is_asked_once():
    names = (*quick.MATHEMATICS, *quick.LOOPS)
    assert len(set(names)) == len(names)
    assert all((SCRIPT.parent / name).exists() for name in (*names, *quick.LEFT_OUT))


def test_methods_samplers_and_both_loops_are_asked():
    asked = {*quick.MATHEMATICS, *quick.LOOPS}
    assert asked >= {"methods", "simulate", "toy/test_loop.py", "toy/test_grpo.py"}
    assert "sd3/test_rollout.py" in asked


def test_proofs_run_of_the_topics_that_differ():
    differ = ["refimpl/equations/kl.py", "derivations/paths.py", "refimpl/toy/mixture.py"]
    assert quick.changed([*differ, "refimpl/equations/elementary.py"]) == ["kl", "paths"]
    assert quick.changed([]) == []
