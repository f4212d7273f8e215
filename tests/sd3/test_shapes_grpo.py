"""The miniature under Flow-GRPO: end to end on a tiny network, with mistakes that must show."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.runs import metrics
from refimpl.runs.doctor import examine
from refimpl.sd3.engine.processes import Engine, accelerator
from refimpl.sd3.loop.data import Prompted
from refimpl.sd3.rewards import Mixture
from refimpl.sd3.run import starting as run
from refimpl.sd3.settings import presets
from refimpl.sd3.shapes import (
    arms,
    deciding,
    drawing,
    evaluation,
    finetuning,
    miniature,
    network,
    repeats,
    report,
    signal,
)
from refimpl.sd3.shapes.captions import every_caption, splits
from refimpl.sd3.shapes.request import TINY, Request
from refimpl.simulate import grids

SMALL = (
    "sampling.groups=4",
    "sampling.group=8",
    "sampling.steps=4",
    "method.start=0",
    "sampling.eval_steps=4",
    "training.iterations=8",
    "training.learning_rate=0.05",
    "ema.decay=0",
    "training.rows=96",
    "evaluation.prompts=16",
    "evaluation.every=8",
    "run.checkpoint_every=2",
    "run.record_every=0",
)


def redness(images, prompts, metadata):
    """Red minus blue."""
    red, _, blue = images.mean(dim=(2, 3)).T
    return red - blue, {}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A network whose blocks do something; it knows nothing of shapes."""
    net, generator = network.transformer(0, **TINY), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.2 * torch.randn(p.shape, generator=generator)
    folder = tmp_path_factory.mktemp("pretrained")
    network.save(net, folder)
    return folder


def improve(pretrained, out, *changes, say=lambda progress: None, **options):
    """Towards red, which any network can learn in seconds."""
    config = arms.config("levelled", (*SMALL, *changes))
    device = accelerator(config.model.dtype)
    parts = miniature.parts(config, pretrained, device.device)
    ready = Engine(device, parts.transformer, config.training)
    mixture = Mixture({"redness": redness}, {"redness": 1.0})
    return run.carry_out(config, parts, Prompted(*_few()), mixture, ready, out, say=say, **options)


def _few():
    train, held_out = splits()
    return train, held_out[:16]


@pytest.fixture(scope="module")
def improved(quiet, pretrained, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "levelled"
    return out, improve(pretrained, out)


# ------------------------------------------------------------------ it learns


def gain(summary):
    return summary["after"]["redness"] - summary["before"]["redness"]


def test_the_reward_rises_on_held_out_captions_and_the_ratio_is_exactly_one(improved):
    out, summary = improved
    assert gain(summary) > 0.05
    rows = metrics.read(out / "metrics.jsonl")
    assert len(rows) == 8
    assert all(row["ratio_gap_by_step"] == [0.0, 0.0, 0.0] for row in rows)
    assert examine(out).healthy


def test_with_the_advantage_s_sign_flipped_the_reward_falls(
    quiet, pretrained, tmp_path, monkeypatch
):
    from refimpl.sd3.loop.train import Trainer

    right = Trainer._advantages
    monkeypatch.setattr(Trainer, "_advantages", lambda self, judged: -right(self, judged))
    assert gain(improve(pretrained, tmp_path / "flipped")) < -0.01


def test_a_run_that_was_stopped_ends_with_the_same_bits(quiet, pretrained, improved, tmp_path):
    class Killed(Exception):
        pass

    def kill(progress):
        if progress.done == 5:  # one iteration after the checkpoint of 4
            raise Killed

    whole, broken = improved[0], tmp_path / "broken"
    with pytest.raises(Killed):
        improve(pretrained, broken, say=kill)
    seen = []
    improve(pretrained, broken, say=lambda p: seen.append(p.done), resume=True)
    assert seen == [5, 6, 7, 8]
    assert (whole / "metrics.jsonl").read_bytes() == (broken / "metrics.jsonl").read_bytes()
    a, b = (
        load_file(out / "adapter" / "pytorch_lora_weights.safetensors") for out in (whole, broken)
    )
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_what_is_measured_afterwards_is_the_exported_adapter(improved, pretrained):
    redder_than_before(improved[0], pretrained)


def test_or_the_exported_transformer(quiet, pretrained, tmp_path):
    out = tmp_path / "fast"
    improve(pretrained, out, "adapter.kind=full", "training.learning_rate=0.01")
    redder_than_before(out, pretrained)


def redder_than_before(out, pretrained):
    asked = Request(out.parent, pretrained=pretrained, quick=True, each=4)
    before, after = (finetuning._measured(asked, pretrained, name) for name in ("base", out.name))
    assert after["quality"]["distance"] != pytest.approx(before["quality"]["distance"], rel=0.01)
    assert reddish(out.parent / f"{out.name}.png") > reddish(out.parent / "base.png") + 0.02


def reddish(file):
    from PIL import Image

    pixels = torch.from_numpy(np.array(Image.open(file))[:, report.WORDS :]).float() / 255
    return (pixels[..., 0] - pixels[..., 2]).mean()


# ----------------------------------------------------------------- the command


def command(*arguments):
    return CliRunner().invoke(app, ["train", "shapes", "--quick", *map(str, arguments)])


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("command") / "shapes"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    done = command("--out", out, "--arm", "levelled", "--arm", "kl")
    torch.set_num_threads(threads)
    assert done.exit_code == 0, done.output
    return out, done.output


def test_the_command_pretrains_improves_and_measures(quick):
    out, told = quick
    found = json.loads((out / "metrics.json").read_text())
    assert list(found["arms"]) == ["levelled", "kl"]
    assert set(found["base"]["quality"]["categories"]) == {"count", "two", "left of", "above"}
    assert found["data"]["strict"] == 1.0
    for arm in found["arms"].values():
        assert len(arm["reward"]) == 2
        assert [step for step, _ in arm["held out"]] == [0, 1, 2]
        assert arm["ratio gap"] == 0
        assert arm["CPU seconds"] > 0
    assert len(found["signal"]["all"]["cosines"]) == 9
    assert len(found["signal"]["window"]["cosines"]) == 3
    assert len(found["decisions"]["gains"]) == 10
    assert "| before |" in told
    names = {path.name for path in out.iterdir()}
    drawn = {"held_out.svg", "decisions.svg", "signal.svg", "size.svg", "base.png", "kl.png"}
    assert {"report.md", *drawn} <= names


def test_a_repeat_begins_with_a_network_of_its_own_and_looks_at_nothing_else(tmp_path):
    out = tmp_path / "repeat"
    done = command(
        "--out", out, "--network", "3", "--no-looks", "--arm", "fast", "--arm", "fast-kl"
    )
    assert done.exit_code == 0, done.output
    found = json.loads((out / "metrics.json").read_text())
    assert found["network"] == 3
    assert not {"decisions", "signal"} & found.keys()
    about = json.loads((out / "pretraining" / "run.json").read_text())
    assert about["config"]["seed"] == 3
    kept = repeats.gather([out])["networks"]["3"]
    assert set(kept["runs"]) == {"fast", "fast-kl"}
    assert kept["runs"]["fast"]["quality"]["each"] == 2
    assert kept["pretraining CPU seconds"] > 0
    assert "| fast-kl − fast | 1 |" in repeats.tables(repeats.gather([out]))["Differences"]


def test_what_is_finished_is_not_done_again(quick):
    out, _ = quick
    before = (out / "metrics.json").read_bytes()
    weights = (out / "kl" / "adapter" / "pytorch_lora_weights.safetensors").stat().st_mtime_ns
    again = command("--out", out, "--resume", "--arm", "levelled", "--arm", "kl")
    assert again.exit_code == 0, again.output
    assert (out / "metrics.json").read_bytes() == before
    after = (out / "kl" / "adapter" / "pytorch_lora_weights.safetensors").stat().st_mtime_ns
    assert after == weights


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "exists: go on with --resume"),
        (("--resume", "--network", "1"), "was made otherwise (network: 0 there, 1 here)"),
        (("--resume", "--set", "sampling.steps=6"), "was made otherwise (changes: [] there"),
        (("--resume", "--arm", "first"), "no arm is called 'first'"),
        (("--resume", "--set", "method.betta=1"), "method.beta"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(quick, arguments, words):
    out, _ = quick
    before = sorted(path.name for path in out.iterdir())
    done = command("--out", out, *arguments)
    assert done.exit_code == 2
    assert words in done.output.replace("\n", "")
    assert sorted(path.name for path in out.iterdir()) == before


def test_a_folder_without_a_network_is_refused_before_anything_is_made(tmp_path):
    done = command("--pretrained", tmp_path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "holds no pre-trained shapes" in done.output.replace("\n", "")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------- arms


def test_arms_change_what_they_say_and_nothing_else():
    base = arms.config("levelled")
    method = base.method
    assert (method.window, method.start, method.size, method.weight) == ("fixed", 2, 3, "levelled")
    study = {name: arm for name, arm in arms.ARMS.items() if not name.startswith(("fast", "lora"))}
    for name, arm in study.items():
        config = arms.config(name)
        kept = presets.resolve(["miniature"], None, [*arms.COMMON, *arm.changes])
        assert config == kept
        assert (config != base) == (name != "levelled")
        assert config.images == 384  # equal numbers of pictures
        assert dataclasses.replace(config.training, iterations=60) == base.training
    assert arms.config("long").training.iterations == 2 * base.training.iterations
    assert arms.config("long", quick=True).training.iterations == 2


def test_the_fast_recipes_change_what_they_say_and_their_repeats_the_seed_alone():
    fast, kl, free, half = (arms.config(f"fast{name}") for name in ("", "-kl", "-free", "-half"))
    assert half.grid.levels == pytest.approx((1.0, 0.9, 0.8, 0.7, 0.35, 0.0))
    assert (half.method.start, half.method.size, half.method.noise) == (2, 1, 1.0)
    assert free.images == 2 * half.images == 2 * arms.config("levelled").images
    assert (free.method, free.adapter, free.grid) == (half.method, half.adapter, half.grid)
    rate = dataclasses.replace(free.training, learning_rate=half.training.learning_rate)
    assert fast == dataclasses.replace(free, training=rate, method=free.method.but(beta=0.1))
    assert kl == dataclasses.replace(fast, method=free.method.but(beta=kl.method.beta))
    assert kl.method.beta > fast.method.beta > free.method.beta == 0
    assert (fast.adapter.kind, arms.config("lora").adapter.kind) == ("full", "lora")
    repeated = {name for names in repeats.RECIPES.values() for name in names}
    assert repeated == {name for name in arms.ARMS if name.startswith(("fast", "lora"))}
    for recipe, names in repeats.RECIPES.items():
        first = arms.config(names[0])
        assert names[0] == recipe
        seeds = [arms.config(name).run.seed for name in names]
        assert len(set(seeds)) == len(names) == 3
        for name, seed in zip(names, seeds, strict=True):
            assert arms.config(name) == dataclasses.replace(
                first, run=dataclasses.replace(first.run, seed=seed)
            )


def test_forty_steps_draw_noise_between_the_levels_of_ten():
    ten, forty = arms.config("levelled"), arms.config("T-40")
    for end in (lambda m: m.start, lambda m: m.start + m.size):
        assert forty.grid.levels[end(forty.method)] == pytest.approx(
            ten.grid.levels[end(ten.method)]
        )


# -------------------------------------------------------------------- signal


def planted(K, P, batches, strength, noise):
    """Halves with a known signal in step 0, none in the others, and growing noise."""
    generator = torch.Generator().manual_seed(0)
    found = torch.randn(batches, K, 2, P, generator=generator, dtype=torch.float64)
    found *= torch.tensor(noise, dtype=torch.float64)[:, None, None]
    found[:, 0] += strength
    return list(found)


def test_the_report_finds_the_step_that_teaches_and_what_drowns_it():
    config = arms.config("equal", ("sampling.steps=4",))
    # signal 1 and noise 1 a coordinate: cosine 1/2 at step 0
    found = signal._told(config, planted(3, 4000, 6, 1.0, [1.0, 1.0, 100.0]))
    assert found.cosines[0] == pytest.approx(0.5, abs=0.05)
    assert all(abs(c) < 0.05 for c in found.cosines[1:])
    assert found.norms[2] / found.norms[1] == pytest.approx(100, rel=0.05)
    assert abs(found.summed["equal"][0]) < 0.05
    weights = found.weights["levelled"]
    drowned = weights[0] ** 2 / (2 * weights[0] ** 2 + weights[1] ** 2 + (100 * weights[2]) ** 2)
    assert found.summed["levelled"][0] == pytest.approx(drowned, abs=0.05)


def test_the_halves_are_the_gradients_of_half_of_the_prompts_each(quiet, pretrained):
    from refimpl.sd3.loop import update
    from refimpl.sd3.loop.train import Trainer

    config = arms.config("levelled", SMALL)
    device = accelerator(config.model.dtype)
    parts = miniature.parts(config, pretrained, device.device)
    ready = Engine(device, parts.transformer, config.training)
    seen = []

    def see(trainer, experience, *_):
        equal = config.method.but(weight="equal")
        found = signal._halves(trainer, equal, experience)
        alike = dataclasses.replace(experience, weights=(1.0, 1.0, 1.0))
        for half, prompts in enumerate([(0, 2), (1, 3)]):  # 8 rollouts each, one after another
            rows = [row for i in prompts for row in range(8 * i, 8 * i + 8)]
            update.gradient(trainer.policy, equal, alike, rows, rows=96,
                            backward=trainer.engine.backward)  # fmt: skip
            whole = torch.cat([p.grad.flatten() for p in trainer.engine.parameters])
            trainer.engine.optimiser.zero_grad()
            seen.append((-found[:, half].mean(dim=0).float(), whole))

    mixture = Mixture({"redness": redness}, {"redness": 1.0})
    with Trainer(config, parts, Prompted(*_few()), mixture, ready) as trainer:
        trainer.before_update.append(see)
        trainer.iterate()
    for half, whole in seen:
        assert whole.norm() > 0
        torch.testing.assert_close(half, whole, rtol=1e-3, atol=1e-4 * whole.norm().item())
    assert (seen[0][0] - seen[1][0]).norm() > 0.1 * seen[0][0].norm()


def test_the_cosine_and_its_error_are_those_of_many_repetitions():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(200, 8, 300, generator=generator, dtype=torch.float64)
    found = [signal.cosine(0.25 + one) for one in noise]  # S/(S + N) = 1/17
    values, errors = torch.tensor(found, dtype=torch.float64).T
    assert float(values.mean()) == pytest.approx(1 / 17, abs=0.004)
    assert 0.9 < float(errors.mean() / values.std()) < 1.55  # at most √2, and room
    one = noise[0, :1].repeat(3, 1)
    assert signal.cosine(one) == (pytest.approx(1), pytest.approx(0, abs=1e-6))


def test_one_batch_has_no_standard_error(pretrained):
    with pytest.raises(ValueError, match="at least 2 batches"):
        signal.look(arms.config("levelled"), pretrained, 1)


# ------------------------------------------------------------------ decisions


def test_guidance_in_no_step_is_none_and_in_every_step_the_usual(pretrained):
    captions, grid = list(every_caption()[:2]), grids.sd35_once_shifted(4)
    pipeline = network.load(pretrained)

    def made(guidance, guided=None):
        return evaluation.sampled(
            pipeline, captions, 2, grid, guidance=guidance, seed=1, guided=guided
        )

    assert torch.equal(made(4.5, ()), made(1.0))
    assert torch.equal(made(4.5, range(4)), made(4.5))
    one = made(4.5, (2,))
    assert not torch.equal(one, made(4.5))
    assert not torch.equal(one, made(1.0))


def test_the_step_that_decides_is_found(pretrained, monkeypatch):
    captions, grid = list(every_caption()[:4]), grids.sd35_once_shifted(4)
    right = evaluation.drawn(captions, 6, torch.Generator().manual_seed(0))
    seeds = set()

    def planted(pipeline, captions, each, grid, *, guidance, seed, guided):
        seeds.add(seed)
        helps = torch.arange(each) < (3 if 2 in guided else 0)
        return right * helps[None, :, None, None, None]

    monkeypatch.setattr(deciding, "sampled", planted)
    found = deciding.look(None, captions, 6, grid, seed=7)
    assert seeds == {7}  # the same noise, guided or not
    assert (found.plain, found.guided, found.gains) == (0.0, 0.5, (0.0, 0.0, 0.5, 0.0))
    assert found.errors[2] == pytest.approx(0.5 * (24 / 23) ** 0.5 / 24**0.5)
    assert found.levels == grid.levels[:4]
    with pytest.raises(ValueError, match="guidance=1 is none"):
        deciding.look(None, captions, 6, grid, guidance=1.0, seed=0)


# ------------------------------------------------------------------- pictures


def test_curves_are_means_of_five_iterations_and_of_what_is_left():
    assert report._fives([float(i) for i in range(12)]) == ([2, 7, 10.5], [2, 7, 10.5])


def test_a_sheet_marks_what_is_right():
    from io import BytesIO

    from PIL import Image

    captions = [every_caption()[0], every_caption()[100]]
    images = torch.stack(
        [drawing.draw([caption] * 2, torch.Generator().manual_seed(0)) for caption in captions]
    )
    images[1, 1] = 0
    page = Image.open(BytesIO(report.sheet(images, captions)))
    side = page.height // 2
    corners = [page.getpixel((report.WORDS + c * side, r * side)) for r in (0, 1) for c in (0, 1)]
    green, grey = (0x10, 0xB9, 0x81), (0xB0,) * 3
    assert corners == [green, green, green, grey]
