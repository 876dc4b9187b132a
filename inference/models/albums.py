"""What people do with pictures: keep them in albums, like them, remix them."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from common.ids import hex_id
from inference.models.generations import Generation, Picture


class Album(models.Model):
    """A person's named list of pictures. Others see it when it is public, and in it what they may see anyway."""

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums")
    title = models.CharField(_("title"), max_length=60)
    description = models.CharField(_("description"), max_length=300, blank=True)
    is_public = models.BooleanField(_("public"), default=False)
    # None: the first picture of the album.
    cover = models.ForeignKey(Picture, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("album")
        constraints = [models.UniqueConstraint("owner", Lower("title"), name="album_title_once")]
        indexes = [models.Index(fields=["-updated_at"], name="album_public", condition=models.Q(is_public=True))]

    def __str__(self) -> str:
        return f"album:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/gallery/albums/{self.pk}"


class AlbumPicture(models.Model):
    """A picture's place in an album, from 0."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="entries")
    picture = models.ForeignKey(Picture, models.CASCADE, related_name="entries")
    position = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("picture of an album")
        constraints = [models.UniqueConstraint(fields=["album", "picture"], name="album_picture_once")]

    def __str__(self) -> str:
        return f"{self.album_id} {self.position}"


class PictureLike(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    picture = models.ForeignKey(Picture, models.CASCADE, related_name="likes")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("like of a picture")
        constraints = [models.UniqueConstraint(fields=["picture", "user"], name="picture_like_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.picture_id}"


class Remix(models.Model):
    """Credit: a generation began with the parameters of somebody's picture."""

    generation = models.OneToOneField(Generation, models.CASCADE, primary_key=True, related_name="remix")
    # None when the picture is gone; that it was a remix stays.
    picture = models.ForeignKey(Picture, models.SET_NULL, null=True, related_name="remixes")

    class Meta:
        verbose_name = _("remix")

    def __str__(self) -> str:
        return f"remix:{self.generation_id}"
