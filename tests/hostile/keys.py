"""Rows that contradict one another."""

from __future__ import annotations

from hostile import ORDERS, imported, orders, refused

ACCOUNTS = "account_id,account_name,parent_account_id\n"
CONTACTS = "contact_id,account_id,contact_name,reports_to\n"
BASE = ("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5")

CASES = [
    imported("a key twice", {"orders.csv": orders(*BASE, "o1,b,2025-03-01,7")}, 3, 2, "key used before", "row 4", money_aside=7.0),
    imported("the whole file twice", {"orders.csv": ORDERS + ORDERS.split(b"\n", 1)[1]}, 4, 2, "key used before", money_aside=150.5),
    imported("a thousand times the same row", {"orders.csv": orders(*BASE, *["o1,a,2025-01-01,100"] * 1000)}, 1002, 2, "1,000", money_aside=100_000.0),
    refused("a thousand accounts of one id", {"accounts.csv": "account_id,account_name\n" + "x,Alpha\n" * 1000}, "orders.csv", "none of its 2 rows"),
    imported("orders of nobody", {"orders.csv": orders(*BASE, "o3,zz,2025-01-01,7", "o4,,2025-01-01,8")}, 4, 2, "not found in", "empty, but needed", money_aside=15.0),
    refused("orders of nobody only", {"orders.csv": orders("o1,zz,2025-01-01,7")}, "none of its 1 rows", "not found in"),
    imported("an account that is its own parent", {"accounts.csv": f"{ACCOUNTS}a,Alpha,a\nb,Beta,\n"}, 2, 2, table="accounts"),
    imported("parents in a circle", {"accounts.csv": f"{ACCOUNTS}a,Alpha,b\nb,Beta,c\nc,Gamma,a\n"}, 3, 3, table="accounts"),
    imported("a line of ten thousand parents", {"accounts.csv": f"{ACCOUNTS}a,Alpha,\nb,Beta,a\n" + "".join(f"c{i},Company {i},{f'c{i - 1}' if i else 'b'}\n" for i in range(10_000))}, 10_002, 10_002, table="accounts"),
    imported("ten thousand parents of one name", {"accounts.csv": f"{ACCOUNTS}a,Alpha,\nb,Beta,a\n" + "".join(f"c{i},Company,{f'c{i - 1}' if i else 'b'}\n" for i in range(10_000))}, 10_002, 10_002, table="accounts"),
    imported("a parent that is not there", {"accounts.csv": f"{ACCOUNTS}a,Alpha,zz\nb,Beta,\n"}, 2, 2, "parent_account_id", "zz", table="accounts"),
    imported("contacts who report to one another", {"contacts.csv": f"{CONTACTS}c,a,Cy,d\nd,a,Di,c\n"}, 2, 2, table="contacts"),
    imported("contacts of nobody", {"contacts.csv": f"{CONTACTS}c,zz,Cy,\nd,a,Di,c\n"}, 2, 1, "not found in", table="contacts"),
    imported("lines of no order", {"order_lines.csv": "order_id,line_no,product_id,quantity,amount\no1,1,p,1,60\nzz,1,p,1,5\n"}, 2, 1, "order_lines", "zz", table="order_lines"),
    refused("stages that nobody declared", {"deals.csv": "deal_id,account_id,status,stage,created_at\nd1,a,open,S1,2025-01-01\nd2,a,open,S2,2025-01-01\n"}, "S1", "[[stages]]"),
    imported("an order without any amount among others", {"orders.csv": orders(*BASE, "o3,a,2025-01-01,")}, 3, 3, "order without an amount", "row 4"),
    refused("no order with an amount", {"orders.csv": orders("o1,a,2025-01-01,", "o2,b,2025-01-01,")}, "no order has an amount", "order_lines"),
]  # fmt: skip
