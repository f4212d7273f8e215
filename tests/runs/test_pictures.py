"""Pictures: well-formed, self-contained, the same every time, and drawn where the numbers say."""

import pickle
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from refimpl.runs import pictures


def normal(u):
    return np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


def cloud():
    return torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def lines(**options):
    points = {"a & b": ([1, 10, 100], [1e-3, 1e-2, 1e-1])}
    return pictures.curves(points, x_label="T", y_label="e", **options)


MADE = {
    "histogram": lambda: pictures.histogram(cloud()[:, 0], normal, x=(-3, 3), label="a < b"),
    "scatter": lambda: pictures.scatter(cloud(), beside=cloud() + 1),
    "trajectories": lambda: pictures.trajectories((1.0, 0.0), torch.stack([cloud(), cloud() / 4])),
    "curves": lambda: lines(log_x=True, log_y=True, marks={"best": 0.05}, band=(1e-3, 1e-2)),
    "flat": lambda: pictures.curves({"c": ([1, 2], [3, 3])}, x_label="x", y_label="y"),
    "sheet": lambda: pictures.sheet(torch.zeros(2, 3, 8, 8), ("0", "1")),
}


@pytest.mark.parametrize("name", MADE)
def test_every_picture_is_one_wellformed_self_contained_svg(name):
    svg = MADE[name]().svg("what < it shows")
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("aria-label") == "what < it shows"
    addresses = [value for e in root.iter() for key, value in e.items() if key.endswith("href")]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "url(http" not in svg
    assert "<style" not in svg  # in a page it would rule all of it
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "currentColor" in svg
    assert "#010203" not in svg


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_the_same_every_time_and_after_a_journey(name):
    first = MADE[name]()
    assert MADE[name]().svg() == first.svg() == pickle.loads(pickle.dumps(first)).svg()


def axes(picture):
    figure = Figure()
    picture.draw(figure)
    return figure.axes


def test_a_histogram_shows_shares_of_its_samples():
    drawn = MADE["histogram"]()
    inside = (cloud()[:, 0].abs() < 3).double().mean().item()
    assert np.sum(drawn.heights * np.diff(drawn.edges)) == pytest.approx(inside)
    (panel,) = axes(drawn)
    (stairs,) = panel.patches
    assert stairs.get_data().values == pytest.approx(drawn.heights)
    np.testing.assert_allclose(panel.lines[0].get_ydata(), normal(panel.lines[0].get_xdata()))


def test_clouds_lie_where_their_points_are_on_shared_axes():
    left, right = axes(MADE["scatter"]())
    np.testing.assert_allclose(left.collections[0].get_offsets(), cloud())
    np.testing.assert_allclose(right.collections[0].get_offsets(), cloud() + 1)
    assert left.get_xlim() == right.get_xlim()


def test_time_runs_from_noise_to_data():
    (panel,) = axes(MADE["trajectories"]())
    assert panel.get_xlim() == (1.0, 0.0)


def test_curves_have_their_scales_marks_and_band():
    (panel,) = axes(MADE["curves"]())
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    drawn = {line.get_label(): line.get_ydata() for line in panel.lines}
    np.testing.assert_allclose(drawn["a & b"], [1e-3, 1e-2, 1e-1])
    np.testing.assert_allclose(drawn["best"], 0.05)
    (band,) = panel.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((1e-3, 9e-3))


def test_no_two_curves_look_alike_and_more_than_can_be_told_apart_are_refused():
    def many(n):
        points = {str(k): ([0, 1], [k, k + 1]) for k in range(n)}
        return pictures.curves(points, x_label="x", y_label="y")

    paths = ET.fromstring(many(24).svg()).iter("{http://www.w3.org/2000/svg}path")
    looks = [path.get("style") for path in paths if path.get("clip-path")]
    assert len(looks) == len(set(looks)) == 24
    with pytest.raises(ValueError, match="25 curves cannot be told apart, 24 can"):
        many(25)


def test_black_is_one_and_rows_are_named():
    (panel,) = axes(pictures.sheet(torch.ones(1, 2, 8, 8), ("seven",)))
    page = panel.images[0].get_array()
    assert page.shape == (9, 18)
    assert page[:8, :8].min() == 1
    assert page[8].max() == -1  # the margin
    assert [label.get_text() for label in panel.get_yticklabels()] == ["seven"]


def test_a_log_axis_refuses_zero():
    with pytest.raises(ValueError, match="positive on a log axis"):
        pictures.curves({"a": ([0, 1], [1, 2])}, x_label="x", y_label="y", log_x=True)


def test_a_curve_refuses_nan_and_nothing():
    with pytest.raises(ValueError, match="y must be finite"):
        pictures.curves({"a": ([0, 1], [1, float("nan")])}, x_label="x", y_label="y")
    with pytest.raises(ValueError, match="nothing to draw"):
        pictures.curves({}, x_label="x", y_label="y")


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'refimpl\[pictures\]'"):
        MADE["flat"]().svg()
