"""What an export leaves in doubt is told, or refused with a sentence and its cure; never guessed unseen."""

from __future__ import annotations

import pytest
import yaml
from crm_exports import ACCOUNTS, DEALS, ZOHO, rules

import kamlib as kam
from kamlib import language, quality
from kamlib.errors import InputError
from kamlib.sources.crm import recognise
from kamlib.sources.crm.evidence import StageFound
from kamlib.sources.crm.pipeline import _status
from kamlib.sources.crm.shown import recognition_text
from kamlib.sources.mapping import import_data

HEAD = "Record Id,Deal Name,Account Name.id,Stage,Probability (%),Amount,Created Time\n"
CUSTOMERS = "_id,客户名称,客户编号,创建时间\na1,甲公司,001,2020-01-02 09:00\na2,乙公司,002,2020-01-02 09:00\n"


def deals(*stages: tuple[str, str], head: str = HEAD, more: str = "") -> dict[str, str]:
    rows = "".join(
        f"zcrm_{n},Deal {n},zcrm_4150868000000111001,{stage},{chance},100,2026-01-0{n} 10:00{more}\n"
        for n, (stage, chance) in enumerate([("Qualification", "10"), *stages], 1)
    )
    return {"Accounts.csv": ACCOUNTS, "Deals.csv": head + rows}


def own(tmp_path, **said) -> str:
    path = tmp_path / "own.yml"
    path.write_text(yaml.safe_dump({"extends": "auto"} | said, allow_unicode=True), encoding="utf-8")
    return path


def faults(ledger, kind: str) -> list:
    return [fault for fault in ledger.faults if fault.kind == kind]


# --- (a) stages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "said"), [("en", "nothing says whether a deal"), ("zh", "无法判断以下阶段")])
def test_a_stage_that_may_have_ended_is_refused_with_what_to_write(bring, tmp_path, lang, said):
    language.use(lang)
    files = deals(("Closed - parked", "0"), ("Closed - parked", "0"), ("已结束", "20"), ("Parked", "100"))
    with pytest.raises(InputError, match=said) as refused:
        bring(files, as_of="2026-03-17")
    text = str(refused.value)
    counted = {"en": "'Closed - parked' (2 deals, chance 0%)", "zh": "“Closed - parked”（2 个商机，赢率 0%）"}[lang]
    assert counted in text
    entry = yaml.safe_load(text[text.index("  extends: auto") :])
    assert entry == {"extends": "auto", "stage_status": {"Closed - parked": "lost", "已结束": "lost", "Parked": "won"}}
    data, ledger, _ = bring(files, own(tmp_path, stage_status=entry["stage_status"]), as_of="2026-03-17")
    assert data.frame("deals").sort_values("deal_id").status.tolist() == ["open", "lost", "lost", "lost", "won"]
    assert [stage.name for stage in data.settings.stages] == ["qualification"]
    (told,) = faults(ledger, "new_stage")
    assert (told.n, told.examples[0][1]) == (4, "Closed - parked 0% → lost (2)")


@pytest.mark.parametrize(
    ("called", "chance", "status"),
    [
        ("Pilot", 0.35, "open"), ("Pilot", None, "open"), ("Pilot", 0, ""), ("Pilot", 1, ""), ("Closed", None, ""),
        ("Closed Won - renewal", 1, "won"), ("Closed Won - renewal", 0, ""), ("Lost to price", 0, "lost"),
        ("Lost to price", 1, ""), ("Not won yet", 0.5, "open"), ("Wonder", 0.5, "open"), ("Closest rival", 0.5, "open"),
        ("未成交", 0.3, "open"), ("已成交（续约）", 1, "won"), ("运输中", 0.6, "open"), ("输单-价格", 0, "lost"), ("输", None, ""),
        ("丢", 0.1, ""), ("已关闭", 0.1, ""), ("关闭", None, ""), ("结束", None, ""), ("无效线索", 0, "invalid"),
    ],
)  # fmt: skip
def test_a_status_is_read_off_a_name_only_where_nothing_speaks_against_it(called, chance, status):
    assert _status(StageFound(called, 1, chance, 1, 1), True) == status


def test_a_column_of_the_status_decides_and_its_stages_are_told(bring):
    head = HEAD.replace("\n", ",Deal Category\n")
    data, ledger, _ = bring(deals(("Closed - parked", "0"), head=head, more=",Closed Lost"), as_of="2026-03-17")
    assert data.frame("deals").status.tolist() == ["lost", "lost"]
    (told,) = faults(ledger, "status_of_stage")
    assert told.examples == ((None, "Closed - parked 0% (1)"),)
    assert data.settings.stages[0].name != "Closed - parked"
    with pytest.raises(InputError, match="Closed - parked"):
        bring(deals(("Closed - parked", "0"), head=head, more=","), as_of="2026-03-17", into="empty")


def test_an_open_stage_of_their_own_is_told_with_its_rows_and_chance(bring):
    data, ledger, _ = bring(deals(("Pilot", "35"), ("Pilot", "45")), as_of="2026-03-17")
    (told,) = faults(ledger, "new_stage")
    assert told.text("en").startswith(
        "Deals.csv · Stage: 2 × deal in a stage outside the CRM's standard pipeline, taken as: 'Pilot 40% → open (2)'"
    )
    assert "stage_status" in told.text("zh")
    assert ("Pilot", 0.4) in [(stage.name, stage.probability) for stage in data.settings.stages]


def test_what_stage_status_cannot_say_is_refused(bring, tmp_path):
    with pytest.raises(InputError, match=r"'Parked: lots': give each stage.*Did you mean 'lost'"):
        bring(deals(), own(tmp_path, stage_status={"Parked": "lots"}), as_of="2026-03-17")
    path = tmp_path / "alone.yml"
    path.write_text("stage_status: {Parked: lost}\nfiles: {a: a.csv}\ntables: {}\n")
    with pytest.raises(InputError, match="Write 'extends: auto' above it"):
        bring(deals(), path, as_of="2026-03-17")


@pytest.mark.parametrize("columns", [["stage"], "stage", {"stage": ["a"]}, {"stage": 5}])
def test_columns_that_are_none_are_refused_in_a_sentence(bring, tmp_path, columns):
    with pytest.raises(InputError, match=r"own\.yml: .*columns"):
        bring(deals(), own(tmp_path, tables={"deals": {"columns": columns}}), as_of="2026-03-17")


# --- (b), (c) record ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "vendor"), [("客户ID", "客户"), ("Customer ID", "Accounts")])
def test_our_own_label_of_the_id_is_the_key(bring, label, vendor):
    accounts = f"{label},客户名称,客户编号\nk1,甲公司,1\nk2,甲公司,2\n"
    orders = f"销售订单编号,{label},客户名称,下单日期,销售订单金额(元)\nO1,k2,甲公司,2026-01-05,10\n"
    data, ledger, seen = bring({f"{vendor}.csv": accounts, "销售订单.csv": orders}, as_of="2026-03-17")
    assert data.frame("accounts").account_id.tolist() == ["k1", "k2"]
    assert data.frame("orders").account_id.tolist() == ["k2"]
    assert seen[f"{vendor}.csv", label][1] == "exact"
    assert not faults(ledger, "no_record_id")


def test_canonical_tables_are_keyed_by_their_ids(bring):
    files = {
        "accounts.csv": "account_id,account_name\na1,Acme\na2,Acme\n",
        "products.csv": "product_id,product_name\np1,Gear\np2,Gear\n",
        "orders.csv": "order_id,account_id,order_date,amount\no1,a2,2026-01-05,5\n",
        "order_lines.csv": "order_id,line_no,product_id,quantity,amount\no1,1,p2,1,5\n",
    }
    data, _, seen = bring(files, as_of="2026-03-17")
    assert data.frame("products").product_id.tolist() == ["p1", "p2"]
    assert data.frame("order_lines").product_id.tolist() == ["p2"]
    assert seen["products.csv", "product_id"] == (("products.product_id",), "exact")


def test_the_status_of_canonical_deals_is_their_own(bring):
    files = {
        "accounts.csv": "account_id,account_name\na1,Acme\n",
        "deals.csv": "deal_id,account_id,deal_name,stage,status,amount,created_at,closed_at\n"
        "d1,a1,First,Negotiation,won,5,2026-01-05,2026-02-01\n",
    }
    data, _, _ = bring(files, as_of="2026-03-17")
    assert data.frame("deals")[["stage", "status"]].to_numpy().tolist() == [["negotiation", "won"]]


def test_a_report_with_the_ids_of_customer_and_deal_is_keyed_by_the_deal(bring):
    files = {
        "Account.csv": "Account ID,Account Name\n001bm00001ZL8U9AAL,Edge\n",
        "Opportunity.csv": "Account ID,Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Created Date\n"
        "001bm00001ZL8U9AAL,006bm00000LKJNNAA5,First,Prospecting,5,2026-05-01,2026-01-01\n",
    }
    data, _, _ = bring(files, as_of="2026-03-17")
    (deal,) = data.frame("deals").itertuples()
    assert (deal.deal_id, deal.account_id) == ("006bm00000LKJNNAA5", "001bm00001ZL8U9AAL")


def test_a_number_that_stands_for_a_record_id_is_a_guess_and_said(bring):
    accounts = (
        ACCOUNTS.replace("Record Id,", "")
        .replace("zcrm_4150868000000111001,", "", 1)
        .replace("zcrm_4150868000000111002,", "", 1)
    )
    accounts = accounts.replace("zcrm_4150868000000111001", "001")
    orders = "SO Number,Account Number,Grand Total,Order Date\nSO-1,001,10,2026-01-05\n"
    data, ledger, seen = bring({"Accounts.csv": accounts, "Sales_Orders.csv": orders}, as_of="2026-03-17")
    assert data.frame("orders").account_id.tolist() == ["001"]
    assert seen["Accounts.csv", "Account Number"][1] == "no record id"
    (told,) = faults(ledger, "no_record_id")
    assert told.text("en").startswith("Accounts.csv · Account Number: no record id is exported; this stands for it.")
    assert "未导出记录 ID" in told.text("zh")


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "en",
            r"Accounts\.csv has no record id, so its Account Number was taken for one; but 3 of the 3 rows of Deals\.csv",
        ),
        ("zh", r"Accounts\.csv 没有记录 ID，因此以“Account Number”代替；但 Deals\.csv 的 3 行中有 3 行"),
    ],
)
def test_references_to_ids_that_were_not_exported_are_refused_with_the_reason(bring, lang, said):
    language.use(lang)
    accounts = "Account Name,Account Number,Created Time\nAcme,001,2020-01-02 10:00\nBeta,002,2020-01-02 10:00\n"
    named = DEALS.replace("Account Name,", "").replace(",Acme,", ",").replace(",Beta,", ",")
    with pytest.raises(InputError, match=said):
        bring({"Accounts.csv": accounts, "Deals.csv": named}, as_of="2026-03-17")


def test_deals_of_one_name_are_told_apart_by_customer_and_creation(bring):
    rows = "续约,甲公司,900,需求确定,2026-01-02\n续约,乙公司,7,需求确定,2026-01-02\n续约,甲公司,9,需求确定,2026-02-02\n"
    text = f"商机名称,客户名称,商机金额,商机阶段,创建时间\n{rows}"
    data, ledger, seen = bring({"客户.csv": CUSTOMERS, "商机.csv": text}, as_of="2026-03-17")
    assert data.frame("deals").sort_values("amount").deal_id.tolist() == [
        "续约 · 乙公司 · 2026-01-02", "续约 · 甲公司 · 2026-02-02", "续约 · 甲公司 · 2026-01-02",
    ]  # fmt: skip
    assert seen["商机.csv", "商机名称"] == (("deals.deal_id", "deals.deal_name"), "no record id")
    assert [fault.file for fault in faults(ledger, "no_record_id")] == ["商机.csv"]


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "has no id column, and 2 of its rows"), ("zh", "没有记录 ID 列，且有 2 行")]
)
def test_deals_that_nothing_tells_apart_are_refused(bring, lang, said):
    language.use(lang)
    text = "商机名称,客户名称,商机金额,商机阶段,创建时间\n续约,甲公司,900,需求确定,2026-01-02\n续约,甲公司,7,需求确定,2026-01-02\n"
    with pytest.raises(InputError, match=said) as refused:
        bring({"客户.csv": CUSTOMERS, "商机.csv": text}, as_of="2026-03-17")
    assert "_id" in str(refused.value)


# --- (d), (e) owners and overridden columns ----------------------------------------------------------------------


def test_owners_that_are_ids_are_told_until_the_column_of_names_is_given(bring, tmp_path):
    files = {"Accounts.csv": ACCOUNTS, "Deals.csv": DEALS.replace("Deal Owner,", "Salesperson,")}
    data, ledger, seen = bring(files, as_of="2026-03-17")
    assert set(data.frame("deals").owner) == {"41"}
    (told,) = faults(ledger, "owner_ids")
    assert told.text("en").startswith("Deals.csv · Deal Owner.id: holds ids of owners, and no column with their names")
    assert "tables: {deals: {columns: {owner: …}}}" in told.text("zh")
    assert seen["Deals.csv", "Salesperson"] == ((), "")
    mapping = own(tmp_path, tables={"deals": {"columns": {"owner": "Salesperson"}}})
    data, ledger, seen = bring(files, mapping, as_of="2026-03-17", into="named")
    assert set(data.frame("deals").owner) == {"Ann"}
    assert not faults(ledger, "owner_ids")
    assert seen["Deals.csv", "Salesperson"] == (("deals.owner",), "by your mapping")
    assert seen["Deals.csv", "Deal Owner.id"] == ((), "not needed")


def test_rules_over_an_overridden_column_go_with_it(bring, tmp_path):
    accounts = CUSTOMERS + "a3,丙公司,003,2020-01-02\na4,丙公司,004,2020-01-02\n"
    text = "_id,商机名称,客户名称,客户,商机金额,商机阶段,创建时间,预计成交日期\nd1,First,丙公司,a3,900,需求确定,2026-01-02,2025-01-01\n"
    files = {"客户.csv": accounts, "商机.csv": text}
    with pytest.raises(InputError):
        bring(files, as_of="2026-03-17", into="none")  # its only deal has a name that two customers share
    columns = {"account_id": "客户", "expected_close": None}
    data, ledger, seen = bring(files, own(tmp_path, tables={"deals": {"columns": columns}}), as_of="2026-03-17")
    assert data.frame("deals").account_id.tolist() == ["a3"]
    assert rules(ledger) == {}
    assert seen["商机.csv", "客户"] == (("deals.account_id",), "by your mapping")
    assert seen["商机.csv", "客户名称"] == ((), "not needed")


def test_the_table_shown_says_what_the_mapping_file_took(tmp_path, monkeypatch):
    from kamlib.sources.crm.over import Over

    (tmp_path / "Accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "Deals.csv").write_text(DEALS)
    over = Over({"accounts": {"columns": {"account_tier": "Account Number"}}})
    found = recognise(tmp_path, "auto", "2026-03-17", over=over)
    for lang, said in (("en", "by your mapping"), ("zh", "按您的映射文件")):
        (line,) = [line for line in recognition_text(found, lang).splitlines() if "Account Number" in line]
        assert line.endswith(said)


# --- (f) two CRMs ------------------------------------------------------------------------------------------------

SALESFORCE = "Id,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate\n006bm00000LKJNN,001bm00001ZL8U9,x,Qualification,5,2026-05-01,false,false,2026-01-01\n"


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "holds files of Zoho CRM (Accounts.csv, Deals.csv) and of Salesforce (Opportunity.csv)"),
     ("zh", "中有 Zoho CRM（Accounts.csv、Deals.csv）和 Salesforce（Opportunity.csv）的文件")],
)  # fmt: skip
def test_files_of_two_crms_are_refused_and_one_may_be_chosen(bring, lang, said):
    language.use(lang)
    files = {"Accounts.csv": ACCOUNTS, "Deals.csv": DEALS, "Opportunity.csv": SALESFORCE}
    with pytest.raises(InputError) as refused:
        bring(files, as_of="2026-03-17")
    assert said in str(refused.value)
    assert "--from zoho|salesforce" in str(refused.value)
    data, ledger, _ = bring(files, "zoho", as_of="2026-03-17")
    assert len(data.frame("deals")) == 3
    (left,) = faults(ledger, "other_crm")
    assert (left.file, left.n) == ("Opportunity.csv", 1)


def test_books_may_lie_beside_any_crm(bring):
    files = {
        "Account.csv": "Id,Name\n001bm00001ZL8U9AAL,Acme\n",
        "Opportunity.csv": SALESFORCE,
        "Customer_Payment.csv": "Payment Number,CustomerPayment ID,Customer Name,Date,Amount\nP1,1,Acme,2026-02-01,100\n",
    }
    data, _, _ = bring(files, as_of="2026-03-17")
    assert data.frame("payments").account_id.tolist() == ["001bm00001ZL8U9AAL"]


# --- (g) a saved mapping next month ------------------------------------------------------------------------------


def test_a_saved_mapping_does_without_what_is_not_needed_and_tells_it(bring, tmp_path):
    files = ZOHO | {
        "Products.csv": "Record Id,Product Name,Product Code,Unit Price\nzcrm_900,Gear,G-1,$15.00\n",
        "Item.csv": "Item ID,Item Name,SKU,Rate,Purchase Rate\n77,Gear,G-1,USD 15.00,USD 6.50\n",
    }
    bring(files, save=tmp_path / "saved.yml")
    source = tmp_path / "exports"
    (source / "Item.csv").unlink()
    head, *rows = DEALS.replace("Lead Source", "Lead Origin").splitlines()
    (source / "Deals_2026_03_17.csv").write_text("\n".join([head, *rows]).replace("Modified Time", "x"))
    ledger = import_data(tmp_path / "saved.yml", source, tmp_path / "next", "2026-03-17").ledger
    data = kam.load(tmp_path / "next")
    assert len(data.frame("deals")) == 3
    assert data.frame("products").unit_cost.isna().all()
    assert [fault.file for fault in faults(ledger, "absent_file")] == ["Item.csv"]
    lost = {fault.column: fault for fault in faults(ledger, "absent_column")}
    assert lost["Lead Source"].detail == "deals.channel, deals.lead_source"
    assert (
        lost["Lead Source"]
        .text("en")
        .startswith("Deals_2026_03_17.csv · Lead Source: no such column any more; left empty:")
    )
    assert "不再有该列" in lost["Lead Source"].text("zh")
    assert "deals.closed_at" in lost["Modified Time"].detail


def test_a_saved_mapping_refuses_what_is_needed(bring, tmp_path):
    bring(ZOHO, save=tmp_path / "saved.yml")
    source = tmp_path / "exports"
    (source / "Deals_2026_03_17.csv").write_text(DEALS.replace("Record Id", "Ref"))
    with pytest.raises(InputError, match="Record Id"):
        import_data(tmp_path / "saved.yml", source, tmp_path / "next", "2026-03-17")
    (source / "Deals_2026_03_17.csv").write_text(DEALS)
    (source / "Sales_Orders_2026_03_17.csv").unlink()
    ledger = import_data(tmp_path / "saved.yml", source, tmp_path / "fewer", "2026-03-17").ledger
    assert [fault.file for fault in faults(ledger, "absent_file")] == ["Sales_Orders_????_??_??.csv"]
    (source / "Accounts_2026_03_17.csv").unlink()
    with pytest.raises(InputError, match=r"files\.accounts: no file is called 'Accounts_\?+_\?\?_\?\?\.csv'"):
        import_data(tmp_path / "saved.yml", source, tmp_path / "next", "2026-03-17")


def test_a_rule_whose_column_is_gone_is_told(bring, tmp_path):
    files = {
        "客户.csv": CUSTOMERS.replace("创建时间\n", "创建时间,生命状态\n").replace("09:00\n", "09:00,正常\n"),
        "商机.csv": "_id,商机名称,account_id,商机金额,商机阶段,创建时间\nd1,First,a1,900,需求确定,2026-01-02\n",
    }
    bring(files, as_of="2026-03-17", save=tmp_path / "saved.yml")
    (tmp_path / "exports" / "客户.csv").write_text(CUSTOMERS)
    ledger = import_data(tmp_path / "saved.yml", tmp_path / "exports", tmp_path / "next", "2026-03-17").ledger
    (told,) = faults(ledger, "absent_rule")
    assert told.column == "生命状态"
    assert told.text("zh").startswith("客户.csv·生命状态：不再有该列，以下规则不适用： 生命状态不是“正常”")


# --- (h) rows that no table takes --------------------------------------------------------------------------------


def test_a_file_whose_table_could_not_be_made_keeps_no_row(bring, tmp_path):
    contacts = "Record Id,Who,Account Name.id,Email,Title,Created Time\nzcrm_7,Wang,zcrm_4150868000000111001,a@b.c,CEO,2026-01-02 10:00\n"
    files = ZOHO | {"Contacts.csv": contacts}
    _, ledger, _ = bring(files)
    (entry,) = [entry for entry in ledger.files if entry.file == "Contacts.csv"]
    assert (entry.read, entry.kept, entry.set_aside) == (1, 0, 1)
    assert {fault.detail for fault in ledger.faults if fault.file == "Contacts.csv"} == {"taken by no table", ""}
    (told,) = faults(ledger, "no_column")
    assert (told.table, told.column, told.n, told.examples) == ("contacts", "contact_name", 1, ((None, "Who"),))
    data, ledger, seen = bring(
        files, own(tmp_path, tables={"contacts": {"columns": {"contact_name": "Who"}}}), into="mended"
    )
    assert data.frame("contacts").contact_name.tolist() == ["Wang"]
    assert not faults(ledger, "no_column")


def test_files_that_others_look_things_up_in_stay_whole(bring):
    files = ZOHO | {
        "Products.csv": "Record Id,Product Name,Product Code,Unit Price\nzcrm_900,Gear,G-1,$15.00\n",
        "Item.csv": "Item ID,Item Name,SKU,Rate,Purchase Rate\n77,Gear,G-1,USD 15.00,USD 6.50\n",
        "Leads.csv": "Record Id,Lead Name,Company,Lead Status\nzcrm_5,Li,Neu,New\n",
    }
    _, ledger, _ = bring(files)
    kept = {entry.file: (entry.read, entry.kept) for entry in ledger.files}
    assert kept["Item.csv"] == (1, 1)
    assert kept["Leads.csv"] == (1, 0)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", r"Accounts\.csv: no column was taken for 'Customer name'"),
        ("zh", r"Accounts\.csv：没有列被识别为“客户名称”"),
    ],
)
def test_a_needed_column_under_a_strange_name_is_asked_for_by_name(bring, tmp_path, lang, said):
    language.use(lang)
    files = {"Accounts.csv": ACCOUNTS.replace("Account Name", "Firma"), "Deals.csv": DEALS}
    with pytest.raises(InputError, match=said) as refused:
        bring(files, as_of="2026-03-17")
    assert "tables: {accounts: {columns: {account_name: …}}}" in str(refused.value)
    data, _, seen = bring(
        files, own(tmp_path, tables={"accounts": {"columns": {"account_name": "Firma"}}}), as_of="2026-03-17"
    )
    assert data.frame("accounts").account_name.tolist() == ["Acme", "Beta"]
    assert seen["Accounts.csv", "Firma"] == (("accounts.account_name",), "by your mapping")


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "No file of orders or deals was recognised, but it is needed"), ("zh", "未识别到销售订单或商机文件")],
)
def test_an_export_without_orders_and_deals_is_refused_in_a_sentence(bring, lang, said):
    language.use(lang)
    with pytest.raises(InputError, match=said):
        bring({"Accounts.csv": ACCOUNTS}, as_of="2026-03-17")


def test_amounts_in_another_unit_are_not_taken_and_the_column_is_named(bring):
    deals = "_id,商机名称,account_id,商机金额（万元）,商机阶段,创建时间\nd1,First,a1,900,需求确定,2026-01-02\n"
    data, ledger, _ = bring({"客户.csv": CUSTOMERS, "商机.csv": deals}, as_of="2026-03-17")
    assert data.frame("deals").amount.isna().all()
    (told,) = faults(ledger, "no_money")
    assert told.text("zh").startswith(
        "商机.csv·amount：1 × 没有列被识别为金额，各行均无金额；尚未采用的列：'商机金额（万元）'。"
    )
    assert told.text("en").endswith("say so in a mapping file: tables: {deals: {columns: {amount: …}}}.")


def test_a_column_named_for_a_field_is_read_as_the_field_is(bring, tmp_path):
    renamed = DEALS.replace("Stage", "Phase").replace("Closing Date", "Expected").replace(",Amount,", ",Value,")
    files = {"Accounts.csv": ACCOUNTS, "Deals.csv": renamed}
    columns = {"stage": "Phase", "expected_close": "Expected", "amount": "Value"}
    data, ledger, seen = bring(files, own(tmp_path, tables={"deals": {"columns": columns}}), as_of="2026-03-17")
    deals = data.frame("deals")
    assert deals.status.tolist() == ["open", "won", "lost"]
    assert deals.amount.tolist() == [12000.5, 500, 70]
    assert [str(day.date()) for day in deals.closed_at.dropna()] == ["2026-03-03", "2026-01-05"]
    assert seen["Deals.csv", "Phase"] == (("deals.stage", "deals.status", "deals.closed_at"), "by your mapping")
    del columns["stage"]
    with pytest.raises(InputError, match=r"Deals\.csv: no column was taken for 'Status'"):
        bring(files, own(tmp_path, tables={"deals": {"columns": columns}}), as_of="2026-03-17", into="less")


def test_each_file_is_read_once_for_how_its_cells_are_written(tmp_path):
    import duckdb

    from kamlib.sources.crm.dictionary import vendors
    from kamlib.sources.crm.evidence import read_evidence
    from kamlib.sources.crm.match import best_matches
    from kamlib.sources.crm.survey import survey

    class Counted:
        n = 0

        def execute(self, sql: str):
            self.n += sql.count("read_csv")
            return con.execute(sql)

    (tmp_path / "Deals.csv").write_text(DEALS)
    con, counted = duckdb.connect(), Counted()
    (sheet,), _ = survey(con, tmp_path, tmp_path)
    found, _ = best_matches([sheet], list(vendors().values()))
    read_evidence(counted, found)
    assert counted.n == 1
    assert (found[0].dates, found[0].comma, found[0].signed) == ("dmy", False, {"Amount"})


# --- (i) a deletion mark on every row ----------------------------------------------------------------------------


def test_a_mark_that_every_row_has_separates_nothing_and_is_told_loudly(bring, tmp_path):
    head = "Id,Name,IsDeleted\n"
    gone = {
        "Account.csv": f"{head}001bm00001ZL8U9AAL,Edge,true\n001bm00001ZL8UAAA1,Gone,true\n",
        "Opportunity.csv": SALESFORCE,
    }
    saved = tmp_path / "saved.yml"
    data, ledger, _ = bring(gone, as_of="2026-03-17", save=saved)
    assert len(data.frame("accounts")) == 2
    (told,) = [fault for fault in ledger.faults if fault.detail.startswith("marked as deleted")]
    assert (told.n, told.action) == (2, "told")
    found = quality.accepted(data).findings
    assert ("accounts", "all_deleted", 2) in set(zip(found.table_name, found.kind, found.n_failed, strict=True))
    (tmp_path / "exports" / "Account.csv").write_text(gone["Account.csv"].replace("Edge,true", "Edge,false"))
    for mapping, into in (("auto", "again"), (saved, "saved")):
        ledger = import_data(mapping, tmp_path / "exports", tmp_path / into, "2026-03-17").ledger
        assert kam.load(tmp_path / into).frame("accounts").account_name.tolist() == ["Edge"]
        assert rules(ledger) == {"deleted in the CRM": 1}
