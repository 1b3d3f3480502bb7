"""History from snapshots: every change between its bounds, nothing known before a snapshot saw it."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import ibis
import monthly
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kamlib as kam
from kamlib.settings import Settings
from kamlib.sources.ledger import Ledger
from kamlib.tables import SQL_TYPES, TABLES
from kamlib.workspace import Data, history
from kamlib.workspace.snapshots import Snapshot

MONTHS = [dt.date(2025, month, 1) - dt.timedelta(days=1) for month in range(2, 8)]
STAGES = ("qualification", "needs", "proposal", "negotiation")


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def seen(folder: Path, exports: dict[dt.date, dict[str, pd.DataFrame]]) -> Data:
    """What `kam.load` gives for a workspace with these exports, without the checks at the border."""
    held = []
    con = ibis.duckdb.connect()
    for date, frames in exports.items():
        place = folder / str(date)
        place.mkdir()
        for name, frame in frames.items():
            typed(con, name, frame, f"COPY (FROM typed) TO '{place}/{name}.parquet'")
        held.append(Snapshot(place, date))
    for name in TABLES:
        frame = frames.get(name, pd.DataFrame())
        typed(con, name, frame, f"CREATE TABLE {name} AS FROM typed")
    delivered = frozenset(frames)
    measured = delivered | history.complete(con.con, held, delivered)
    return Data(con, date, Settings(), Ledger(), measured, folder, snapshots=tuple(held))


def typed(con: ibis.BaseBackend, name: str, frame: pd.DataFrame, sql: str) -> None:
    rows = frame.reindex(columns=TABLES[name].names).astype(object)
    con.con.register("rows", rows.map(lambda cell: None if pd.isna(cell) else str(cell)).astype("string"))
    cells = ", ".join(f"CAST({c.name} AS {SQL_TYPES[c.type]}) AS {c.name}" for c in TABLES[name].columns)
    con.con.execute(f"CREATE OR REPLACE TEMP VIEW typed AS SELECT {cells} FROM rows")
    con.con.execute(sql)


def deals(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([{"account_id": "a", "status": "open", "amount": 100} | row for row in rows])


# --- what must always hold ---------------------------------------------------------------------------------------


@st.composite
def lives(draw) -> list[dict]:
    """Deals as they truly went: creation, every entry into a stage, perhaps an end."""
    found = []
    for i in range(draw(st.integers(1, 5))):
        created = dt.date(2024, 12, 1) + dt.timedelta(days=draw(st.integers(0, 200)))
        gaps = draw(st.lists(st.integers(1, 45), max_size=7))
        entered, moves = created, [(created, draw(st.sampled_from(STAGES)))]
        for gap in gaps:
            entered += dt.timedelta(days=gap)
            moves.append((entered, draw(st.sampled_from([stage for stage in STAGES if stage != moves[-1][1]]))))
        end = draw(st.sampled_from(["open", "won", "lost"]))
        closed = entered + dt.timedelta(days=draw(st.integers(0, 40))) if end != "open" else None
        found.append({"deal_id": f"d{i}", "created": created, "moves": moves, "status": end, "closed": closed})
    return found


def shown(life: dict, on: dt.date) -> dict:
    """The deal as the CRM shows it on a day."""
    over = life["closed"] is not None and life["closed"] <= on
    stage = [stage for entered, stage in life["moves"] if entered <= on][-1]
    return {
        "deal_id": life["deal_id"], "account_id": "a", "created_at": life["created"], "stage": stage,
        "status": life["status"] if over else "open", "closed_at": life["closed"] if over else None, "amount": 1,
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(lives())
def test_the_truth_lies_between_the_bounds(truth):
    exports = {
        month: {"deals": pd.DataFrame([shown(life, month) for life in truth if life["created"] <= month],
                                      columns=TABLES["deals"].names)}
        for month in MONTHS
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        data = seen(Path(folder), exports)
        moves, stays = history.stage_moves(data), history.stage_durations(data)
        by_deal = {life["deal_id"]: life for life in truth}
        for move in moves.itertuples():
            true = [entered for entered, stage in by_deal[move.deal_id]["moves"] if stage == move.to_stage]
            assert any(move.after.date() < entered <= move.by.date() for entered in true), move
        for stay in stays.itertuples():
            assert stay.stay_days_low <= stay.stay_days <= stay.stay_days_high
            assert stay.stay_days - stay.stay_days_error == stay.stay_days_low
        for month in MONTHS[::2]:  # no look-ahead: each day has what was known on it
            then = data.at(month).frame("deals").set_index("deal_id")
            for life in truth:
                known = moves[(moves.deal_id == life["deal_id"]) & (moves.by <= pd.Timestamp(month))]
                if len(known):
                    assert then.stage[life["deal_id"]] == shown(life, month)["stage"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=3, max_size=6))
def test_the_true_stay_lies_between_the_lowest_and_the_highest(gaps):
    """One deal, one stage after the other: every stay that is seen to begin and to end."""
    entered, moves = dt.date(2025, 1, 1), []
    for i, gap in enumerate(gaps):
        moves.append((entered, f"s{i}"))
        entered += dt.timedelta(days=gap)
    life = {"deal_id": "d", "created": moves[0][0], "moves": moves, "status": "open", "closed": None}
    with tempfile.TemporaryDirectory() as folder:
        data = seen(Path(folder), {month: {"deals": pd.DataFrame([shown(life, month)])} for month in MONTHS})
        starts = {stage: entered for entered, stage in moves}
        stays = list(history.stage_durations(data).itertuples())
        for stay, following in zip(stays, stays[1:], strict=False):
            true = (starts[following.stage] - starts[stay.stage]).days
            assert stay.stay_days_low <= true <= stay.stay_days_high


# --- by hand -----------------------------------------------------------------------------------------------------

JAN, FEB, MAR = (dt.date(2025, 1, 31), dt.date(2025, 2, 28), dt.date(2025, 3, 31))


def test_stages_from_three_exports(tmp_path):
    first = {"deal_id": "d1", "stage": "needs", "created_at": "2025-01-10", "expected_close": "2025-03-15"}
    short = {
        "deal_id": "d2",
        "stage": "proposal",
        "created_at": "2025-02-05",
        "status": "lost",
        "closed_at": "2025-02-20",
    }
    old = {"deal_id": "d3", "stage": "needs", "created_at": "2024-05-01", "status": "won", "closed_at": "2024-09-01"}
    data = seen(
        tmp_path,
        {
            JAN: {"deals": deals(first, old)},
            FEB: {"deals": deals(first | {"expected_close": "2025-04-30", "amount": 90}, short, old)},
            MAR: {
                "deals": deals(first | {"stage": "proposal", "status": "won", "closed_at": "2025-03-20"}, short, old)
            },
        },
    )
    moves = history.stage_moves(data).astype(object).where(lambda frame: frame.notna(), None)
    assert moves.values.tolist() == [
        ["d1", None, "needs", day("2025-01-09"), day("2025-01-31"), 100],
        ["d1", "needs", "proposal", day("2025-02-28"), day("2025-03-20"), 100],
        ["d2", None, "proposal", day("2025-02-04"), day("2025-02-20"), 100],
    ], "d3 was closed before anybody watched it"
    first, *_ = history.stage_durations(data).itertuples()
    assert (first.stay_days_low, first.stay_days_high, first.stay_days, first.stay_days_error) == (29, 69, 49, 20)
    assert data.has("deal_stage_history")
    assert data.frame("deal_stage_history").entered_after.dt.strftime("%m-%d").tolist() == ["01-09", "02-28", "02-04"]
    (slip,) = history.slippage(data).itertuples()
    assert (slip.deal_id, slip.pushed_days, slip.amount) == ("d1", 46, 90)
    assert (slip.after, slip.by) == (day("2025-01-31"), day("2025-02-28"))
    assert history.stage_moves(data.at(FEB)).deal_id.tolist() == ["d1", "d2"]


def test_what_the_export_says_itself_is_exact_and_goes_before(tmp_path):
    """A CRM that gives the day of the last change only, month by month."""

    def on(stage: str, entered: str) -> dict[str, pd.DataFrame]:
        rows = pd.DataFrame([{"deal_id": "d1", "stage": stage, "entered_at": entered}])
        return {
            "deals": deals({"deal_id": "d1", "stage": stage, "created_at": "2024-12-01"}),
            "deal_stage_history": rows,
        }

    without = {"deals": on("needs", "")["deals"]}
    data = seen(tmp_path, {JAN: without, FEB: on("proposal", "2025-02-12"), MAR: on("negotiation", "2025-03-07")})
    moves = history.stage_moves(data)
    assert moves.to_stage.tolist() == ["needs", "proposal", "negotiation"]
    assert moves.by.dt.strftime("%m-%d").tolist() == ["01-31", "02-12", "03-07"]
    assert moves.after.dt.strftime("%m-%d").tolist() == ["11-30", "02-11", "03-06"]
    stay = history.stage_durations(data).iloc[1]
    assert (stay.stay_days, stay.stay_days_error) == (23, 0)


def test_a_history_that_is_exported_whole_is_left_as_it_is(tmp_path):
    whole = pd.DataFrame(
        {"deal_id": "d1", "stage": ["qualification", "needs"], "entered_at": ["2024-12-01", "2025-01-05"]}
    )
    other = whole.assign(entered_at=["2024-12-01", "2025-01-20"])  # corrected since
    deal = {"deals": deals({"deal_id": "d1", "stage": "needs", "created_at": "2024-12-01"})}
    data = seen(tmp_path, {JAN: deal | {"deal_stage_history": other}, FEB: deal | {"deal_stage_history": whole}})
    assert sorted(data.frame("deal_stage_history").entered_at.dt.strftime("%m-%d")) == ["01-05", "12-01"]


def test_one_snapshot_teaches_no_move(tmp_path):
    data = seen(tmp_path, {JAN: {"deals": deals({"deal_id": "d1", "stage": "needs", "created_at": "2024-12-01"})}})
    assert not data.has("deal_stage_history")
    for frame in (history.stage_moves, history.owner_changes, history.slippage, history.relationship_changes):
        assert frame(data).empty


def test_owners_and_people(tmp_path):
    accounts = pd.DataFrame({"account_id": ["a", "b"], "account_name": ["A", "B"], "owner": ["Ann", "Bo"]})
    people = pd.DataFrame(
        {"contact_id": ["c1", "c2", "c3"], "account_id": "a", "contact_name": "x", "created_at": "2024-01-01"}
    )
    known = pd.DataFrame([
        {"account_id": "a", "contact_id": "c1", "role": "user", "stance": 0},
        {"account_id": "a", "contact_id": "c2", "role": "buyer", "stance": 1, "assessed_at": "2025-01-05"},
    ])  # fmt: skip
    later = pd.concat([
        known.assign(role=["champion", "buyer"]),
        pd.DataFrame([{"account_id": "a", "contact_id": "c2", "role": "buyer", "stance": -1, "assessed_at": "2025-02-10"}]),
    ])  # fmt: skip
    came = pd.DataFrame([{"contact_id": "c4", "account_id": "b", "contact_name": "x", "created_at": "2025-02-03"}])
    gone = people[people.contact_id != "c3"].assign(left_at=[None, "2025-02-14"])
    deal = {"deal_id": "d1", "stage": "needs", "owner": "Ann"}
    data = seen(
        tmp_path,
        {
            JAN: {"accounts": accounts, "contacts": people, "relationships": known, "deals": deals(deal)},
            FEB: {
                "accounts": accounts.assign(owner=["Cy", "Bo"]), "contacts": pd.concat([gone, came]), "relationships": later,
                "deals": deals(deal | {"owner": "Cy"}),
            },
        },
    )  # fmt: skip
    owners = history.owner_changes(data)
    assert owners[["record", "account_id", "from_owner", "to_owner"]].values.tolist() == [
        ["account", "a", "Ann", "Cy"], ["deal", "a", "Ann", "Cy"],
    ]  # fmt: skip
    assert (owners.after[0], owners.by[0]) == (day("2025-01-31"), day("2025-02-28"))
    changes = history.relationship_changes(data).set_index(["change", "contact_id"])
    bounds = {key: (row.after.strftime("%m-%d"), row.by.strftime("%m-%d")) for key, row in changes.iterrows()}
    assert bounds == {
        ("role", "c1"): ("01-31", "02-28"), ("stance", "c2"): ("02-09", "02-10"), ("contact_new", "c4"): ("02-02", "02-03"),
        ("contact_left", "c2"): ("02-13", "02-14"), ("contact_gone", "c3"): ("01-31", "02-28"),
    }  # fmt: skip
    assert changes.loc[("role", "c1"), ["from_value", "to_value"]].tolist() == ["user", "champion"]


# --- the sample company, exported month by month -----------------------------------------------------------------


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """The sample company and the workspace of its exports of August to October 2025."""
    folder, data = tmp_path_factory.mktemp("months"), kam.load("data/sample")
    for month in ("2025-08-31", "2025-09-30", "2025-10-31"):
        monthly.bring(monthly.export(data, dt.date.fromisoformat(month), folder / month), folder / "ws", month)
    return data, folder / "ws"


def test_the_sample_company_month_by_month(company):
    data, workspace = company
    loaded = kam.load(workspace)
    truth = data.frame("deal_stage_history")
    moves = history.stage_moves(loaded)
    assert len(moves) > 100
    joined = moves.merge(truth, left_on=["deal_id", "to_stage"], right_on=["deal_id", "stage"])
    inside = (joined.after < joined.entered_at) & (joined.entered_at <= joined.by)
    assert set(joined[inside].deal_id) == set(moves.deal_id)
    assert joined[inside].groupby(["deal_id", "to_stage"]).ngroups == moves.groupby(["deal_id", "to_stage"]).ngroups
    for month in ("2025-08-31", "2025-09-30", "2025-10-31"):
        then = dt.date.fromisoformat(month)
        watched = moves[moves.by <= month].deal_id.unique()
        stages = [part.at(then).frame("deals").set_index("deal_id").stage[watched] for part in (loaded, data)]
        pd.testing.assert_series_equal(*stages)
        pd.testing.assert_series_equal(
            stages[0], kam.load(workspace, month).frame("deals").set_index("deal_id").stage[watched]
        )
    assert len(history.slippage(loaded))


def test_tiers_are_those_given_then(company):
    data, workspace = company
    loaded = kam.load(workspace)
    given = loaded.frame("score_snapshots")
    assert given.scored_at.dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-08-31", "2025-09-30", "2025-10-31"]
    from kamlib.segmentation.scoring import tiers

    then = tiers(kam.load(workspace, "2025-09-30")).set_index("account_id").tier
    kept = given[given.scored_at == "2025-09-30"].set_index("account_id").tier
    pd.testing.assert_series_equal(kept.sort_index(), then.reindex(kept.sort_index().index), check_dtype=False)
    (workspace / "kam.toml").write_text('currency = "CNY"\n[tiers.cuts]\nA = 3\nB = 2\nC = 1\n')
    assert kam.load(workspace).frame("score_snapshots").tier.tolist() == given.tier.tolist(), (
        "other rules, not another past"
    )
    moves = history.tier_moves(loaded)
    assert len(moves)
    assert not moves.rules_changed.any()
    assert (moves.after < moves.by).all()
    assert kam.load(workspace, "2025-09-30").frame("score_snapshots").scored_at.max() == day("2025-09-30")


def test_a_run_folder_carries_the_history(company, tmp_path):
    loaded = kam.load(company[1])
    kam.workspace.prepare(loaded, tmp_path / "ready")
    again = kam.load(tmp_path / "ready", loaded.as_of)
    for name in ("deal_stage_history", "score_snapshots"):
        assert again.has(name)
        pd.testing.assert_frame_equal(again.frame(name), loaded.frame(name))
