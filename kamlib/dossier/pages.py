"""The exhibits of a dossier in their order, and a page of them per account. Part of notebook 10; `kam dossier` calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from kamlib.dossier import Company, card, standing
from kamlib.dossier.actions import actions_table
from kamlib.exhibit import Exhibits
from kamlib.files import file_name, private_folder
from kamlib.finance import plot_waterfall, waterfall_claim, waterfall_table
from kamlib.lifecycle import account as life
from kamlib.relationships.contact_map import org_chart_claim, org_chart_table, plot_org_chart
from kamlib.words import short, word

Entry = tuple[str, pd.DataFrame, Callable, Callable, tuple[str, ...], int | None, str]


def exhibits(company: Company, account_id: str) -> list[Entry]:
    """Return the exhibits of one account: id, table, plot, claim, the tables needed, n, and what n counts."""
    name = short(company.account(account_id)["account_name"])
    timeline = life.timeline_table(company.data, account_id, company.spells)
    events = int((timeline["life_event"] != "state").sum())
    money = waterfall_table(company.data.mart, account=account_id)
    people = org_chart_table(company.of(company.people, account_id))
    deals, voice = standing.deals_table(company, account_id), standing.voice_table(company, account_id)
    needs, risk = standing.needs_table(company, account_id), standing.risk_table(company, account_id)
    axis = card.axis_table(company, account_id)
    return [
        ("10.1", card.card_table(company, account_id), card.plot_card, card.card_claim, ("accounts",), None, "accounts"),
        ("10.2", timeline, life.plot_timeline, life.timeline_claim, ("orders",), events, "events"),
        ("10.3", axis, card.plot_axis, card.axis_claim, ("orders", "activities"), len(axis), "months"),
        ("10.4", money, plot_waterfall, partial(waterfall_claim, name=name), ("orders",), None, "accounts"),
        ("10.5", people, plot_org_chart, org_chart_claim, ("contacts",), len(people), "contacts"),
        ("10.6", deals, standing.plot_deals, standing.deals_claim, ("deals",), len(deals), "deals"),
        ("10.7", voice, standing.plot_voice, standing.voice_claim, ("surveys",), int(voice["n_answers"].sum()), "answers"),
        ("10.8", needs, standing.plot_needs, standing.needs_claim, ("order_lines", "products"), len(needs), "needs"),
        ("10.9", risk, standing.plot_risk, standing.risk_claim, ("orders",), None, "accounts"),
    ]  # fmt: skip


def write(company: Company, ids: Sequence[str], out: Path, lang: str) -> Iterator[tuple[str, Path]]:
    """Write one page per account into `out`, with its exhibits beside it; yield each name and page when it is done.

    Names of files are made of the account's id alone, so that nothing a CRM holds can lead out of `out`.
    """
    from kamlib.report.dossier import write_dossier

    data = company.data
    for account_id in ids:
        row = company.account(account_id)
        stem = file_name(account_id)
        folder = private_folder(private_folder(out) / stem)
        show = Exhibits(data, "10", lang=lang, run_dir=folder)
        made = [
            show(id, table, plot, claim, needs=needs, n=n, of=of)
            for id, table, plot, claim, needs, n, of in exhibits(company, account_id)
        ]
        facts = [
            (word(c, lang), word(str(row[c]), lang))
            for c in ("account_id", "owner", "region", "industry", "account_type")
            if pd.notna(row[c])
        ]
        path = out / f"{stem}.html"
        write_dossier(
            path, folder / "exhibits", [e.id for e in made], actions_table(company, account_id, lang), lang=lang,
            name=str(row["account_name"]), company=data.settings.company, as_of=data.as_of, facts=facts,
            access=data.ledger.access.text(lang),
        )  # fmt: skip
        yield str(row["account_name"]), path
