"""The kinds of business that models are for, and what each is called: the only place that lists them."""

from __future__ import annotations

from difflib import get_close_matches

from tenure.errors import LakeError
from tenure.words import LocalizedText, mark

BUSINESSES: dict[str, LocalizedText] = {
    "retail": LocalizedText("零售", "Retail"),
    "ecommerce": LocalizedText("电商", "E-commerce"),
    "catering": LocalizedText("餐饮", "Catering"),
    "education": LocalizedText("教育", "Education"),
    "telecom": LocalizedText("电信", "Telecom"),
    "bank": LocalizedText("银行", "Banking"),
    "saas": LocalizedText("SaaS", "SaaS"),
    "b2b": LocalizedText("B2B", "B2B"),
    "other": LocalizedText("其他", "Other"),
}


def check_business(kind: str) -> None:
    """Raise a LakeError that names the kinds of business when there is no such kind."""
    if kind not in BUSINESSES:
        near = get_close_matches(kind, BUSINESSES, n=3, cutoff=0.5) or list(BUSINESSES)
        text = mark("There is no kind of business %(kind)r. Try: %(near)s.")
        raise LakeError(text, kind=kind, near=", ".join(near))
