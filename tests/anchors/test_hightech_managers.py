"""Krackhardt's high-tech managers (1987): 21 people, advice, friendship and reporting. Network figures against plain matrices.

Advice has 190 ties of 420 possible (density .452), friendship 102 (.243), reporting 20; reciprocity and betweenness are computed
here from adjacency matrices, by definition.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
import pytest

from kamlib.relationships import contact_map, dialogues
from kamlib.tables import TABLES


@pytest.fixture(scope="module")
def ties(public_data):
    path = public_data / "hightech_managers" / "edges.csv"
    if not path.is_file():
        pytest.skip("hightech_managers is not here")
    return pd.read_csv(path).rename(columns={"from": "source", "to": "target"})


def matrix(rows):
    found = np.zeros((21, 21), int)
    found[rows.source - 1, rows.target - 1] = 1
    return found


def betweenness(adjacency):
    """Share of shortest paths between others through each person: every pair by breadth-first search, paths counted."""
    n, score = len(adjacency), np.zeros(len(adjacency))
    for start in range(n):
        far, paths, order, queue = {start: 0}, {start: 1}, [], deque([start])
        while queue:
            at = queue.popleft()
            order.append(at)
            for to in np.flatnonzero(adjacency[at]):
                if to not in far:
                    far[to], paths[to] = far[at] + 1, 0
                    queue.append(to)
                if far[to] == far[at] + 1:
                    paths[to] += paths[at]
        for end in order[1:]:
            for middle in order[1:]:
                if middle != end and far[middle] < far[end]:
                    score[middle] += paths[middle] * walks(adjacency, middle, end, far[end] - far[middle]) / paths[end]
    return score / ((n - 1) * (n - 2))


def walks(adjacency, start, end, length):
    """Ways from `start` to `end` in exactly `length` steps: shortest ones where that is their distance."""
    return np.linalg.matrix_power(adjacency, length)[start, end]


@pytest.mark.parametrize(("relation", "n", "density"), [("advice", 190, 0.452), ("friendship", 102, 0.243)])
def test_density_reciprocity_and_centralities(ties, relation, n, density):
    rows = ties[ties.relation == relation]
    a = matrix(rows)
    assert len(rows) == a.sum() == n
    table = dialogues.network_table(rows).set_index("node").sort_index()
    assert round(table.density_index.iloc[0], 3) == density
    assert table.reciprocity_index.iloc[0] == pytest.approx((a * a.T).sum() / a.sum(), abs=1e-12)
    assert table.n_in.tolist() == a.sum(axis=0).tolist()
    assert table.n_out.tolist() == a.sum(axis=1).tolist()
    assert table.degree_index.to_numpy() == pytest.approx((a.sum(axis=0) + a.sum(axis=1)) / 40)
    assert table.betweenness_index.to_numpy() == pytest.approx(betweenness(a), abs=1e-9)


def test_the_reporting_lines_draw_as_one_tree_of_three_levels(ties):
    """One CEO (7), four vice presidents (2, 14, 18, 21), sixteen managers."""
    rows = ties[ties.relation == "reports_to"]
    boss = dict(zip(rows.source.astype(str), rows.target.astype(str), strict=True))
    who = pd.DataFrame({"contact_id": [str(i) for i in range(1, 22)]})
    who = who.assign(
        reports_to=who.contact_id.map(boss),
        account_name="Hi-tech",
        contact_name=who.contact_id,
        title=None,
        department=None,
    )
    tree = contact_map.org_chart_table(who.assign(role="unknown", stance=np.nan, contact_age_days=np.nan))
    assert tree.place_level.value_counts().to_dict() == {2: 16, 1: 4, 0: 1}
    assert sorted(tree[tree.place_level == 1].contact_id.astype(int)) == [2, 14, 18, 21]
    assert tree[tree.place_level == 0].contact_id.tolist() == ["7"]
    assert not tree.in_cycle.any()
    assert "reports_to" in TABLES["contacts"].names
