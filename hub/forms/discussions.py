"""Discussions."""

from django import forms
from django.utils.translation import gettext_lazy as _


class NewDiscussionForm(forms.Form):
    title = forms.CharField(label=_("Title"), min_length=3, max_length=200)
    text = forms.CharField(label=_("What is it about?"), widget=forms.Textarea, help_text=_("Markdown is understood."))


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Your comment"), widget=forms.Textarea, required=False, help_text=_("Markdown is understood.")
    )
