"""Needs by industry: the rule, the evidence, and differences only beyond chance."""

import duckdb
import pytest

from kamlib import segmentation
from kamlib.segmentation import industry_needs as needs


@pytest.mark.parametrize(
    ("industry", "need"),
    [("Machine tools", "可靠性、售后服务"), ("制造业", "可靠性、售后服务"), ("金融业", "数据安全、合规"), ("Banking", "数据安全、合规"),
     ("medical", ""), ("Health care", "合规、长期供应保障"), ("零售", "现货、交货速度"), ("unknown", "")],
)  # fmt: skip
def test_trade_knows_what_a_sector_needs(industry, need):
    """R2: manufacturing asks for reliability and after-sales service, finance for data security and compliance."""
    assert needs.need_of(industry, {}, "zh") == need


def test_the_companys_own_words_come_first():
    assert needs.need_of("Banking", {"Banking": "A vault"}, "en") == "A vault"


def test_cases_are_counted_as_plain_sql_counts_them(sample):
    accounts = segmentation.account_table(sample)
    table = needs.needs_table(sample, accounts)
    rows = duckdb.sql(
        "SELECT coalesce(industry, 'unknown'), topic, count(*) FROM 'data/sample/cases.csv' JOIN 'data/sample/accounts.csv' USING (account_id) "
        "WHERE opened_at BETWEEN '2025-01-01' AND '2025-12-31 23:59:59' AND topic IS NOT NULL GROUP BY 1, 2"
    ).fetchall()
    assert {(i, t): n for i, t, n in rows} == {
        (r.industry, r.topic): r.n_cases for r in table.itertuples() if r.n_cases
    }
    known = table.dropna(subset="topic_share")
    assert known.groupby("industry")["topic_share"].sum().tolist() == pytest.approx([1] * known["industry"].nunique())
    assert (known["topic_share_low"] <= known["topic_share"]).all()
    thin = table.groupby("industry")["n_cases"].transform("sum") < 5
    assert table.loc[thin, "topic_share"].isna().all()


def test_advice_has_a_line_for_every_industry_with_its_evidence(sample):
    accounts = segmentation.account_table(sample)
    advice = needs.advice_table(needs.needs_table(sample, accounts), {}, "en")
    assert advice["industry"].tolist()[0] == "Packaging machinery"
    assert advice["n_accounts"].sum() == len(accounts)
    assert advice["need_evidence"].str.contains("cases:|rated lowest|too few").all()
    assert (advice["recommended_action"] != "").all()
