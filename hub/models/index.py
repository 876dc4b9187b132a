"""What PostgreSQL knows about branches, so that lists need not walk git.

Git is the truth: every row here can be rebuilt by `manage.py hub_reindex`. Rows are
only ever used for the commit they were written for (`Branch.head`), so an index that
is behind is slow, never wrong.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.models.repositories import Repository


class Commit(models.Model):
    """A commit that a branch head or a file of a branch refers to."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="commits")
    oid = models.CharField(max_length=40)
    title = models.TextField()
    message = models.TextField(blank=True)
    author_name = models.TextField()
    # The person who committed through this site; unknown for history that was pushed.
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    date = models.DateTimeField()

    class Meta:
        verbose_name = _("commit")
        constraints = [models.UniqueConstraint(fields=["repository", "oid"], name="commit_once")]

    def __str__(self) -> str:
        return self.oid


class Branch(models.Model):
    """A branch (or the ref of a pull request) and the commit its entries describe."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="branches")
    ref = models.CharField(max_length=300)
    head = models.CharField(max_length=40)
    indexed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("branch")
        verbose_name_plural = _("branches")
        constraints = [models.UniqueConstraint(fields=["repository", "ref"], name="branch_once")]
        indexes = [models.Index(fields=["repository", "head"], name="branch_by_head")]

    def __str__(self) -> str:
        return f"{self.ref} {self.head}"


class TreeEntry(models.Model):
    """A file or folder at the head of a branch.

    `size` is the file's own length, for large files that of the object and not of its
    pointer. `directory` is the parent's path, "" at the root.
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="entries")
    path = models.TextField(db_collation="C")
    directory = models.TextField(db_collation="C")
    name = models.TextField(db_collation="C")
    is_folder = models.BooleanField(default=False)
    oid = models.CharField(max_length=40)
    size = models.BigIntegerField(default=0)
    lfs_sha256 = models.CharField(max_length=64, blank=True)
    pointer_size = models.PositiveSmallIntegerField(default=0)
    last_commit = models.ForeignKey(Commit, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [models.UniqueConstraint(fields=["branch", "path"], name="entry_once")]
        indexes = [
            models.Index(fields=["branch", "directory", "name"], name="entry_by_folder"),
            models.Index(fields=["lfs_sha256"], name="entry_by_object", condition=~models.Q(lfs_sha256="")),
        ]

    def __str__(self) -> str:
        return self.path
