"""What tables, their fields and a file's layout are called on screen."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

TABLES = {
    "orders": _("Orders"),
    "baskets": _("Orders with their products, one line per product"),
    "order_lines": _("Products of orders already imported"),
    "customers": _("Customers"),
    "interactions": _("Interactions (visits, calls, clicks …)"),
    "feedback": _("Feedback and surveys"),
    "profile_notes": _("Prospect notes (needs, competing brands, psychology, brand)"),
    "cases": _("Complaints and cases"),
    "costs": _("Costs of serving customers"),
    "volumes": _("Customers' own total volume"),
    "balances": _("Receivables and payables"),
    "contracts": _("Contracts and memberships"),
    "overrides": _("Manually set stages"),
}
FIELDS = {
    "customer_id": _("Customer"),
    "at": _("Date or time"),
    "fact_id": _("Unique number of the row"),
    "amount": _("Amount"),
    "order_id": _("Order number"),
    "status": _("Status (sale or refund)"),
    "cost": _("Cost"),
    "currency": _("Currency"),
    "channel": _("Channel"),
    "store": _("Store"),
    "referrer_id": _("Referred by (customer)"),
    "product_id": _("Product"),
    "category": _("Category"),
    "quantity": _("Quantity"),
    "kind": _("Kind"),
    "seconds": _("Seconds"),
    "content_id": _("Content"),
    "campaign_id": _("Campaign"),
    "survey": _("Survey"),
    "measure": _("What was measured"),
    "score": _("Score"),
    "comment": _("Comment"),
    "author": _("Recorded by"),
    "case_id": _("Case number"),
    "event": _("Event"),
    "severity": _("Severity"),
    "period_start": _("Start of the period"),
    "receivable": _("Receivable"),
    "payable": _("Payable"),
    "contract_id": _("Contract number"),
    "ends_at": _("Ends at"),
    "model": _("Model"),
    "stage": _("Stage"),
    "reason": _("Reason"),
    "until": _("Until"),
    "name": _("Name"),
    "phone": _("Phone"),
    "email": _("E-mail"),
    "created_on": _("Customer since"),
    "valid_from": _("Values valid from"),
    "attributes": _("Other attributes (JSON)"),
}
DELIMITERS = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("vertical bar")}
KINDS = {"text": _("Text"), "excel": _("Excel workbook"), "parquet": "Parquet", "json": _("JSON lines")}


def table_name(table: str) -> str:
    return str(TABLES.get(table, table))


def field_name(field: str) -> str:
    return str(FIELDS.get(field, field))


def layout_in_words(looked: dict[str, object]) -> str:
    """Say how a file is laid out: text in GB18030, separated by comma."""
    names = ("kind", "encoding", "delimiter", "sheet")
    kind, encoding, delimiter, sheet = (str(looked.get(name) or "") for name in names)
    encoding = encoding.upper().replace("UTF-8-SIG", "UTF-8 (BOM)")
    parts = (KINDS.get(kind, kind), encoding, DELIMITERS.get(delimiter, delimiter), sheet)
    return " · ".join(str(part) for part in parts if part)
