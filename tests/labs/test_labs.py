"""Labs: pictures with numbers beside them, stopped and resumed, refused on entry."""

import json

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from refimpl import labs

PICTURES = {
    1: {"lab1_flow_and_langevin.png", "lab1_noise.png"},
    2: {
        "lab2_flow_ring.png",
        "lab2_flow_rotated.png",
        "lab2_score_ring.png",
        "lab2_near_data.png",
    },
    3: {"lab3_unet.png", "lab3_dit.png", "lab3_latent.png", "lab3_trade_off.png"},
}


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize(
    "number", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_lab_writes_its_pictures_and_numbers(tmp_path, number):
    seen = []
    folder = labs.run(
        number, tmp_path / "new" / "lab", quick=True, on_progress=lambda s, m: seen.append(s)
    )
    found = metrics(folder)
    assert set(found["pictures"]) == PICTURES[number]
    for name in PICTURES[number]:
        content = (folder / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000
    assert found["metrics"]
    assert (found["lab"], found["quick"], found["seed"]) == (number, True, 0)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert not list(folder.glob("*.part")) + list(folder.glob(".*.part"))


def test_the_simulations_of_lab_1_meet_their_closed_forms(tmp_path):
    found = metrics(labs.run(1, tmp_path / "lab", quick=True))["metrics"]
    n, six = 500, 6.0  # paths, and standard errors: a false-alarm rate of 2e-9 each
    spread = six * (2 / n) ** 0.5  # of a variance, relative
    assert found["euler"]["order"] == pytest.approx(1, abs=0.05)
    brownian, ou = found["brownian"], found["ornstein_uhlenbeck"]
    assert brownian["variance_at_2"] == pytest.approx(2, rel=spread)
    assert abs(brownian["correlation_of_increments"]) < six / n**0.5
    # Euler–Maruyama's own bias at 50 steps: θh/2 = 3 % of the variance, and of the mean's decay
    assert ou["std_at_2"] == pytest.approx(ou["exact_std"], rel=spread / 2 + 0.03)
    shift = six * ou["exact_std"] / n**0.5 + 0.03
    assert ou["mean_at_2"] == pytest.approx(ou["exact_mean"], abs=shift)
    langevin = found["langevin"]
    exact = langevin["exact_variance_at_eps_0.1"]
    assert langevin["variance_at_eps_0.1"] == pytest.approx(exact, rel=spread)


@pytest.mark.slow
def test_a_stopped_lab_resumes_to_the_same_numbers(tmp_path):
    whole = metrics(labs.run(3, tmp_path / "whole", quick=True))

    def stop(share, message):
        if message.startswith("dit: step"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        labs.run(3, tmp_path / "two", quick=True, on_progress=stop)
    assert not (tmp_path / "two" / "metrics.json").exists()
    again = metrics(labs.run(3, tmp_path / "two", quick=True, resume=True))
    assert again["metrics"] == whole["metrics"]


def test_an_unknown_lab_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="there is no lab 4; there are 1: simulate"):
        labs.run(4, tmp_path)


def test_a_folder_of_another_run_is_not_resumed(tmp_path):
    labs.run(1, tmp_path / "lab", quick=True)
    with pytest.raises(ValueError, match="resume with the same settings"):
        labs.run(1, tmp_path / "lab", quick=True, seed=1, resume=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("something")
    with pytest.raises(NotADirectoryError, match="is a file"):
        labs.run(1, tmp_path / "file", quick=True)
    assert (tmp_path / "file").read_text() == "something"


def test_a_missing_library_is_named_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'refimpl\[labs\]'"):
        labs.run(1, tmp_path / "lab")
    assert not (tmp_path / "lab").exists()
