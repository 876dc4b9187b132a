"""Forms of the hub; the services decide."""

from hub.forms.changes import ChangeForm, MoveForm, NewTextForm, TextForm, UploadForm
from hub.forms.collections import CollectForm, CollectionForm, ItemForm, NewCollectionForm, NewItemForm
from hub.forms.credits import CreditFormSet, DisputeAnswerForm, DisputeForm
from hub.forms.discussions import CommentForm, NewDiscussionForm
from hub.forms.gates import AnswersForm, GateSettingsForm, GrantForm, ReasonForm
from hub.forms.repositories import DeleteForm, DuplicateForm, ImportForm, NewRepositoryForm, SettingsForm, StatementForm
from hub.forms.safety import AnswerForm, DecisionForm, ObjectionForm, OptOutForm, ReportForm
from hub.forms.webhooks import BulkForm, WebhookForm

__all__ = [
    "AnswerForm",
    "AnswersForm",
    "BulkForm",
    "ChangeForm",
    "CollectForm",
    "CollectionForm",
    "CommentForm",
    "CreditFormSet",
    "DecisionForm",
    "DeleteForm",
    "DisputeAnswerForm",
    "DisputeForm",
    "DuplicateForm",
    "GateSettingsForm",
    "GrantForm",
    "ImportForm",
    "ItemForm",
    "MoveForm",
    "NewCollectionForm",
    "NewDiscussionForm",
    "NewItemForm",
    "NewRepositoryForm",
    "NewTextForm",
    "ObjectionForm",
    "OptOutForm",
    "ReasonForm",
    "ReportForm",
    "SettingsForm",
    "StatementForm",
    "TextForm",
    "UploadForm",
    "WebhookForm",
]
