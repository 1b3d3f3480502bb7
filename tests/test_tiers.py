"""The tier file: firm tiers under the CRM's own ids and labels, which the CRM's next export brings back."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from types import SimpleNamespace

import msoffcrypto
import openpyxl
import pandas as pd
import pytest
from conftest import SAMPLE

import kamlib as kam
from kamlib import cli
from kamlib.errors import InputError
from kamlib.exchange import tiers as exchange
from kamlib.exchange.tiers import export_tiers, tier_table
from kamlib.segmentation import scoring
from kamlib.sources.mapping import import_data


def read_csv(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def graded(monkeypatch, *rows: tuple) -> SimpleNamespace:
    """Data whose accounts are graded as given: (account_id, name, CRM tier, tier, score, reason it is provisional)."""
    frame = pd.DataFrame(
        rows, columns=["account_id", "account_name", "account_tier", "tier", "composite_score", "provisional"]
    )
    monkeypatch.setattr(exchange, "tiers", lambda data: frame.drop(columns="account_tier"))
    return SimpleNamespace(frame=lambda _: frame[["account_id", "account_tier"]].assign(account_no="001"))


def test_zoho_gets_its_record_ids_back_and_the_next_export_has_our_tiers(imported, tmp_path):
    data = kam.load(imported("zoho"))
    raw = tmp_path / "raw"
    raw.mkdir()
    done = export_tiers(data, "zoho", raw / "Accounts_2025_12_31.csv", provisional=True)
    rows = read_csv(done.path)
    exported = read_csv(SAMPLE / "raw" / "zoho" / "Accounts_2025_12_31.csv")
    assert {row["Record Id"]: row["Account Name"] for row in rows} == {
        row["Record Id"]: row["Account Name"] for row in exported
    }
    assert {row["Account Number"] for row in rows} >= {"001", "150"}
    shutil.copy(SAMPLE / "raw" / "zoho" / "Sales_Orders_2025_12_31.csv.gz", raw)
    import_data("auto", raw, tmp_path / "again")
    again = kam.load(tmp_path / "again").frame("accounts").set_index("account_id").account_tier
    ours = scoring.tiers(data).set_index("account_id").tier
    assert len(ours) == done.n == 150
    assert again.reindex(ours.index).equals(ours.astype(again.dtype))
    assert (again != data.frame("accounts").set_index("account_id").account_tier).any(), "else nothing was brought back"


def test_fxiaoke_gets_a_workbook_whose_ids_are_text(imported, tmp_path):
    data = kam.load(imported("fxiaoke"))
    done = export_tiers(data, "fxiaoke", tmp_path / "客户.xlsx")
    (sheet,) = openpyxl.load_workbook(done.path)
    header, *rows = sheet.values
    assert header == ("数据ID", "客户名称", "客户编号", "客户级别", "综合得分")
    ours = scoring.tiers(data).set_index("account_id")
    assert {row[0]: row[3] for row in rows} == ours.tier[ours.provisional == ""].to_dict()
    assert done.n == len(rows) == (ours.provisional == "").sum() == 150 - done.n_provisional
    assert rows[0][2] == "001"
    assert sheet["C2"].data_type == "s"
    shutil.copy(SAMPLE / "raw" / "fxiaoke" / "销售订单.xlsx", tmp_path)
    import_data("fxiaoke", tmp_path, tmp_path / "again", "2025-12-31")
    again = kam.load(tmp_path / "again").frame("accounts").set_index("account_id").account_tier
    assert again.to_dict() == ours.tier[ours.provisional == ""].to_dict()


def test_an_earlier_date_gives_the_tiers_of_then(imported):
    now, _ = tier_table(kam.load(imported("zoho")), "en")
    then, _ = tier_table(kam.load(imported("zoho"), as_of="2024-06-30"), "en")
    both = now.merge(then, on="account_id")
    assert (both.tier_x != both.tier_y).any()


def test_what_is_not_firm_stays_at_home_unless_asked_for_and_then_says_why(monkeypatch):
    data = graded(
        monkeypatch,
        ("2", "B", "A", "B", 71.0, "new_account"),
        ("1", "A", "A", "A", 90.0, ""),
        ("3", "C", None, None, None, ""),
    )
    table, left_out = tier_table(data, "en")
    assert (table.account_id.tolist(), left_out) == (["1"], (1, 1))
    table, left_out = tier_table(data, "zh", provisional=True)
    assert left_out == (0, 1)
    assert table[["account_id", "tier", "provisional"]].to_numpy().tolist() == [
        ["1", "A", ""],
        ["2", "B级", "合作未满一年"],
    ]


@pytest.mark.parametrize(
    ("used", "written"),
    [("A级", "A级"), ("Tier A", "Tier A"), ("A类客户", "A类客户"), ("a", "a"), ("重点", "A"), (None, "A")],
)
def test_a_tier_is_spelled_as_the_crm_spells_it(monkeypatch, used, written):
    data = graded(monkeypatch, ("1", "A", used, "A", 90.0, ""))
    assert tier_table(data, "en")[0].tier.tolist() == [written]


def test_own_fields_and_names_that_look_like_formulas(monkeypatch, tmp_path):
    data = graded(monkeypatch, ("5216480650000000001", "=cmd|' /C calc'!A0", None, "A", 90.0, ""))
    export_tiers(data, "zoho", tmp_path / "t.csv", field="KAM Tier")
    (row,) = read_csv(tmp_path / "t.csv")
    assert row == {
        "Record Id": "zcrm_5216480650000000001", "Account Name": "'=cmd|' /C calc'!A0", "Account Number": "001", "KAM Tier": "A",
        "Composite score": "90.0",
    }  # fmt: skip
    data = graded(monkeypatch, ("6534f0a14100000000000001", "=cmd|' /C calc'!A0", None, "A", 90.0, ""))
    export_tiers(data, "fxiaoke", tmp_path / "t.xlsx", field="大客户级别")
    (sheet,) = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert sheet["B2"].data_type == "s"
    assert sheet["D1"].value == "大客户级别"
    assert oct((tmp_path / "t.csv").stat().st_mode)[-3:] == oct((tmp_path / "t.xlsx").stat().st_mode)[-3:] == "600"


def test_a_workbook_can_have_a_password(monkeypatch, tmp_path):
    data = graded(monkeypatch, ("1", "ABC公司", None, "A", 90.0, ""))
    export_tiers(data, "fxiaoke", tmp_path / "t.xlsx", password="open sesame")
    with (tmp_path / "t.xlsx").open("rb") as file:
        assert "ABC公司".encode() not in file.read()
        locked = msoffcrypto.OfficeFile(file)
        locked.load_key(password="open sesame")
        locked.decrypt(clear := io.BytesIO())
    (sheet,) = openpyxl.load_workbook(clear)
    assert sheet["B2"].value == "ABC公司"
    with pytest.raises(InputError, match="only a workbook"):
        export_tiers(data, "zoho", tmp_path / "t.csv", password="open sesame")


def test_the_command_says_what_it_wrote_and_what_stayed_at_home(monkeypatch, capsys, imported, tmp_path):
    monkeypatch.setenv("KAM_OFFICE_PASSWORD", "open sesame")
    call = ["kam", "export", "tiers", imported("fxiaoke"), "--to", "fxiaoke", "--out", tmp_path / "t.xlsx", "--protect"]
    monkeypatch.setattr(sys, "argv", [str(part) for part in (*call, "--as-of", "2025-06-30", "--lang", "zh")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    ours = scoring.tiers(kam.load(imported("fxiaoke"), as_of="2025-06-30"))
    firm = (ours.provisional == "") & ours.tier.notna()
    assert f"：{firm.sum()} 个客户；未写入：暂定级别 {(~firm).sum()} 个" in capsys.readouterr().out
    assert msoffcrypto.OfficeFile((tmp_path / "t.xlsx").open("rb")).is_encrypted()


def test_what_cannot_be_written_is_told(monkeypatch, tmp_path):
    data = graded(monkeypatch, ("A0001", "A", None, "A", 90.0, ""))
    for arguments, fault in (
        (("zoho", tmp_path / "t.csv"), "'A0001' is no record id of Zoho CRM"),
        (("zoho", tmp_path / "t.xlsx"), r"takes tiers as \.csv"),
        (("fxiaoke", tmp_path / "t.csv"), r"takes tiers as \.xlsx"),
        (("salesforce", tmp_path / "t.csv"), "Give one of: zoho, fxiaoke"),
        (("fxiaoke", tmp_path / "nowhere" / "t.xlsx"), "cannot be written"),
    ):
        with pytest.raises(InputError, match=fault):
            export_tiers(data, *arguments)
    assert not list(tmp_path.iterdir())


def test_record_ids_of_zoho_do_not_go_to_fxiaoke(monkeypatch, tmp_path):
    data = graded(monkeypatch, ("4150868000000111001", "Acme", "A", "A", 80.0, ""))
    with pytest.raises(InputError, match=r"'4150868000000111001' is a record id of Zoho CRM \(1 of 1\)"):
        export_tiers(data, "fxiaoke", tmp_path / "t.xlsx")
    assert not (tmp_path / "t.xlsx").exists()
