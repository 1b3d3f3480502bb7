"""The tier file: tier and score of every account, under the CRM's own ids and labels, to be imported there.

Only firm tiers go back by default: a tier that rests on too little would overwrite what the CRM knows.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xlsxwriter

from kamlib import formulas, words
from kamlib.errors import InputError, suggest
from kamlib.files import deliver
from kamlib.privacy.office import protected
from kamlib.segmentation.scoring import tiers
from kamlib.workspace import Data


@dataclass(frozen=True)
class Vendor:
    """How a CRM takes tiers back: the kind of file, its language, and its labels of id, name, number and tier."""

    ending: str
    lang: str
    id: str
    name: str
    number: str
    tier: str
    score: str


VENDORS = {
    "zoho": Vendor(".csv", "en", "Record Id", "Account Name", "Account Number", "Rating", "Composite score"),
    "fxiaoke": Vendor(".xlsx", "zh", "数据ID", "客户名称", "客户编号", "客户级别", "综合得分"),
}
ZOHO_ID = re.compile(r"\d{15,20}")


@dataclass(frozen=True)
class Exported:
    """How many accounts were written, and how many left out because their tier is provisional or cannot be told."""

    path: Path
    n: int
    n_provisional: int
    n_unknown: int

    def text(self, lang: str | None = None) -> str:
        """Return what was done, in one sentence."""
        return words.say(
            lang,
            f"{self.path}: {self.n} accounts; left out: {self.n_provisional} with a provisional tier, {self.n_unknown} without one.",
            f"{self.path}：{self.n} 个客户；未写入：暂定级别 {self.n_provisional} 个，无法评级 {self.n_unknown} 个。",
        )


def export_tiers(
    data: Data,
    vendor: str,
    path: Path | str,
    *,
    field: str = "",
    lang: str = "",
    provisional: bool = False,
    password: str = "",
) -> Exported:
    """Write the tiers of `data`, as of its date, to `path` as the CRM `vendor` imports them.

    `field` is the label of the CRM's tier field (default: Rating, 客户级别). With `provisional` tiers that are not firm are
    written too, each with the reason in a column of its own. A workbook is encrypted with the `password`.
    """
    path, crm = Path(path), VENDORS.get(vendor)
    if crm is None:
        raise InputError(
            f"--to '{vendor}': no such CRM.{suggest(vendor, VENDORS)} Give one of: {', '.join(VENDORS)}.",
            f"--to '{vendor}'：没有这个 CRM。{suggest(vendor, VENDORS)}可选：{'、'.join(VENDORS)}。",
        )
    if path.suffix.lower() != crm.ending:
        raise InputError(
            f"{path}: {vendor} takes tiers as {crm.ending}. Give a file name that ends so.",
            f"{path}：{vendor} 导入客户级别用 {crm.ending} 文件。请使用该扩展名的文件名。",
        )
    if password and crm.ending != ".xlsx":
        raise InputError(
            f"{path}: only a workbook can have a password; {vendor} takes tiers as {crm.ending}.",
            f"{path}：只有 Excel 工作簿可以设密码；{vendor} 导入客户级别用 {crm.ending} 文件。",
        )
    table, left_out = tier_table(data, lang or crm.lang, provisional)
    if vendor == "zoho":
        table["account_id"] = _zoho_ids(table["account_id"])
    else:
        _no_zoho_ids(table["account_id"])
    labels = {
        "account_id": crm.id, "account_name": crm.name, "account_no": crm.number, "tier": field or crm.tier, "composite_score": crm.score,
        "provisional": words.word("provisional", lang or crm.lang),
    }  # fmt: skip
    content = (_as_csv if crm.ending == ".csv" else _as_workbook)(table.rename(columns=labels))
    deliver(path, protected(content, password) if password else content)
    return Exported(path, len(table), *left_out)


def tier_table(data: Data, lang: str, provisional: bool = False) -> tuple[pd.DataFrame, tuple[int, int]]:
    """Return account_id, account_name, account_no, tier in the CRM's own spelling and composite_score by account_id; and
    how many accounts are left out: as provisional, and as unknown.

    With `provisional` those are in, too, and a column of that name gives the reason in `lang`.
    """
    graded = tiers(data).merge(data.frame("accounts")[["account_id", "account_no", "account_tier"]], on="account_id")
    known, firm = graded["tier"].notna(), graded["provisional"] == ""
    table = graded[known & (firm | provisional)].sort_values("account_id", ignore_index=True)
    spelling = {tier: _spelling(tier, graded["account_tier"], lang) for tier in table["tier"].unique()}
    table["tier"] = table["tier"].map(spelling)
    table["account_no"] = table["account_no"].fillna("")
    columns = ["account_id", "account_name", "account_no", "tier", "composite_score"]
    if provisional:
        table["provisional"] = table["provisional"].map(lambda reason: words.word(reason, lang) if reason else "")
        columns.append("provisional")
    n_provisional = 0 if provisional else int((known & ~firm).sum())
    return table[columns], (n_provisional, int((~known).sum()))


def _spelling(tier: str, used: pd.Series, lang: str) -> str:
    """Return the tier as the CRM writes it already (A, A级, Tier A, A类客户), else as `lang` does."""
    alike = used[used.fillna("").str.fullmatch(rf"(?:Tier\s*)?{re.escape(tier)}\s*(?:级|类)?(?:客户)?", case=False)]
    return alike.mode().iat[0] if len(alike) else words.word(tier, lang)


def _zoho_ids(ids: pd.Series) -> pd.Series:
    strange = [id for id in ids if not ZOHO_ID.fullmatch(id.removeprefix("zcrm_"))]
    if strange:
        raise InputError(
            f"'{strange[0]}' is no record id of Zoho CRM ({len(strange)} of {len(ids)}): the accounts did not come from there. "
            "Export them in Zoho with Record Id, and import that with kam import --from zoho.",
            f"“{strange[0]}”不是 Zoho CRM 的记录 ID（{len(ids)} 个中有 {len(strange)} 个）：这些客户不是从 Zoho 导出的。"
            "请在 Zoho 中导出含 Record Id 的客户，再用 kam import --from zoho 导入。",
        )
    return "zcrm_" + ids.str.removeprefix("zcrm_")


def _no_zoho_ids(ids: pd.Series) -> None:
    foreign = [id for id in ids if ZOHO_ID.fullmatch(id.removeprefix("zcrm_"))]
    if foreign:
        raise InputError(
            f"'{foreign[0]}' is a record id of Zoho CRM ({len(foreign)} of {len(ids)}): 纷享销客 would not know these "
            "accounts. Write them with --to zoho, or import what 纷享销客 exports with kam import --from fxiaoke.",
            f"“{foreign[0]}”是 Zoho CRM 的记录 ID（{len(foreign)}/{len(ids)}），纷享销客无法识别这些客户。"
            "请改用 --to zoho，或用 kam import --from fxiaoke 导入纷享销客的导出文件。",
        )


def _as_csv(table: pd.DataFrame) -> bytes:
    return formulas.write_csv(table).encode()


def _as_workbook(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, formulas.XLSX)
    sheet = book.add_worksheet(words.word("accounts", "zh"))
    as_id = book.add_format({"num_format": "@"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(table.columns) - 1, 24, as_id)
    for row, cells in enumerate([tuple(table.columns), *table.itertuples(index=False)]):
        for place, cell in enumerate(cells):
            if isinstance(cell, str):
                sheet.write_string(row, place, cell, as_id)
            else:
                sheet.write_number(row, place, cell)
    book.close()
    return content.getvalue()
