"""Repositories and the names they once had."""

from pathlib import Path

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import GateMode, RepositoryKind, Visibility
from hub.git.repositories import repository_path

valid_repository_name = RegexValidator(
    r"\A(?!.*(?:--|\.\.))(?!.*\.(?:git|ipynb)\Z)[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?\Z",
    _("Use 1 to 96 letters, digits, hyphens, dots or underscores, and do not end with .git."),
)


class Repository(models.Model):
    """A git repository under a name. What is below `head` is read out of git at each commit."""

    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="repositories")
    name = models.CharField(_("name"), max_length=96, validators=[valid_repository_name])
    kind = models.CharField(_("kind"), max_length=7, choices=RepositoryKind)
    visibility = models.CharField(_("visibility"), max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    # Who may have the contents, where everybody may see that they are there.
    gated = models.CharField(_("access"), max_length=6, choices=GateMode, default=GateMode.OPEN)
    has_discussions = models.BooleanField(_("discussions"), default=True)
    default_branch = models.CharField(max_length=250, default="main")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # The repository that this one was duplicated from, and where it stood then.
    copied_from = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="copies")
    copied_from_name = models.CharField(max_length=140, blank=True)
    copied_commit = models.CharField(max_length=40, blank=True)
    # When files last changed, not when a counter did.
    updated_at = models.DateTimeField(db_default=Now())
    # Distinct clients a day: of the last thirty days, and since the beginning.
    downloads = models.BigIntegerField(default=0)
    downloads_all_time = models.BigIntegerField(default=0)
    likes = models.BigIntegerField(default=0)
    # docs/reference/search.md has the formula.
    trending = models.BigIntegerField(default=0)
    # By an upheld report (hub/models/reports.py): nothing of it is given out.
    is_disabled = models.BooleanField(default=False)

    # Facts about the head of the default branch.
    head = models.CharField(max_length=40, blank=True)
    card = models.JSONField(default=dict, blank=True)
    tags = ArrayField(models.TextField(), default=list, blank=True)
    license = models.CharField(max_length=100, blank=True)
    pipeline_tag = models.CharField(max_length=100, blank=True)
    library_name = models.CharField(max_length=100, blank=True)
    # Excerpts of config.json and model_index.json, so that lists need no git.
    config = models.JSONField(default=dict, blank=True)
    # Results of evaluations from files in .eval_results/, as the protocol names them.
    eval_results = models.JSONField(default=list, blank=True)
    # Bytes of the large objects it holds, each once; kept by hub/services/holdings.py.
    used_storage = models.BigIntegerField(default=0)
    # Bytes of the git repository itself: measured now and then, in between what commits brought is added.
    git_size = models.BigIntegerField(default=0)
    # When a ref was lost or rewritten; what only that reached is pruned from git later.
    history_lost_at = models.DateTimeField(null=True, blank=True)
    # Read from the weights after the commit: `safetensors`, `gguf` as the protocol has them, and their total.
    weights = models.JSONField(default=dict, blank=True)
    parameters = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("repository")
        verbose_name_plural = _("repositories")
        constraints = [
            models.UniqueConstraint("namespace", "kind", Lower("name"), name="repository_name_once"),
            models.CheckConstraint(name="repository_kind_known", condition=models.Q(kind__in=RepositoryKind.values)),
            models.CheckConstraint(
                name="repository_visibility_known", condition=models.Q(visibility__in=Visibility.values)
            ),
            models.CheckConstraint(name="repository_gate_known", condition=models.Q(gated__in=GateMode.values)),
        ]
        indexes = [
            GinIndex(fields=["tags"], name="repository_tags"),
            models.Index(fields=["kind", "-updated_at", "-id"], name="repository_by_update"),
            models.Index(fields=["kind", "-created_at", "-id"], name="repository_by_creation"),
            models.Index(fields=["kind", "-downloads", "-id"], name="repository_by_downloads"),
            models.Index(fields=["kind", "-likes", "-id"], name="repository_by_likes"),
            models.Index(fields=["kind", "-trending", "-id"], name="repository_by_trend"),
            models.Index(
                fields=["kind", "parameters"],
                name="repository_by_parameters",
                condition=models.Q(parameters__isnull=False),
            ),
            # Few are gated: a list of them must not walk all that are not.
            models.Index(
                fields=["kind", "-trending", "-id"],
                name="repository_gated",
                condition=~models.Q(gated=GateMode.OPEN),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.full_name}"

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    @property
    def reference(self) -> str:
        """How rooms that do not know repositories name this one."""
        return f"{self.kind}:{self.full_name}"

    @property
    def is_private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    @property
    def is_gated(self) -> bool:
        return self.gated != GateMode.OPEN

    @property
    def prefix(self) -> str:
        return RepositoryKind(self.kind).prefix

    @property
    def path(self) -> Path:
        """Where the bare repository lies; renaming does not move it."""
        return repository_path(settings.REPOSITORIES_ROOT, self.pk)

    def get_absolute_url(self) -> str:
        return f"/{self.prefix}{self.full_name}"


class OldName(models.Model):
    """A name that a repository had before it moved; it redirects until somebody else takes it."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="old_names")
    kind = models.CharField(max_length=7, choices=RepositoryKind)
    full_name = models.CharField(max_length=140)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("old name")
        constraints = [models.UniqueConstraint("kind", Lower("full_name"), name="old_name_once")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.full_name}"
