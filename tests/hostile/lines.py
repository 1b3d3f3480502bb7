"""CSV of any shape: lines, quotes, headers, widths, lengths."""

from __future__ import annotations

from pathlib import Path

from hostile import ACCOUNTS, ORDERS, imported, refused

HEAD = "order_id,account_id,order_date,amount"
O1, O2 = "o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5"
MISSING = ("orders.csv", "missing")


def csv(text: str | bytes, file: str = "orders.csv") -> dict[str, str | bytes]:
    return {file: text}


def long_line(path: Path) -> None:
    """A line of a gigabyte, as a hole in the file."""
    with path.open("wb") as file:
        file.write(ORDERS + b"o3,a,2025-03-01,5\n" * 5000 + b"o4,a,2025-03-01,")
        file.seek(1 << 30)
        file.write(b"7\n")


def five_gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.write(ORDERS)
        file.truncate(5 << 30)


def long_cell(megabytes: int):
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"account_id,account_name\nb,Beta\na,")
            for _ in range(megabytes):
                file.write(b"x" * (1 << 20))
            file.write(b"\n")

    return make


def blank_lines(path: Path) -> None:
    path.write_bytes(ORDERS.replace(b"\no2", b"\n" * 300_000 + b"o2"))


def many_bad_lines(path: Path) -> None:
    path.write_bytes(ORDERS + b"".join(b"x%d,a,2025-01-01,1,2,3\n" % i for i in range(50_000)))


WIDE = ",".join(f"c{i}" for i in range(3996))

CASES = [
    refused("an empty file", csv(b""), "orders.csv is empty"),
    refused("nothing but a mark", csv(b"\xef\xbb\xbf"), "orders.csv is empty"),
    refused("nothing but blank lines", csv(b"\r\n\r\n\n"), "orders.csv is empty"),
    refused("nothing but blanks", csv(b"   \n \t \n"), "orders.csv"),
    refused("nothing but commas", csv(b",,,\n,,,\n"), "orders.csv is empty"),
    refused("only the header", csv(f"{HEAD}\n"), "orders.csv holds no row below its header"),
    refused("only the header, without a line end", csv(HEAD), "orders.csv holds no row below its header"),
    refused("no header", csv(f"{O1}\n{O2}\n"), *MISSING, "first row"),
    imported("a title above the header", csv(f"Orders of 2025\n\n{HEAD}\n{O1}\n{O2}\n"), 2, 2, "no row lost"),
    imported("a hint for Excel above the header", csv(f"sep=;\n{HEAD}\n{O1}\n".replace(",", ";")), 1, 1, "no row lost", money=100),
    refused("no column at all", csv("order_id account_id order_date amount\no1 a 2025-01-01 100\n"), *MISSING),
    refused("a header twice", csv(f"{HEAD},amount\n{O1},1\n{O2},1\n"), "orders.csv", "both claim to be the column amount"),
    refused("two headers that differ by case", csv(f"{HEAD},AMOUNT\n{O1},1\n"), "'amount' and 'AMOUNT (2)' both claim"),
    refused("two headers that differ by width", csv(f"{HEAD},ａｍｏｕｎｔ\n{O1},1\n"), "both claim to be the column amount"),
    refused("two headers that differ by a blank of no width", csv(f"{HEAD},amo\u200bunt\n{O1},1\n"), "both claim to be the column amount"),
    imported("a header with a look-alike letter", csv(f"{HEAD},аmount\n{O1},1\n{O2},1\n"), 2, 2, "аmount", "unknown"),
    imported("headers in letters of full width", csv(f"ｏｒｄｅｒ＿ｉｄ,account_id,order_date,ａｍｏｕｎｔ\n{O1}\n{O2}\n"), 2, 2),
    imported("headers with marks of direction", csv(f"\u202aorder_id\u202c,account_id,order_date,\u200famount\n{O1}\n{O2}\n"), 2, 2),
    imported("headers with blanks that do not break", csv(f"\u00a0order_id,account\u00a0id ,order_date,amount\u3000\n{O1}\n{O2}\n"), 2, 2),
    imported("a header over two lines", csv('order_id,account_id,"order\ndate",amount\n' + f"{O1}\n{O2}\n"), 2, 2),
    imported("headers of our own making", csv(f"{HEAD},__k,__row,__file,__cells,__class__,g0,p0,f0\n{O1},1,2,3,4,5,6,7,8\n{O2},1,2,3,4,5,6,7,8\n"), 2, 2),
    imported("headers that are words of SQL", csv(f"{HEAD},select,from,where,group,null,order,*,count(*)\n{O1},1,2,3,4,5,6,7,8\n{O2},1,2,3,4,5,6,7,8\n"), 2, 2, "select"),
    imported("headers that would end a statement", csv(HEAD + ",\"'); DROP TABLE orders; --\",\"x\"\"; ATTACH 'y'\",{{7*7}},${PATH},%s\n" + f"{O1},1,2,3,4,5\n{O2},1,2,3,4,5\n"), 2, 2, "DROP TABLE"),
    imported("a header of a megabyte", csv(f"{HEAD},{'h' * (1 << 20)}\n{O1},1\n{O2},1\n"), 2, 2),
    imported("four thousand columns", csv(f"{HEAD},{WIDE}\n{O1}{',1' * 3996}\n{O2}{',1' * 3996}\n"), 2, 2, "c0"),
    refused("twenty thousand columns", csv(f"{HEAD}{',' * 20_000}\n{O1}\n{O2}\n"), "orders.csv: has 20,004 columns; 4,000 can be read"),
    imported("four thousand columns, all without a name", csv(f"{HEAD}{',' * 3996}\n{O1}{',1' * 3996}\n{O2}{',1' * 3996}\n"), 2, 2),
    imported("a cell of a megabyte", {"accounts.csv": long_cell(1)}, 2, 2, table="accounts"),
    refused("a cell of a hundred megabytes", {"accounts.csv": long_cell(100)}, "accounts.csv", "longer than"),
    refused("a line of a gigabyte", csv(long_line), "orders.csv", "longer than"),
    refused("five gigabytes of nothing", csv(five_gigabytes), "orders.csv"),
    imported("three hundred thousand blank lines", csv(blank_lines), 2, 2),
    imported("blank lines between", csv(f"{HEAD}\n\n{O1}\n\n\n{O2}\nnew,zz,2025-01-01,1\n"), 3, 2, "row 7", "zz", money_aside=1),
    imported("lines of commas", csv(f"{HEAD}\n{O1}\n,,,\n{O2}\n,,,\n"), 2, 2),
    imported("a line too short", csv(f"{HEAD}\n{O1}\no9,a\n{O2}\n"), 3, 2, "orders.csv", "row 3"),
    imported("a line too long", csv(f"{HEAD}\n{O1}\no9,a,2025-01-01,1,234.00\n{O2}\n"), 3, 2, "orders.csv", "row 3"),
    imported("fifty thousand lines too long", csv(many_bad_lines), 50_002, 2, "50,000"),
    imported("a comma at the end of each line", csv(f"{HEAD},\n{O1},\n{O2},\n"), 2, 2),
    imported("a comma at the end of each line but the header", csv(f"{HEAD}\n{O1},\n{O2},\n"), 2, 2),
    imported("the sum at the end", csv(f"{HEAD}\n{O1}\n{O2}\nTotal,,,150.5\n"), 3, 2, "row 4", money_aside=150.5),
    imported("line ends of an old Mac", csv(f"{HEAD}\r{O1}\r{O2}\r"), 2, 2),
    imported("line ends of all kinds", csv(f"{HEAD}\r\n{O1}\n{O2}\ro3,a,2025-03-01,7\r\n"), 3, 3, money=157.5),
    imported("line ends the wrong way round", csv(f"{HEAD}\n\r{O1}\n\r{O2}\n\r"), 2, 2),
    imported("no line end at the end", csv(f"{HEAD}\n{O1}\n{O2}"), 2, 2),
    imported("the mark of the end of DOS", csv(f"{HEAD}\n{O1}\n{O2}\n\x1a"), 3, 2, "orders.csv"),
    imported("line separators of Unicode inside cells", csv(f"{HEAD},channel\n{O1},on\u2028line\n{O2},off\x85line\n"), 2, 2, "channel"),
    imported("a quote that is not closed at the end", csv(f'{HEAD}\n{O1}\n{O2}\n"o3,a,2025-01-01,1\n'), 3, 2, "orders.csv"),
    imported("a quote that is not closed in the middle", csv(f'{HEAD}\n{O1}\no8,"a,2025-01-01,1\n{O2}\no9,a",2025-01-01,1\n'), 2, 1, "orders.csv", money=100, money_aside=1),
    imported("a quote inside a cell", csv(f'{HEAD},channel\n{O1},on"line\n{O2},online\n'), 2, 2, "channel"),
    imported("letters after a quote", csv(f'{HEAD}\n{O1}\n"o2"x,b,2025-02-01,50.5\no3,a,2025-01-01,1\n'), 3, 2, "row 3", money=101),
    imported("quotes with a backslash", csv(f'{HEAD},channel\n{O1},"say \\"online\\""\n{O2},online\n'), 2, 1, "row 2", money=50.5),
    imported("line ends inside quotes", csv(f'{HEAD},channel\n"o1","a","2025-01-01","100","on\nline\r\n\n"\n{O2},online\no3,zz,2025-01-01,1,\n'), 3, 2, "zz", money_aside=1),
    imported("everything in quotes", csv("\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in (HEAD, O1, O2))), 2, 2),
    imported("the other delimiter inside quotes", csv(f'{HEAD.replace(",", ";")};channel\no1;a;2025-01-01;100;"a,b,c,d,e,f"\no2;b;2025-02-01;50.5;"a,b"\n'), 2, 2),
    imported("tabs", csv(f"{HEAD}\n{O1}\n{O2}\n".replace(",", "\t"), "orders.tsv"), 2, 2),
    imported("bars", csv(f"{HEAD}\n{O1}\n{O2}\n".replace(",", "|")), 2, 2),
    refused("two delimiters by turns", csv(f"{HEAD}\n{O1.replace(',', ';')}\n{O2.replace(',', ';')}\n"), "orders.csv"),
    imported("NUL inside cells", csv(f"{HEAD}\no\0001,a,2025-01-01,1\00000\n{O2}\n"), 2, 2),
    refused("NUL at the end, where the machine lost power", csv(ORDERS + b"\0" * 400), "orders.csv", "no text"),
    refused("NUL between all letters", csv(ORDERS.replace(b"", b"\0")), "orders.csv", "no text"),
    imported("control characters around cells", csv(f"{HEAD}\n\x01o1\x02,\x7fa\x1b,2025-01-01\x08,100\x0c\n{O2}\n"), 2, 2),
    imported("colours of a terminal", csv(f"{HEAD}\n{O1}\n{O2}\n\x1b[31mo3\x1b[0m,\x1b]0;title\x07zz,2025-01-01,1\n"), 3, 2, "zz", money_aside=1),
    imported("comments", csv(f"{HEAD}\n# exported at noon\n{O1}\n{O2}\n"), 3, 2, "row 2"),
    imported("the header again in the middle", csv(f"{HEAD}\n{O1}\n{HEAD}\n{O2}\n"), 3, 2, "row 3"),
    imported("a dump of another table at the end", csv(ORDERS + b"\naccount_id,account_name\na,Alpha\n"), 4, 2, "orders.csv"),
    imported("accounts in one column of a JSON", {"accounts.csv": ACCOUNTS.replace(b"Alpha", b'"{""name"": ""Alpha"", ""x"": [1,2]}"')}, 2, 2, table="accounts"),
]  # fmt: skip
