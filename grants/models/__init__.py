from grants.models.calls import Call, Programme
from grants.models.changes import Change
from grants.models.decisions import Award, AwardReturn, Decision, Report
from grants.models.proposals import Proposal, ProposalVersion, Review, ReviewRevision, TeamMember
from grants.models.rounds import Nomination, NominationScore, Round, RoundDecision

__all__ = [
    "Award",
    "AwardReturn",
    "Call",
    "Change",
    "Decision",
    "Nomination",
    "NominationScore",
    "Programme",
    "Proposal",
    "ProposalVersion",
    "Report",
    "Review",
    "ReviewRevision",
    "Round",
    "RoundDecision",
    "TeamMember",
]
