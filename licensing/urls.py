from django.urls import path

from licensing.api import offers as offers_api
from licensing.api import orders as orders_api
from licensing.views import certificates, offers, orders, webhooks
from licensing.views import credits as credit_views

urlpatterns = [
    path("licences", offers.home, name="licences"),
    path("licences/offers/new", offers.offer_new, name="offer_new"),
    path("licences/offers/<int:offer_id>", offers.offer_page, name="offer"),
    path("licences/offers/<int:offer_id>/withdraw", offers.offer_withdraw, name="offer_withdraw"),
    path("licences/offers/<int:offer_id>/decide", offers.offer_decide, name="offer_decide"),
    path("licences/quotes/<slug:quote_id>", offers.quote_page, name="quote"),
    path("licences/quotes/<slug:quote_id>/accept", offers.quote_accept, name="quote_accept"),
    path("licences/orders/<slug:order_id>", orders.order_page, name="order"),
    path("licences/orders/<slug:order_id>/cancel", orders.order_cancel, name="order_cancel"),
    path("licences/orders/<slug:order_id>/refund", orders.order_refund, name="order_refund"),
    path("licences/certificates/<slug:jti>", certificates.certificate_page, name="certificate"),
    path("licences/certificates/<slug:jti>.jws", certificates.certificate_file, name="certificate_file"),
    path("licences/certificates/<slug:jti>/show", certificates.certificate_visibility, name="certificate_visibility"),
    path("verify", certificates.verify, name="verify"),
    path("revocations", certificates.revocations, name="revocations"),
    path("credits", credit_views.credits_page, name="credits"),
    path("credits/packs/<int:pack_id>", credit_views.credits_pack, name="credits_pack"),
    path("webhooks/stripe", webhooks.stripe_webhook, name="stripe_webhook"),
    path("api/licences/offers", offers_api.offer_list, name="api_offers"),
    path("api/licences/offers/<int:offer_id>", offers_api.offer_detail, name="api_offer"),
    path("api/licences/offers/<int:offer_id>/withdraw", offers_api.offer_withdraw, name="api_offer_withdraw"),
    path("api/licences/offers/<int:offer_id>/decision", offers_api.offer_decide, name="api_offer_decision"),
    path("api/licences/offers/<int:offer_id>/quotes", offers_api.quote_create, name="api_quotes"),
    path("api/licences/quotes/<slug:quote_id>", offers_api.quote_detail, name="api_quote"),
    path("api/licences/quotes/<slug:quote_id>/acceptance", offers_api.quote_acceptance, name="api_acceptance"),
    path("api/licences/quotes/<slug:quote_id>/checkout", offers_api.quote_checkout, name="api_checkout"),
    path("api/licences/orders", orders_api.order_list, name="api_orders"),
    path("api/licences/orders/<slug:order_id>", orders_api.order_detail, name="api_order"),
    path("api/licences/orders/<slug:order_id>/cancel", orders_api.order_cancel, name="api_order_cancel"),
    path("api/licences/orders/<slug:order_id>/refund", orders_api.order_refund, name="api_order_refund"),
    path("api/licences/certificates/<slug:jti>", orders_api.certificate_detail, name="api_certificate"),
    path("api/credits/checkout", orders_api.credit_checkout, name="api_credit_checkout"),
    path("api/credits/balance", orders_api.credit_balance, name="api_credit_balance"),
    path("api/credits/packs", orders_api.credit_packs, name="api_credit_packs"),
]
