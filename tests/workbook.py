"""Write the smallest Excel workbook that Excel and readers accept."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape


def xlsx(path: Path, **by_sheet: list[list[object]]) -> Path:
    """Write a workbook with the rows of each sheet; return its path."""

    def cell(value: object) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>' if value is not None else "<c/>"

    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    listed, links, types = [], [], []
    with zipfile.ZipFile(path, "w") as book:
        for i, (name, rows) in enumerate(by_sheet.items(), 1):
            lines = "".join(f'<row r="{r}">{"".join(map(cell, row))}</row>' for r, row in enumerate(rows, 1))
            book.writestr(
                f"xl/worksheets/sheet{i}.xml", f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>"
            )
            listed.append(f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>')
            links.append(f'<Relationship Id="r{i}" Type="{relations}/worksheet" Target="worksheets/sheet{i}.xml"/>')
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
            types.append(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kind}"/>')
        book.writestr(
            "xl/workbook.xml", f'<workbook {main} xmlns:r="{relations}"><sheets>{"".join(listed)}</sheets></workbook>'
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{"".join(links)}</Relationships>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{"".join(types)}</Types>')
    return path
