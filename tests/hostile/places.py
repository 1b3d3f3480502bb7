"""What a file may be besides a file, where it may lead, and what it may be called."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from hostile import ACCOUNTS, ORDERS, imported, refused
from kamlib.tables import TABLES

NO_FILE = ("orders.csv", "is not a file but a pipe")
OUTSIDE = ("orders.csv", "is a link out of")


def folder(path: Path) -> None:
    path.mkdir()
    (path / "part-0.csv").write_bytes(ORDERS)


def a_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(path.name)
    os.chdir(here)


def link(target: str):
    return lambda path: path.symlink_to(target)


def outside(path: Path) -> None:
    """A link to a file that lies beside the folder."""
    beside = path.parent.parent / "secret.csv"
    beside.write_bytes(ORDERS)
    path.symlink_to(beside)


def forbidden(path: Path) -> None:
    """A file that cannot be read. The superuser can read any: then it stands for one that went away."""
    path.write_bytes(ORDERS)
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to("/proc/1/mem/gone")


def many(path: Path) -> None:
    for i in range(5000):
        (path.parent / f"export_{i:04}.csv").write_bytes(b"x\n1\n")
    path.write_bytes(ORDERS)


def named(name: str):
    """Orders in a file of this name beside the others."""
    return {name: ORDERS}


CASES = [
    refused("a folder", {"orders.csv": folder}, "orders.csv", "is a folder, not a file"),
    refused("a folder called Parquet, as Spark writes", {"orders.parquet": folder}, "orders.parquet", "is a folder"),
    refused("a folder called Excel", {"orders.xlsx": folder}, "orders.xlsx", "is a folder"),
    refused("a pipe", {"orders.csv": os.mkfifo}, *NO_FILE),
    refused("a pipe called gzip", {"orders.csv.gz": os.mkfifo}, "orders.csv.gz", "is not a file"),
    refused("a pipe called Parquet", {"orders.parquet": os.mkfifo}, "orders.parquet", "is not a file"),
    refused("a pipe called Excel", {"orders.xlsx": os.mkfifo}, "orders.xlsx", "is not a file"),
    refused("a pipe called Excel that no table is called after", {"book.xlsx": os.mkfifo}, "book.xlsx", "is not a file"),
    refused("a socket", {"orders.csv": a_socket}, *NO_FILE),
    refused("a link to a device without end", {"orders.csv": link("/dev/zero")}, "orders.csv", "is a link out of"),
    refused("a link to the terminal", {"orders.csv": link("/dev/stdin")}, "orders.csv", "is a link"),
    refused("a link to a file outside", {"orders.csv": outside}, *OUTSIDE),
    refused("a link to the passwords", {"orders.csv": link("/etc/passwd")}, *OUTSIDE),
    refused("a link upwards to a folder", {"orders.csv": link("..")}, "orders.csv"),
    refused("a link to itself", {"orders.csv": link("orders.csv")}, "orders.csv"),
    refused("links in a circle", {"orders.csv": link("other"), "other": link("orders.csv")}, "orders.csv"),
    refused("a link to nothing", {"orders.csv": link("gone.csv")}, "orders.csv"),
    imported("a link to a file beside it", {"orders.csv": link("january.dat"), "january.dat": ORDERS}, 2, 2),
    refused("a workbook that is a link outside", {"orders.xlsx": link("/etc/hostname")}, "orders.xlsx", "is a link out of"),
    refused("a file that cannot be read", {"orders.csv": forbidden}, "orders.csv"),
    refused("the same table twice, by case", {"orders.csv": ORDERS, "Orders.csv": ORDERS}, "both claim to be the table orders"),
    refused("the same table twice, by ending", {"orders.csv": ORDERS, "orders.csv.gz": b"", "orders.tsv": ORDERS}, "claim to be the table orders"),
    refused("the same table twice, by language", {"orders.csv": ORDERS, f"{TABLES['orders'].zh}.csv": ORDERS}, "both claim to be the table orders"),
    imported("names in capitals", {"ORDERS.CSV": ORDERS, "Accounts.Csv": ACCOUNTS}, 2, 2),
    imported("names in letters of full width", {"ｏｒｄｅｒｓ.csv": ORDERS, "orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name with a line end", named("ord\ners.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name with colours of a terminal", named("\x1b[31mred.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name with quotes", named("o'r\"d`ers;--.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name of stars and question marks", named("*.csv") | {"orders.csv": ORDERS, "[a-z]?.csv": b"x\n"}, 2, 2, "no known table"),
    imported("a name of dots", named("...csv") | {"orders.csv": ORDERS, "..csv": b"x\n"}, 2, 2),
    imported("a name of 255 bytes", named("订" * 83 + "no.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name of faces", named("📈🧾.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("a name that is no text", {"orders.csv": lambda path: (path.write_bytes(ORDERS), Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff\xfe.csv")).write_bytes(b"x\n"))}, 2, 2, "no known table"),
    imported("a name that begins with a dash", named("-rf.csv") | {"orders.csv": ORDERS}, 2, 2, "no known table"),
    imported("what other programs leave behind", {"orders.csv": ORDERS, "~$orders.xlsx": b"\0" * 165, ".DS_Store": b"\0", "Thumbs.db": b"\0", "._orders.csv": b"\0\5\26\7"}, 2, 2, "no row lost"),
    imported("a table in a form nobody reads", {"orders.csv": ORDERS, "contacts.json": b"[]", "invoices.csv.zip": b"PK"}, 2, 2, "contacts.json", "invoices.csv.zip"),
    imported("five thousand files", {"orders.csv": many}, 2, 2, "export_0000.csv"),
    imported("a folder for each month", {"orders/month=2025-01/part.csv": ORDERS}, 2, 2, "no known table"),
]  # fmt: skip
