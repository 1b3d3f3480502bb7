"""Texts in other letters than they should be, and files that are no text at all."""

from __future__ import annotations

import codecs
import sqlite3
import struct
import zlib
from pathlib import Path

from hostile import imported, refused

HEADER = "account_id,account_name\n"
ONLY_UTF8 = "neither UTF-8 nor GB18030"
NO_TEXT = "no text"


def accounts(a: str, b: str, encoding: str) -> dict[str, bytes]:
    return {"accounts.csv": f"{HEADER}a,{a}\nb,{b}\n".encode(encoding)}


def rows(name: bytes) -> dict[str, bytes]:
    """Two accounts, of which the second is called `name`."""
    return {"accounts.csv": HEADER.encode() + b"a,Alpha\nb," + name + b"\n"}


def png(path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(range(8)) for _ in range(8)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def sqlite(path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE accounts (account_id, account_name)")
        con.execute("INSERT INTO accounts VALUES ('a', 'Alpha')")
    con.close()


TAIPEI, TOKYO, SEOUL, MOSCOW = (
    "臺灣電子股份有限公司",
    "東京エレクトロン株式会社",
    "서울전자주식회사한국무역",
    "Москва Электроника",
)
BEIJING = "北京电子有限公司"

CASES = [
    imported("GB18030", accounts(BEIJING, "上海贸易", "gb18030"), 2, 2, table="accounts"),
    imported("GB18030, letters of four bytes", accounts("㐀㐁北京电子公司", "上海贸易𠀀公司", "gb18030"), 2, 2, table="accounts"),
    imported("UTF-8 with a mark", accounts("Alpha", BEIJING, "utf-8-sig"), 2, 2, table="accounts"),
    imported("UTF-16, little end first", {"accounts.csv": codecs.BOM_UTF16_LE + f"{HEADER}a,甲\nb,乙\n".encode("utf-16-le")}, 2, 2, table="accounts"),
    imported("UTF-16, big end first", {"accounts.csv": codecs.BOM_UTF16_BE + f"{HEADER}a,甲\nb,乙\n".encode("utf-16-be")}, 2, 2, table="accounts"),
    refused("Latin-1", accounts("Café Société", "Müller", "latin-1"), "accounts.csv", ONLY_UTF8, "CSV UTF-8"),
    refused("Windows-1252 with its own signs", accounts("Müller “Büro” – 5 €", "Ærøskøbing", "cp1252"), ONLY_UTF8),
    refused("Big5", accounts(TAIPEI, "高雄貿易股份有限公司", "big5"), "accounts.csv", ONLY_UTF8),
    refused("Shift-JIS", accounts(TOKYO, "大阪商事カブシキガイシャ", "shift-jis"), "accounts.csv", ONLY_UTF8),
    refused("EUC-JP", accounts(TOKYO, "ミツビシショウジデンキソウコ", "euc-jp"), "accounts.csv", ONLY_UTF8),
    refused("EUC-KR", accounts(SEOUL, "부산무역주식회사", "euc-kr"), "accounts.csv", ONLY_UTF8),
    refused("Windows-1251", accounts(MOSCOW, "Санкт-Петербург", "cp1251"), "accounts.csv", ONLY_UTF8),
    refused("Windows-1253", accounts("Αθήνα Ηλεκτρονικά", "Θεσσαλονίκη", "cp1253"), "accounts.csv", ONLY_UTF8),
    refused("the letters of a mainframe", accounts("ALPHA", "BETA", "cp037"), "accounts.csv"),
    refused("UTF-16 without a mark, little end first", accounts("Alpha", "Beta", "utf-16-le"), NO_TEXT),
    refused("UTF-16 without a mark, big end first", accounts("Alpha", "Beta", "utf-16-be"), NO_TEXT),
    refused("UTF-16 without a mark, Chinese", accounts(BEIJING * 20, "上海贸易" * 20, "utf-16-le"), "accounts.csv"),
    imported("UTF-32", accounts("Alpha", BEIJING, "utf-32"), 2, 2, table="accounts"),
    refused("UTF-16 cut in the middle of a letter", {"accounts.csv": codecs.BOM_UTF16_LE + f"{HEADER}a,Alpha\n".encode("utf-16-le")[:-1]}, "accounts.csv", ONLY_UTF8),
    refused("UTF-16 with half a pair", {"accounts.csv": codecs.BOM_UTF16_LE + f"{HEADER}a,Al".encode("utf-16-le") + b"\x00\xd8" + "pha\n".encode("utf-16-le")}, "accounts.csv", ONLY_UTF8),
    imported("half a pair in UTF-8 among good letters", rows(3 * "北京电子有限公司、上海贸易".encode() + b"\xed\xa0\x80"), 2, 1, "accounts.csv", table="accounts"),
    imported("letters longer than they need to be", rows(3 * "北京电子有限公司、上海贸易".encode() + b"\xc0\xaf"), 2, 1, "accounts.csv", table="accounts"),
    imported("a letter beyond the last", rows(3 * "北京电子有限公司、上海贸易".encode() + b"\xf5\x80\x80\x80"), 2, 1, table="accounts"),
    imported("UTF-8 cut in the middle of a letter", {"accounts.csv": f"{HEADER}a,北京电子有限公司\nb,上海贸易".encode()[:-1]}, 2, 1, "accounts.csv", table="accounts"),
    refused("UTF-8 and GB18030 by turns", {"accounts.csv": HEADER.encode() + b"".join(f"a{i},{BEIJING}\n".encode(("utf-8", "gb18030")[i % 2]) for i in range(40))}, "accounts.csv"),
    imported("a mark twice", {"accounts.csv": b"\xef\xbb\xbf\xef\xbb\xbf" + HEADER.encode() + b"a,Alpha\nb,Beta\n"}, 2, 2, table="accounts"),
    imported("a mark in the middle, where files were joined", {"accounts.csv": HEADER.encode() + b"a,Alpha\n\xef\xbb\xbfb,Beta\n"}, 2, 2, table="accounts"),
    imported("question marks where letters were", rows("Caf\ufffd".encode()), 2, 2, table="accounts"),
    imported("letters past the first plane", rows("😀𝓐𠀀".encode()), 2, 2, table="accounts"),
    refused("every byte there is", {"accounts.csv": bytes(range(256)) * 64}, "accounts.csv"),
    refused("a picture", {"accounts.csv": png}, "accounts.csv"),
    refused("a database", {"accounts.csv": sqlite}, "accounts.csv"),
    refused("a printed page", {"accounts.csv": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\ntrailer\n%%EOF\n"}, "accounts.csv"),
    refused("a web page", {"accounts.csv": b"<!DOCTYPE html><html><body><table><tr><td>account_id</td><td>account_name</td></tr></table></body></html>"}, "accounts.csv", "missing"),
    refused("JSON", {"accounts.csv": b'[{"account_id": "a", "account_name": "Alpha"}]'}, "accounts.csv", "missing"),
    refused("XML", {"accounts.csv": b'<?xml version="1.0"?>\n<accounts><account id="a" name="Alpha"/></accounts>\n'}, "accounts.csv", "missing"),
    refused("a page that asks to log in", {"accounts.csv": b"<html><head><title>Sign in</title></head>\n<body>Your session has expired.</body></html>\n"}, "accounts.csv", "missing"),
]  # fmt: skip
