"""What random rules speak of: kinds, columns and values that the random people have."""

from __future__ import annotations

from typing import Any

#: The shop's named dates, as its settings have them.
NAMED_DATES = {
    "双十一": ("11-11",),
    "店庆": ("05-18..05-20", "2024-09-01"),
    "圣诞": ("12-24..01-02",),
    "叶年": ("02-20..02-29",),
}
OTHER = "other"  # the model whose stages rules read
#: Parameters that every random model has: lengths of time, numbers and a share.
PARAMETERS = {
    "silent_after": {"value": "45d", "min": "20d", "max": "90d", "step": "1d", "zh": "沉默期", "en": "Silence"},
    "long_time": {"value": "12w", "min": "4w", "max": "52w", "step": "1w", "zh": "长期", "en": "A long time"},
    "high_share": {"value": 0.2, "min": 0.05, "max": 0.5, "step": 0.05, "zh": "高占比", "en": "High share"},
    "dear": {"value": 20, "min": 1, "max": 100, "step": 1, "zh": "高价", "en": "Dear"},
}

ORDERS = {
    "amount": (0, 0.1, 10, 20, 33.3), "cost": (0.2, 10), "currency": ("CNY", "EUR"), "channel": ("web", "app", "shop"),
    "store": ("north", "south"), "referrer_id": ("bob", "eve"), "order_id": ("o1", "o2"),
}  # fmt: skip
VIEWS = {
    "channel": ("web", "app"), "seconds": (0, 5, 12.5, 300), "content_id": ("c1", "c2"), "category": ("tea", "salt"),
    "campaign_id": ("spring", "autumn"),
}  # fmt: skip
SCORES = {"score": (1, 3, 4.5, 5, 9), "survey": ("q1", "q2"), "comment": ("fine", "slow")}
CONTRACTS = {"contract_id": ("k1", "k2"), "ends_at": ("2024-06-30", "2024-12-31", "2025-03-01")}
#: Per kind its own columns, with values that they often have.
COLUMNS: dict[str, dict[str, tuple[Any, ...]]] = {
    **dict.fromkeys(("order", "refund", "referred_order", "referred_buyer"), ORDERS),
    "line": {"amount": (0, 10, 20), "quantity": (1, 2), "category": ("tea", "rice"), "product_id": ("p0", "p1")},
    "interaction": {**VIEWS, "kind": ("view", "search", "login")},
    **dict.fromkeys(("view", "search", "enquiry", "login"), VIEWS),
    **dict.fromkeys(("csat", "nps"), SCORES),
    "case": {"case_id": ("a1", "a2"), "kind": ("complaint", "question"), "severity": ("high", "low")},
    "complaint": {"case_id": ("a1", "a2"), "severity": ("high", "low")},
    "cost": {"kind": ("gift", "call"), "amount": (0, 10)},
    "volume": {"amount": (10, 100.0001), "period_start": ("2024-01-01", "2024-07-01")},
    "balance": {"receivable": (0, 10), "payable": (0, 20)},
    **dict.fromkeys(("contract", "start", "renewal", "cancel"), CONTRACTS),
}
#: Kinds of one table, so that "the last three of them" is the same in every engine; and numbers they share.
ALIKE = (
    ("order", "refund"), ("order", "referred_order"), ("view", "search"), ("csat", "nps"), ("interaction", "view"),
    ("case", "complaint"), ("start", "renewal"), ("line", "line"), ("order", "order"), ("view", "view"),
)  # fmt: skip
FIELDS = {
    "order": ("amount", "cost"), "refund": ("amount",), "referred_order": ("amount",), "referred_buyer": ("amount",),
    "line": ("amount", "quantity"), "interaction": ("seconds",), "view": ("seconds",), "search": ("seconds",),
    "csat": ("score",), "nps": ("score",), "cost": ("amount",), "volume": ("amount",),
    "balance": ("receivable", "payable"),
}  # fmt: skip
COMMON = ("order", "order", "order", "order", "view", "view", "line", "csat", "search", "contract", "complaint")
CALENDAR = {
    "weekday": (1, 3, 6, 7), "hour": (0, 8, 12, 18, 23), "day": (1, 10, 15, 28), "month": (1, 2, 3, 6, 11),
    "year": (2024, 2025), "date": ("2024-02-29", "2024-06-30", "2024-11-11", "2025-01-01"),
}  # fmt: skip
SIGNS = ("<", "<=", "=", "!=", ">=", ">", "<", "<=", ">=", ">", "≤", "<>")
UNITS = ("week", "month", "month", "quarter", "year")
