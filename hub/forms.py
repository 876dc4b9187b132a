"""Forms of the hub; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from accounts.principal import Principal
from accounts.selectors import namespace_named, namespaces_of
from hub.algorithms.gate_forms import MAX_ANSWER, Question
from hub.enums import Domain, GateMode, ImportSchedule, OverduePolicy, RepositoryKind, Theme, Visibility
from hub.models import Terms, Webhook
from hub.models.collections import MAX_DESCRIPTION, MAX_NOTE, MAX_TITLE
from hub.selectors.collections import collections_to_fill
from hub.services.gates import GateWish

_WHO_SEES = [(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))]
_WHO_SEES_NEW = [("", _("as its owner has it for new repositories")), *_WHO_SEES]


class _OwnedForm(forms.Form):
    """For something new under a name that the person may write to."""

    namespace = forms.ChoiceField(label=_("Owner"))

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        names = list(namespaces_of(user, at_least=Role.WRITE))
        self.fields["namespace"].choices = [(namespace.name, namespace.name) for namespace in names]
        private = [one.name for one in names if one.organisation and one.organisation.is_private_by_default]
        if private:
            told = _("New repositories of %(names)s are private if you do not choose.") % {"names": ", ".join(private)}
            self.fields["visibility"].help_text = told


class NewRepositoryForm(_OwnedForm):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[(RepositoryKind.MODEL, _("a model")), (RepositoryKind.DATASET, _("a data set"))],
    )
    name = forms.CharField(label=_("Name"), max_length=96, help_text=_("Letters, digits, hyphens, dots, underscores."))
    visibility = forms.ChoiceField(label=_("Who may see it?"), choices=_WHO_SEES_NEW, required=False)
    field_order = ("kind", "namespace", "name", "visibility")


class DuplicateForm(_OwnedForm):
    name = forms.CharField(label=_("Name"), max_length=96)
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[("", _("whoever sees the original, or fewer if its owner has it so")), *_WHO_SEES],
        required=False,
    )


class StatementForm(forms.Form):
    """Why copies are allowed where the licence does not clearly say so."""

    statement = forms.CharField(
        label=_("Why may you copy it?"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("In a sentence or two: where its licence or its author allows copies. What you say is kept."),
    )


class ImportForm(_OwnedForm):
    source = forms.CharField(
        label=_("Source"),
        max_length=500,
        help_text=_("The address of its page, or its name as owner/name or datasets/owner/name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Name here"), max_length=96, required=False, help_text=_("Empty: the name that it has there.")
    )
    revision = forms.CharField(
        label=_("Revision"), max_length=250, required=False, help_text=_("A branch, tag or commit. Empty: main.")
    )
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=_WHO_SEES_NEW,
        required=False,
        help_text=_("A copy of something private or gated is always private."),
    )
    schedule = forms.ChoiceField(
        label=_("How often?"),
        choices=ImportSchedule.choices,
        help_text=_("A mirror follows every change of its source."),
    )
    token = forms.CharField(
        label=_("Access token for the source"),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Only for what is private or gated there. It is kept encrypted and never shown."),
    )
    statement = forms.CharField(
        label=_("Why may you copy it?"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
        help_text=_("Needed only where the card names no licence, or one that we do not know. What you say is kept."),
    )
    field_order = ("source", "namespace", "name", "revision", "visibility", "schedule", "token", "statement")


class SettingsForm(forms.Form):
    visibility = forms.ChoiceField(label=_("Who may see it?"), choices=_WHO_SEES)
    discussions = forms.ChoiceField(
        label=_("Discussions"),
        choices=[("open", _("open to whoever sees it")), ("closed", _("closed; what was said stays"))],
        required=False,
    )

    @property
    def changes(self) -> dict[str, object]:
        """For the service."""
        chosen = self.cleaned_data
        has_discussions = {"open": True, "closed": False}.get(chosen["discussions"])
        return {"visibility": chosen["visibility"], "has_discussions": has_discussions}


class GateSettingsForm(forms.Form):
    """All about the gate; services/gates.py says what fits."""

    gated = forms.ChoiceField(label=_("Who gets the contents?"), choices=GateMode.choices)
    heading = forms.CharField(label=_("Heading"), max_length=200, required=False)
    prompt = forms.CharField(
        label=_("Text above the questions"),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text=_("Markdown is understood. What is empty here is taken from the card, if that has it."),
    )
    form = forms.CharField(
        label=_("Questions"),
        widget=forms.Textarea(attrs={"class": "mono", "spellcheck": "false"}),
        required=False,
        help_text=_("YAML as in extra_gated_fields of a card, one line each, such as “Company: text”."),
    )
    terms = forms.CharField(
        label=_("Terms to agree to"),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text=_("A changed text is a new version. Which one somebody agreed to, and when, is kept."),
    )
    button = forms.CharField(label=_("Words on the button"), max_length=100, required=False)
    deadline_days = forms.IntegerField(label=_("Days to answer a request"), min_value=1, max_value=365)
    overdue = forms.ChoiceField(label=_("What happens to a request after that?"), choices=OverduePolicy.choices)
    reapply_days = forms.IntegerField(
        label=_("Days until a rejected person may ask again"),
        min_value=0,
        max_value=365,
        help_text=_("With other answers they may ask again at once."),
    )
    writers_decide = forms.BooleanField(label=_("Writers may decide about requests, too"), required=False)

    @property
    def wish(self) -> GateWish:
        facts = {name: value for name, value in self.cleaned_data.items() if name != "gated"}
        return GateWish(**facts)


class AnswersForm(forms.Form):
    """The questions of a gate. Programs may send an answer under the question's own words."""

    def __init__(self, data: Any = None, *, questions: tuple[Question, ...], terms: Terms | None) -> None:
        self.questions = questions
        names = {f"q{number}": question for number, question in enumerate(questions)}
        if data is not None:
            data = data.copy()
            for name, question in names.items():
                if name not in data and question.label in data:
                    data[name] = data[question.label]
        super().__init__(data)
        for name, question in names.items():
            self.fields[name] = _field_of(question)
        if terms is not None:
            label = _("I have read the terms above (version %(number)s) and agree to them.")
            self.fields["agrees"] = forms.BooleanField(label=label % {"number": terms.version})

    @property
    def answers(self) -> dict[str, str | bool]:
        """By the words of the question."""
        given = {question.label: self.cleaned_data[f"q{i}"] for i, question in enumerate(self.questions)}
        return {label: value if isinstance(value, bool) else str(value or "") for label, value in given.items()}

    @property
    def agrees(self) -> bool:
        return self.cleaned_data.get("agrees", False)


class GrantForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=42)


class ReasonForm(forms.Form):
    """One field for several buttons; the services say which of them need it."""

    use_required_attribute = False
    text = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 5}), max_length=5000)


class DeleteForm(forms.Form):
    full_name = forms.CharField(label=_("Type the full name to confirm"), max_length=140)


class NewDiscussionForm(forms.Form):
    title = forms.CharField(label=_("Title"), min_length=3, max_length=200)
    text = forms.CharField(label=_("What is it about?"), widget=forms.Textarea, help_text=_("Markdown is understood."))


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Your comment"), widget=forms.Textarea, required=False, help_text=_("Markdown is understood.")
    )


def _field_of(question: Question) -> forms.Field:
    facts: dict[str, Any] = {"label": question.label, "required": question.is_required}
    match question.kind:
        case "checkbox":
            return forms.BooleanField(**facts)
        case "select":
            return forms.ChoiceField(choices=[("", "–"), *question.options], **facts)
        case "date_picker":
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **facts)
        case "country":
            return forms.CharField(
                widget=forms.TextInput(attrs={"autocomplete": "country-name"}), max_length=MAX_ANSWER, **facts
            )
        case _:
            return forms.CharField(max_length=MAX_ANSWER, **facts)


class CollectionForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=MAX_TITLE)
    description = forms.CharField(label=_("What it is about"), max_length=MAX_DESCRIPTION, required=False)
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))],
        initial=Visibility.PUBLIC,
    )
    theme = forms.ChoiceField(label=_("Colour"), choices=Theme.choices)


class NewCollectionForm(CollectionForm):
    namespace = forms.ChoiceField(label=_("Owner"))

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        names = namespaces_of(user, at_least=Role.WRITE)
        self.fields["namespace"].choices = [(namespace.name, namespace.name) for namespace in names]


class ItemForm(forms.Form):
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class NewItemForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[*RepositoryKind.choices, ("bucket", _("bucket")), ("collection", _("collection"))],
    )
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("As owner/name."))
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class CollectForm(forms.Form):
    """Which of the collections that one may fill."""

    collection = forms.ChoiceField(label=_("Collection"))
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)

    def __init__(self, *args: object, principal: Principal, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        rows = collections_to_fill(principal)
        self.fields["collection"].choices = [(row.slug, f"{row.namespace.name} / {row.title}") for row in rows]


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address"), max_length=2000, help_text=_("Events are posted to it. It must be on the public Internet.")
    )
    watched = forms.CharField(
        label=_("What to watch"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line: a person or organisation, owner/name of a model, datasets/owner/name of a data set."),
    )
    repo = forms.BooleanField(label=_("repositories and their files"), required=False)
    discussion = forms.BooleanField(label=_("discussions and pull requests"), required=False)
    secret = forms.CharField(
        label=_("Secret"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Sent along and used to sign, so that your server can tell that an event is from here."),
    )
    forget_secret = forms.BooleanField(label=_("Take the secret away"), required=False)

    def __init__(self, *args: object, is_new: bool = True, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["forget_secret"]
        else:
            self.fields["secret"].help_text = _("Leave it empty to keep the one that is set.")

    @staticmethod
    def initial_of(webhook: Webhook) -> dict[str, object]:
        """What a webhook is set to; its secret is not shown again."""
        return {
            "url": webhook.url,
            "watched": "\n".join(_line_of(row.kind, row.name) for row in webhook.watched.all()),
        } | {domain.value: domain in webhook.domains for domain in Domain}

    def settings(self) -> dict[str, object]:
        chosen = self.cleaned_data
        lines = [line.strip() for line in chosen["watched"].splitlines()]
        return {
            "url": chosen["url"],
            "watched": [_watched_of(line) for line in lines if line],
            "domains": [domain.value for domain in Domain if chosen[domain.value]],
        }

    def new_secret(self) -> str | None:
        """None keeps the one that is set."""
        if self.cleaned_data["forget_secret"]:
            return ""
        return self.cleaned_data["secret"] or None


def _line_of(kind: str, name: str) -> str:
    return f"{RepositoryKind(kind).prefix}{name}" if kind in RepositoryKind.values else name


def _watched_of(line: str) -> tuple[str, str]:
    """What a line of the form names: kind and name."""
    if "/" not in line:
        found = namespace_named(line)
        return ("org" if found is not None and found.is_organisation else "user"), line
    for kind in RepositoryKind:
        if kind.prefix and line.startswith(kind.prefix):
            return kind.value, line.removeprefix(kind.prefix)
    return RepositoryKind.MODEL.value, line.removeprefix("models/")


class ChangeForm(forms.Form):
    """What every change in the browser asks. `head` is the commit that was looked at."""

    head = forms.RegexField(r"\A[0-9a-f]{40}\Z", widget=forms.HiddenInput)
    message = forms.CharField(label=_("What was changed?"), max_length=200, required=False)
    description = forms.CharField(
        label=_("Why?"), widget=forms.Textarea(attrs={"rows": 3}), max_length=10_000, required=False
    )


class TextForm(ChangeForm):
    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"class": "mono", "rows": 24, "spellcheck": "false", "wrap": "off"}),
        required=False,
        strip=False,
    )
    field_order = ("path", "text", "message", "description")


class PathField(forms.CharField):
    """A path in a repository; services/commits.py refuses bad ones."""

    def __init__(self) -> None:
        super().__init__(label=_("Path"), max_length=1000, help_text=_("With slashes: folders are made as needed."))


class NewTextForm(TextForm):
    path = PathField()


class MoveForm(ChangeForm):
    path = PathField()
    field_order = ("path", "message", "description")


class FilesField(forms.FileField):
    """Several files under one name."""

    def __init__(self, **facts: Any) -> None:
        widget = forms.ClearableFileInput()
        widget.allow_multiple_selected = True
        widget.attrs["multiple"] = True
        super().__init__(widget=widget, **facts)

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(one, initial) for one in files]


class UploadForm(forms.Form):
    files = FilesField(label=_("Files"), allow_empty_file=True)
    folder = forms.CharField(
        label=_("Folder"), max_length=900, required=False, help_text=_("Empty for the top; made when it is new.")
    )
    message = forms.CharField(label=_("What was changed?"), max_length=200, required=False)
    description = forms.CharField(
        label=_("Why?"), widget=forms.Textarea(attrs={"rows": 3}), max_length=10_000, required=False
    )
