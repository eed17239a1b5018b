"""What kinds of facts, and their fields, are called when a rule is read back.

These words are grammar, not messages: Chinese needs one verb-noun and a measure word, English a singular and a
plural. That is why both languages stand side by side here instead of in the catalogue of messages. A lake's own kinds
go by the name the lake gives them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KindName:
    zh: str  # chinese verb-noun, fits 最近一次…, …次数, 没有…
    en: str  # english noun, fits "the last …", "3 …"
    plural: str
    unit: str = "次"  # chinese measure word behind a number of them


KIND_NAMES: dict[str, KindName] = {
    "order": KindName("下单", "order", "orders"),
    "refund": KindName("退款", "refund", "refunds"),
    "referred_order": KindName("经人推荐下单", "order on somebody's referral", "orders on somebody's referral"),
    "referred_buyer": KindName("推荐他人下单", "order by somebody they referred", "orders by people they referred"),
    "line": KindName("购买商品", "order line", "order lines", "笔"),
    "interaction": KindName("互动", "interaction", "interactions"),
    "first_contact": KindName("初次接触", "first contact", "first contacts"),
    "view": KindName("浏览", "view", "views"),
    "search": KindName("搜索", "search", "searches"),
    "like": KindName("点赞", "like", "likes"),
    "comment": KindName("评论", "comment", "comments"),
    "share": KindName("分享", "share", "shares"),
    "review": KindName("评价", "review", "reviews"),
    "enquiry": KindName("咨询", "enquiry", "enquiries"),
    "chat": KindName("在线沟通", "chat", "chats"),
    "call": KindName("通话", "call", "calls"),
    "visit": KindName("到访", "visit", "visits"),
    "open": KindName("打开消息", "message opening", "message openings"),
    "click": KindName("点击", "click", "clicks"),
    "reply": KindName("回复", "reply", "replies"),
    "register": KindName("注册", "registration", "registrations"),
    "login": KindName("登录", "login", "logins"),
    "cart": KindName("加购", "addition to the cart", "additions to the cart"),
    "quote": KindName("询报价", "quote", "quotes"),
    "trial": KindName("试用", "trial", "trials"),
    "negotiation": KindName("洽谈", "negotiation", "negotiations"),
    "use": KindName("使用", "use", "uses"),
    "lesson": KindName("上课", "lesson", "lessons"),
    "completion": KindName("结课", "completion", "completions"),
    "upgrade": KindName("升级", "upgrade", "upgrades"),
    "redeem": KindName("用券", "coupon redemption", "coupon redemptions"),
    "commitment": KindName("达成合作意向", "commitment", "commitments"),
    "referral": KindName("推荐他人", "referral", "referrals"),
    "csat": KindName("满意度评分", "satisfaction score", "satisfaction scores"),
    "nps": KindName("NPS 评分", "NPS score", "NPS scores"),
    "expectation": KindName("期望评分", "expectation score", "expectation scores"),
    "experience": KindName("体验评分", "experience score", "experience scores"),
    "case": KindName("服务工单", "service case", "service cases", "件"),
    "complaint": KindName("投诉", "complaint", "complaints", "件"),
    "cost": KindName("投入", "spending on the customer", "spendings on the customer", "笔"),
    "volume": KindName("自身业务量申报", "figure of their own volume", "figures of their own volume"),
    "balance": KindName("往来余额记录", "balance", "balances"),
    "contract": KindName("合同变动", "contract event", "contract events"),
    "start": KindName("签约", "contract start", "contract starts"),
    "renewal": KindName("续约", "renewal", "renewals"),
    "cancel": KindName("解约", "cancellation", "cancellations"),
}

#: What a field of a kind is called: Chinese, English. Kinds that are missing are called by the pair of their words.
FIELD_NAMES: dict[tuple[str, str], tuple[str, str]] = {
    ("order", "amount"): ("订单金额", "order value"),
    ("order", "cost"): ("订单成本", "cost of orders"),
    ("refund", "amount"): ("退款金额", "refunded amount"),
    ("referred_order", "amount"): ("经人推荐的订单金额", "value of orders on referral"),
    ("referred_buyer", "amount"): ("所推荐客户的订单金额", "value of orders by people they referred"),
    ("line", "amount"): ("商品金额", "value of order lines"),
    ("line", "quantity"): ("购买件数", "number of items"),
    ("csat", "score"): ("满意度评分", "satisfaction score"),
    ("nps", "score"): ("NPS 评分", "NPS score"),
    ("expectation", "score"): ("期望评分", "expectation score"),
    ("experience", "score"): ("体验评分", "experience score"),
    ("cost", "amount"): ("投入金额", "amount spent on the customer"),
    ("volume", "amount"): ("自身总业务量", "business volume of their own"),
    ("balance", "receivable"): ("应收款", "receivable"),
    ("balance", "payable"): ("应付款", "payable"),
}

_FIELDS = {"seconds": ("时长（秒）", "seconds"), "amount": ("金额", "amount"), "quantity": ("件数", "quantity")}


def kind_words(kind: str) -> KindName:
    """Return a kind's words; a lake's own kind goes by its own name in both languages."""
    return KIND_NAMES.get(kind) or KindName(f"“{kind}”", f"“{kind}”", f"“{kind}”")


def kind_name(kind: str, language: str) -> str:
    """Return what a kind is called in a list or a heading, in a language (``zh_Hans`` or ``en``)."""
    words = kind_words(kind)
    return words.zh if language.startswith("zh") else words.en


def field_name(kinds: tuple[str, ...], field: str, language: str) -> str:
    """Return what a field of a kind is called, such as 订单金额 or "order value"."""
    chinese = language.startswith("zh")
    named = [FIELD_NAMES[kind, field][0 if chinese else 1] for kind in kinds if (kind, field) in FIELD_NAMES]
    if len(named) == len(kinds):
        return ("与" if chinese else " and ").join(dict.fromkeys(named))
    word = _FIELDS.get(field, (field, field))[0 if chinese else 1]
    if chinese:
        return "或".join(kind_words(kind).zh for kind in kinds) + word
    return f"{word} of " + " or ".join(kind_words(kind).plural for kind in kinds)
