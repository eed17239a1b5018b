"""What people call their columns, and what they write into columns that take only a few words."""

# ruff: noqa: E501 - Chinese words count double, and a list of words reads best dense
from __future__ import annotations

import re
import unicodedata

from tenure.facts.kinds import FEEDBACK, INTERACTIONS, REFUND, SALE

_CUSTOMER = (
    "customer_id customerid customer_no customer_number customer custid cust_id cust client_id clientid client"
    " user_id userid user uid member_id memberid member_no member household_id household_key household buyer_id buyer"
    " account_id account masterid openid open_id unionid card_no cardno id"
    " 客户编号 客户号 客户id 客户代码 客户编码 客户 会员编号 会员号 会员id 会员卡号 会员 用户编号 用户id 用户号 用户 买家id 买家编号"
    " 买家会员名 买家昵称 买家 顾客编号 顾客id 顾客号 顾客 卡号 会员手机号 客户手机号 手机号 手机号码 手机 联系电话 户号"
    " 客戶編號 客戶 會員編號 會員號 會員 顧客編號 用戶編號"
)
_AT = (
    "at order_date orderdate order_time date datetime timestamp time created_at createdat order_created_at created"
    " purchase_date purchased_at transaction_date transaction_timestamp trans_date transdate invoice_date invoicedate"
    " event_time event_date occurred_at paid_at payment_date pay_time ordered_at ts day"
    " 下单时间 下单日期 订单时间 订单日期 订单创建时间 创建时间 交易时间 交易日期 支付时间 付款时间 订单付款时间 支付日期 付款日期 购买时间 购买日期"
    " 消费时间 消费日期 成交时间 成交日期 销售日期 销售时间 发生时间 时间 日期 下單時間 訂單日期 交易時間 日期時間"
)
_AMOUNT = (
    "amount total total_amount order_amount order_total net_amount paid_amount payment revenue sales sales_value"
    " sales_amount price value gmv monetary spend spent turnover total_price"
    " 实付金额 实付款 实收金额 买家实际支付金额 支付金额 付款金额 订单金额 消费金额 成交金额 交易金额 销售金额 销售额 总金额 应付金额 合计 总价"
    " 金额 金額 實付金額 訂單金額 價格 价格"
)
_ORDER = (
    "order_id orderid order_no orderno order_number order invoice invoice_no invoiceno invoice_id transaction_id"
    " trans_id basket_id receipt_no receipt ticket_no bill_no"
    " 订单编号 订单号 订单id 订单 单号 单据号 单据编号 小票号 交易号 交易流水号 流水号 账单号 发票号 訂單編號 訂單號 單號"
)
_STATUS = (
    "status order_status state type order_type 订单状态 状态 交易状态 订单类型 单据类型 交易类型 退款状态 訂單狀態"
)
_PRODUCT = (
    "product_id productid product_code product item_id item sku sku_id goods_id article stockcode stock_code"
    " 商品编号 商品编码 商品id 商品代码 商品货号 货号 商品 产品编号 产品id 产品 商家编码 sku编码 商品條碼 商品条码"
)
_CATEGORY = "category product_category department cate class category_name 品类 类目 分类 商品分类 商品类别 类别 产品类别 一级类目 部门 品類"
_QUANTITY = "quantity qty units count num number 数量 件数 购买数量 商品数量 销量 數量"
_CHANNEL = "channel sales_channel platform 渠道 来源渠道 销售渠道 平台 订单来源 下单渠道 渠道来源"
_STORE = "store store_id shop shop_id branch outlet 门店 门店编号 店铺 店铺名称 门店名称 分店 網點 网点"
_KIND = "kind type event event_type event_name action behavior behaviour activity 类型 行为 行为类型 事件 事件类型 互动类型 动作"
_NOTE = "comment note remark content text reason 备注 评论 内容 说明 原因 意见 评价内容"

_COMMON = {"customer_id": _CUSTOMER, "at": _AT, "fact_id": "fact_id event_id message_id messageid"}

#: What people call the columns of each table, the best known first.
HEADERS: dict[str, dict[str, str]] = {
    "orders": {
        **_COMMON,
        "amount": _AMOUNT,
        "order_id": _ORDER,
        "status": _STATUS,
        "cost": "cost cogs cost_amount 成本 商品成本 成本金额",
        "currency": "currency currency_code 币种 货币",
        "channel": _CHANNEL,
        "store": _STORE,
        "referrer_id": "referrer_id referrer referred_by inviter 推荐人 推荐人编号 邀请人 介绍人",
    },
    "order_lines": {
        **_COMMON,
        "order_id": _ORDER,
        "product_id": _PRODUCT,
        "category": _CATEGORY,
        "quantity": _QUANTITY,
        "amount": _AMOUNT,
    },
    "interactions": {
        **_COMMON,
        "kind": _KIND,
        "channel": _CHANNEL,
        "seconds": "seconds duration dwell dwell_time 时长 停留时间 停留时长 秒数",
        "content_id": "content_id content page url 内容 页面 内容编号",
        "campaign_id": "campaign_id campaign 活动 活动编号",
        "props": "props properties 属性",
    },
    "feedback": {
        **_COMMON,
        "survey": "survey survey_id questionnaire 问卷 调查",
        "measure": "measure metric question 指标 题目",
        "score": "score rating value csat nps stars 评分 分数 打分 得分 满意度",
        "comment": _NOTE,
    },
    "cases": {
        **_COMMON,
        "case_id": "case_id case ticket_id ticket 工单号 工单编号 工单 案件编号",
        "kind": _KIND,
        "event": "event status state 状态 事件",
        "severity": "severity priority level 严重程度 优先级 级别",
    },
    "costs": {**_COMMON, "kind": _KIND, "amount": "cost " + _AMOUNT + " 费用 成本"},
    "volumes": {**_COMMON, "period_start": "period_start period month 期间 月份", "amount": "volume " + _AMOUNT},
    "balances": {
        **_COMMON,
        "receivable": "receivable receivables 应收 应收款 应收金额",
        "payable": "payable payables 应付 应付款 应付金额",
    },
    "contracts": {
        **_COMMON,
        "contract_id": "contract_id contract subscription_id subscription 合同号 合同编号 合同 订阅编号",
        "event": "event status 事件 状态",
        "ends_at": "ends_at end_date ends_on expires_at expiry 到期日 到期时间 结束日期 截止日期",
    },
    "overrides": {
        **_COMMON,
        "model": "model 模型",
        "stage": "stage 阶段",
        "reason": _NOTE,
        "until": "until valid_until 截止 有效期至",
    },
    "customers": {
        "customer_id": _CUSTOMER,
        "name": "name customer_name full_name fullname nickname 姓名 名称 客户名称 客户姓名 会员姓名 昵称 顾客姓名 收货人姓名",
        "phone": "phone phone_number mobile mobile_phone tel telephone 手机号 手机号码 手机 电话 联系电话 移动电话 電話 手機",
        "email": "email e_mail mail email_address 邮箱 电子邮箱 邮件 电子邮件 電郵",
        "kind": "kind type customer_type 客户类型 客户类别 类型",
        "created_on": "created_on created_at created registered_at register_date registration_date signup_date"
        " join_date 注册日期 注册时间 入会时间 入会日期 建档日期 创建时间 开卡日期",
    },
}
HEADERS["baskets"] = {**HEADERS["orders"], **HEADERS["order_lines"]}
del HEADERS["baskets"]["cost"]

CANCELLED = "cancelled"
_REFUND = re.compile(r"refund|return|退款成功|已退款|退款完成|退款|退货|已退货|退貨|红冲|冲红")
_REFUND_OPEN = re.compile(r"无退款|未退款|no refund|not refunded|没有申请退款|退款关闭|退款失败|拒绝退款|退款中")
_CANCELLED = re.compile(
    r"cancel|void|unpaid|not paid|pending payment|awaiting payment|failed|取消|交易关闭|已关闭|作废|未付款|待付款|未支付|待支付|等待买家付款|支付失败"
)


def _words(**texts: str) -> dict[str, str]:
    """Return {text: word} for the texts that stand for each word, the word itself among them."""
    return {text: word for word, written in texts.items() for text in (word, *written.split())}


#: By table and column: the texts that are known, and the product's words for them.
_WORDS: dict[tuple[str, str], dict[str, str]] = {
    ("cases", "event"): _words(
        opened="open created new 新建 打开 受理 已受理 处理中",
        closed="close resolved solved 关闭 已关闭 完结 已完结 已解决",
    ),
    ("cases", "kind"): {"投诉": "complaint", "complaints": "complaint", "咨询": "enquiry"},
    ("contracts", "event"): _words(
        started="start signed new 签约 开通 新签",
        renewed="renewal renew 续约 续费 续签",
        cancelled="canceled cancel terminated 解约 退订 终止 取消 退网 销户",
    ),
    ("feedback", "measure"): {
        **{measure: measure for measure in FEEDBACK},
        **_words(csat="满意度 satisfaction", nps="净推荐值 推荐意愿", expectation="期望", experience="体验"),
    },
    ("interactions", "kind"): {
        **{interaction: interaction for interaction in INTERACTIONS},
        **_words(
            first_contact="首次接触",
            view="浏览 访问页面 pageview page_view viewed",
            search="搜索",
            like="点赞",
            comment="评论",
            share="分享 转发",
            review="评价",
            enquiry="咨询 询价 inquiry",
            chat="聊天 客服",
            call="电话 通话",
            visit="拜访 到店",
            open="打开",
            click="点击",
            reply="回复",
            register="注册 signup sign_up",
            login="登录 log_in",
            cart="加购 加入购物车 add_to_cart addtocart purchase_intent",
            quote="报价",
            trial="试用 试听",
            negotiation="谈判",
            use="使用",
            lesson="上课 课程",
            completion="结课",
            upgrade="升级",
            commitment="承诺",
            referral="推荐 转介绍",
        ),
    },
}
#: Columns that take only these words. Interactions and kinds of cases take any.
_CLOSED = {("cases", "event"), ("contracts", "event"), ("feedback", "measure")}


def has_words(table: str, field: str) -> bool:
    """Whether a column's words are looked up."""
    return (table, field) in _WORDS


def word(table: str, field: str, text: str) -> str | None:
    """Return the product's word for a text; None when the column takes no such word."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    joined = re.sub(r"[\s\-]+", "_", plain)
    words = _WORDS[(table, field)]
    return words.get(plain) or words.get(joined) or (None if (table, field) in _CLOSED else joined)


def status_of(text: str | None) -> str:
    """Return sale, refund or cancelled for the text of a status column."""
    plain = unicodedata.normalize("NFKC", text or "").strip().lower()
    if _REFUND.search(plain) and not _REFUND_OPEN.search(plain):
        return REFUND
    return CANCELLED if _CANCELLED.search(plain) else SALE
