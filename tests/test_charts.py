"""What an expert rejects at a glance, asked of every picture of every notebook: slices of pies, the axis of bars."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import BarContainer
from matplotlib.patches import Wedge
from notebook_cells import shown

from kamlib import style
from kamlib.batch.plan import select

ROOT = Path(__file__).parent.parent
MOST_SLICES = 7  # six and the others
FLOATING = ("waterfall",)  # steps of a waterfall hang where the step before ended
BANDS = ("dots", "box")  # what looks like a bar behind dots is a range, of days or of quartiles


def faults(figure, kind: str) -> list[str]:
    """Say what is wrong with the pies and bars of a figure."""
    found = []
    for ax in figure.axes:
        slices = [patch for patch in ax.patches if isinstance(patch, Wedge)]
        if len(slices) > MOST_SLICES:
            found.append(f"a pie with {len(slices)} slices")
        bars_of = [c for c in ax.containers if isinstance(c, BarContainer) and c.orientation and kind not in BANDS]
        for bars in bars_of:
            upright = bars.orientation == "vertical"
            low, high = sorted(ax.get_ylim() if upright else ax.get_xlim())
            scale = ax.get_yscale() if upright else ax.get_xscale()
            if scale == "log":
                found.append("bars on a logarithmic axis")
            if not low <= 0 <= high:
                found.append(f"bars on an axis from {low:g} to {high:g}")
    if kind not in (*FLOATING, *BANDS):
        found += [f"bars that begin at {start:g}" for ax in figure.axes for start in _starts(ax)]
    return found


def _starts(ax) -> list[float]:
    """Return where bars begin that neither cover zero nor stand on others of their place that do."""
    places: dict[tuple[bool, float], list[tuple[float, float]]] = {}
    for bars in (c for c in ax.containers if isinstance(c, BarContainer)):
        upright = bars.orientation == "vertical"
        for box in (patch.get_bbox() for patch in bars.patches):
            span = sorted((box.y0, box.y1) if upright else (box.x0, box.x1))
            if np.isfinite(span).all() and span[0] < span[1]:
                places.setdefault((upright, round(box.x0 if upright else box.y0, 6)), []).append(tuple(span))
    begins = []
    for spans in places.values():
        joined: list[list[float]] = []
        for low, high in sorted(spans):
            if joined and low <= joined[-1][1] + 1e-9 * (abs(low) + 1):
                joined[-1][1] = max(joined[-1][1], high)
            else:
                joined.append([low, high])
        begins += [
            low for low, high in joined if not low <= 1e-9 * (abs(high) + 1) or not high >= -1e-9 * (abs(low) + 1)
        ]
    return begins


@pytest.mark.parametrize("notebook", select(ROOT), ids=lambda notebook: notebook.number)
def test_pies_have_few_slices_and_bars_begin_at_zero(notebook, monkeypatch, sample):
    """D.11-16: pie with 12 slices. D.11-17: truncated axis on bars."""
    exhibits = shown(notebook.number, monkeypatch, sample)
    assert len(exhibits) >= 4
    wrong = {e.id: faults(e.figure, e.chart["kind"]) for e in exhibits if e.figure is not None}
    assert {id: found for id, found in wrong.items() if found} == {}


def test_the_test_sees_a_cut_axis_and_a_pie_of_twelve():
    ax = style.new_axes()
    ax.bar([0, 1], [98, 99])
    ax.set_ylim(97, 100)
    assert faults(ax.figure, "column") == ["bars on an axis from 97 to 100"]
    ax = style.new_axes()
    ax.pie(range(1, 13))
    assert faults(ax.figure, "bar") == ["a pie with 12 slices"]
    ax = style.new_axes()
    ax.bar([0, 1], [5, 6], bottom=[40, 40])
    ax.set_ylim(0, 50)
    assert faults(ax.figure, "column") == ["bars that begin at 40", "bars that begin at 40"]
