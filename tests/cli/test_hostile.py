"""Odd command lines: each is refused in words with exit code 2, quickly, and leaves nothing behind.

Where a line is refused by the parser of arguments it is told in a box; elsewhere in one line.
"""

import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from refimpl.cli import app

LONG = "x" * 300

REFUSED = rf"""
verfy
--nope
eq sde.drfit
eq ''
eq ..
eq 'sde.drift sde.ode'
eq sde.drift kl.k3
eq --nope
eq '[bold]sde[/nope]'
eq σ
verify --only nothing
verify --only ''
verify --seed x
verify --seed 1.5
verify --json folder
verify --html folder
verify --json nowhere/at/all.json
verify --json ''
verify --json text.txt/r.json
verify --html {LONG}
verify --only kl --json same --html ./same
verify sde.drift
coverage --claimed=3
coverage everything
check
check nothing
check diffuzers
check nothing:Mine
check bad.py:Mine
check raises.py:Mine
check broken.py:Mine
check broken.py:Nobody
check missing.py:Mine
check folder:Mine
check text.txt:Mine
check :
check :Mine
check bad.py:
check refimpl --path .
check flow_grpo
check flow_grpo --path nowhere
check flow_grpo --path folder
check flow_grpo --path text.txt
check refimpl --tier zzz
check refimpl --json folder
check refimpl --html nowhere/r.html
check refimpl --deviations nowhere.toml
check refimpl --deviations folder
check refimpl --deviations latin.toml
check refimpl --deviations text.txt
audit nowhere
audit folder
audit text.txt
audit empty
audit latin.toml
audit ''
audit {LONG}
audit torn.npz
audit r.npz --manifest nowhere.toml
audit r.npz --manifest latin.toml
audit r.npz --manifest folder
audit r.npz --json folder
audit r.npz --html nowhere/a.html
audit r.npz --json a --html a
vectors
vectors verify --id nothing
vectors verify --id kl.k3 --file r.npz
vectors verify --file nowhere
vectors verify --file folder
vectors verify --file r.npz
vectors write --out nowhere
vectors write --out text.txt
sample --toy nope
sample --sampler heun
sample --steps 0
sample --steps=-3
sample --steps 1e3
sample --steps 1000000000000
sample --n 1
sample --n 1000000000000
sample --a nan
sample --a inf
sample --a=-1
sample --seed x
sample --seed 99999999999999999999999
sample --n 64 --out folder
sample --n 64 --picture nowhere/p.svg
sample --n 64 --out same --picture same
sample --solver nope
sample --solver heun --sampler sde
sample --solver heun --eta 1
sample --solver heun --out r.npz
sample --solver heun --steps 0
sample --solver heun --start nan
sample --solver heun --shift=-1
sample --solver ddim --eta nan
sample --solver heun_churn --churn inf
sample --solver restart --restarts 1e3
sample --solver adaptive --tolerance 1
sample --solver probability_flow --sde nope
sample --solver probability_flow --a nan
sample --eta 1
surrogate
surrogate x --advantage 1 --clip 0.2
surrogate nan --advantage 1 --clip 0.2
surrogate inf --advantage 1 --clip 0.2
surrogate 1 --advantage nan --clip 0.2
surrogate 1 --advantage inf --clip 0.2
surrogate 1 --advantage 1 --clip nan
surrogate 1 --advantage 1 --clip=-1
surrogate -1 --advantage 1 --clip 0.2
grid
grid nothing
grid nowhere.json
grid text.txt
grid folder
grid r.npz
grid sd3.5
grid sd3.5 --steps 0
grid sd3.5 --steps=-3
grid sd3.5 --steps x
grid sd3.5 --steps 10 --mu 1
grid sd3.5 --steps 10 --a nan
grid sd3.5 --steps 10 --a=-1
grid sd3.5 --steps 10 --rule nothing
grid sd3.5 --steps 10 --handed nothing
grid sd3.5 --steps 10 --handed 1,x
grid sd3.5 --steps 10 --handed 1,0.5
grid sd3.5 --timesteps 900,950
grid sd3.5 --timesteps nan,3
grid sana --steps 2 --handed 1,0.5
grid qwen-image --steps 10
grid qwen-image --steps 1 --tokens 4096
grid qwen-image --steps 10 --tokens 0
grid qwen-image --steps 10 --tokens nan
grid qwen-image --steps 10 --tokens 4096 --mu 1
grid --identify nowhere
grid --identify text.txt
grid --identify empty
grid --identify r.npz
grid --identify folder
grid sd3.5 --identify text.txt
guidance --w nan
guidance --w x
guidance --steps 0
guidance --shift 0
guidance --steps 4 --zero-steps 5
levels
levels nothing
levels logit-norm
levels mode(2)
levels mode(x)
levels beta
levels beta(0,1)
levels logit-normal(0,0)
levels logit-normal(0,1
levels uniform --shift 0
levels uniform --shift nan
levels uniform --weight nothing
levels uniform --weight sigma-sqrt
levels uniform --weight min-snr(0)
levels uniform --above 2
train
train nothing
train toy --problem nope
train toy --set x
train toy --set =1
train toy --set iterations=2.5
train toy --set iterations=zzz
train toy --set iterations=true
train toy --set iteratons=3
train toy --set kernel=fast
train toy --set learning_rate=NaN
train toy --set learning_rate=1e999
train toy --set learning_rate=-1
train toy --set method=1
train toy --set grid=1
train toy --set window=first
train toy --set slope=steep
train toy --set average=true
train toy --set advantage_bound=[]
train toy --problem mixture --set slope=1
train toy --problem digits --set reward=nothing
train toy --iterations 0
train toy --group 1
train toy --beta nan
train toy --beta=-1
train toy --resume
train toy --resume --out nowhere
train toy --resume --out folder
train toy --out folder
train toy --out text.txt
train toy --out text.txt/run
train sd3
train sd3 x
train sd3 sampling.stesp=3
train sd3 sampling.steps=0
train sd3 sampling.steps=2.5
train sd3 training.learning_rate=zzz
train sd3 sampling=3
train sd3 a.b.c.d=1
train sd3 --preset papre
train sd3 --config nowhere.yaml
train sd3 --config folder
train sd3 --config latin.toml
train sd3 --random-init huge
train sd3 --prompts nowhere
train sd3 --resume --out nowhere
train sd3 --random-init tiny --prompts prompts.txt --out text.txt
train sd3 --dry-run --processes 0
train sd3 --dry-run --processes=-2
train sd3 --dry-run --tflops 0
train sd3 --dry-run --tflops nan
train sd3 --dry-run --tflops=-5
train shapes --arm nothing
train shapes --pretrained nowhere
train shapes --resume --out nowhere
train shapes --set x=1
train shapes --out text.txt
sd3
sd3 engine nothing
sd3 engine ../presets
sd3 convert nowhere made
sd3 convert folder made
sd3 convert folder folder
sd3 presets more
doctor nowhere
doctor text.txt
doctor folder
doctor damaged
lab 4
lab x
lab -- -1
lab 1 --out text.txt
lab 1 --resume --out nowhere
lab 1 --seed x
topic nothing
topic ''
topic densities --seed x
study nothing
study methods --quick
study methods --out text.txt
study methods --out text.txt/study
""".strip().splitlines()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A folder with files that are not what they are taken for."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "text.txt").write_text("nothing but text")
    (folder / "prompts.txt").write_text("a cat\n")
    (folder / "latin.toml").write_bytes("name = 'Müller'".encode("latin-1"))
    (folder / "bad.py").write_text("class Mine(:\n")
    (folder / "raises.py").write_text("raise RuntimeError('at import')\n")
    (folder / "broken.py").write_text(
        "class Mine:\n    def __init__(self):\n        raise ZeroDivisionError('at birth')\n"
    )
    (folder / "damaged").mkdir()
    (folder / "damaged/run.json").write_text('{"kind": "toy/gaussian", "config"')
    command = ["sample", "--toy", "gaussian_1d", "--n", "64", "--out", str(folder / "r.npz")]
    assert CliRunner().invoke(app, command).exit_code == 0
    whole = (folder / "r.npz").read_bytes()
    (folder / "torn.npz").write_bytes(whole[: len(whole) // 2])
    return folder


def listed(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("line", REFUSED)
def test_an_odd_line_is_refused_in_words_and_leaves_nothing(line, stage, tmp_path, monkeypatch):
    shutil.copytree(stage, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = listed(tmp_path)
    ran = CliRunner().invoke(app, shlex.split(line))
    assert isinstance(ran.exception, SystemExit), ran.exception
    assert ran.exit_code == 2, ran.output
    assert "Traceback" not in ran.output
    assert "fault of refimpl" not in ran.output
    boxed = "─ Error ─" in ran.output or "Usage:" in ran.output
    assert boxed or len(ran.output.strip().splitlines()) == 1, ran.output
    left = set(listed(tmp_path)) - set(before)
    assert not {name for name in left if "__pycache__" not in name}
