"""Parquet that is none, that is damaged, or that holds what no table should."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from hostile import ORDERS, imported, refused

ROWS = {
    "order_id": ["o1", "o2"],
    "account_id": ["a", "b"],
    "order_date": [dt.date(2025, 1, 1), dt.date(2025, 2, 1)],
    "amount": [100.0, 50.5],
}


def table(**columns: object):
    """Make the two orders with these columns instead, or besides."""
    return lambda path: pq.write_table(pa.table(ROWS | columns), path)


def whole() -> bytes:
    held = pa.BufferOutputStream()
    pq.write_table(pa.table({"order_id": [f"o{i}" for i in range(5000)], "account_id": ["a"] * 5000, "order_date": [dt.date(2025, 1, 1)] * 5000, "amount": [float(i) for i in range(5000)]}), held)  # fmt: skip
    return held.getvalue().to_pybytes()


WHOLE = whole()
DAMAGED = ("orders.parquet", "again")


def flipped(place: int) -> bytes:
    """The file with sixteen bytes turned over."""
    return WHOLE[:place] + bytes(byte ^ 0xFF for byte in WHOLE[place : place + 16]) + WHOLE[place + 16 :]


def bomb(path: Path) -> None:
    """A hundred thousand times the same text of a thousand letters: 100 MB in a few kilobytes."""
    n = 100_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["x" * 1000]))
    same = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["a"]))
    day = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["2025-01-01"]))
    pq.write_table(
        pa.table({"order_id": text, "account_id": same, "order_date": day, "amount": pa.array([1.0] * n)}), path
    )


def large_page(path: Path) -> None:
    """One cell of three hundred megabytes, which pack to nothing."""
    pq.write_table(pa.table(ROWS | {"note": ["x" * (300 << 20), ""]}), path, compression="zstd", use_dictionary=False)


class _Keys(encryption.KmsClient):
    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return key.hex().encode()

    def unwrap_key(self, key: bytes, _: str) -> bytes:
        return bytes.fromhex(key.decode())


def encrypted(path: Path) -> None:
    factory = encryption.CryptoFactory(_Keys)
    settings = encryption.EncryptionConfiguration(
        footer_key="it", uniform_encryption=True, plaintext_footer=False, double_wrapping=False
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
    with pq.ParquetWriter(path, pa.table(ROWS).schema, encryption_properties=properties) as writer:
        writer.write_table(pa.table(ROWS))


def no_rows(path: Path) -> None:
    pq.ParquetWriter(path, pa.table(ROWS).schema).close()


def parquet(content: object) -> dict:
    return {"orders.parquet": content}


CASES = [
    imported("Parquet", parquet(table()), 2, 2),
    refused("an empty file", parquet(b""), *DAMAGED),
    refused("four letters", parquet(b"PAR1"), *DAMAGED),
    refused("a beginning and an end", parquet(b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"), *DAMAGED),
    refused("CSV called Parquet", parquet(ORDERS), *DAMAGED),
    refused("Parquet called CSV", {"orders.csv": WHOLE}, "orders.csv"),
    refused("cut to nine tenths", parquet(WHOLE[: len(WHOLE) * 9 // 10]), *DAMAGED),
    refused("cut before its last letters", parquet(WHOLE[:-4]), *DAMAGED),
    refused("with a footer longer than the file", parquet(WHOLE[:-8] + (len(WHOLE) * 2).to_bytes(4, "little") + b"PAR1"), *DAMAGED),
    refused("with a footer of no length", parquet(WHOLE[:-8] + bytes(4) + b"PAR1"), *DAMAGED),
    refused("with a damaged footer", parquet(flipped(len(WHOLE) - 8 - int.from_bytes(WHOLE[-8:-4], "little"))), "orders.parquet"),
    refused("with a damaged head of a page", parquet(flipped(4)), "orders.parquet"),
    refused("with a damaged page", parquet(flipped(2000)), "orders.parquet"),
    refused("encrypted", parquet(encrypted), "orders.parquet"),
    refused("without any rows", parquet(no_rows), "orders.parquet holds no row"),
    refused("without any columns", parquet(lambda path: pq.write_table(pa.table({}), path)), "orders.parquet"),
    imported("a hundred megabytes of one text", parquet(bomb), 100_000, 1, "key used before", money=1.0, money_aside=99_999.0),
    imported("a cell of three hundred megabytes that nobody needs", parquet(large_page), 2, 2, "note"),
    imported("lists and structures where nobody needs them", parquet(table(tags=[["x"], []], place=[{"x": 1}, None])), 2, 2, "tags"),
    refused("lists where amounts should be", parquet(table(amount=[[100.0], [50.5]])), "not an amount", "[100.0]"),
    imported("structures where ids should be", parquet(table(order_id=[{"x": 1}, {"x": 2}])), 2, 2),
    imported("bytes where texts should be", parquet(table(order_id=[b"o1", b"\xff\xfe"])), 2, 2),
    imported("amounts as decimals of thirty-eight digits", parquet(table(amount=pa.array([Decimal("100.0000"), Decimal("50.5000")], pa.decimal128(38, 4)))), 2, 2),
    refused("amounts that are infinite", parquet(table(amount=[float("inf"), float("nan")])), "no order has an amount"),
    imported("amounts as whole numbers", parquet(table(amount=pa.array([100, 50], pa.uint64()))), 2, 2, money=150.0),
    imported("dates as times of a zone, in nanoseconds", parquet(table(order_date=pa.array([dt.datetime(2025, 1, 1, 12), dt.datetime(2025, 2, 1, 12)], pa.timestamp("ns", "UTC")))), 2, 2),
    refused("dates as whole numbers", parquet(table(order_date=[20089, 20120])), "none of its 2 rows", "not a date"),
    refused("dates of the year 5,000,000", parquet(table(order_date=pa.array([2_000_000_000, 2_000_000_001], pa.int32()).cast(pa.date32()))), "none of its 2 rows", "not a date"),
    imported("ids as numbers", parquet(table(order_id=pa.array([2**63, 7], pa.uint64()))), 2, 2),
    imported("ids as numbers with gaps, made decimals", parquet(table(order_id=[1e17, 7.0])), 2, 2),
    imported("columns of our own making", parquet(table(__k=[1, 2], __row=[8, 9], __cells=[5, 6])), 2, 2),
    refused("a column that the engine claims", parquet(table(file_row_number=[3, 4])), "orders.parquet", "file_row_number"),
    imported("a column that differs by case", parquet(table(AMOUNT=[1.0, 2.0])), 2, 2, "AMOUNT_1", "left out"),
    imported("a column called amount twice", parquet(lambda path: pq.write_table(pa.Table.from_arrays([pa.array(v) for v in [*ROWS.values(), [1.0, 2.0]]], [*ROWS, "amount"]), path)), 2, 2, "amount_1", "left out"),
    imported("names that would end a statement", parquet(table(**{'x"; DROP TABLE orders; --': [1, 2], "": [3, 4], "'": [5, 6]})), 2, 2),
    refused("thirteen thousand columns", parquet(table(**{f"c{i}": [1, 2] for i in range(12_996)})), "orders.parquet: has 13,000 columns; 4,000 can be read"),
    imported("four thousand columns", parquet(table(**{f"c{i}": [1, 2] for i in range(3996)})), 2, 2),
]  # fmt: skip
