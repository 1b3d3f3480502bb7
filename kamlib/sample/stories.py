"""The truth planted in the sample company. The code book tells it, the tests recover it, the notebooks may look it up."""

from __future__ import annotations

import datetime as dt

# 1  the bottleneck: proposals that are not followed up within two weeks are lost more often and take longer
BOTTLENECK_STAGE = "proposal"
SLOW_FOLLOW_UP_DAYS = 14
PASS_FAST, PASS_MIDDLE, PASS_SLOW = 870, 760, 420
"""Chance in thousandths of leaving the stage forwards when followed up within 6, within 14, or later than 14 days."""

# 2  late delivery → low satisfaction → loss: one product line moved to another plant
LATE_CATEGORY = "Linear motion"
LATE_FROM, LATE_UNTIL = dt.date(2024, 2, 19), dt.date(2024, 12, 15)
LATE_ACCOUNTS = (
    "A0011", "A0023", "A0029", "A0035", "A0047", "A0058", "A0066", "A0071", "A0083", "A0090", "A0104", "A0112",
    "A0115", "A0117",
)  # fmt: skip
"""Accounts that buy mostly from this line."""
LATE_LOST = ("A0023", "A0035", "A0047", "A0066", "A0071", "A0090", "A0104", "A0115")

# 3  a top-five account by revenue that loses money after cost-to-serve
COSTLY_ACCOUNT = "A0008"

# 4  a single-threaded key account whose champion leaves
CHAMPION_ACCOUNT = "A0019"
CHAMPION_CONTACT = "C00193"
CHAMPION_LEFT = dt.date(2025, 9, 12)

# 5  a competitor that wins on price in one region
RIVAL = "Beilan 北澜"
RIVAL_REGION = "South China"
RIVAL_FROM = dt.date(2024, 3, 1)
OTHER_RIVALS = ("Tordex", "Kaneo", "Velmark", "华拓精控")

# 6  a promotion that moves purchases without adding any; and one that did add some, as a contrast
PROMOTION = "Autumn promotion 2024"
PROMOTION_REGIONS = ("East China", "Central China")
PROMOTION_FROM, PROMOTION_UNTIL = dt.date(2024, 9, 9), dt.date(2024, 9, 30)
PAYBACK_UNTIL = dt.date(2024, 11, 24)
ADDING_PROMOTION = "Spring promotion 2025"
ADDING_REGIONS = ("North China", "Northeast China", "Southwest China")
ADDING_FROM, ADDING_UNTIL = dt.date(2025, 4, 7), dt.date(2025, 4, 30)

# 7  Spring Festival: see catalog.FESTIVALS

# 8  a rep whose win rate looks poor only because of his portfolio mix (Simpson)
MIX_REP = "周明远"
MIX_SEGMENT = "account_type"
MIX_HARD = "Project contractor"
MIX_WINS = {"OEM": 700, "End user": 540, "Distributor": 700, "Project contractor": 315}
"""What he wins of each type, in thousandths; the others win about 0.50, 0.39, 0.58 and 0.23."""

# 9  an account growing out of tier C
GROWING_ACCOUNT = "A0052"

# besides: what makes the five-point score (thousandths), one account entered twice, a group of companies
DRIVER_WEIGHTS = {"delivery_speed": 400, "product_quality": 300, "after_sales": 200, "service_attitude": 100}
DUPLICATE_ACCOUNTS = ("A0038", "A0141")
