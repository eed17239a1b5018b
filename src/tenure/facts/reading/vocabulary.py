"""What people call their columns, and what they write into columns that take only a few words."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import yaml

from tenure.facts.kinds import REFUND, SALE
from tenure.facts.schema import FACT_TABLES

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same safe reading, ten times as fast
_FILE = yaml.load(Path(__file__).with_name("vocabulary.yaml").read_text(encoding="utf-8"), _LOADER)  # noqa: S506

#: What people call the columns of each table, the best known first.
HEADERS: dict[str, dict[str, list[str]]] = {
    table: {
        field: " ".join(words if isinstance(words, list) else [words]).split()
        for field, words in ((_FILE["common"] if table in FACT_TABLES else {}) | fields).items()
    }
    for table, fields in _FILE["headers"].items()
}
HEADERS["baskets"] = {**HEADERS["orders"], **HEADERS["order_lines"]}
del HEADERS["baskets"]["cost"]

CANCELLED = "cancelled"
_REFUND = re.compile(r"refund|return|退款成功|已退款|退款完成|退款|退货|已退货|退貨|红冲|冲红")
_REFUND_OPEN = re.compile(r"无退款|未退款|no refund|not refunded|没有申请退款|退款关闭|退款失败|拒绝退款|退款中")
_CANCELLED = re.compile(
    r"cancel|void|unpaid|not paid|pending payment|awaiting payment|failed"
    r"|取消|交易关闭|已关闭|作废|未付款|待付款|未支付|待支付|等待买家付款|支付失败"
)


#: By table and column: the texts that are known, and the product's words for them.
WORDS: dict[tuple[str, str], dict[str, str]] = {
    (table, field): {text: word for word, written in words.items() for text in (word, *written.split())}
    for table, fields in _FILE["words"].items()
    for field, words in fields.items()
}
#: Columns that take only these words. Interactions and kinds of cases take any.
_CLOSED = {("cases", "event"), ("contracts", "event"), ("feedback", "measure"), ("profile_notes", "kind")}
#: Columns whose other texts stay as they are written, such as the name of a brand.
_AS_WRITTEN = {("profile_notes", "category")}


def word(table: str, field: str, text: str) -> str | None:
    """Return the product's word for a text; None when the column takes no such word."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    joined = re.sub(r"[\s\-]+", "_", plain)
    words = WORDS[table, field]
    if known := words.get(plain) or words.get(joined):
        return known
    if (table, field) in _AS_WRITTEN:
        return text.strip()
    return None if (table, field) in _CLOSED else joined


def status_of(text: str | None) -> str:
    plain = unicodedata.normalize("NFKC", text or "").strip().lower()
    if _REFUND.search(plain) and not _REFUND_OPEN.search(plain):
        return REFUND
    return CANCELLED if _CANCELLED.search(plain) else SALE
