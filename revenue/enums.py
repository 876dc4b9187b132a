"""The chart of accounts, and the kinds of things that are booked."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AccountKind(TextChoices):
    ASSET = "asset", _("asset")
    LIABILITY = "liability", _("liability")
    INCOME = "income", _("income")
    EXPENSE = "expense", _("expense")

    @property
    def sign(self) -> int:
        """Entries are +debit and -credit; times this sign a balance reads the natural way round."""
        return 1 if self in {AccountKind.ASSET, AccountKind.EXPENSE} else -1


class AccountName(TextChoices):
    """Every account, in every currency. Sub-accounts are `name:holder`."""

    CLEARING = "processor_clearing", _("with the payment processor")
    CLAIMS = "claims", _("shares to be repaid")
    CREDITS = "customer_credits", _("unspent credits of customers")
    TAX = "tax_payable", _("tax to be paid")
    PENDING = "share_pending", _("shares waiting for their due day")
    DUE = "share_due", _("shares due")
    FROZEN = "share_frozen", _("shares held while a credit is disputed")
    AWARD_POOL = "award_pool", _("community award pool")
    AWARD_PAYABLE = "award_payable", _("awards to be paid")
    LICENCE = "licence", _("licence income")
    USAGE = "usage", _("usage income")
    AWARD_COMPUTE = "award_compute", _("compute provided to awards")
    FEES = "processor_fees", _("fees of the payment processor")
    SHARE = "revenue_share", _("revenue share")

    @property
    def kind(self) -> AccountKind:
        return _KINDS[self]

    @property
    def guarded(self) -> bool:
        """Whether the database keeps the balance at zero or above."""
        return self in _GUARDED


_KINDS = {
    AccountName.CLEARING: AccountKind.ASSET,
    AccountName.CLAIMS: AccountKind.ASSET,
    AccountName.CREDITS: AccountKind.LIABILITY,
    AccountName.TAX: AccountKind.LIABILITY,
    AccountName.PENDING: AccountKind.LIABILITY,
    AccountName.DUE: AccountKind.LIABILITY,
    AccountName.FROZEN: AccountKind.LIABILITY,
    AccountName.AWARD_POOL: AccountKind.LIABILITY,
    AccountName.AWARD_PAYABLE: AccountKind.LIABILITY,
    AccountName.LICENCE: AccountKind.INCOME,
    AccountName.USAGE: AccountKind.INCOME,
    AccountName.AWARD_COMPUTE: AccountKind.INCOME,
    AccountName.FEES: AccountKind.EXPENSE,
    AccountName.SHARE: AccountKind.EXPENSE,
}
_GUARDED = frozenset(
    {
        AccountName.CLAIMS,
        AccountName.CREDITS,
        AccountName.PENDING,
        AccountName.DUE,
        AccountName.FROZEN,
        AccountName.AWARD_POOL,
        AccountName.AWARD_PAYABLE,
    }
)


class JournalKind(TextChoices):
    SALE = "sale", _("sale")
    FEE = "fee", _("processor fee")
    REFUND = "refund", _("refund")
    FEE_BACK = "fee_back", _("processor fee returned")
    SPEND = "spend", _("credits spent")
    ALLOCATION = "allocation", _("pool allocation")
    REPAYMENT = "repayment", _("repayment out of new shares")
    MIRROR = "mirror", _("share taken back")
    MATURITY = "maturity", _("shares became due")
    FREEZE = "freeze", _("share held while a credit is disputed")
    RELEASE = "release", _("held share given out after a decision")
    POOL_GRANT = "pool_grant", _("award out of the pool")
    POOL_RETURN = "pool_return", _("unused part of an award back to the pool")
    REVERSAL = "reversal", _("reversal")


class SaleKind(TextChoices):
    LICENCE = "licence", _("licence")
    CREDITS = "credits", _("credits")


class LineKind(TextChoices):
    """What revenue came from. Credits are revenue when they are spent, not when they are bought."""

    LICENCE = "licence", _("licences")
    USAGE = "usage", _("generation")


class ShareRole(TextChoices):
    """Why an asset earns a part of a revenue line."""

    SOLD = "sold", _("the model itself")
    MODEL = "model", _("a model it builds on")
    DATASET = "dataset", _("a data set it learned from")
    AWARDS = "awards", _("community award pool")


class PoolPurpose(TextChoices):
    """What an award out of the pool is for."""

    COMPUTE = "compute", _("compute")
    STIPEND = "stipend", _("stipend")
