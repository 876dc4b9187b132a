"""Who likes which repository, and who follows whom."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.models.repositories import Repository


class Like(models.Model):
    """A person likes a repository; `Repository.likes` counts these rows in the same transaction."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="likes_given")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="likes")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("like")
        constraints = [models.UniqueConstraint(fields=["repository", "user"], name="like_once")]
        indexes = [models.Index(fields=["user", "-id"], name="like_by_user")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.repository_id}"


class Follow(models.Model):
    """A person follows a person or an organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="follows")
    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="followers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("follow")
        constraints = [models.UniqueConstraint(fields=["user", "namespace"], name="follow_once")]
        indexes = [models.Index(fields=["namespace", "-id"], name="follow_by_namespace")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.namespace_id}"
