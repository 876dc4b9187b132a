"""Changes of files in the browser."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


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
