"""The words of the hosted page, in English and Chinese. The stand-in has no Django and no gettext."""

from __future__ import annotations

WORDS = {
    "en": {
        "title": "Pay for your order",
        "checkout": "Checkout",
        "banner": "This is not Stripe, and no money moves.",
        "explain": (
            "You are on Wellspring's own stand-in for Stripe. It runs on this machine so that "
            "buying can be tried without a bank. Never enter a real card here."
        ),
        "order": "Your order",
        "item": "Item",
        "quantity": "Quantity",
        "amount": "Amount",
        "total": "Total",
        "reference": "Reference",
        "email": "Receipt goes to",
        "card": "Test card number",
        "card_help": (
            "Optional. Empty or 4242 4242 4242 4242 works; 4000 0000 0000 0002 is declined; "
            "4000 0000 0000 9995 has no funds."
        ),
        "pay": "Pay {total}",
        "confirm": "Confirm the free order",
        "decline": "Try a card that is declined",
        "later": "Pay by bank, settled in days",
        "leave": "Leave without paying",
        "other_ways": "Other ways this can go",
        "declined": "The last card was declined. Nothing was paid; you can try again.",
        "only_test_cards": "Only the test card numbers named below the field work here.",
        "paid": "This order is paid.",
        "free": "This order is confirmed. There was nothing to pay.",
        "back": "Go back to the shop",
        "waiting": "The order waits for the bank.",
        "waiting_help": ("A bank debit takes three days. Decide here how it ends, or let the clock decide."),
        "bank_confirms": "The bank pays",
        "bank_refuses": "The bank refuses",
        "returned": "The bank refused the debit. Nothing was paid; order again in the shop.",
        "expired": "This checkout has expired. Nothing was paid; start again in the shop.",
        "unknown": "There is no such checkout. Start again in the shop.",
        "other_language": "中文",
    },
    "zh": {
        "title": "支付订单",
        "checkout": "结账",
        "banner": "这里不是 Stripe，不会发生真实付款。",
        "explain": (
            "您正在使用 Wellspring 自带的 Stripe 替身。它只在本机运行，"
            "让您无需银行即可试用购买流程。请勿在此输入真实卡号。"
        ),
        "order": "您的订单",
        "item": "项目",
        "quantity": "数量",
        "amount": "金额",
        "total": "合计",
        "reference": "订单号",
        "email": "收据发送至",
        "card": "测试卡号",
        "card_help": (
            "可不填。留空或 4242 4242 4242 4242 会成功；4000 0000 0000 0002 会被拒绝；4000 0000 0000 9995 余额不足。"
        ),
        "pay": "支付 {total}",
        "confirm": "确认免费订单",
        "decline": "试用一张会被拒绝的卡",
        "later": "银行转账，数日后到账",
        "leave": "不付款，离开",
        "other_ways": "其他可能的结果",
        "declined": "上一张卡被拒绝。没有扣款，您可以重试。",
        "only_test_cards": "这里只接受输入框下方列出的测试卡号。",
        "paid": "此订单已支付。",
        "free": "此订单已确认，无需付款。",
        "back": "返回商店",
        "waiting": "订单正在等待银行。",
        "waiting_help": "银行扣款需要三天。您可以在此决定结果，也可以等时间到了自动完成。",
        "bank_confirms": "银行付款",
        "bank_refuses": "银行拒绝",
        "returned": "银行拒绝了扣款。没有付款，请在商店重新下单。",
        "expired": "此结账已过期。没有付款，请在商店重新开始。",
        "unknown": "没有这个结账页面。请在商店重新开始。",
        "other_language": "English",
    },
}


def language(asked: str | None, locale: str | None, accepted: str | None) -> str:
    """`?lang=`, then the session's locale, then the first known language of Accept-Language."""
    candidates = [asked or "", locale if locale not in (None, "auto") else ""]
    candidates += [part.split(";")[0].strip() for part in (accepted or "").split(",")]
    for candidate in candidates:
        short = (candidate or "")[:2].lower()
        if short in WORDS:
            return short
    return "en"
