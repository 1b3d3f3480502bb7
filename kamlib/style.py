"""The house style: quiet, colour-blind-safe charts whose title is the finding.

`apply` sets it, once, when a notebook opens its exhibits. The rest are small helpers that several questions share.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib.resources import files

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from kamlib import words

# Okabe & Ito (2008), "Color universal design": distinguishable with every common colour vision deficiency.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
INK, GREY, PALE, GRID = "#222222", "#8C8C8C", "#C9CED4", "#E6E8EB"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
TIER = {"A": BLUE, "B": SKY, "C": ORANGE, "D": PALE}
GOOD, BAD = BLUE, VERMILION
SEQUENTIAL, DIVERGING = "Blues", "PuOr"


def apply() -> None:
    """Set matplotlib's defaults to the house style, with a font that has Chinese."""
    font_manager.fontManager.addfont(str(files("zhplot") / "fonts/NotoSansSC-Regular.ttf"))
    mpl.rcParams.update({
        "font.family": ["Noto Sans SC", "DejaVu Sans"], "font.size": 10, "text.hinting": "none", "text.color": INK,
        "axes.prop_cycle": mpl.cycler(color=CYCLE), "axes.edgecolor": GREY, "axes.labelcolor": INK,
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "axes.unicode_minus": False,
        "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.8,
        "xtick.color": INK, "ytick.color": INK, "legend.frameon": False,
        "figure.dpi": 100, "savefig.dpi": 100, "svg.hashsalt": "kamlib", "svg.fonttype": "path",
        "text.parse_math": False,  # a customer called A$B$ is no formula
    })  # fmt: skip


def percent_axis(axis, digits: int = 0) -> None:
    """Write an axis of shares (0 to 1) as percentages."""
    axis.set_major_formatter(PercentFormatter(1, decimals=digits, symbol=" %"))


def money_axis(axis) -> None:
    """Write an axis of amounts short, with the currency: "CNY 2 m"."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    axis.set_minor_formatter(NullFormatter())  # a logarithmic axis would write its minor ticks as formulas


def date_axis(axis, most: int = 5) -> None:
    """Write an axis of dates with at most `most` ticks, as 2025-06."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    axis.set_major_locator(AutoDateLocator(minticks=2, maxticks=most))
    axis.set_major_formatter(DateFormatter("%Y-%m"))


def _tick(value: float) -> str:
    """Write the amount with as many digits as it needs: 1.25 m, 1.5 m, 2 m."""
    return re.sub(r"\.?0+(?=\D*$)", "", text) if "." in (text := words.money(value, digits=2)) else text


def wrapped(text: str, width: int = 13) -> str:
    """Break `text` into lines of at most `width` columns where it can; a Chinese character takes two columns."""
    lines = [""]
    unit = r"(?:\s(?:%|k|m|bn)(?!\w)[^\s\u2e80-\uffef]*)?"  # stays with its number, as does "n = 36"
    latin = rf"(?:n = )?[^\s\u2e80-\uffef]+{unit}"
    for piece in re.findall(rf"[\s（]*(?:[\u2e80-\uffef]|{latin})[，。；：、）,;:.]*", text):
        if lines[-1] and _columns(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\n".join(lines)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" or letter == "%" else 1 for letter in text)


def reference_line(ax: Axes, value: float, text: str, *, axis: str = "y") -> None:
    """Draw a dashed line at `value` (a mean, a target, a cut), labelled at its end."""
    if axis == "y":
        ax.axhline(value, color=GREY, lw=1, ls="--")
        ax.annotate(
            text,
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            color=GREY,
            fontsize=8,
        )
    else:
        ax.axvline(value, color=GREY, lw=1, ls="--")
        ax.annotate(
            text,
            (value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            va="top",
            color=GREY,
            fontsize=8,
        )


def label_points(ax: Axes, x: Sequence[float], y: Sequence[float], texts: Sequence[str]) -> None:
    """Write a name beside each point, moved apart where it would collide with another or with a point of the chart."""
    from adjustText import adjust_text
    from matplotlib.collections import PathCollection

    labels = [ax.text(a, b, text, fontsize=8) for a, b, text in zip(x, y, texts, strict=True)]
    if labels:
        np.random.seed(0)  # adjustText breaks ties at random; pictures must not differ between runs
        drawn = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
        points = np.ma.concatenate([np.column_stack([x, y]), *drawn]).astype(float)
        arrow = {"arrowstyle": "-", "color": GREY, "lw": 0.6}
        # a number of steps, not a time, so that a busy machine draws the same picture
        adjust_text(labels, x=points[:, 0], y=points[:, 1], ax=ax, arrowprops=arrow, iter_lim=500)


def bar_labels(ax: Axes, texts: Sequence[str]) -> None:
    """Write `texts` at the ends of horizontal bars, one per bar in drawing order."""
    ax.bar_label(ax.containers[0], labels=list(texts), padding=3, fontsize=8)
    ax.margins(x=0.12)


def heat_map(ax: Axes, values: pd.DataFrame, texts: pd.DataFrame, *, low: float = 0, high: float | None = None) -> None:
    """Draw `values` as a heat map with `texts` written in the cells; a missing value stays blank.

    Rows and columns are labelled with the words of their names; the first row is on top.
    """
    grid = values.to_numpy(float)
    known = grid[np.isfinite(grid)]
    high = max(known.max(initial=low), low + 1e-9) if high is None else high
    paper = low - 0.15 * (high - low)  # the lowest value is pale, not white: white is "no value"
    ax.imshow(grid, cmap=SEQUENTIAL, aspect="auto", vmin=paper, vmax=high)
    for (i, j), value in np.ndenumerate(grid):
        if np.isfinite(value):
            ink = "white" if value > low + 0.6 * (high - low) else INK
            ax.text(j, i, str(texts.iat[i, j]), ha="center", va="center", color=ink, fontsize=8)
    ax.set_xticks(range(grid.shape[1]), [wrapped(words.word(name)) for name in values.columns])
    ax.set_yticks(range(grid.shape[0]), [words.word(name) for name in values.index])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def panels(ax: Axes, rows: int, columns: int, *, width_ratios: Sequence[float] | None = None, **options) -> np.ndarray:
    """Put a grid of axes in the place of `ax`; return them as an array of that shape."""
    spec = ax.get_subplotspec()
    figure = ax.figure
    ax.remove()
    return (
        spec.subgridspec(rows, columns, width_ratios=width_ratios).subplots(squeeze=False, **options)
        if spec
        else figure.subplots(rows, columns, squeeze=False, width_ratios=width_ratios, **options)
    )


def new_axes(size: tuple[float, float] = (8, 4.5)) -> Axes:
    """Return the axes of a new figure of `size` inches, outside pyplot's list of open figures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()
