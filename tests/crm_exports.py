"""A small Zoho export, and what an import of it tells."""

DEALS = (
    "Record Id,Deal Owner.id,Deal Owner,Amount,Deal Name,Closing Date,Account Name.id,Account Name,Stage,"
    "Probability (%),Lead Source,Created Time,Modified Time\n"
    'zcrm_4150868000000225013,zcrm_41,Ann,"$12,000.50",First,25/03/2026,zcrm_4150868000000111001,Acme,Negotiation/Review,'
    "90,Partner,01/02/2026 10:00 AM,03/03/2026 12:00 PM\n"
    "zcrm_4150868000000225014,zcrm_41,Ann,$500,Second,05/03/2026,zcrm_4150868000000111002,Beta,Closed Won,"
    "100,Trade Show,01/02/2026 10:00 AM,03/03/2026 12:00 PM\n"
    "zcrm_4150868000000225015,zcrm_41,Ann,$70,Third,05/01/2026,zcrm_4150868000000111002,Beta,Closed Lost,"
    "0,Chat,01/02/2026 10:00 AM,03/03/2026 12:00 PM\n"
)
ACCOUNTS = (
    "Record Id,Account Owner,Account Name,Account Number,Parent Account.id,Parent Account,Created Time\n"
    "zcrm_4150868000000111001,Ann,Acme,001,,,2020-01-02 10:00\n"
    "zcrm_4150868000000111002,Bo,Beta,002,zcrm_4150868000000111001,Acme,2020-01-03 10:00\n"
)
ORDERS = (
    "Record Id,Sales Order Owner,SO Number,Account Name.id,Account Name,Grand Total,Created Time\n"
    "zcrm_4150868000000333001,Ann,SO-1,zcrm_4150868000000111001,Acme,$100.00,2026-01-05 10:00\n"
)
ZOHO = {"Accounts_2026_03_17.csv": ACCOUNTS, "Deals_2026_03_17.csv": DEALS, "Sales_Orders_2026_03_17.csv": ORDERS}


def rules(ledger) -> dict[str, int]:
    return {fault.detail: fault.n for fault in ledger.faults if fault.kind == "rule"}
