"""What the invented manufacturer sells, where, through whom, and its calendar."""

from __future__ import annotations

import datetime as dt

COMPANY = "凌岳传动 Lingyue Drives"
FIRST_DAY = dt.date(2023, 1, 1)
LAST_DAY = dt.date(2025, 12, 31)
DAY = dt.timedelta(days=1)
DAYS = (LAST_DAY - FIRST_DAY).days + 1

FESTIVALS = (dt.date(2023, 1, 22), dt.date(2024, 2, 10), dt.date(2025, 1, 29))
"""First day of the Chinese year."""

SEASON_CHINA = (1030, 1030, 1100, 1040, 1000, 1070, 940, 910, 1050, 1000, 1040, 1090)
SEASON_ABROAD = (950, 1000, 1080, 1020, 1000, 1020, 920, 780, 1050, 1060, 1020, 820)
WEEKDAY = (1180, 1150, 1080, 1020, 920, 60, 20)

PRICE_INDEX = {2023: 965, 2024: 985, 2025: 1000}
COST_INDEX = {2023: 972, 2024: 990, 2025: 1000}
"""List price and unit cost of a year in thousandths of the product table's, which is the one of 2025."""

# product: name, category, unit, list price and unit cost in CNY
PRODUCTS: dict[str, tuple[str, str, str, int, int]] = {
    "P101": ("Planetary reducer PR-60", "Reducers", "pcs", 2860, 1830),
    "P102": ("Planetary reducer PR-120", "Reducers", "pcs", 6420, 4090),
    "P103": ("Harmonic reducer HR-25", "Reducers", "pcs", 8950, 5460),
    "P104": ("Helical gearbox HG-200", "Reducers", "set", 17800, 12010),
    "P201": ("Servo motor SM-0.75", "Servo drives", "pcs", 1980, 1290),
    "P202": ("Servo motor SM-2.0", "Servo drives", "pcs", 3640, 2330),
    "P203": ("Servo drive SD-20", "Servo drives", "pcs", 4380, 2720),
    "P204": ("Multi-axis controller MC-8", "Servo drives", "set", 21500, 12680),
    "P301": ("Linear guide LG-25", "Linear motion", "pcs", 1260, 830),
    "P302": ("Linear guide LG-45", "Linear motion", "pcs", 2740, 1800),
    "P303": ("Ball screw BS-32", "Linear motion", "pcs", 3180, 2050),
    "P304": ("Linear stage LS-600", "Linear motion", "set", 9460, 6150),
    "P401": ("Cylinder CY-63", "Pneumatics", "pcs", 386, 258),
    "P402": ("Valve terminal VT-12", "Pneumatics", "set", 2380, 1500),
    "P403": ("Air preparation unit AP-3", "Pneumatics", "set", 640, 432),
    "P404": ("Vacuum gripper VG-4", "Pneumatics", "pcs", 1150, 720),
    "P501": ("Position sensor PS-10", "Sensors", "pcs", 268, 158),
    "P502": ("Torque sensor TS-50", "Sensors", "pcs", 3120, 1780),
    "P503": ("Encoder EN-17", "Sensors", "pcs", 880, 512),
    "P504": ("Condition monitor CM-2", "Sensors", "set", 5260, 2890),
    "P601": ("Seal kit SK", "Spare parts", "set", 165, 82),
    "P602": ("Bearing kit BK", "Spare parts", "set", 520, 276),
    "P603": ("Lubrication kit LK", "Spare parts", "set", 238, 121),
    "P604": ("Overhaul kit OK-120", "Spare parts", "set", 1460, 742),
}
CATEGORIES = ("Reducers", "Servo drives", "Linear motion", "Pneumatics", "Sensors", "Spare parts")
LEAD_DAYS = {"Reducers": 30, "Servo drives": 24, "Linear motion": 28, "Pneumatics": 12, "Sensors": 14, "Spare parts": 8}

# region: number of accounts
REGIONS = {
    "East China": 38, "South China": 26, "North China": 18, "Central China": 12, "Southwest China": 10,
    "Northeast China": 6, "Europe": 16, "Southeast Asia": 12, "North America": 8, "Middle East": 4,
}  # fmt: skip
HOME = ("East China", "South China", "North China", "Central China", "Southwest China", "Northeast China")

# region: its sales people
REPS = {
    "East China": ("陈立群", "沈佳宁", "顾一帆"),
    "South China": ("黄锦荣", "梁思雨"),
    "North China": ("周明远", "郭晓燕"),
    "Northeast China": ("周明远", "郭晓燕"),
    "Central China": ("邓志刚", "何雨桐"),
    "Southwest China": ("邓志刚", "何雨桐"),
    "Europe": ("Katrin Vogel",),
    "Southeast Asia": ("Daniel Lim",),
    "North America": ("Rachel Moreno",),
    "Middle East": ("Rachel Moreno",),
}
DEPARTMENTS = {
    "East China": "East sales", "South China": "South sales", "North China": "North sales",
    "Northeast China": "North sales", "Central China": "West sales", "Southwest China": "West sales",
}  # fmt: skip
ABROAD_DEPARTMENT = "Overseas sales"
COLLEAGUES = {
    "service": ("方静怡", "罗海涛", "唐雪", "Mei Tan"),
    "technical": ("韩东升", "彭亦舟", "Jonas Weber", "曾凯"),
    "executive": ("林国栋", "苏文慧"),
    "marketing": ("叶子墨", "Laura Klein"),
}

TYPES = ("OEM", "End user", "Distributor", "Project contractor")
INDUSTRIES = (
    "Machine tools", "Packaging machinery", "New energy", "Automotive parts", "Electronics equipment",
    "Food machinery", "Metallurgy", "Logistics equipment", "Robotics",
)  # fmt: skip


def home(region: str) -> bool:
    """Return whether the region lies in China, so that its calendar, VAT and language hold."""
    return region in HOME


def workday(day: dt.date) -> dt.date:
    """Return `day`, or the Monday after it at a weekend."""
    return day + DAY * (0, 0, 0, 0, 0, 2, 1)[day.weekday()]


def festival_offset(day: dt.date) -> int:
    """Return the days from the nearest Spring Festival to `day` (negative before it)."""
    return min(((day - first).days for first in FESTIVALS), key=abs)


def day_speed(day: dt.date, domestic: bool) -> int:
    """Return how busy a day is for buyers, in thousandths of an average day: month, weekday and holidays."""
    speed = (SEASON_CHINA if domestic else SEASON_ABROAD)[day.month - 1] * WEEKDAY[day.weekday()] * 7 // 5430
    if not domestic:
        return speed
    offset = festival_offset(day)
    if -7 <= offset <= 9:
        return speed * 110 // 1000
    if -30 <= offset <= -8:
        return speed * 1160 // 1000
    if 10 <= offset <= 32:
        return speed * 1150 // 1000
    return speed * 200 // 1000 if day.month == 10 and day.day <= 7 else speed
