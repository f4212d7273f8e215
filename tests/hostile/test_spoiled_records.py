"""Records for the audit, spoiled: judged if they can be read, refused in one line if not."""

import io
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save
from spoiling import bytes_spoiled, documents_spoiled, refusal, some

from refimpl.audit import audit
from refimpl.audit.reading.files import open_dump
from refimpl.equations import Step, expand_like, paths, sde
from refimpl.simulate import grids


def record():
    """Three right steps of four small samples."""
    draw = torch.Generator().manual_seed(0)
    made, x = {}, torch.randn(4, 1, 2, 2, generator=draw, dtype=torch.float64)
    for step in grids.sd35_once_shifted(4).steps[:3]:
        t, s = (torch.full((4,), level, dtype=torch.float64) for level in (step.t, step.s))
        now = Step(expand_like(t, x), expand_like(s, x))
        g = sde.flow_grpo_g(now.t, 0.7, sde.next_level(now))
        v = x / 2
        kernel = sde.transition(paths.linear(now.t), x, v, g, now)
        x_s = kernel.sample(torch.randn(x.shape, generator=draw, dtype=torch.float64))
        row = {"x_t": x, "x_s": x_s, "t": t, "s": s, "v": v, "mean": kernel.mean,
               "std": kernel.std.reshape(4)}  # fmt: skip
        for name, value in row.items():
            made.setdefault(name, []).append(value)
        x = x_s
    return {name: torch.cat(parts) for name, parts in made.items()}


RECORD = record()


def as_npz(content, write=np.savez):
    made = io.BytesIO()
    write(made, **{name: np.asarray(x) for name, x in content.items()})
    return made.getvalue()


def as_torch(content):
    made = io.BytesIO()
    torch.save(content, made)
    return made.getvalue()


FORMS = {
    "x.safetensors": save,
    "x.npz": as_npz,
    "x.pt": as_torch,
    "y.npz": lambda content: as_npz(content, np.savez_compressed),
}

ARRAYS = {
    "gone": lambda x: None,
    "empty": lambda x: x[:0],
    "one row": lambda x: x[:1],
    "a row less": lambda x: x[:-1],
    "a scalar": lambda x: x.flatten()[0].clone(),
    "an axis more": lambda x: x[None],
    "flat": lambda x: x.flatten(),
    "whole numbers": lambda x: x.to(torch.int64),
    "bytes": lambda x: x.to(torch.uint8),
    "truths": lambda x: x > 0,
    "half precision": lambda x: x.half(),
    "single precision": lambda x: x.float(),
    "NaN": lambda x: x * torch.nan,
    "one NaN": lambda x: torch.where(x == x.flatten()[0], torch.nan, x),
    "infinite": lambda x: x * torch.inf,
    "zero": lambda x: 0 * x,
    "negative": lambda x: -x.abs(),
    "huge": lambda x: 1e300 * (1 + x.abs()),
    "tiny": lambda x: 1e-300 * x,
    "thousandfold": lambda x: 1000 * x,
    "turned": lambda x: x.flip(0),
}


def arrays():
    """(title, content): every array in turn another one."""
    for name, x in RECORD.items():
        for title, change in ARRAYS.items():
            other = change(x)
            changed = {} if other is None else {name: other.contiguous()}
            yield f"{name} {title}", {k: y for k, y in RECORD.items() if k != name} | changed
    yield "misnamed", {f"{name}_": x for name, x in RECORD.items()}
    yield "nothing", {}


HEADERS = {"x_t": {"dtype": "F64", "shape": [12, 1, 2, 2], "data_offsets": [0, 384]},
           "__metadata__": {"format": "pt"}}  # fmt: skip


def headers():
    """(title, bytes): safetensors whose header says something else."""
    for title, document in documents_spoiled(HEADERS):
        head = json.dumps(document).encode()
        yield f"header: {title}", len(head).to_bytes(8, "little") + head + bytes(384)


def files():
    """(title, name, bytes): all of them."""
    for name, form in FORMS.items():
        for title, made in bytes_spoiled(form(RECORD)).items():
            yield f"{name} {title}", name, made
    for title, content in arrays():
        yield title, "x.safetensors", save(content)
        yield f"{title}, npz", "x.npz", as_npz(content)
    for title, made in headers():
        yield title, "x.safetensors", made


FILES = list(files())


def failures(rows, folder):
    found = []
    for title, name, made in rows:
        (folder / name).write_bytes(made)
        if said := refusal(lambda name=name: audit(folder / name)):
            found.append(f"{title}: {said}")
        (folder / name).unlink()
    return found


@pytest.mark.parametrize("name", FORMS)
def test_the_right_record_is_judged(name, tmp_path):
    (tmp_path / name).write_bytes(FORMS[name](RECORD))
    assert audit(tmp_path / name).findings


@pytest.mark.parametrize("seed", range(3))
def test_some_spoiled_records_are_judged_or_refused_in_a_line(seed, tmp_path):
    assert not failures(some(FILES, 17 * seed, 67), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_every_spoiled_record_is_judged_or_refused_in_a_line(part, tmp_path):
    assert not failures(FILES[part::10], tmp_path)


def test_there_are_hundreds_of_spoiled_records():
    assert len(FILES) > 600
    assert len({title for title, *_ in FILES}) == len(FILES)


def test_a_header_whose_length_begins_like_a_pickle_is_a_header(tmp_path):
    """Its first byte is 0x80 where it has 128 bytes more than a multiple of 256."""
    whole = save(RECORD)
    length = int.from_bytes(whole[:8], "little")
    padded = -(-(length - 128) // 256) * 256 + 128
    head = whole[8 : 8 + length].ljust(padded)
    (tmp_path / "x.safetensors").write_bytes(
        padded.to_bytes(8, "little") + head + whole[8 + length :]
    )
    (tmp_path / "y.safetensors").write_bytes(whole)
    assert padded.to_bytes(8, "little")[:1] == b"\x80"
    opened = [open_dump(tmp_path / name)[0] for name in ("x.safetensors", "y.safetensors")]
    assert list(opened[0].columns) == list(opened[1].columns)
    for name, x in RECORD.items():
        assert torch.equal(opened[0].columns[name].all(), x)
