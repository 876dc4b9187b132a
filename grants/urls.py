from django.urls import path

from grants.api import awards as awards_api
from grants.api import calls as calls_api
from grants.api import proposals as proposals_api
from grants.api import reviews as reviews_api
from grants.api import rounds as rounds_api
from grants.views import awards, calls, closings, nominations, proposals, reviews, rounds

urlpatterns = [
    path("grants", calls.home, name="grants"),
    path("grants/calls/<slug:slug>", calls.call, name="call"),
    path("grants/calls/<slug:slug>/apply", proposals.apply, name="call_apply"),
    path("grants/rounds/<slug:slug>", rounds.round_page, name="round"),
    path("grants/rounds/<slug:slug>/nominate", rounds.nominate, name="round_nominate"),
    path("grants/rounds/<slug:slug>/decide", rounds.decide, name="round_decide"),
    path("grants/nominations/<int:nomination_id>", nominations.nomination, name="nomination"),
    path("grants/nominations/<int:nomination_id>/answer", nominations.answer, name="nomination_answer"),
    path("grants/nominations/<int:nomination_id>/score", rounds.score, name="nomination_score"),
    path("grants/calls/<slug:slug>/closing", closings.call_closing, name="call_closing"),
    path("grants/rounds/<slug:slug>/closing", closings.round_closing, name="round_closing"),
    path("awards", calls.awards, name="awards"),
    path("awards/<int:award_id>", awards.award, name="award"),
    path("awards/<int:award_id>/report", awards.report, name="award_report"),
    path("awards/<int:award_id>/hand-back", awards.hand_back, name="award_hand_back"),
    path("proposals", proposals.proposal_list, name="proposals"),
    path("proposals/<int:proposal_id>", proposals.proposal, name="proposal"),
    path("proposals/<int:proposal_id>/edit", proposals.edit, name="proposal_edit"),
    path("proposals/<int:proposal_id>/<slug:action>", proposals.act, name="proposal_act"),
    path("reviews", reviews.review_list, name="reviews"),
    path("reviews/<int:review_id>", reviews.review, name="review"),
    path("reviews/<int:review_id>/conflict", reviews.conflict, name="review_conflict"),
    path("api/grants/calls", calls_api.calls, name="api_calls"),
    path("api/grants/calls/<slug:slug>", calls_api.call, name="api_call"),
    path("api/grants/calls/<slug:slug>/budget", calls_api.budget, name="api_call_budget"),
    path("api/grants/calls/<slug:slug>/proposals", proposals_api.create, name="api_call_proposals"),
    path("api/grants/calls/<slug:slug>/closing", calls_api.closing, name="api_call_closing"),
    path("api/grants/rounds/<slug:slug>/closing", rounds_api.closing, name="api_round_closing"),
    path("api/grants/awards", calls_api.awards, name="api_awards"),
    path("api/grants/awards/<int:award_id>", awards_api.award, name="api_award"),
    path("api/grants/awards/<int:award_id>/report", awards_api.report, name="api_award_report"),
    path("api/grants/awards/<int:award_id>/hand-back", awards_api.hand_back, name="api_award_hand_back"),
    path("api/grants/proposals", proposals_api.proposals_list, name="api_proposals"),
    path("api/grants/proposals/<int:proposal_id>", proposals_api.proposal, name="api_proposal"),
    path("api/grants/proposals/<int:proposal_id>/<slug:action>", proposals_api.act, name="api_proposal_act"),
    path("api/grants/reviews", reviews_api.reviews, name="api_reviews"),
    path("api/grants/reviews/<int:review_id>", reviews_api.review, name="api_review"),
    path("api/grants/rounds", rounds_api.rounds, name="api_rounds"),
    path("api/grants/rounds/<slug:slug>", rounds_api.round_, name="api_round"),
    path("api/grants/rounds/<slug:slug>/panel", rounds_api.panel, name="api_round_panel"),
    path("api/grants/rounds/<slug:slug>/nominations", rounds_api.nominate, name="api_round_nominations"),
    path("api/grants/rounds/<slug:slug>/decide", rounds_api.decide, name="api_round_decide"),
    path("api/grants/nominations/<int:nomination_id>/answer", rounds_api.answer, name="api_nomination_answer"),
    path("api/grants/nominations/<int:nomination_id>/score", rounds_api.score, name="api_nomination_score"),
]
