from django.urls import path

from grants.api import calls as calls_api
from grants.api import proposals as proposals_api
from grants.api import reviews as reviews_api
from grants.api import rounds as rounds_api
from grants.views import calls, invitations, proposals, reviews, rounds, versions

urlpatterns = [
    path("grants", calls.home, name="grants"),
    path("grants/calls", calls.call_list, name="calls"),
    path("grants/calls/<slug:slug>", calls.call, name="call"),
    path("grants/calls/<slug:slug>/proposals", calls.call_proposals, name="call_proposals"),
    path("grants/calls/<slug:slug>/apply", proposals.apply, name="call_apply"),
    path("grants/rounds/<slug:slug>", rounds.round_page, name="round"),
    path("grants/rounds/<slug:slug>/nominate", rounds.nominate, name="round_nominate"),
    path("grants/rounds/<slug:slug>/decide", rounds.decide, name="round_decide"),
    path("grants/nominations/<int:nomination_id>/score", rounds.score, name="nomination_score"),
    path("awards", calls.awards, name="awards"),
    path("proposals", proposals.proposal_list, name="proposals"),
    path("proposals/<int:proposal_id>", proposals.proposal, name="proposal"),
    path("proposals/<int:proposal_id>/edit", proposals.edit, name="proposal_edit"),
    path("proposals/<int:proposal_id>/copy", versions.copy, name="proposal_copy"),
    path("proposals/<int:proposal_id>/join", invitations.accept, name="proposal_join"),
    path("proposals/<int:proposal_id>/decline", invitations.decline, name="proposal_decline"),
    path("proposals/<int:proposal_id>/versions/<int:number>", versions.version, name="proposal_version"),
    path("proposals/<int:proposal_id>/<slug:action>", proposals.act, name="proposal_act"),
    path("reviews", reviews.review_list, name="reviews"),
    path("reviews/<int:review_id>", reviews.review, name="review"),
    path("reviews/<int:review_id>/accept", reviews.accept, name="review_accept"),
    path("reviews/<int:review_id>/decline", reviews.decline, name="review_decline"),
    path("reviews/<int:review_id>/conflict", reviews.conflict, name="review_conflict"),
    path("api/grants/calls", calls_api.calls, name="api_calls"),
    path("api/grants/calls/<slug:slug>", calls_api.call, name="api_call"),
    path("api/grants/calls/<slug:slug>/budget", calls_api.budget, name="api_call_budget"),
    path("api/grants/calls/<slug:slug>/proposals", proposals_api.create, name="api_call_proposals"),
    path("api/grants/awards", calls_api.awards, name="api_awards"),
    path("api/grants/proposals", proposals_api.proposals_list, name="api_proposals"),
    path("api/grants/proposals/<int:proposal_id>", proposals_api.proposal, name="api_proposal"),
    path("api/grants/proposals/<int:proposal_id>/join", proposals_api.join, name="api_proposal_join"),
    path(
        "api/grants/proposals/<int:proposal_id>/versions/<int:number>",
        proposals_api.version,
        name="api_proposal_version",
    ),
    path("api/grants/proposals/<int:proposal_id>/<slug:action>", proposals_api.act, name="api_proposal_act"),
    path("api/grants/reviews", reviews_api.reviews, name="api_reviews"),
    path("api/grants/reviews/<int:review_id>", reviews_api.review, name="api_review"),
    path("api/grants/rounds", rounds_api.rounds, name="api_rounds"),
    path("api/grants/rounds/<slug:slug>", rounds_api.round_, name="api_round"),
    path("api/grants/rounds/<slug:slug>/panel", rounds_api.panel, name="api_round_panel"),
    path("api/grants/rounds/<slug:slug>/nominations", rounds_api.nominate, name="api_round_nominations"),
    path("api/grants/rounds/<slug:slug>/decide", rounds_api.decide, name="api_round_decide"),
    path("api/grants/nominations/<int:nomination_id>/score", rounds_api.score, name="api_nomination_score"),
]
