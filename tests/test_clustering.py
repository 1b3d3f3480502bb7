"""Groups that are found again: against scikit-learn, on planted groups, and on clouds that have none."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from kamlib.models import clustering


def cloud(*centres, n=20, seed=0):
    draw = np.random.default_rng(seed)
    return np.concatenate([draw.normal(centre, 1, (n, len(centre))) for centre in centres])


def test_scores_equal_those_of_scikit_learn():
    points = cloud((0, 0), (3, 0), (1, 4))
    draw = np.random.default_rng(3)
    for k, (labels, centres) in clustering.partitions(points, range(2, 7)).items():
        assert clustering.silhouette(points, labels) == pytest.approx(silhouette_score(points, labels), abs=1e-12)
        other = draw.integers(0, 3, len(points))
        assert clustering.adjusted_rand(labels, other) == pytest.approx(adjusted_rand_score(labels, other), abs=1e-12)
        assert centres.shape == (k, 2)
        assert (np.diff(np.bincount(labels)) <= 0).all(), "largest group first"
    assert clustering.adjusted_rand([1, 1, 2], [5, 5, 0]) == 1


def test_planted_groups_are_found_again_and_their_number_too():
    points = cloud((0, 0, 0), (8, 0, 0), (0, 9, 0))
    table = clustering.stability_table(points)
    assert clustering.chosen(table) == 3
    assert table.set_index("k").loc[3, ["ari", "jaccard"]].min() > 0.99
    labels, _ = clustering.partitions(points, range(3, 4))[3]
    assert adjusted_rand_score(labels, np.repeat([0, 1, 2], 20)) == 1
    examples = clustering.medoids(points, labels)
    assert sorted(row // 20 for row in examples.values()) == [0, 1, 2]
    assert clustering.chance_of_one_group(points, 3) == 0.01


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 1, 1)], ids=["round", "long"])
def test_a_cloud_without_groups_hardly_ever_shows_any(shape):
    """Halving a long cloud is found again every time; the comparison with one cloud refuses it, at the rate it states."""
    alarms = 0
    for seed in range(12):
        points = np.random.default_rng(seed).normal(size=(40, 3)) * shape
        k = clustering.chosen(clustering.stability_table(points, n=8, seed=seed))
        alarms += k is not None and clustering.chance_of_one_group(points, k, n=39, seed=seed) <= 0.05
    assert alarms <= 3, "5 % of 12 are 0.6; 4 or more happen by chance in 0.2 % of runs"


def test_the_same_whatever_the_scale_and_on_every_run():
    points = cloud((0, 0), (3, 2))
    one, other = (
        clustering.stability_table(clustering.robust_scaled(points * scale)) for scale in ((1, 1), (1000, 0.1))
    )
    assert one.round(9).equals(other.round(9))
    assert (clustering.robust_scaled([[1, 5], [2, 5], [3, 5]])[:, 1] == 0).all()


def test_too_few_or_equal_points_have_no_groups():
    for points in (np.ones((10, 2)), cloud((0, 0), n=2)):
        table = clustering.stability_table(points)
        assert table.empty
        assert clustering.chosen(table) is None
