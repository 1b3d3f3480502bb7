"""Topics from free text: precision and recall on comments labelled by hand, and what the tables make of them."""

import pandas as pd
import pytest
from test_satisfaction import surveys

from kamlib import stats, words
from kamlib.sample.sentences import SENTENCES
from kamlib.satisfaction import texts


def test_the_labelled_set_is_large_varied_and_apart_from_the_sample():
    checking, tuning = texts.labelled(), texts.labelled("tuning")
    assert len(checking) >= 200
    assert checking.comment.nunique() == len(checking)
    assert checking.lang.value_counts().min() >= 100
    ours = {
        text for kind in ("praise", "blame") for pairs in SENTENCES[kind].values() for pair in pairs for text in pair
    }
    assert not ours & set(checking.comment)
    assert not set(tuning.comment) & set(checking.comment)
    named = {pair.partition(":")[0] for text in checking.topics for pair in text.split()}
    assert named == set(texts.SUBJECTS)


def test_precision_and_recall_are_counted_as_defined():
    comments = pd.DataFrame({
        "comment": ["Deliveries are always late.", "The repair was quick.", "Nice weather.", "Friendly people."],
        "topics": ["delivery_speed:-1", "price:-1", "", "service_attitude:1"],
    })  # fmt: skip
    table = texts.accuracy_table(comments).set_index("topic")
    assert table.loc["delivery_speed", ["n_true", "n_found", "n_right"]].tolist() == [1, 1, 1]
    assert table.loc["after_sales", ["n_true", "n_found", "n_right"]].tolist() == [0, 1, 0]
    assert table.loc["price", ["n_true", "n_found", "n_right"]].tolist() == [1, 0, 0]
    assert table.topic_precision_rate["after_sales"] == 0
    assert table.topic_recall_rate["price"] == 0
    assert table.tone_rate["service_attitude"] == 1
    assert (table.topic_recall_rate_low["price"], table.topic_recall_rate_high["price"]) == pytest.approx(
        stats.wilson(0, 1)
    )


def test_the_accuracy_that_the_notebook_states_holds():
    """200 comments: 88 % of the topics found are right, 85 % of those written are found, the tone of 69 % is right."""
    table = texts.accuracy_table(texts.labelled())
    right = table.n_right.sum()
    assert right / table.n_found.sum() >= 0.85
    assert right / table.n_true.sum() >= 0.80
    assert (table.tone_rate * table.n_right).sum() / right >= 0.65
    assert (table.topic_precision_rate >= 0.70).all()


@pytest.mark.parametrize(
    ("comment", "topics"),
    [
        ("没有延期过。", {"delivery_speed": 1}),
        ("Never late, never a defect.", {"delivery_speed": 1, "product_quality": 1}),
        ("交货准，质量也稳，就是贵。", {"delivery_speed": 1, "product_quality": 1, "price": -1}),
        ("Could you do something about the price?", {"price": 0}),
        ("无", {}),
    ],
)
def test_negation_contrast_and_wishes(comment, topics):
    assert texts.classify(comment) == topics


def test_one_account_blames_once_and_the_latest_complaint_is_quoted():
    rows = surveys([("2024", "a", 2, 3), ("2025", "a", 2, 3), ("2025", "b", 5, 9), ("2025", "c", 4, 8)])
    rows["comment"] = ["交货总是延期。", "发货又晚了。", "Deliveries are on time.", ""]
    table = texts.texts_table(rows).set_index("topic")
    row = table.loc["delivery_speed"]
    assert (row.n_comments, row.n_accounts, row.n_mentions, row.n_blame, row.n_praise) == (3, 2, 3, 2, 1)
    assert row.blame_share == 0.5
    assert row.quote == "发货又晚了。"
    words.speak("en")
    assert "cannot be said in shares: 2 accounts" in texts.texts_claim(table.reset_index())
    many = surveys([("2025", f"a{i}", 2, 3) for i in range(12)]).assign(comment="交货总是延期。")
    assert "100 % (76 %–100 %) of 12" in texts.texts_claim(texts.texts_table(many))
