"""Albums, and putting a picture into one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from inference.selectors.pictures import albums_of


class AlbumForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=60)
    description = forms.CharField(
        label=_("Description"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    is_public = forms.BooleanField(
        label=_("Everybody may see it"),
        required=False,
        help_text=_("Your private pictures in it stay yours alone until you show them."),
    )


class AddForm(forms.Form):
    """An album of one's own, or the title of a new one."""

    album = forms.ModelChoiceField(label=_("Album"), queryset=None, required=False, empty_label=_("a new one"))
    title = forms.CharField(label=_("Title of the new album"), max_length=60, required=False)

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["album"].queryset = albums_of(principal)
        self.fields["album"].label_from_instance = lambda album: album.title

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("album") and not given.get("title"):
            self.add_error("title", _("Choose an album, or name a new one."))
        return given
