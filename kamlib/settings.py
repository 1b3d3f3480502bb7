"""The company's own rules, read from `kam.toml` beside its tables: currency, deal stages, tier weights and cuts."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
import zoneinfo
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from kamlib.errors import InputError, refusal, suggest, wrong
from kamlib.files import small_text
from kamlib.language import say
from kamlib.rules import Cleaning, Quality, Strict, merged, stable
from kamlib.tables import EITHER, NEEDED, TABLES, Column, Table

FILE = "kam.toml"
BANDED = ("revenue", "wallet", "n_orders", "tenure_days", "active_month_share")
"""The measures of the tier score that are read against bands; see `kamlib.segmentation.scoring`."""

INDICATORS = ("purchasing_power", "frequency", "history", "influence", "loyalty")
PAIRWISE = {
    "purchasing_power:frequency": 3, "purchasing_power:history": 2, "purchasing_power:influence": 4,
    "purchasing_power:loyalty": 3, "frequency:history": 1, "frequency:influence": 2, "frequency:loyalty": 2,
    "history:influence": 2, "history:loyalty": 3, "influence:loyalty": 1,
}  # fmt: skip
"""The kit's own judgements, to begin with; a company puts its own into `[tiers.pairwise]`."""


class Stage(Strict):
    """One open stage of the pipeline, in order; `probability` is what the CRM assumes, `group` the stage of the
    four-step funnel (prospect, interested, negotiation) that it belongs to."""

    name: str
    en: str = ""
    zh: str = ""
    probability: float = Field(ge=0, le=1)
    group: str = "prospect"


class Tiers(Strict):
    """Weights of the five indicators (any subset; renormalised over those present) and the lowest score of each tier.

    `scale` says how a measure becomes a score: "bands" (values that earn 20, 40, 60, 80 and 100 points) or "percentile"
    (the rank among all accounts). `bands` pins those five values per measure; without them they are read off the book.
    """

    weights: dict[str, float] = {
        "purchasing_power": 40, "frequency": 20, "history": 20, "influence": 10, "loyalty": 10,
    }  # fmt: skip
    cuts: dict[str, float] = {"A": 85, "B": 70, "C": 60}
    coverage: float = Field(0.7, ge=0, le=1)
    scale: Literal["bands", "percentile"] = "bands"
    bands: dict[str, tuple[float, float, float, float, float]] = {}
    pairwise: dict[str, float] = PAIRWISE

    @field_validator("pairwise")
    @classmethod
    def _pairs_of_indicators(cls, pairwise: dict[str, float]) -> dict[str, float]:
        for name, value in pairwise.items():
            pair = name.split(":")
            if len(set(pair)) != 2 or not set(pair) <= set(INDICATORS) or ":".join(reversed(pair)) in pairwise:
                raise refusal(
                    f"'{name}' is no pair of two indicators, or stands here twice. Write it as 'purchasing_power:history'.",
                    f"“{name}”不是两项不同指标，或重复出现。请写成“purchasing_power:history”。",
                )
            if not 1 / 9.001 <= value <= 9:
                raise refusal(
                    f"'{name}' is judged {value}; Saaty's scale runs from 1/9 to 9.",
                    f"“{name}”的判断值为 {value}，应在 1/9 到 9 之间（萨蒂标度）。",
                )
        return pairwise

    @field_validator("weights")
    @classmethod
    def _known_indicators(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if name not in INDICATORS:
                raise refusal(
                    f"'{name}' is not an indicator.{suggest(name, INDICATORS)} Indicators: {', '.join(INDICATORS)}.",
                    f"没有指标“{name}”。{suggest(name, INDICATORS)}可用指标：{'、'.join(INDICATORS)}。",
                )
            if weight < 0:
                raise refusal(
                    f"the weight of '{name}' is {weight}; give a number of 0 or more.",
                    f"“{name}”的权重为 {weight}，应为 0 或正数。",
                )
        if not sum(weights.values()) > 0:
            raise refusal(
                "all weights are zero; give at least one a positive number.", "权重全部为零，请至少给一项指标设正数。"
            )
        return weights

    @field_validator("bands")
    @classmethod
    def _bands_rise(cls, bands: dict[str, tuple]) -> dict[str, tuple]:
        for name, values in bands.items():
            if name not in BANDED:
                raise refusal(
                    f"'{name}' has no bands.{suggest(name, BANDED)} Measures: {', '.join(BANDED)}.",
                    f"“{name}”不分档计分。{suggest(name, BANDED)}可分档的度量：{'、'.join(BANDED)}。",
                )
            if list(values) != sorted(set(values)) or values[0] <= 0:
                raise refusal(
                    f"the bands of '{name}' must be five rising numbers above 0; got {list(values)}.",
                    f"“{name}”的分档须为五个递增的正数，现为 {list(values)}。",
                )
        return bands

    @model_validator(mode="after")
    def _cuts_fall(self) -> Tiers:
        values = list(self.cuts.values())
        if values != sorted(values, reverse=True):
            raise refusal(
                f"cuts must fall from the best tier to the worst; got {self.cuts}.",
                f"分级线须从最高级别到最低级别依次降低，现为 {self.cuts}。",
            )
        return self


class Sizes(Strict):
    """Lowest value of a medium and of a large customer, by employees and by annual revenue.

    Defaults: industry, National Bureau of Statistics of China, 统计上大中小微型企业划分办法 (2017), in people and CNY.
    """

    employees: tuple[float, float] = (300, 1000)
    annual_revenue: tuple[float, float] = (2e7, 4e8)


class Service(Strict):
    """What a tier is entitled to: visits a year and hours until a case is answered."""

    visits: float = Field(ge=0)
    response_hours: float = Field(gt=0)


class Lifecycle(Strict):
    """Floors in days below which nobody is called dormant or lost, and what makes a loyal customer."""

    dormant_floor_days: int = Field(90, ge=1)
    lost_floor_days: int = Field(180, ge=1)
    loyal_orders: int = Field(6, ge=2)
    loyal_tenure_days: int = Field(365, ge=0)


class Role(Strict):
    """What a role sees: the accounts of its user (`rows`: all, or those of one owner, department or region), and all
    of their columns but those in `mask`: names of columns, as "cogs" or "orders.cogs", or of whole tables."""

    rows: Literal["all", "owner", "department", "region"]
    mask: tuple[str, ...] = ()

    @field_validator("mask")
    @classmethod
    def _can_be_masked(cls, mask: tuple[str, ...]) -> tuple[str, ...]:
        known = {name: column for table in TABLES.values() for name, column in maskable(table)}
        known |= {name: None for name in TABLES if name not in (*NEEDED, *EITHER)}
        for name in mask:
            if name not in known:
                raise refusal(
                    f"'{name}' is no column or table that can be masked.{suggest(name, known)} "
                    "Keys, references and numbers that a table cannot do without stay.",
                    f"“{name}”不是可隐藏的列或数据表。{suggest(name, known)}主键、引用列和数据表必需的数值不能隐藏。",
                )
        return mask


def maskable(table: Table) -> list[tuple[str, Column]]:
    """Return the columns of a table that can be masked, each under its name and under table.name; what completes a
    column of accounts is masked with it."""
    masked = [
        column
        for column in table.columns
        if not (column.ref or column.name in table.key or (column.required and column.share != "name"))
    ]
    homes = (table.name, "accounts") if table.name == "enrichment" else (table.name,)
    return [(name, c) for c in masked for name in (c.name, *(f"{home}.{c.name}" for home in homes))]


ROLES = {
    "manager": Role(rows="department"),
    "rep": Role(rows="owner"),
    "partner": Role(rows="owner", mask=("cogs", "unit_cost", "service_costs", "targets")),
    "analyst": Role(rows="all", mask=("contact_name", "email", "phone", "credit_code")),
}
"""The roles of a company whose `kam.toml` says nothing else."""


SERVICE = {
    "A": Service(visits=12, response_hours=4), "B": Service(visits=6, response_hours=8),
    "C": Service(visits=4, response_hours=24), "D": Service(visits=1, response_hours=48),
}  # fmt: skip
"""The service level of a company whose `kam.toml` says nothing else."""


class Goals(Strict):
    """How many active contacts of a stance that is not negative an account needs in each deciding role."""

    decision_maker: int = Field(1, ge=1, le=20)
    champion: int = Field(1, ge=1, le=20)
    user: int = Field(1, ge=1, le=20)
    technical_buyer: int = Field(1, ge=1, le=20)


class Settings(Strict):
    """Everything `kam.toml` may say; every entry has a default."""

    company: str = ""
    currency: str = "CNY"
    rates: dict[str, float] = {}
    as_of: dt.date | None = None
    timezone: str = "Asia/Shanghai"
    window_months: int = Field(12, ge=1, le=60)
    stages: tuple[Stage, ...] = (
        Stage(name="qualification", en="Qualification", zh="验证客户", probability=0.1, group="prospect"),
        Stage(name="needs", en="Needs confirmed", zh="需求确定", probability=0.3, group="interested"),
        Stage(name="proposal", en="Proposal and quote", zh="方案报价", probability=0.6, group="negotiation"),
        Stage(name="negotiation", en="Negotiation review", zh="谈判审核", probability=0.8, group="negotiation"),
    )
    tiers: Tiers = Tiers()
    service: dict[str, Service] = SERVICE
    """The service level of each tier; a tier that is not named has the default."""
    needs: dict[str, str] = {}
    """What customers of an industry need, in the company's own words; see `kamlib.segmentation.industry_needs`."""
    sizes: Sizes = Sizes()
    lifecycle: Lifecycle = Lifecycle()
    goals: Goals = Goals()
    roles: dict[str, Role] = ROLES
    quality: Quality = Quality()
    cleaning: tuple[Cleaning, ...] = ()

    @field_validator("roles")
    @classmethod
    def _beside_the_usual_ones(cls, roles: dict[str, Role]) -> dict[str, Role]:
        return ROLES | roles

    @field_validator("service")
    @classmethod
    def _beside_the_usual_levels(cls, service: dict[str, Service]) -> dict[str, Service]:
        return SERVICE | service

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in (zones := zoneinfo.available_timezones()):
            raise refusal(
                f"is no time zone.{suggest(zone, zones)} Write it as in 'Asia/Shanghai'.",
                f"不是时区名称。{suggest(zone, zones)}请写成 'Asia/Shanghai' 这样的形式。",
            )
        return zone

    @field_validator("cleaning")
    @classmethod
    def _cleaning_ends(cls, rules: tuple[Cleaning, ...]) -> tuple[Cleaning, ...]:
        merged(rules)
        stable(rules)
        return rules

    @property
    def merged(self) -> dict[str, str]:
        """The account that stays, by each that is merged into it."""
        return merged(self.cleaning)

    @property
    def stage_names(self) -> dict[str, tuple[str, str]]:
        """The company's own names of its deal stages: (English, Chinese) by stage."""
        return {stage.name: (stage.en or stage.name, stage.zh or stage.en or stage.name) for stage in self.stages}


def read_settings(folder: Path) -> Settings:
    """Read `kam.toml` in `folder`; defaults when there is none. InputError names every wrong entry."""
    path = folder / FILE
    if not os.path.lexists(path):
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(small_text(path)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path}: not readable as TOML ({error}). Mend that line, or delete the file to use the defaults.",
            f"{path}：不是有效的 TOML（{error}）。请改正该行，或删除此文件以使用默认规则。",
        ) from None
    except ValidationError as error:
        raise InputError("\n".join(_sentence(path, fault) for fault in error.errors())) from None


def _sentence(path: Path, fault: dict) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        near = suggest(where, Settings.model_fields)
        return say(
            None,
            f"{path}: '{where}' is not a setting.{near} Remove or rename it.",
            f"{path}：没有设置项“{where}”。{near}请删除或改名。",
        )
    return say(
        None,
        f"{path}: {where} = {fault['input']!r}: {wrong(fault)} Correct the entry.",
        f"{path}：{where} = {fault['input']!r}：{wrong(fault)}请更正该项。",
    )
