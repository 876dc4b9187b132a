"""Discussions."""

from django import forms
from django.utils.translation import gettext_lazy as _

PICTURES = ".png,.jpg,.jpeg,.webp,.gif"


class PictureField(forms.FileField):
    """A picture to stand below the words; what it is is looked at by the service."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Picture"),
            required=False,
            widget=forms.FileInput(attrs={"accept": PICTURES}),
            help_text=_("PNG, JPEG, WebP or GIF. Whoever sees the comment sees it; place and device are taken out."),
        )


class NewDiscussionForm(forms.Form):
    title = forms.CharField(label=_("Title"), min_length=3, max_length=200)
    text = forms.CharField(label=_("What is it about?"), widget=forms.Textarea, help_text=_("Markdown is understood."))
    picture = PictureField()


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Your comment"), widget=forms.Textarea, required=False, help_text=_("Markdown is understood.")
    )
    picture = PictureField()
