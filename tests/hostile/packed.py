"""Compressed CSV: cut off, damaged, or far larger than it looks."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
import zlib
from pathlib import Path

from hostile import ORDERS, imported, refused

BIG = b"order_id,account_id,order_date,amount\n" + b"".join(b"o%d,a,2025-01-01,1\n" % i for i in range(20_000))
PACKED = gzip.compress(BIG, mtime=0)
NOT_WHOLE = ("orders.csv.gz", "not a whole gzip file", "again")


def gz(content: bytes, file: str = "orders.csv.gz") -> dict[str, bytes]:
    return {file: content}


def flipped(place: int) -> bytes:
    return PACKED[:place] + bytes([PACKED[place] ^ 0x40]) + PACKED[place + 1 :]


def bomb(filling: bytes, megabytes: int):
    """A valid beginning, then the same megabyte over and over: about a thousandth of that on disk."""

    def make(path: Path) -> None:
        squeeze = zlib.compressobj(9, wbits=31)
        with path.open("wb") as file:
            file.write(squeeze.compress(ORDERS))
            for _ in range(megabytes):
                file.write(squeeze.compress(filling * ((1 << 20) // len(filling))))
            file.write(squeeze.flush())

    return make


def zipped(name: str, content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return held.getvalue()


CASES = [
    imported("gzip", gz(gzip.compress(ORDERS)), 2, 2),
    imported("gzip in two members", gz(gzip.compress(ORDERS[:60]) + gzip.compress(ORDERS[60:])), 2, 2),
    refused("gzip with a comment", gz(b"\x1f\x8b\x08\x18\0\0\0\0\0\xff../../x\0hi\0" + zlib.compress(ORDERS, wbits=-15) + zlib.crc32(ORDERS).to_bytes(4, "little") + len(ORDERS).to_bytes(4, "little")), "orders.csv.gz", "again"),
    refused("gzip of nothing", gz(gzip.compress(b"")), "orders.csv.gz is empty"),
    refused("an empty file called gzip", gz(b""), "orders.csv.gz"),
    refused("text called gzip", gz(ORDERS), *NOT_WHOLE),
    refused("gzip in gzip", gz(gzip.compress(gzip.compress(ORDERS))), "orders.csv.gz"),
    refused("gzip called CSV", {"orders.csv": gzip.compress(BIG)}, "orders.csv"),
    refused("bzip2 called gzip", gz(bz2.compress(ORDERS)), *NOT_WHOLE),
    refused("zip called gzip", gz(zipped("orders.csv", ORDERS)), *NOT_WHOLE),
    refused("zip called CSV", {"orders.csv": zipped("orders.csv", BIG)}, "orders.csv"),
    refused("gzip cut in its head", gz(PACKED[:5]), *NOT_WHOLE),
    refused("gzip cut after its head", gz(PACKED[:10]), *NOT_WHOLE),
    refused("gzip cut in the middle", gz(PACKED[: len(PACKED) // 2]), *NOT_WHOLE),
    refused("gzip cut before its sum", gz(PACKED[:-8]), *NOT_WHOLE),
    refused("gzip cut in its length", gz(PACKED[:-1]), *NOT_WHOLE),
    refused("gzip with a wrong sum", gz(flipped(len(PACKED) - 7)), *NOT_WHOLE),
    refused("gzip with a wrong length", gz(flipped(len(PACKED) - 2)), *NOT_WHOLE),
    refused("gzip with a bit turned over inside", gz(flipped(len(PACKED) // 2)), "orders.csv.gz", "again"),
    refused("gzip with an unknown method", gz(PACKED[:2] + b"\x09" + PACKED[3:]), *NOT_WHOLE),
    refused("gzip with rubbish after it", gz(gzip.compress(ORDERS) + b"rubbish"), *NOT_WHOLE),
    refused("gzip with zeros after it, as tapes had", gz(gzip.compress(ORDERS) + b"\0" * 512), "orders.csv.gz", "again"),
    refused("a megabyte that unpacks to a line of a gigabyte", {"orders.csv.gz": bomb(b"x", 1024)}, "orders.csv.gz", "longer than"),
    imported("a megabyte that unpacks to many blank lines", {"orders.csv.gz": bomb(b"\n", 20)}, 2, 2),
    imported("a few kilobytes that unpack to a hundred thousand orders, all the same", {"orders.csv.gz": bomb(b"o1,a,2025-01-01,1\n", 2)}, 2 + 2 * ((1 << 20) // 18), 2, "key used before", money_aside=2.0 * ((1 << 20) // 18)),
]  # fmt: skip
