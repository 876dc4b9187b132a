"""Comparisons: one generation for each cell of a grid over one or two parameters."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.ids import hex_id
from inference.models.generations import Generation


class Comparison(models.Model):
    """`columns` and `rows` are `{"name": parameter, "values": [...]}`; without a second axis `rows` is empty.

    `prompt` is the label where sounds are compared.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="comparisons")
    prompt = models.TextField(_("prompt"))
    columns = models.JSONField()
    rows = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("comparison")
        indexes = [models.Index(fields=["owner", "-created_at"], name="comparison_of_owner")]

    def __str__(self) -> str:
        return f"comparison:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/studio/comparisons/{self.pk}"

    @property
    def title(self) -> str:
        """The prompt or label; sounds can be without."""
        return self.prompt or gettext("Sounds")

    @property
    def row_values(self) -> list[Any]:
        """One row without a name when there is one axis only."""
        return list(self.rows["values"]) if self.rows else [None]


class ComparisonCell(models.Model):
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="cells")
    row = models.PositiveIntegerField()
    column = models.PositiveIntegerField()
    generation = models.ForeignKey(Generation, models.CASCADE, related_name="cells")

    class Meta:
        verbose_name = _("cell of a comparison")
        constraints = [models.UniqueConstraint(fields=["comparison", "row", "column"], name="comparison_cell_once")]

    def __str__(self) -> str:
        return f"{self.comparison_id} {self.row},{self.column}"
