"""Which models, LoRAs and finders a form lets choose, and what of the address could not be."""

from collections.abc import Sequence

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from hub.models import Repository
from inference import selectors
from inference.algorithms.profiles import MAX_LORA_SCALE
from inference.enums import Task
from inference.services.searching import ALIAS

MODELS_SHOWN, LORAS_SHOWN, FINDERS_SHOWN = 200, 200, 200
LORA_ROWS = ("1", "2", "3")


class Choosing(forms.Form):
    """The newest ones, and whichever are named by the form or by the page that leads to it."""

    principal: Principal
    found: list[Repository]  # models
    missed: list[str]  # what another page named, and cannot be chosen

    def add_models(self) -> None:
        models = selectors.models_for(self.principal, tasks=Task)
        self.found = selectors.among(models, self._named("model"), most=MODELS_SHOWN)
        self.fields["model"].choices = [
            (model.full_name, f"{model.full_name} · {model.license}" if model.license else model.full_name)
            for model in self.found
        ]
        self.missed = []
        self._put_aside("model", self.found)

    def add_loras(self) -> None:
        fields = [f"lora_{row}" for row in LORA_ROWS]
        loras = selectors.among(selectors.loras_for(self.principal), self._named(*fields), most=LORAS_SHOWN)
        choices = [("", "–"), *((one.full_name, f"{one.full_name} · {one.license or '–'}") for one in loras)]
        for row in LORA_ROWS:
            self.fields[f"lora_{row}"] = forms.ChoiceField(
                label=_("LoRA %(number)s") % {"number": row}, required=False, choices=choices
            )
            self.fields[f"scale_{row}"] = forms.FloatField(
                label=_("Scale"),
                required=False,
                min_value=-MAX_LORA_SCALE,
                max_value=MAX_LORA_SCALE,
                widget=forms.NumberInput(attrs={"placeholder": "1"}),
            )
            self._put_aside(f"lora_{row}", loras)

    def add_finders(self) -> None:
        """The site's own first; where nothing finds by words, nothing is asked about it."""
        found = [one.full_name for one in selectors.finders_for(self.principal)[:FINDERS_SHOWN]]
        own = settings.MODEL_ALIASES.get(ALIAS)
        self.fields["finder"].choices = [(name, name) for name in sorted(found, key=lambda name: name != own)]
        if not found:
            for field in ("search", "finder", "grow_mask"):
                del self.fields[field]

    def _named(self, *fields: str) -> list[str]:
        return [str(value) for name in fields for value in (self.data.get(name), self.initial.get(name)) if value]

    def _put_aside(self, field: str, known: Sequence[Repository]) -> None:
        """A name that cannot be chosen: the form says so instead of showing another in its place."""
        name = str(self.initial.get(field) or "")
        if name and all(one.full_name != name for one in known):
            self.missed.append(name)
            self.initial[field] = ""
