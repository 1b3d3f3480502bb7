"""The canonical tables: what a CRM and an ERP export become before anything is computed.

One declaration per table: columns with type, unit, range, labels in both languages; the key; which other table a
column refers to; and from which date a row, or a part of it, is known. Everything that reads, checks, cuts at the
as-of date, labels or documents data is derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SQL_TYPES = {
    "text": "VARCHAR",
    "date": "DATE",
    "time": "TIMESTAMP",
    "money": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "flag": "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One column: `type` is a key of `SQL_TYPES`; `values` lists the only ones allowed; `ref` names a table whose key
    it must be found in. A required column must be in the file and filled in every row; a firm one may be empty, but
    what stands there must be readable, else the row is set aside: an order of an unknown amount is none of 0.

    `share` says what becomes of a text when a run is shared: "keep", "drop", or a pseudonym in its place, because it is
    an "id", the "name" of what the row's id stands for, or one of our "staff"; one that is "common" is kept where at least
    three rows have it, for a rare one names somebody. A text that says nothing is dropped;
    references follow what they refer to, and a text of `values` is a code and kept."""

    name: str
    type: str
    en: str
    zh: str
    required: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    ref: str = ""
    share: str = ""
    firm: bool = False


@dataclass(frozen=True)
class Table:
    """One table. `dated` is the column from which a row is known (empty: always). `later` maps a date column to the
    columns that are known only from that date on, with the value they have before it."""

    name: str
    en: str
    zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    dated: str = ""
    later: dict[str, dict[str, str | None]] = field(default_factory=dict)
    money: str = ""
    """The column that says how much money a row carries, for the ledger."""
    ends: tuple[str, ...] = ()
    """Date columns that cannot lie before `dated`, beside those of `later`."""
    seen: str = ""
    """What a role that sees only some accounts sees of a table without a way to accounts or owners: "referred", the rows
    that its other rows refer to."""

    def column(self, name: str) -> Column:
        """Return the column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        return [column.name for column in self.columns if column.required]


def _account(required: bool = True) -> Column:
    return Column("account_id", "text", "Customer ID", "客户ID", required, ref="accounts")


_CURRENCY = Column("currency", "text", "Currency", "币种", share="keep")
_SCORE = {"unit": "1-5", "low": 1, "high": 5}

STATUSES = ("open", "won", "lost", "invalid")
CHANNELS = ("online", "offline", "partner")
ROLES = (
    "decision_maker", "approver", "influencer", "technical_buyer", "user", "buyer", "gatekeeper", "initiator",
    "champion", "coach", "blocker",
)  # fmt: skip
REASONS = ("price", "product", "service", "competitor", "other", "unknown")
TOPICS = ("product_quality", "service_attitude", "delivery_speed", "after_sales")

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "accounts", "Accounts", "客户", ("account_id",),
            (
                Column("account_id", "text", "Customer ID", "客户ID", True, share="id"),
                Column("account_name", "text", "Customer name", "客户名称", True, share="name"),
                Column("account_no", "text", "Customer number", "客户编号", share="drop"),
                Column("region", "text", "Region", "所在地区", share="keep"),
                Column("country", "text", "Country", "国家", share="keep"),
                Column("industry", "text", "Industry", "所属行业", share="keep"),
                Column("account_type", "text", "Customer type", "客户类型", share="keep"),
                Column("account_tier", "text", "Customer tier in the CRM", "客户级别(CRM)", share="keep"),
                Column("is_key_account", "flag", "Key account", "大客户"),
                Column("employees", "integer", "Employees", "员工人数", unit="people", low=0),
                Column("annual_revenue", "money", "Annual revenue of the customer", "年营业收入", low=0),
                Column("market_share", "number", "Market share of the customer", "市场份额", unit="share", low=0, high=1),
                Column("wallet", "money", "Yearly spend in our category", "品类年采购额", low=0),
                Column("influence", "number", "Market influence (rubric)", "市场影响力(评分)", unit="0-100", low=0, high=100),
                Column("parent_account_id", "text", "Parent account", "上级客户", ref="accounts"),
                Column("owner", "text", "Owner", "负责人", share="staff"),
                Column("department", "text", "Owning department", "负责人主属部门", share="keep"),
                Column("credit_code", "text", "Unified social credit code", "统一社会信用代码", share="drop"),
                Column("phone", "text", "Phone", "电话", share="drop"),
                Column("created_at", "date", "Created on", "创建时间"),
            ),
            dated="created_at",
        ),
        Table(
            "contacts", "Contacts", "联系人", ("contact_id",),
            (
                Column("contact_id", "text", "Contact ID", "联系人ID", True, share="id"),
                _account(),
                Column("contact_name", "text", "Contact", "联系人", True, share="name"),
                Column("title", "text", "Job title", "职务", share="common"),
                Column("department", "text", "Department", "部门", share="common"),
                Column("reports_to", "text", "Reports to", "汇报对象", ref="contacts"),
                Column("email", "text", "E-mail", "邮箱", share="drop"),
                Column("phone", "text", "Phone", "电话", share="drop"),
                Column("created_at", "date", "Created on", "创建时间"),
                Column("left_at", "date", "Left the customer on", "离职日期"),
            ),
            dated="created_at",
            later={"left_at": {"left_at": None}},
        ),
        Table(
            "account_team", "Account team", "客户团队", ("account_id", "person", "team_role"),
            (
                _account(),
                Column("person", "text", "Our person", "我方人员", True, share="staff"),
                Column("team_role", "text", "Team role", "团队角色", True, values=("sales", "marketing", "service", "technical", "executive")),
                Column("since", "date", "Since", "开始日期"),
                Column("until", "date", "Until", "结束日期"),
            ),
            dated="since",
            later={"until": {"until": None}},
        ),
        Table(
            "relationships", "Relationships", "客户关系", ("account_id", "contact_id", "deal_id", "assessed_at"),
            (
                _account(),
                Column("contact_id", "text", "Contact ID", "联系人ID", True, ref="contacts"),
                Column("deal_id", "text", "Deal ID", "商机ID", ref="deals"),
                Column("role", "text", "Buying role", "参与角色", values=ROLES),
                Column("stance", "integer", "Stance", "立场", unit="-2 opposed … 2 advocate", low=-2, high=2),
                Column("influence", "integer", "Influence", "影响力", **_SCORE),
                Column("relationship", "integer", "Declared relationship", "客情关系", **_SCORE),
                Column("authority", "text", "Decision authority", "决策权限", values=("approve", "veto", "advise", "execute")),
                Column("contact_state", "text", "Contact state", "接触状况", values=("none", "once", "often")),
                Column("assessed_at", "date", "Assessed on", "评估日期"),
            ),
            dated="assessed_at",
        ),
        Table(
            "deals", "Deals", "商机", ("deal_id",),
            (
                Column("deal_id", "text", "Deal ID", "商机ID", True, share="id"),
                _account(required=False),
                Column("deal_name", "text", "Deal", "商机名称", share="name"),
                Column("stage", "text", "Stage", "商机阶段", share="keep"),
                Column("status", "text", "Status", "阶段状态", True, values=STATUSES),
                Column("amount", "money", "Deal amount", "商机金额", low=0),
                Column("probability", "number", "Win probability in the CRM", "赢率(CRM)", unit="share", low=0, high=1),
                Column("created_at", "date", "Created on", "创建时间"),
                Column("expected_close", "date", "Expected close", "预计成交日期"),
                Column("closed_at", "date", "Closed on", "实际结单日期"),
                Column("channel", "text", "Channel", "销售渠道", values=CHANNELS),
                Column("lead_source", "text", "Lead source", "线索来源", share="keep"),
                Column("product_category", "text", "Product category", "产品类别", share="keep"),
                Column("owner", "text", "Owner", "负责人", share="staff"),
                Column("loss_reason", "text", "Loss reason", "输单原因", values=REASONS),
                Column("competitor", "text", "Competitor", "竞争对手", share="keep"),
                Column("next_step", "text", "Next step", "下一步", share="drop"),
                Column("next_step_due", "date", "Next step due", "下一步截止日"),
                _CURRENCY,
            ),
            dated="created_at",
            later={"closed_at": {"closed_at": None, "status": "open", "loss_reason": None, "competitor": None}},
            money="amount",
        ),
        Table(
            "deal_stage_history", "Deal stage history", "商机阶段历史", ("deal_id", "stage", "entered_at"),
            (
                Column("deal_id", "text", "Deal ID", "商机ID", True, ref="deals"),
                Column("stage", "text", "Stage", "商机阶段", True, share="keep"),
                Column("entered_at", "date", "Stage entered on", "进入阶段时间", True),
                Column("amount", "money", "Deal amount", "商机金额", low=0),
                Column("expected_close", "date", "Expected close", "预计成交日期"),
                Column("entered_after", "date", "Stage entered after (last seen without it)", "进入阶段早于此日未见"),
            ),
            dated="entered_at",
        ),
        Table(
            "products", "Products", "产品", ("product_id",),
            (
                Column("product_id", "text", "Product ID", "产品ID", True, share="keep"),
                Column("product_name", "text", "Product", "产品名称", True, share="keep"),
                Column("product_category", "text", "Product category", "产品类别", share="keep"),
                Column("unit", "text", "Unit", "单位", share="keep"),
                Column("list_price", "money", "List price", "标准价", low=0),
                Column("unit_cost", "money", "Unit cost", "单位成本", low=0),
            ),
            seen="referred",
        ),
        Table(
            "orders", "Orders", "销售订单", ("order_id",),
            (
                Column("order_id", "text", "Order ID", "订单编号", True, share="id"),
                _account(),
                Column("order_date", "date", "Order date", "下单日期", True),
                Column("list_amount", "money", "Order value at list price", "标准价金额"),
                Column("amount", "money", "Order value after discount", "订单金额", firm=True),
                Column("cogs", "money", "Cost of goods sold", "销售成本"),
                Column("channel", "text", "Channel", "销售渠道", values=CHANNELS),
                Column("deal_id", "text", "Deal ID", "商机ID", ref="deals"),
                Column("booked_by", "text", "Booked by", "下单人", share="staff"),
                Column("promotion", "text", "Promotion", "促销活动", share="keep"),
                Column("promised_at", "date", "Delivery promised for", "承诺交货日期"),
                Column("delivered_at", "date", "Delivered on", "实际交货日期"),
                _CURRENCY,
            ),
            dated="order_date",
            later={"delivered_at": {"delivered_at": None}},
            money="amount",
        ),
        Table(
            "order_lines", "Order lines", "订单产品", ("order_id", "line_no"),
            (
                Column("order_id", "text", "Order ID", "订单编号", True, ref="orders"),
                Column("line_no", "integer", "Line", "行号", True, low=1),
                Column("product_id", "text", "Product ID", "产品ID", ref="products"),
                Column("quantity", "number", "Quantity", "数量", True, low=0),
                Column("list_amount", "money", "Line value at list price", "标准价金额"),
                Column("amount", "money", "Line value after discount", "金额", True),
                Column("cogs", "money", "Cost of goods sold", "销售成本"),
            ),
            money="amount",
        ),
        Table(
            "returns", "Returns", "退货", ("return_id",),
            (
                Column("return_id", "text", "Return ID", "退货单号", True, share="id"),
                _account(),
                Column("order_id", "text", "Order ID", "订单编号", ref="orders"),
                Column("product_id", "text", "Product ID", "产品ID", ref="products"),
                Column("return_date", "date", "Return date", "退货时间", True),
                Column("quantity", "number", "Quantity", "数量", low=0),
                Column("amount", "money", "Returned value", "退货金额", True, low=0),
                Column("reason", "text", "Return reason", "退货原因", share="keep"),
                _CURRENCY,
            ),
            dated="return_date",
            money="amount",
        ),
        Table(
            "invoices", "Invoices", "发票", ("invoice_id",),
            (
                Column("invoice_id", "text", "Invoice ID", "发票编号", True, share="id"),
                _account(),
                Column("order_id", "text", "Order ID", "订单编号", ref="orders"),
                Column("invoice_date", "date", "Invoice date", "开票日期", True),
                Column("due_date", "date", "Due date", "到期日"),
                Column("amount", "money", "Invoice amount with VAT", "开票金额(含税)", True),
                Column("vat", "money", "VAT", "增值税额"),
                _CURRENCY,
            ),
            dated="invoice_date",
            money="amount",
            ends=("due_date",),
        ),
        Table(
            "payments", "Payments", "回款", ("payment_id",),
            (
                Column("payment_id", "text", "Payment ID", "回款编号", True, share="id"),
                _account(),
                Column("invoice_id", "text", "Invoice ID", "发票编号", ref="invoices"),
                Column("paid_at", "date", "Paid on", "回款日期", True),
                Column("amount", "money", "Amount paid", "回款金额", True),
                _CURRENCY,
            ),
            dated="paid_at",
            money="amount",
        ),
        Table(
            "service_costs", "Service costs", "服务成本", ("cost_id",),
            (
                Column("cost_id", "text", "Cost ID", "费用编号", True, share="id"),
                _account(required=False),
                Column("cost_date", "date", "Cost date", "发生日期", True),
                Column("activity", "text", "Cost driver", "成本动因", True, values=("order", "delivery", "visit", "case", "engineering", "other")),
                Column("quantity", "number", "Driver quantity", "动因数量", low=0),
                Column("amount", "money", "Cost", "金额", True),
                _CURRENCY,
            ),
            dated="cost_date",
            money="amount",
        ),
        Table(
            "contracts", "Contracts", "合同", ("contract_id",),
            (
                Column("contract_id", "text", "Contract ID", "合同编号", True, share="id"),
                _account(),
                Column("start_date", "date", "Start date", "开始日期", True),
                Column("end_date", "date", "End date", "结束日期", True),
                Column("annual_value", "money", "Yearly value", "年合同额", low=0),
                _CURRENCY,
            ),
            dated="start_date",
            money="annual_value",
            ends=("end_date",),
        ),
        Table(
            "losses", "Lost customers", "流失客户", ("account_id", "lost_at", "reason"),
            (
                _account(),
                Column("lost_at", "date", "Lost on", "流失日期", True),
                Column("reason", "text", "Churn reason", "流失原因", True, values=REASONS),
                Column("weight", "number", "Share of this reason", "原因权重", unit="share", low=0, high=1),
                Column("competitor", "text", "Competitor", "竞争对手", share="keep"),
                Column("note", "text", "Note", "备注", share="drop"),
            ),
            dated="lost_at",
        ),
        Table(
            "cases", "Cases", "工单", ("case_id",),
            (
                Column("case_id", "text", "Case ID", "工单编号", True, share="id"),
                _account(),
                Column("contact_id", "text", "Contact ID", "联系人ID", ref="contacts"),
                Column("opened_at", "time", "Opened", "创建时间", True),
                Column("first_response_at", "time", "First response", "首次响应时间"),
                Column("closed_at", "time", "Closed", "完成时间"),
                Column("type", "text", "Type", "工单类型", values=("question", "complaint", "request")),
                Column("topic", "text", "Topic", "主题", values=TOPICS),
                Column("severity", "text", "Severity", "严重程度", values=("low", "medium", "high")),
                Column("reopened", "integer", "Times reopened", "重开次数", low=0),
                Column("effort", "integer", "Was made easy", "省力程度", unit="1-7", low=1, high=7),
                Column("subject", "text", "Subject", "主题描述", share="drop"),
            ),
            dated="opened_at",
            later={"closed_at": {"closed_at": None, "effort": None}, "first_response_at": {"first_response_at": None}},
        ),
        Table(
            "surveys", "Surveys", "满意度调查", ("response_id",),
            (
                Column("response_id", "text", "Response ID", "问卷编号", True, share="id"),
                _account(),
                Column("contact_id", "text", "Contact ID", "联系人ID", ref="contacts"),
                Column("wave", "text", "Survey wave", "调查批次", True, share="keep"),
                Column("channel", "text", "Survey channel", "调查方式", values=("questionnaire", "phone", "online")),
                Column("invited_at", "date", "Invited on", "邀请日期", True),
                Column("answered_at", "date", "Answered on", "答复日期"),
                Column("overall", "integer", "Overall satisfaction", "总体满意度", **_SCORE),
                Column("recommend", "integer", "Would recommend", "推荐意愿", unit="0-10", low=0, high=10),
                Column("product_quality", "integer", "Product quality", "产品质量", **_SCORE),
                Column("service_attitude", "integer", "Service attitude", "服务态度", **_SCORE),
                Column("delivery_speed", "integer", "Delivery speed", "交货速度", **_SCORE),
                Column("after_sales", "integer", "After-sales service", "售后服务", **_SCORE),
                Column("comment", "text", "Comment", "意见反馈", share="drop"),
            ),
            dated="invited_at",
            later={"answered_at": dict.fromkeys(("answered_at", "overall", "recommend", *TOPICS, "comment"))},
        ),
        Table(
            "activities", "Activities", "销售记录", ("activity_id",),
            (
                Column("activity_id", "text", "Activity ID", "记录编号", True, share="id"),
                _account(),
                Column("contact_id", "text", "Contact ID", "联系人ID", ref="contacts"),
                Column("deal_id", "text", "Deal ID", "商机ID", ref="deals"),
                Column("happened_at", "time", "Happened", "发生时间", True),
                Column("type", "text", "Type", "互动类型", True, values=("visit", "meeting", "call", "mail", "chat")),
                Column("two_way", "flag", "Two-way", "双向互动"),
                Column("person", "text", "Our person", "我方人员", share="staff"),
                Column("subject", "text", "Subject", "主题", share="drop"),
            ),
            dated="happened_at",
        ),
        Table(
            "behaviours", "Behaviours", "客户行为", ("behaviour_id",),
            (
                Column("behaviour_id", "text", "Behaviour ID", "行为编号", True, share="id"),
                _account(),
                Column("happened_at", "time", "Happened", "发生时间", True),
                Column("stage", "text", "Behaviour stage", "行为阶段", True, values=("browse", "enquire", "buy", "feedback", "recommend")),
                Column("source", "text", "Source", "来源", share="keep"),
            ),
            dated="happened_at",
        ),
        Table(
            "targets", "Targets", "目标", ("period", "owner", "metric"),
            (
                Column("period", "date", "First day of the period", "期间首日", True),
                Column("months", "integer", "Months in the period", "期间月数", low=1),
                Column("owner", "text", "Owner", "负责人", True, share="staff"),
                Column("metric", "text", "Metric", "指标", True, values=("revenue", "won_amount", "satisfaction", "retention")),
                Column("target", "number", "Target", "目标值", True),
            ),
        ),
        Table(
            "score_snapshots", "Score snapshots", "评分快照", ("account_id", "scored_at"),
            (
                _account(),
                Column("scored_at", "date", "Scored on", "评分日期", True),
                Column("purchasing_power", "number", "Purchasing power score", "购买力评分", unit="0-100", low=0, high=100),
                Column("frequency", "number", "Transaction frequency score", "交易频次评分", unit="0-100", low=0, high=100),
                Column("history", "number", "Cooperation history score", "合作历史评分", unit="0-100", low=0, high=100),
                Column("influence", "number", "Market influence score", "市场影响力评分", unit="0-100", low=0, high=100),
                Column("loyalty", "number", "Customer loyalty score", "客户忠诚度评分", unit="0-100", low=0, high=100),
                Column("composite", "number", "Composite score", "综合得分", unit="0-100", low=0, high=100),
                Column("tier", "text", "Customer tier", "客户级别", values=("A", "B", "C", "D")),
            ),
            dated="scored_at",
        ),
        Table(
            "enrichment", "Third-party data", "第三方数据", ("record_id",),
            (
                Column("record_id", "text", "Third-party record ID", "第三方记录编号", True, share="id"),
                Column("source", "text", "Source", "来源", True, share="keep"),
                Column("retrieved_at", "date", "Retrieved on", "获取日期", True),
                _account(required=False),
                Column("credit_code", "text", "Unified social credit code", "统一社会信用代码", share="drop"),
                Column("account_name", "text", "Customer name", "客户名称", share="drop"),
                Column("region", "text", "Region", "所在地区", share="keep"),
                Column("country", "text", "Country", "国家", share="keep"),
                Column("industry", "text", "Industry", "所属行业", share="keep"),
                Column("employees", "integer", "Employees", "员工人数", unit="people", low=0),
                Column("annual_revenue", "money", "Annual revenue of the customer", "年营业收入", low=0),
                Column("market_share", "number", "Market share of the customer", "市场份额", unit="share", low=0, high=1),
                Column("influence", "number", "Market influence (rubric)", "市场影响力(评分)", unit="0-100", low=0, high=100),
            ),
            dated="retrieved_at",
        ),
    )
}  # fmt: skip

NEEDED = ("accounts",)
"""Without these nothing can be computed. Any other table may be absent."""
EITHER = ("orders", "deals")
"""Of these at least one must be there."""


def missing(delivered: Iterable[str]) -> list[str]:
    """Say which tables are needed and not delivered: "accounts", "orders or deals"."""
    delivered = set(delivered)
    lacking = [name for name in NEEDED if name not in delivered]
    return lacking if delivered.intersection(EITHER) else [*lacking, " or ".join(EITHER)]
