"""Files that cannot be audited say why and what to do; large ones are read in constant memory."""

import json
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from refimpl.audit import audit
from refimpl.audit.reporting.report import text as as_text
from refimpl.cli import app


class Code:
    """Something that only code can read."""

    def __reduce__(self):
        return os.system, ("echo run >&2; false",)


def broken(tmp_path, make):
    """By name: a file, and words of the error."""
    content = make(batch=4, dtype=torch.float32)
    whole = tmp_path / "whole.safetensors"
    save_file(content, whole)
    bytes_of = whole.read_bytes()
    torch.save(content, tmp_path / "whole.pt")
    np.savez(tmp_path / "whole.npz", **{k: x.numpy() for k, x in content.items()})

    def file(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    torch.save({"x_t": Code()}, tmp_path / "code.pt")
    torch.save([content["x_t"]], tmp_path / "list.pt")
    torch.save({"x_t": [torch.ones(2), torch.ones(2)]}, tmp_path / "lists.pt")
    np.savez(tmp_path / "object.npz", x_t=np.array([Code(), None], dtype=object))
    np.save(tmp_path / "single.npy", np.ones(3))
    save_file({"latents": torch.ones(3, 2)}, tmp_path / "names.safetensors")
    save_file({"x_t": torch.ones(0, 2), "t": torch.ones(0)}, tmp_path / "rows.safetensors")
    save_file({"x_t": torch.ones(3, 2), "t": torch.ones(4)}, tmp_path / "shape.safetensors")
    save_file({"x_t": torch.ones(3, 2)}, tmp_path / "format.safetensors", {"format": "other/9"})
    save_file({"x_t": torch.ones(3, 2)}, tmp_path / "json.safetensors", {"manifest": "{"})
    (tmp_path / "void").mkdir()
    return {
        "absent": (tmp_path / "no.pt", "there is no"),
        "empty": (file("empty.safetensors", b""), "is empty"),
        "folder": (tmp_path / "void", "holds no dump"),
        "truncated": (file("t.safetensors", bytes_of[:-100]), "is truncated: "),
        "header": (file("h.safetensors", bytes_of[:40]), "is truncated"),
        "damaged": (file("d.safetensors", bytes_of[:12] + b"#" + bytes_of[13:]), "is damaged"),
        "text": (file("text.npz", b"step,reward\n1,2\n" * 9), "is no safetensors, npz or torch"),
        "torch": (file("t.pt", (tmp_path / "whole.pt").read_bytes()[:-500]), "truncated"),
        "npz": (file("t.npz", (tmp_path / "whole.npz").read_bytes()[:-500]), "truncated"),
        "code": (tmp_path / "code.pt", "needs code to be read, and is refused"),
        "pickle": (file("p.pkl", pickle.dumps({"x_t": Code()})), "needs code to be read"),
        "list": (tmp_path / "list.pt", "holds a list, not a dict"),
        "lists": (tmp_path / "lists.pt", "store torch.stack(x_t)"),
        "object": (tmp_path / "object.npz", "array of objects"),
        "single": (tmp_path / "single.npy", "save named ones"),
        "names": (tmp_path / "names.safetensors", "holds latents, and the audit knows x_t"),
        "rows": (tmp_path / "rows.safetensors", "no rows"),
        "shape": (tmp_path / "shape.safetensors", "t has the shape (4,), which does not fit"),
        "format": (tmp_path / "format.safetensors", "has the format 'other/9'"),
        "json": (tmp_path / "json.safetensors", "is no JSON"),
    }


NAMES = ["absent", "empty", "folder", "truncated", "header", "damaged", "text", "torch", "npz",
         "code", "pickle", "list", "lists", "object", "single", "names", "rows", "shape", "format",
         "json"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_cannot_be_audited_says_why(tmp_path, make, name, capfd):
    path, words = broken(tmp_path, make)[name]
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(words)):
        audit(path)
    assert "run" not in capfd.readouterr().err  # no code of a pickle ran


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("a = '0.7'", "a must be int or float, got '0.7'"),
        ("logprob = 'sum'", "unknown key 'logprob'; did you mean log_prob?"),
        ("log_prob = 'max'", "log_prob must be one of ('sum', 'mean'), got 'max'"),
        ("boundary = 'clamp 1.0'", "'next_level', 'clamp <number>'), got 'clamp 1.0'"),
        ("boundary = 'clamp <number>'", "got 'clamp <number>'"),
        ("time_scale = 999", "time_scale must be 1 or 1000"),
        ("on_policy = 1", "on_policy must be bool"),
        ("[names]\nlatents = 'x_t'", "names has 'latents'"),
        ("[names]\nx_t = 'latents'", "x_t is said to be 'latents'"),
        ("a = ", "is no TOML"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(tmp_path, make, manifest, words):
    save_file(make(batch=4), tmp_path / "r.safetensors")
    (tmp_path / "m.toml").write_text(manifest)
    line = ["audit", str(tmp_path / "r.safetensors"), "--manifest", str(tmp_path / "m.toml")]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_names_of_ones_own_are_mapped(tmp_path, make):
    theirs = {"x_t": "latents", "x_s": "next_latents", "log_prob": "log_probs", "t": "timesteps"}
    content = {theirs.get(k, k): x for k, x in make().items()} | {"prompt_ids": torch.ones(108, 7)}
    save_file(content, tmp_path / "r.safetensors")
    report = audit(tmp_path / "r.safetensors", {"names": theirs})
    assert report.consistent
    assert {f.subject for f in report.findings} >= {"mean", "x_s", "log_prob", "kl", "noise"}
    assert report.unused == ["prompt_ids"]


@pytest.mark.parametrize("wrong", [False, True])
def test_the_command_prints_writes_and_exits_by_what_it_found(tmp_path, make, wrong):
    content = make(dtype=torch.float32)
    content["kl"] = content["kl"] * (content["t"] - content["s"] if wrong else 1)
    save_file(content, tmp_path / "r.safetensors")
    line = f"audit {tmp_path}/r.safetensors --json {tmp_path}/r.json --html {tmp_path}/r.html"
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == int(wrong), result.output
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["consistent"] is not wrong
    kl = next(f for f in told["parts"][0]["findings"] if f["subject"] == "kl")
    assert ("KL without h" in kl["formula"]) == wrong
    page = (tmp_path / "r.html").read_text()
    assert "http" not in page
    assert ("class='differs'" in page) == wrong
    assert CliRunner().invoke(app, ["audit", str(tmp_path / "no.npz")]).exit_code == 2


LARGE = """
import sys, torch
from refimpl.audit import audit
from refimpl.audit.reporting.report import text as as_text
torch.set_num_threads(1)

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(l.split()[1]) for l in lines if l.startswith("RssAnon")) / 1024

import threading, time
peak, on = [anonymous()], True
def watch():
    while on:
        peak.append(anonymous())
        time.sleep(0.005)
thread = threading.Thread(target=watch); thread.start()
audit(sys.argv[1]); before = max(peak); peak.clear(); peak.append(anonymous())
report = audit(sys.argv[2])
on = False; thread.join()
assert report.consistent
print(max(peak) - before)
"""


@pytest.mark.parametrize(
    "kind",
    [
        "safetensors",
        "torch",
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("npz", "compressed")),
    ],
)
def test_a_large_file_takes_the_memory_of_a_small_one(tmp_path, make, writers, kind):
    """75 MiB more on the disk take 8 MiB more at most: what is kept of the noise is bounded."""
    paths, kept = [], ("x_t", "x_s", "v", "noise", "t", "s", "std", "log_prob")
    for name, batch in (("small", 8), ("large", 40)):
        content = make(batch=batch, shape=(16, 32, 32), dtype=torch.float32)
        path = writers[kind]({k: content[k] for k in kept})
        paths.append(path.rename(tmp_path / f"{name}{path.suffix}"))
    assert paths[1].stat().st_size - paths[0].stat().st_size > 65 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", LARGE, *map(str, paths)],
        capture_output=True,
        text=True,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},  # what is freed goes back at once
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 8


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202e", "\n4 consistent", "\x9b0m"], ids=ascii)
def test_names_of_a_record_are_safe_to_print(tmp_path, make, text):
    save_file(make(batch=4) | {f"my{text}own": torch.ones(2)}, tmp_path / "r.safetensors")
    done = audit(tmp_path / "r.safetensors")
    assert done.unused
    told = [done.parts[0].title, *done.unused, *(f.detail for f in done.findings)]
    assert all(t.isprintable() for t in told)
    assert all(line.isprintable() for line in as_text(done).splitlines())
    save_file({f"my{text}own": torch.ones(2)}, tmp_path / "o.safetensors")
    with pytest.raises(ValueError, match="the audit knows") as refused:
        audit(tmp_path / "o.safetensors")
    assert str(refused.value).isprintable()
