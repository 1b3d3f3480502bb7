"""Clusters that would be found again: how many groups do the data show, if they show any?

k-means makes the groups, from the centres of Ward's tree (Punj and Stewart 1983) and from a few random starts with a fixed
seed; the tightest result counts. Whether a grouping is there at all is asked twice: do its members lie closer to each other than to the rest
(silhouette), and is it found again when the accounts are drawn anew (bootstrap)?
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import cut_tree, ward
from scipy.spatial.distance import cdist, pdist, squareform

STABLE_ARI, STABLE_JACCARD = 0.85, 0.75
"""Mean adjusted Rand index, and mean Jaccard similarity of the least stable group, from which groups are real."""

MOST_STEPS = 100


def robust_scaled(values: ArrayLike) -> np.ndarray:
    """Return each column less its median, divided by its interquartile range (or standard deviation where that is 0)."""
    x = np.asarray(values, float)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high > low, high - low, x.std(axis=0))
    return (x - middle) / np.where(spread > 0, spread, 1)


def partitions(
    points: ArrayLike, ks: range, starts: int = 20, seed: int = 0
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return (labels, centres) of the tightest k-means for each number of groups of `ks`, the largest group first.

    It is started from Ward's tree and `starts` times from random points far apart (k-means++: Arthur and Vassilvitskii 2007).
    """
    points = np.asarray(points, float)
    random = np.random.default_rng(seed)
    cuts = cut_tree(ward(points), n_clusters=list(ks))
    found = {}
    for k, tree in zip(ks, cuts.T, strict=True):
        begin = np.array([points[tree == group].mean(axis=0) for group in range(k)])
        labels, centres = _kmeans(points, np.concatenate([begin[None], _spread(points, k, starts, random)]))
        order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
        found[k] = np.argsort(order)[labels], centres[order]
    return found


def _spread(points: np.ndarray, k: int, starts: int, random: np.random.Generator) -> np.ndarray:
    """Return `starts` times `k` points, each drawn in proportion to its squared distance from those drawn before."""
    centres = points[random.integers(0, len(points), starts)][:, None]
    nearest = np.full((starts, len(points)), np.inf)
    for _ in range(k - 1):
        nearest = np.minimum(nearest, ((points - centres[:, -1:]) ** 2).sum(axis=2))
        reached = nearest.cumsum(axis=1)
        drawn = (reached < random.random((starts, 1)) * reached[:, -1:]).sum(axis=1)
        centres = np.concatenate([centres, points[np.minimum(drawn, len(points) - 1)][:, None]], axis=1)
    return centres


def _kmeans(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (labels, centres) of the tightest of several runs of Lloyd's algorithm, one per start; all run at once."""
    k, labels = centres.shape[1], np.array([])
    for _ in range(MOST_STEPS):
        distances = (centres**2).sum(axis=2)[:, None] - 2 * points @ centres.transpose(0, 2, 1)
        before, labels = labels, distances.argmin(axis=2)
        if np.array_equal(before, labels):
            break
        member = (labels[:, :, None] == np.arange(k)).astype(float)
        sizes = member.sum(axis=1)[:, :, None]
        centres = np.where(sizes > 0, member.transpose(0, 2, 1) @ points / np.maximum(sizes, 1), centres)
    loose = np.take_along_axis(distances, labels[:, :, None], axis=2).sum(axis=(1, 2))
    best = int(np.argmin(np.round(loose, 6)))
    return labels[best], centres[best]


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette width, −1 to 1; a group of one counts 0. Source: Rousseeuw (1987)."""
    groups, place = np.unique(labels, return_inverse=True)
    if len(groups) < 2:
        return np.nan
    distances = squareform(pdist(points))
    member = np.eye(len(groups))[place]
    sums, sizes = distances @ member, member.sum(axis=0)
    own = sums[np.arange(len(place)), place] / np.maximum(sizes[place] - 1, 1)
    other = np.where(member > 0, np.inf, sums / sizes).min(axis=1)
    widths = np.where(sizes[place] > 1, (other - own) / np.maximum(np.maximum(own, other), 1e-300), 0)
    return float(widths.mean())


def adjusted_rand(one: ArrayLike, other: ArrayLike) -> float:
    """Return the agreement of two groupings, 1 when equal, about 0 by chance. Source: Hubert and Arabie (1985)."""
    first, second = (np.unique(labels, return_inverse=True)[1] for labels in (one, other))
    table = np.eye(first.max() + 1)[first].T @ np.eye(second.max() + 1)[second]
    pairs = lambda counts: (counts * (counts - 1) / 2).sum()  # noqa: E731
    both, rows, columns, n = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(table.sum())
    chance = rows * columns / n if n else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == chance else float((both - chance) / (most - chance))


def stability_table(points: ArrayLike, ks: range = range(2, 7), n: int = 50, seed: int = 0) -> pd.DataFrame:
    """Return for each number of groups how distinct they are and whether they are found again in `n` bootstrap samples.

    k, silhouette, ari (mean adjusted Rand index between the grouping and that of a sample, over the points drawn),
    jaccard (mean Jaccard similarity with the most alike group of a sample, of the least stable group), is_stable.
    Source: Hennig (2007), Cluster-wise assessment of cluster stability.
    """
    points = np.asarray(points, float)
    ks = range(ks.start, min(ks.stop, len(np.unique(points, axis=0))))
    if not len(ks):
        return pd.DataFrame(columns=["k", "silhouette", "ari", "jaccard", "is_stable"])
    base = partitions(points, ks)
    random = np.random.default_rng(seed)
    ari, jaccard = {k: [] for k in ks}, {k: [] for k in ks}
    for _ in range(n):
        drawn = np.unique(random.integers(0, len(points), len(points)))
        if len(drawn) < ks.stop:
            continue
        for k, (labels, _) in partitions(points[drawn], ks, starts=5).items():
            ari[k].append(adjusted_rand(base[k][0][drawn], labels))
            jaccard[k].append(_jaccard(base[k][0][drawn], labels, k))
    rows = [
        (k, silhouette(points, base[k][0]), _mean(ari[k]), float(np.min(_mean_by_group(jaccard[k], k)))) for k in ks
    ]
    table = pd.DataFrame(rows, columns=["k", "silhouette", "ari", "jaccard"])
    return table.assign(is_stable=(table["ari"] >= STABLE_ARI) & (table["jaccard"] >= STABLE_JACCARD))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else np.nan


def _mean_by_group(rows: list[np.ndarray], k: int) -> np.ndarray:
    known = np.array(rows) if rows else np.full((1, k), np.nan)
    drawn = np.isfinite(known).sum(axis=0)
    return np.nansum(known, axis=0) / np.where(drawn > 0, drawn, np.nan)


def _jaccard(one: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """Return for each group of `one` its Jaccard similarity with the most alike group of `other`; NaN when not drawn."""
    first, second = one[:, None] == np.arange(k), other[:, None] == np.arange(k)
    shared = first.T.astype(float) @ second
    joint = first.sum(axis=0)[:, None] + second.sum(axis=0) - shared
    alike = np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0).max(axis=1)
    return np.where(first.any(axis=0), alike, np.nan)


def chosen(table: pd.DataFrame) -> int | None:
    """Return the stable number of groups with the best silhouette; None: no stable groups."""
    stable = table[table["is_stable"].astype(bool)]
    return None if stable.empty else int(stable.loc[stable["silhouette"].idxmax(), "k"])


def chance_of_one_group(points: ArrayLike, k: int, n: int = 99, seed: int = 0) -> float:
    """Return how often a single cloud without groups, normal with the same covariance, splits as distinctly into `k`.

    Halving an elongated cloud is stable, too: only a small chance speaks for groups. Source: after Liu, Hayes, Nobel and
    Marron (2008), Statistical significance of clustering, with the silhouette as its measure.
    """
    points = np.asarray(points, float)
    found = silhouette(points, partitions(points, range(k, k + 1))[k][0])
    random = np.random.default_rng(seed)
    root = np.linalg.eigh(np.atleast_2d(np.cov(points, rowvar=False)))
    turn = root.eigenvectors * np.sqrt(np.clip(root.eigenvalues, 0, None))
    clouds = (random.normal(size=points.shape) @ turn.T for _ in range(n))
    as_distinct = sum(silhouette(c, partitions(c, range(k, k + 1), starts=1)[k][0]) >= found for c in clouds)
    return (as_distinct + 1) / (n + 1)


def medoids(points: ArrayLike, labels: np.ndarray) -> dict[int, int]:
    """Return the row nearest to all others of its group, by group: its example."""
    points = np.asarray(points, float)
    found = {}
    for group in np.unique(labels):
        rows = np.flatnonzero(labels == group)
        found[int(group)] = int(rows[cdist(points[rows], points[rows]).sum(axis=1).argmin()])
    return found
