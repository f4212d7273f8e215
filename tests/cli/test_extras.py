"""Without its optional libraries every command runs, or says in one line which extra it needs."""

import pytest
from command_lines import ends_well, run_all

from refimpl.cli.extras import DISTRIBUTIONS, Missing, explained, extras, import_behind, needs

MODULES = {name: module for module, name in DISTRIBUTIONS.items()}
OPTIONAL = sorted(MODULES.get(name, name).replace("-", "_") for name in extras())

SD3 = {"diffusers", "transformers", "peft", "accelerate", "yaml", "PIL"}
LINES: dict[str, tuple[set[str], str]] = {
    "--version": (set(), ""),
    "eq sde.drift": (set(), ""),
    "surrogate 1.3 --advantage -1 --clip 0.2": (set(), ""),
    "grid qwen-image --steps 10 --tokens 4096": (set(), ""),
    "sample --toy gaussian_1d --n 64 --out r.npz": (set(), ""),
    "sample --toy gaussian_1d --solver heun --n 64": (set(), ""),
    "sample --toy gaussian_1d --n 64 --picture p.svg": ({"matplotlib"}, "pictures"),
    "verify --only kl.k3 --html v.html": ({"matplotlib"}, "pictures"),
    "study samplers --out samplers": ({"matplotlib"}, "pictures"),
    "audit r.npz": (set(), ""),
    "train toy --quick --out run": (set(), ""),
    "doctor run": (set(), ""),
    "check refimpl --tier order": (set(), ""),
    "study methods --out study": (set(), ""),
    "sd3 presets": (set(), ""),
    "sd3 rewards": (set(), ""),
    "sd3 engine ddp": (set(), ""),
    "train sd3 --dry-run": (set(), ""),
    "train sd3 --show": ({"yaml"}, "sd3"),
    "train sd3 sampling.steps=12 --dry-run": ({"yaml"}, "sd3"),
    "train sd3": (SD3, "sd3"),
    "train shapes --quick --out shapes": (SD3, "sd3"),
    "sd3 convert nowhere out": ({"diffusers", "transformers", "peft", "accelerate"}, "sd3"),
    "train toy --quick --problem digits --out digits": ({"sklearn"}, "labs"),
    "lab 1 --quick --out lab": ({"matplotlib", "sklearn"}, "labs"),
    "vectors verify --id kl.k3": ({"jsonschema"}, "vectors"),
    "check diffusers --tier order": ({"diffusers"}, "peers"),
    "check flow_matching --tier order": ({"flow_matching"}, "peers"),
    "check torchdiffeq --tier order": ({"torchdiffeq"}, "peers"),
    "train toy --quick --tensorboard --out curves": ({"tensorboard"}, "sd3"),
}
"""Command line → the modules without which it cannot run, and the extra that has them."""


def refused(shown):
    """The command lines that could not run."""
    return {line for line, (code, _) in shown.items() if code == 2}


def test_the_table_knows_the_extras_of_the_package():
    assert {"diffusers", "sklearn", "yaml", "jsonschema", "matplotlib", "peft"} <= set(OPTIONAL)
    assert extras()["scikit-learn"] == ("labs",)
    assert set(extras()["diffusers"]) == {"peers", "sd3"}


def test_without_any_extra_every_command_runs_or_names_what_it_needs(tmp_path):
    shown = run_all(tuple(LINES), tmp_path, hidden=OPTIONAL)
    assert ends_well(shown, (0, 2)) == []
    needy = {line for line, (modules, _) in LINES.items() if modules}
    assert refused(shown) == needy
    for line in needy:
        assert f"refimpl[{LINES[line][1]}]" in shown[line][1], shown[line]
        assert len(shown[line][1].splitlines()) == 1, shown[line]


@pytest.mark.slow
@pytest.mark.parametrize("module", OPTIONAL)
def test_without_one_library_the_others_go_on(module, tmp_path):
    """Where a library needs another, hiding the second may stop a command too, in one line."""
    shown = run_all(tuple(LINES), tmp_path, hidden=[module])
    assert ends_well(shown, (0, 2)) == []
    needy = {line for line, (modules, _) in LINES.items() if module in modules}
    assert needy <= refused(shown)
    for line in refused(shown) - {"train sd3", "sd3 convert nowhere out"}:  # these lack their input
        assert "pip install" in shown[line][1], shown[line]


def test_the_remedy_is_told_once():
    with pytest.raises(Missing, match=r"nothing_of_ours is not installed: pip install 'refimpl\[x"):
        needs("nothing_of_ours", extra="x")
    yaml = ImportError("No module named 'yaml'", name="yaml")
    assert explained(yaml, yaml) == "No module named 'yaml': pip install 'refimpl[sd3]'"
    theirs = ImportError("No module named 'theirs'", name="theirs")
    assert explained(theirs, theirs) == "No module named 'theirs'"
    told = ImportError("it needs yaml: pip install yaml", name="yaml")
    assert explained(told, told) == str(told)


def test_an_import_that_failed_deep_down_is_found():
    error = RuntimeError("failed because of the following error")
    error.__cause__ = ImportError("No module named 'peft'", name="peft")
    behind = import_behind(error)
    assert behind is not None
    assert "refimpl[sd3]" in explained(error, behind)
    assert import_behind(ValueError("another")) is None
