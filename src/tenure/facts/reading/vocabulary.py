"""Words in columns that only take a few."""

# ruff: noqa: E501 - Chinese words count double, and a list of words reads best dense
from __future__ import annotations

import re
import unicodedata

from tenure.facts.kinds import FEEDBACK, INTERACTIONS, REFUND, SALE

CANCELLED = "cancelled"
_REFUND = re.compile(r"refund|return|退款成功|已退款|退款完成|退款|退货|已退货|退貨|红冲|冲红")
_REFUND_OPEN = re.compile(r"无退款|未退款|no refund|not refunded|没有申请退款|退款关闭|退款失败|拒绝退款|退款中")
_CANCELLED = re.compile(
    r"cancel|void|unpaid|not paid|pending payment|awaiting payment|failed|取消|交易关闭|已关闭|作废|未付款|待付款|未支付|待支付|等待买家付款|支付失败"
)

_INTERACTIONS_ZH = {
    "首次接触": "first_contact", "浏览": "view", "访问页面": "view", "搜索": "search", "点赞": "like", "评论": "comment",
    "分享": "share", "转发": "share", "评价": "review", "咨询": "enquiry", "询价": "enquiry", "聊天": "chat", "客服": "chat",
    "电话": "call", "通话": "call", "拜访": "visit", "到店": "visit", "打开": "open", "点击": "click", "回复": "reply",
    "注册": "register", "登录": "login", "加购": "cart", "加入购物车": "cart", "报价": "quote", "试用": "trial", "试听": "trial",
    "谈判": "negotiation", "使用": "use", "上课": "lesson", "课程": "lesson", "结课": "completion", "升级": "upgrade",
    "承诺": "commitment", "推荐": "referral", "转介绍": "referral",
}  # fmt: skip
_INTERACTIONS_EN = {
    "pageview": "view", "page_view": "view", "viewed": "view", "add_to_cart": "cart", "addtocart": "cart",
    "inquiry": "enquiry", "signup": "register", "sign_up": "register", "log_in": "login", "purchase_intent": "cart",
}  # fmt: skip
_WORDS: dict[tuple[str, str], dict[str, str]] = {
    ("cases", "event"): {
        "opened": "opened", "open": "opened", "created": "opened", "new": "opened", "新建": "opened", "打开": "opened",
        "受理": "opened", "已受理": "opened", "处理中": "opened", "closed": "closed", "close": "closed", "resolved": "closed",
        "solved": "closed", "关闭": "closed", "已关闭": "closed", "完结": "closed", "已完结": "closed", "已解决": "closed",
    },
    ("cases", "kind"): {"投诉": "complaint", "complaints": "complaint", "咨询": "enquiry"},
    ("contracts", "event"): {
        "started": "started", "start": "started", "signed": "started", "new": "started", "签约": "started", "开通": "started",
        "新签": "started", "renewed": "renewed", "renewal": "renewed", "renew": "renewed", "续约": "renewed", "续费": "renewed",
        "续签": "renewed", "cancelled": "cancelled", "canceled": "cancelled", "cancel": "cancelled", "terminated": "cancelled",
        "解约": "cancelled", "退订": "cancelled", "终止": "cancelled", "取消": "cancelled", "退网": "cancelled", "销户": "cancelled",
    },
    ("feedback", "measure"): {
        **{one: one for one in FEEDBACK}, "满意度": "csat", "satisfaction": "csat", "净推荐值": "nps", "推荐意愿": "nps",
        "期望": "expectation", "体验": "experience",
    },
    ("interactions", "kind"): {**{interaction: interaction for interaction in INTERACTIONS}, **_INTERACTIONS_ZH, **_INTERACTIONS_EN},
}  # fmt: skip
#: Columns that take only these words. Interactions and kinds of cases take any.
_CLOSED = {("cases", "event"), ("contracts", "event"), ("feedback", "measure")}


def has_words(table: str, field: str) -> bool:
    """Whether a column's words are looked up."""
    return (table, field) in _WORDS


def word(table: str, field: str, text: str) -> str | None:
    """Return the product's word for a text; None when the column takes no such word."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    known = _WORDS[(table, field)]
    found = known.get(plain) or known.get(re.sub(r"[\s\-]+", "_", plain))
    if found or (table, field) in _CLOSED:
        return found
    return re.sub(r"[\s\-]+", "_", plain)


def status_of(text: str | None) -> str:
    """Return sale, refund or cancelled for the text of a status column."""
    plain = unicodedata.normalize("NFKC", text or "").strip().lower()
    if _REFUND.search(plain) and not _REFUND_OPEN.search(plain):
        return REFUND
    return CANCELLED if _CANCELLED.search(plain) else SALE
