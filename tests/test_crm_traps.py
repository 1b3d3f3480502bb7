"""Every trap that real CRM exports set (see the notes in the vendor dictionaries): a small file each, and what it becomes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from crm_exports import ACCOUNTS, DEALS, ORDERS, rules

from kamlib.errors import InputError
from kamlib.tables import TABLES

HEAD = "_id,name,account_id,amount,sales_stage__r,sales_status__r,close_date,create_time,stg_changed_time,life_status,is_deleted\n"
CUSTOMERS = "_id,客户名称,客户编号,生命状态,创建时间\na1,甲公司,001,正常,2020-01-02 09:00\na2,乙公司,002,正常,2020-01-02 09:00\n"


def day(moment: str, hour: int = 0) -> int:
    """Epoch milliseconds of a wall-clock time in UTC+8."""
    zone = dt.timezone(dt.timedelta(hours=8))
    return int(dt.datetime.fromisoformat(moment).replace(hour=hour, tzinfo=zone).timestamp() * 1000)


def fxiaoke_deals(*rows: str) -> dict[str, str]:
    return {"客户.csv": CUSTOMERS, "NewOpportunityObj.csv": HEAD + "\n".join(rows) + "\n"}


def book(path: Path, title: str = "", merged: tuple[str, ...] = (), **sheets: list[list]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in ([[title]] if title else []) + rows:
            sheet.append(row)
    for span in merged:
        sheet.merge_cells(span)
    workbook.save(path)
    return path.read_bytes()


# --- C.0: dialects, labels, lookups, ids -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "Record Id,Deal Owner.id,Deal Owner,Amount,Deal Name,Closing Date,Account Name.id,Stage,Created Time",
        "RECORD ID,DEAL OWNER.ID,DEAL OWNER,AMOUNT,DEAL NAME,CLOSING DATE,ACCOUNT NAME.ID,STAGE,CREATED TIME",
        "id,Owner.id,Owner,Amount,Deal_Name,Closing_Date,Account_Name.id,Stage,Created_Time",
        "id,owner_id,owner_name,amount,deal_name,closing_date,account_name_id,stage,created_time",
        "记录ID,Owner.id,商机所有者,金额,商机名称,预计成交日期,Account Name.id,阶段,创建时间",
    ],
)
def test_labels_api_names_and_snake_case_are_one(bring, head):
    row = "zcrm_4150868000000225013,zcrm_41,Ann,100,First,2026-03-25,zcrm_4150868000000111001,Needs Analysis,2026-01-02 10:00"
    data, _, _ = bring({"Accounts.csv": ACCOUNTS, "Deals.csv": f"{head}\n{row}\n"}, as_of="2026-03-17")
    (deal,) = data.frame("deals").itertuples()
    assert (deal.deal_id, deal.account_id) == ("4150868000000225013", "4150868000000111001")
    assert (deal.deal_name, deal.owner, deal.stage, deal.amount) == ("First", "Ann", "needs", 100)
    assert (str(deal.expected_close.date()), str(deal.created_at.date())) == ("2026-03-25", "2026-01-02")


def test_dialects_may_stand_side_by_side_in_one_file(bring):
    head = "_id,商机名称,account_id,amount,商机阶段,sales_status__r,预计成交日期,create_time"
    row = f"d1,First,a1,5.00,需求确定,进行中,2026-03-25,{day('2026-01-02')}"
    data, _, seen = bring({"客户.csv": CUSTOMERS, "商机.csv": f"{head}\n{row}\n"}, as_of="2026-03-17")
    (deal,) = data.frame("deals").itertuples()
    assert (deal.account_id, deal.stage, str(deal.created_at.date())) == ("a1", "needs", "2026-01-02")
    assert seen["商机.csv", "amount"] == (("deals.amount",), "exact")


def test_a_remark_or_a_slip_in_a_label_is_a_guess_and_said(bring):
    slipped = DEALS.replace("Closing Date", "Closing Datte").replace("Deal Name", "Deal Name（必填）")
    data, _, seen = bring({"Accounts.csv": ACCOUNTS, "Deals.csv": slipped}, as_of="2026-03-17")
    assert data.frame("deals").deal_name.tolist() == ["First", "Second", "Third"]
    assert seen["Deals.csv", "Closing Datte"][1] == seen["Deals.csv", "Deal Name（必填）"][1] == "near"


def test_a_relabelled_column_is_set_right_by_the_mapping_file(bring, tmp_path):
    (tmp_path / "own.yml").write_text(
        "extends: auto\ntables: {accounts: {columns: {account_tier: 客户类型, account_type: 客户分类}}}"
    )
    text = "_id,客户名称,客户类型,客户分类,生命状态,创建时间\na1,甲公司,A,经销商,正常,2020-01-02\n"
    deals = HEAD + "d1,First,a1,5,需求确定,进行中,,2026-01-02,,normal,false\n"
    data, _, _ = bring({"客户.csv": text, "商机.csv": deals}, tmp_path / "own.yml", "2026-03-17")
    account = data.frame("accounts").iloc[0]
    assert (account.account_tier, account.account_type) == ("A", "经销商")


def test_lookups_are_joined_by_id_and_never_by_name(bring):
    """Both customers have the name that stands beside the id."""
    accounts = ACCOUNTS.replace(",Beta,", ",Acme,")
    deals = DEALS.replace(",Beta,", ",Acme,")
    data, ledger, seen = bring({"Accounts.csv": accounts, "Deals.csv": deals}, as_of="2026-03-17")
    assert [i[-4:] for i in data.frame("deals").account_id] == ["1001", "1002", "1002"]
    assert seen["Deals.csv", "Account Name"] == ((), "not needed")
    assert "accounts found by name" not in rules(ledger)


def test_only_names_are_looked_up_when_unique_told_and_counted(bring):
    accounts = CUSTOMERS + "a3,丙公司,003,正常,2020-01-02\na4,丙公司,004,正常,2020-01-02\n"
    deals = (
        "商机名称,客户名称,商机金额,商机阶段,创建时间\nFirst,甲公司,900,需求确定,2026-01-02\n"
        "Second,丙公司,7,需求确定,2026-01-02\nThird,丁公司,9,需求确定,2026-01-02\n"
    )
    data, ledger, seen = bring({"客户.csv": accounts, "商机.csv": deals}, as_of="2026-03-17")
    assert data.frame("deals").set_index("deal_name").account_id.dropna().to_dict() == {"First": "a1"}
    assert seen["商机.csv", "客户名称"] == (("deals.deal_id", "deals.account_id"), "by name")
    assert rules(ledger) == {"customer name used by several customers": 1, "accounts found by name": 1}
    orphan = next(fault for fault in ledger.faults if fault.kind == "orphan")
    assert orphan.examples == ((4, "丁公司"),)


def test_ids_stay_text_and_a_rounded_one_is_told(bring):
    accounts = ACCOUNTS + "4.15087E+18,Cy,Gamma,7,,,2020-01-04\nzcrm_4150868000000110000,Cy,Delta,0008,,,2020-01-04\n"
    data, ledger, _ = bring({"Accounts.csv": accounts, "Deals.csv": DEALS}, as_of="2026-03-17")
    frame = data.frame("accounts").set_index("account_name")
    assert frame.account_no.to_dict() == {"Acme": "001", "Beta": "002", "Gamma": "7", "Delta": "0008"}
    assert frame.account_id["Acme"] == "4150868000000111001"
    told = next(fault for fault in ledger.faults if fault.detail == "id rounded by a spreadsheet")
    assert (told.n, [row for row, _ in told.examples]) == (2, [4, 5])


def test_salesforce_ids_of_fifteen_letters_meet_those_of_eighteen(bring):
    accounts = "Id,Name,IsDeleted,BillingCountry\n001bm00001ZL8U9AAL,Edge,false,US\n001bm00001ZL8UAAA1,Gone,true,US\n"
    deals = "Id,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate\n006bm00000LKJNN,001bm00001ZL8U9,First,Qualification,5,2026-05-01,false,false,2026-01-01T17:00:00.000Z\n"
    data, ledger, _ = bring({"Account.csv": accounts, "Opportunity.csv": deals}, as_of="2026-03-17")
    (deal,) = data.frame("deals").itertuples()
    assert (deal.deal_id, deal.account_id) == ("006bm00000LKJNNAA5", "001bm00001ZL8U9AAL")
    assert str(deal.created_at.date()) == "2026-01-02", "17:00 UTC is the next day in UTC+8"
    assert rules(ledger) == {"deleted in the CRM": 1}


# --- C.0: dates and numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closing", "created", "said"),
    [
        ("25/03/2026", "01/02/2026", "2026-02-01"),
        ("03/25/2026", "01/02/2026", "2026-01-02"),
        ("25.03.2026", "01.02.2026", "2026-02-01"),
    ],
)
def test_the_order_of_day_and_month_is_read_off_all_dates_of_the_file(bring, closing, created, said):
    deals = f"Record Id,Deal Name,Closing Date,Account Name.id,Stage,Created Time\nd1,First,{closing},4150868000000111001,Needs Analysis,{created}\n"
    data, _, _ = bring({"Accounts.csv": ACCOUNTS, "Deals.csv": deals}, as_of="2026-03-17")
    assert str(data.frame("deals").created_at[0].date()) == said


def test_dates_that_nothing_decides_are_asked_for_and_then_read(bring):
    deals = "Record Id,Deal Name,Closing Date,Account Name.id,Stage,Created Time\nd1,First,05/03/2026,4150868000000111001,Needs Analysis,01/02/2026\n"
    files = {"Accounts.csv": ACCOUNTS, "Deals.csv": deals}
    with pytest.raises(InputError) as refused:
        bring(files, as_of="2026-03-17")
    assert len(str(refused.value).splitlines()) == 1
    assert "--dates dmy|mdy" in str(refused.value)
    for order, said in (("dmy", "2026-02-01"), ("mdy", "2026-01-02")):
        data, _, _ = bring(files, as_of="2026-03-17", into=order, dates=order)
        assert str(data.frame("deals").created_at[0].date()) == said
    with pytest.raises(InputError, match="give one of dmy, mdy, ymd"):
        bring(files, as_of="2026-03-17", dates="dym")


def test_dates_in_two_orders_are_refused(bring):
    deals = "Record Id,Deal Name,Closing Date,Account Name.id,Stage,Created Time\nd1,First,25/03/2026,4150868000000111001,Needs Analysis,03/25/2026\n"
    with pytest.raises(InputError, match="written in different orders"):
        bring({"Accounts.csv": ACCOUNTS, "Deals.csv": deals}, as_of="2026-03-17")


def test_amounts_with_signs_and_commas_both_ways(bring):
    head = "Record Id,Deal Name,Amount,Account Name.id,Stage,Created Time\n"
    cells = {"comma": ('"1.234,50 €"', '"12,5"', "7"), "point": ('"€1,234.50"', "12.5", '"(7)"')}
    for name, (one, two, three) in cells.items():
        rows_ = "".join(
            f"d{i},x,{cell},4150868000000111001,Needs Analysis,2026-01-02\n" for i, cell in enumerate((one, two, three))
        )
        data, _, _ = bring({"Accounts.csv": ACCOUNTS, "Deals.csv": head + rows_}, as_of="2026-03-17", into=name)
        assert data.frame("deals").amount.dropna().tolist() == [1234.5, 12.5, 7][: 3 if name == "comma" else 2], name
        assert data.settings.currency == "EUR"


# --- C.0.7: encodings, delimiters, workbooks ---------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(bring, encoding, delimiter):
    files = fxiaoke_deals(
        f"d1,首单,a1,21739535.00,需求确定,进行中,{day('2026-05-01')},{day('2026-01-02')},,normal,false"
    )
    encoded = {name: text.replace(",", delimiter).encode(encoding) for name, text in files.items()}
    data, _, _ = bring(encoded, as_of="2026-03-17")
    assert data.frame("accounts").account_name.tolist() == ["甲公司", "乙公司"]
    (deal,) = data.frame("deals").itertuples()
    assert (deal.deal_name, deal.amount, str(deal.expected_close.date())) == ("首单", 21739535, "2026-05-01")


def test_a_workbook_with_several_sheets_titles_and_merged_cells(bring, tmp_path):
    customers = [
        ["_id", "客户名称", "客户编号", "创建时间"],
        ["a1", "甲公司", "001", "2020-01-02"],
        ["a2", "乙公司", "002", "2020-01-02"],
    ]
    orders = [
        ["销售订单编号", "客户名称", "下单日期", "销售订单金额(元)", "产品名称", "数量", "小计"],
        ["O1", "甲公司", "2026-01-05", "30.00", "减速机", "1", "10.00"],
        [None, None, None, None, "电机", "2", "20.00"],
        ["O2", "乙公司", "2026-01-06", "5.00", "电机", "1", "5.00"],
    ]
    packed = book(
        tmp_path / "x.xlsx",
        "导出日期：2026-03-17",
        ("A3:A4", "B3:B4", "C3:C4", "D3:D4"),
        客户=customers,
        销售订单=orders,
    )
    data, ledger, _ = bring({"导出.xlsx": packed}, as_of="2026-03-17")
    assert data.frame("orders")[["order_id", "account_id", "amount"]].to_numpy().tolist() == [
        ["O1", "a1", 30],
        ["O2", "a2", 5],
    ]
    lines = data.frame("order_lines")
    assert lines[["order_id", "line_no", "amount"]].to_numpy().tolist() == [["O1", 1, 10], ["O1", 2, 20], ["O2", 1, 5]]
    assert all(entry.set_aside == 0 for entry in (*ledger.files, *ledger.entries))


# --- C.0.8 and C.3: what must not count --------------------------------------------------------------------------


def test_records_that_are_void_or_deleted_are_set_aside_with_the_reason(bring):
    row = "d{},x,a1,10,需求确定,进行中,{},{},,{},{}"
    cells = [
        (1, "normal", "false"),
        (2, "invalid", "false"),
        (3, "作废", ""),
        (4, "normal", "true"),
        (5, "under_review", "false"),
        (6, "正常", ""),
    ]
    files = fxiaoke_deals(*(row.format(n, day("2026-05-01"), day("2026-01-02"), life, gone) for n, life, gone in cells))
    data, ledger, _ = bring(files, as_of="2026-03-17")
    assert data.frame("deals").deal_id.tolist() == ["d1", "d6"]
    assert rules(ledger) == {"not in force in the CRM (life status)": 3, "deleted in the CRM": 1}
    entry = next(entry for entry in ledger.files if "Opportunity" in entry.file)
    assert (entry.read, entry.kept, entry.set_aside, entry.money_set_aside) == (6, 2, 4, 40)


def test_invalid_is_not_lost_and_a_chance_of_100_is_not_won(bring):
    rows_ = [("d1", "赢单"), ("d2", "输单"), ("d3", "无效"), ("d4", "进行中")]
    stages = {"赢单": "赢单", "输单": "输单", "无效": "无效", "进行中": "谈判审核"}
    lines = [
        f"{i},x,a1,10,{stages[s]},{s},{day('2026-05-01')},{day('2026-01-02')},{day('2026-02-03')},normal,false"
        for i, s in rows_
    ]
    files = fxiaoke_deals(*lines)
    files["NewOpportunityObj.csv"] = (
        files["NewOpportunityObj.csv"]
        .replace("is_deleted\n", "is_deleted,probability\n")
        .replace("false\n", "false,100\n")
    )
    data, _, _ = bring(files, as_of="2026-03-17")
    deals = data.frame("deals").set_index("deal_id")
    assert deals.status.to_dict() == {"d1": "won", "d2": "lost", "d3": "invalid", "d4": "open"}
    assert deals.probability.tolist() == [1] * 4
    assert set(deals.closed_at.dropna().dt.strftime("%Y-%m-%d")) == {"2026-02-03"}, (
        "the last change of stage, not the expected date"
    )


def test_codes_and_labels_of_stage_and_status_are_one(bring):
    head = "_id,name,account_id,sales_stage,sales_status,create_time\n"
    rows_ = "".join(
        f"d{i},x,a1,{stage},{status},{day('2026-01-02')}\n"
        for i, (stage, status) in enumerate([("1", "1"), ("4", "1"), ("5", "2"), ("7", "4")])
    )
    data, _, _ = bring({"客户.csv": CUSTOMERS, "NewOpportunityObj.csv": head + rows_}, as_of="2026-03-17")
    deals = data.frame("deals")
    assert deals.stage.tolist() == ["qualification", "negotiation", "won", "invalid"]
    assert deals.status.tolist() == ["open", "open", "won", "invalid"]


def test_the_published_record_with_its_three_contradictions_is_told(bring):
    """close_date < create_time < stg_changed_time; lines 96 times the amount; below another deal."""
    head = HEAD.replace("is_deleted", "is_deleted,opp_lines_sum,parent_id")
    row = f"d1,x,a1,21739535.00,赢单,赢单,{day('2023-07-24')},{day('2023-09-21')},{day('2023-10-13')},normal,false,2096080100,d9\n"
    data, ledger, _ = bring({"客户.csv": CUSTOMERS, "NewOpportunityObj.csv": head + row}, as_of="2026-03-17")
    assert rules(ledger) == {
        "closing date before creation": 1,
        "lines worth less than half or more than twice the deal": 1,
        "part of another deal; both amounts count": 1,
    }
    (deal,) = data.frame("deals").itertuples()
    assert (str(deal.created_at.date()), str(deal.closed_at.date())) == ("2023-09-21", "2023-10-13")


def test_contacts_of_deals_give_role_stance_relation_and_state(bring):
    files = fxiaoke_deals(f"d1,x,a1,10,需求确定,进行中,,{day('2026-01-02')},,normal,false")
    files["联系人.csv"] = "_id,姓名,account_id,职务,创建时间\nc1,王,a1,经理,2026-01-02\n"
    files["商机联系人.csv"] = (
        "商机联系人序号,new_opportunity_id,contact_id,参与角色,立场,客情关系,接触状况,最后修改时间\n"
        "1,d1,c1,决策者,反对,强,多次接触,2026-02-01\n"
    )
    data, _, _ = bring(files, as_of="2026-03-17")
    (found,) = data.frame("relationships").itertuples()
    assert (found.account_id, found.contact_id, found.deal_id) == ("a1", "c1", "d1")
    assert (found.role, found.stance, found.relationship, found.contact_state) == ("decision_maker", -1, 5, "often")


# --- line items, history, several files --------------------------------------------------------------------------


def test_line_items_as_repeated_rows(bring):
    head = "Record Id,SO Number,Account Name.id,Created Time,Grand Total,Product Name,Quantity,List Price,Line Total\n"
    row = "zcrm_4150868000000333001,SO-1,zcrm_4150868000000111001,2026-01-05 10:00,$30.00,"
    data, ledger, _ = bring(
        {"Accounts.csv": ACCOUNTS, "Sales_Orders.csv": f"{head}{row}A,1,$12.00,$10.00\n{row}B,2,$10.00,$20.00\n"},
        as_of="2026-03-17",
    )
    (order,) = data.frame("orders").itertuples()
    assert (order.order_id, order.amount, order.list_amount) == ("SO-1", 30, 32)
    assert data.frame("order_lines").amount.tolist() == [10, 20]
    assert [(entry.read, entry.set_aside) for entry in ledger.files] == [(2, 0), (2, 0)]
    assert next(entry for entry in ledger.entries if entry.table == "orders").read == 1


def test_line_items_as_a_file_of_their_own_with_cost_from_books(bring):
    files = {
        "Accounts.csv": ACCOUNTS,
        "Sales_Orders.csv": ORDERS,
        "Products.csv": "Record Id,Product Name,Product Code,Unit Price\nzcrm_900,Gear,G-1,$15.00\n",
        "Item.csv": "Item ID,Item Name,SKU,Rate,Purchase Rate\n77,Gear,G-1,USD 15.00,USD 6.50\n",
        "Ordered_Items.csv": "Parent Id.id,Product Name.id,Quantity,Amount,Total\nzcrm_4150868000000333001,zcrm_900,10,$150.00,$100.00\n",
        "Customer_Payment.csv": (
            "Payment Number,CustomerPayment ID,Customer Name,Date,Amount,Currency Code,Amount Applied to Invoice\n"
            "P1,1,Acme,2026-02-01,100,USD,60\nP1,1,Acme,2026-02-01,100,USD,40\n"
        ),
        "Credit_Note.csv": "Credit Note Number,CreditNotes ID,Customer Name,Credit Note Date,Total,Currency Code\nCN1,5,Beta,2026-02-03,9,USD\n",
    }  # fmt: skip
    data, ledger, seen = bring(files, as_of="2026-03-17")
    assert data.frame("products").unit_cost.tolist() == [6.5]
    (line,) = data.frame("order_lines").itertuples()
    assert (line.order_id, line.product_id, line.list_amount, line.amount, line.cogs) == ("SO-1", "900", 150, 100, 65)
    assert data.frame("orders").cogs.tolist() == [65]
    payments = data.frame("payments")
    assert payments.payment_id.tolist() == ["P1", "P1/2"]
    assert payments.amount.tolist() == [60, 40]
    assert [i[-4:] for i in (*payments.account_id, *data.frame("returns").account_id)] == ["1001", "1001", "1002"]
    by_name = [fault.n for fault in ledger.faults if fault.detail == "accounts found by name"]
    assert sorted(by_name) == [1, 2]
    assert seen["Item.csv", "Purchase Rate"][0] == ("order_lines.cogs", "products.unit_cost")


def test_a_total_that_is_not_exported_is_computed_from_its_parts(bring):
    head = "Record Id,SO Number,Account Name.id,Created Time,Sub Total,Discount,Tax,Adjustment\n"
    order = "zcrm_4150868000000333001,SO-1,zcrm_4150868000000111001,2026-01-05 10:00,100.00,10.00,5.50,\n"
    data, ledger, _ = bring({"Accounts.csv": ACCOUNTS, "Sales_Orders.csv": head + order}, as_of="2026-03-17")
    assert data.frame("orders").amount.tolist() == [95.5]
    assert rules(ledger)["total computed from its parts"] == 1


def test_several_files_feed_one_table_and_each_row_knows_its_file(bring):
    files = {
        "Accounts.csv": ACCOUNTS,
        "Deals.csv": DEALS,
        "Calls.csv": "Record Id,Call Owner,Subject,Call Type,Call Start Time,Related To.id\nzcrm_1,Ann,Hello,Inbound,2026-02-01 10:00,zcrm_4150868000000111001\nzcrm_2,Ann,Hello,Inbound,2026-02-01 10:00,zcrm_9\n",
        "Meetings.csv": "Record Id,Host,Title,From,Check-In Time,Related To.id\nzcrm_3,Bo,Visit,2026-02-02 10:00,2026-02-02 10:05,zcrm_4150868000000225014\n",
        "Tasks.csv": "Record Id,Task Owner,Subject,Status,Closed Time,Related To.id\nzcrm_4,Bo,Email,Completed,2026-02-03 10:00,zcrm_4150868000000111002\nzcrm_5,Bo,Email,Not Started,,zcrm_4150868000000111002\n",
    }  # fmt: skip
    data, ledger, _ = bring(files, as_of="2026-03-17")
    found = data.frame("activities").set_index("activity_id")
    assert found.type.to_dict() == {"1": "call", "3": "visit", "4": "mail"}
    assert found.deal_id.dropna().to_dict() == {"3": "4150868000000225014"}
    assert found.account_id["3"][-4:] == "1002", "the customer of the deal"
    empty = next(fault for fault in ledger.faults if fault.kind == "empty")
    assert (empty.table, empty.file, [row for row, _ in empty.examples]) == ("activities", "Calls.csv", [3])
    assert rules(ledger)["task not completed"] == 1


def test_history_rows_without_a_change_of_stage_are_set_aside(bring):
    accounts = "Id,Name\n001bm00001ZL8U9AAL,Edge\n"
    deals = "Id,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate\nd1,001bm00001ZL8U9AAL,x,Needs Analysis,5,2026-05-01,false,false,2026-01-01\n"
    head = "Id,OpportunityId,StageName,Amount,CreatedDate,IsDeleted\n"
    steps = [
        ("Qualification", "01"),
        ("Qualification", "05"),
        ("Needs Analysis", "09"),
        ("Qualification", "12"),
        ("Needs Analysis", "20"),
    ]
    history = head + "".join(
        f"h{i},d1,{stage},{i},2026-01-{on}T01:00:00Z,false\n" for i, (stage, on) in enumerate(steps)
    )
    data, ledger, _ = bring(
        {"Account.csv": accounts, "Opportunity.csv": deals, "OpportunityHistory.csv": history}, as_of="2026-03-17"
    )
    found = data.frame("deal_stage_history").sort_values("entered_at")
    assert found.stage.tolist() == ["qualification", "needs", "qualification", "needs"], "going back is kept"
    assert found.entered_at.dt.day.tolist() == [1, 9, 12, 20]
    assert rules(ledger) == {"stage unchanged": 1}


def test_hubspot_columns_of_days_become_stage_history(bring):
    deals = (
        "Record ID,Deal Name,Deal Stage,Pipeline,Amount,Close Date,Deal owner,Create Date,Associated Company IDs,"
        '"Date entered ""Appointment scheduled (Sales Pipeline)""","Date entered ""Contract sent (Sales Pipeline)"""\n'
        "11,First,Contract sent,Sales Pipeline,100,2026-04-01 10:00,Ann,2026-01-01 09:00,71;72,2026-01-02 10:00,2026-02-03 11:00\n"
        "12,Second,Closed won,Sales Pipeline,50,2026-02-01 10:00,Ann,2026-01-01 09:00,72,2026-01-05 10:00,\n"
    )
    companies = "Record ID,Company name,Company owner,Create Date\n71,Alpha,Ann,2020-01-01\n72,Beta,Ann,2020-01-01\n"
    data, _, seen = bring(
        {
            "hubspot-crm-exports-all-deals-2026-03-17.csv": deals,
            "hubspot-crm-exports-all-companies-2026-03-17.csv": companies,
        }
    )
    found = data.frame("deals").set_index("deal_id")
    assert found.account_id.to_dict() == {"11": "71", "12": "72"}, "the first company is the primary one"
    assert found.status.to_dict() == {"11": "open", "12": "won"}
    history = data.frame("deal_stage_history")
    assert history[["deal_id", "stage"]].to_numpy().tolist() == [
        ["11", "appointment"],
        ["11", "contract"],
        ["12", "appointment"],
    ]
    header = 'Date entered "Contract sent (Sales Pipeline)"'
    assert seen["hubspot-crm-exports-all-deals-2026-03-17.csv", header] == (
        ("deal_stage_history.entered_at",),
        "pattern",
    )


def test_stages_of_a_portal_are_called_by_their_labels(bring):
    files = {
        "company_data.csv": "id,property_name\n71,Alpha\n",
        "deal_data.csv": "deal_id,deal_pipeline_stage_id,property_dealname,property_createdate\n11,98765,First,2026-01-01\n12,98766,Second,2026-01-01\n",
        "deal_pipeline_stage_data.csv": "stage_id,label,pipeline_id,probability,closed_won,is_closed\n98765,Pilot,1,0.35,false,false\n98766,Signed,1,1.0,true,true\n",
        "deal_company_data.csv": "deal_id,company_id,type_id\n11,70,341\n11,71,5\n",
    }
    data, _, _ = bring(files, as_of="2026-03-17")
    deals = data.frame("deals").set_index("deal_id")
    assert deals.stage.to_dict() == {"11": "Pilot", "12": "Signed"}
    assert deals.status.to_dict() == {"11": "open", "12": "won"}
    assert deals.account_id.dropna().to_dict() == {"11": "71"}
    assert [(stage.name, stage.probability) for stage in data.settings.stages] == [("Pilot", 0.35)]


# --- the folder --------------------------------------------------------------------------------------------------


def test_two_days_of_one_module_are_not_mixed(bring):
    with pytest.raises(InputError, match="exported on 2026-02-17 and 2026-03-17"):
        bring({"Deals_2026_02_17.csv": DEALS, "Deals_2026_03_17.csv": DEALS, "Accounts_2026_03_17.csv": ACCOUNTS})


def test_parts_of_one_export_are_read_as_one_and_others_are_named(bring):
    head, first, *rest = DEALS.splitlines(keepends=True)
    files = {"Deals_1.csv": head + first, "Deals_2.csv": head + "".join(rest), "Accounts.csv": ACCOUNTS}
    data, ledger, seen = bring(files | {"readme.txt": "hello", "menu.csv": "dish,price\nsoup,4\n"}, as_of="2026-03-17")
    assert len(data.frame("deals")) == 3
    assert {fault.file for fault in ledger.faults if fault.detail == "closing date before creation"} == {
        "Deals_1.csv, Deals_2.csv"
    }
    assert seen["menu.csv", "dish"] == ((), "")


def test_a_link_out_of_the_folder_is_refused(bring, tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "secret.csv").write_text(ACCOUNTS)
    (tmp_path / "exports" / "Accounts.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match="is a link out of"):
        bring({"Deals.csv": DEALS}, as_of="2026-03-17")


def test_a_folder_of_anything_else_says_so(bring):
    with pytest.raises(InputError, match="none of its files is an export of a CRM that kam knows"):
        bring({"menu.csv": "dish,price\nsoup,4\n"}, as_of="2026-03-17")


def test_customers_are_made_of_the_deals_that_name_them_where_no_file_lists_them(bring):
    data, _, seen = bring({"Deals.csv": DEALS}, as_of="2026-03-17")
    assert data.frame("accounts").account_name.tolist() == ["Acme", "Beta"]
    assert "accounts.account_id" in seen["Deals.csv", "Account Name.id"][0]


def test_canonical_files_beside_an_export_are_taken_as_they_are(bring):
    surveys = "response_id,account_id,wave,invited_at,overall\nq1,4150868000000111001,2026-H1,2026-02-01,4\n"
    data, _, _ = bring({"Accounts.csv": ACCOUNTS, "Deals.csv": DEALS, "surveys.csv": surveys}, as_of="2026-03-17")
    assert data.frame("surveys").overall.tolist() == [4]


def test_every_table_that_a_dictionary_feeds_exists_and_every_reason_is_said_in_both_languages():
    from kamlib import words
    from kamlib.sources.crm.dictionary import vendors

    for vendor in vendors().values():
        for module in vendor.modules.values():
            assert module.tables.keys() <= TABLES.keys()
            for reason in (*module.set_aside, *module.told):
                assert reason in words.LABELS, reason


def test_field_history_gives_the_stages_and_nothing_else(bring):
    files = {
        "Account.csv": "Id,Name\n001bm00001ZL8U9AAL,Edge\n",
        "Opportunity.csv": "Id,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate\nd1,001bm00001ZL8U9AAL,x,Needs Analysis,5,2026-05-01,false,false,2026-01-01\n",
        "OpportunityFieldHistory.csv": (
            "Id,OpportunityId,Field,OldValue,NewValue,CreatedDate\nh1,d1,StageName,Qualification,Needs Analysis,2026-01-05T01:00:00Z\n"
            "h2,d1,Amount,4,5,2026-01-06T01:00:00Z\n"
        ),
    }
    data, ledger, _ = bring(files, as_of="2026-03-17")
    assert data.frame("deal_stage_history").stage.tolist() == ["needs"]
    assert [stage.name for stage in data.settings.stages] == ["needs"]
    assert rules(ledger) == {"taken by no table": 1}


# --- files that are not recognised --------------------------------------------------------------------------------


CONTRACTED = "Sales Order Owner,SO Number,Account Name,Grand Total,Created Time\n"


def test_a_title_row_does_not_hide_the_customers(bring):
    titled = ("客户列表　导出日期：2025-12-31\n" + CUSTOMERS.replace(",", ";")).encode("gb18030")
    data, ledger, _ = bring(
        fxiaoke_deals("d1,First,a1,5,需求确定,进行中,,2026-01-02,,normal,false") | {"客户.csv": titled},
        as_of="2026-03-17",
    )
    assert data.frame("accounts").account_name.tolist() == ["甲公司", "乙公司"]
    assert "no_customer_file" not in {fault.kind for fault in ledger.faults}


def test_customers_are_never_made_of_ids_and_of_names(bring):
    orders = CONTRACTED + "Ann,SO-1,Acme,$10,2026-01-05 10:00\nAnn,SO-2,Nobody,$10,2026-01-05 10:00\n"
    data, ledger, _ = bring({"Deals.csv": DEALS, "Sales_Orders.csv": orders}, as_of="2026-03-17")
    accounts = data.frame("accounts")
    assert accounts.account_id.tolist() == ["4150868000000111001", "4150868000000111002"]
    assert accounts.account_name.tolist() == ["Acme", "Beta"]
    assert data.frame("orders").account_id.tolist() == ["4150868000000111001"]
    faults = {fault.kind: fault for fault in ledger.faults}
    assert faults["no_customer_file"].file == "Deals.csv"
    assert (faults["orphan"].action, faults["orphan"].examples) == ("set_aside", ((3, "Nobody"),))
    assert rules(ledger)["accounts found by name"] == 1


def test_a_table_that_is_not_recognised_is_told_with_its_rows(bring):
    _, ledger, _ = bring(
        {"Accounts.csv": ACCOUNTS, "Deals.csv": DEALS, "Budget.csv": "a,b\n1,2\n3,4\n"}, as_of="2026-03-17"
    )
    (left,) = [fault for fault in ledger.faults if fault.kind == "unrecognised"]
    assert (left.file, left.n, left.examples) == ("Budget.csv", 2, ((None, "a, b"),))
    assert left.text("zh").startswith("Budget.csv：2 × 文件未识别")


def test_a_file_called_after_a_module_without_its_headers_is_refused_and_may_be_declared(bring, tmp_path):
    files = {"Accounts.csv": "foo,bar\n4150868000000111001,Acme\n4150868000000111002,Beta\n", "Deals.csv": DEALS}
    with pytest.raises(InputError, match=r"Accounts\.csv is called after a module of a CRM, .* \(foo, bar\)"):
        bring(files, as_of="2026-03-17")
    (tmp_path / "own.yml").write_text(
        "extends: auto\nfiles: {own: Accounts.csv}\ntables: {accounts: {from: own, columns: {account_id: foo, account_name: bar}}}"
    )
    data, ledger, _ = bring(files, tmp_path / "own.yml", as_of="2026-03-17")
    assert data.frame("accounts").account_name.tolist() == ["Acme", "Beta"]
    assert not {"unrecognised", "no_customer_file"} & {fault.kind for fault in ledger.faults}
