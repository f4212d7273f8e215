"""Pictures: well-formed, self-contained, and drawn where the numbers say."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from refimpl.verify import pictures


def normal(u):
    return np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


def made():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(500, 2, generator=g, dtype=torch.float64)
    return {
        "histogram": pictures.histogram(x[:, 0], normal, x=(-3, 3), label="a < b"),
        "scatter": pictures.scatter(x, beside=x + 1),
        "trajectories": pictures.trajectories((1.0, 0.5, 0.0), torch.stack([x, x / 2, x / 4])),
        "curves": pictures.curves(
            {"a & b": ([1, 10, 100], [1e-3, 1e-2, 1e-1])},
            x_label="T",
            y_label="e",
            log_x=True,
            log_y=True,
        ),
        "flat": pictures.curves({"c": ([1, 2], [3, 3])}, x_label="x", y_label="y"),
    }


@pytest.mark.parametrize("name", made())
def test_every_picture_is_one_wellformed_self_contained_svg(name):
    svg = made()[name]
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "nan" not in svg
    assert 'fill="currentColor"' in svg


def test_a_log_axis_is_logarithmic():
    svg = made()["curves"]
    xs = [float(c.get("cx")) for c in ET.fromstring(svg).iter() if c.tag.endswith("circle")]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


def test_a_log_axis_refuses_zero():
    with pytest.raises(ValueError, match="positive on a log axis"):
        pictures.curves({"a": ([0, 1], [1, 2])}, x_label="x", y_label="y", log_x=True)
