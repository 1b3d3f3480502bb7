"""What CONTRIBUTING.md tells newcomers to write works as it stands there."""

import re
from pathlib import Path

import duckdb

from kamlib.sources.crm import dictionary
from kamlib.sources.mapping import import_data

GUIDE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def test_the_crm_in_a_yaml_file_imports(tmp_path, monkeypatch):
    example = re.search(r"```yaml\n(vendor: .*?)```", GUIDE.read_text(encoding="utf-8"), re.S)[1]
    (tmp_path / "example.yml").write_text(example, encoding="utf-8")
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "客户.csv").write_text("Record Id,客户名称\nX1,Aa\nX2,Bb\n", encoding="utf-8")
    (exports / "商机.csv").write_text(
        'Record Id,Account Id,Account,金额,阶段\nD1,X1,Aa,"1,200.50",初审\nD2,X2,Bb,300,赢单\n', encoding="utf-8"
    )
    monkeypatch.setattr(dictionary, "__file__", str(tmp_path / "dictionary.py"))
    dictionary.vendors.cache_clear()
    try:
        import_data("example", exports, tmp_path / "w", "2025-12-31")
    finally:
        dictionary.vendors.cache_clear()
    deals = tmp_path / "w/snapshots/2025-12-31/deals.parquet"
    found = duckdb.sql(f"SELECT deal_id, account_id, amount, stage, status FROM '{deals}' ORDER BY deal_id").fetchall()
    assert [(*row[:2], float(row[2]), *row[3:]) for row in found] == [
        ("D1", "X1", 1200.5, "qualification", "open"),
        ("D2", "X2", 300.0, "won", "won"),
    ]
