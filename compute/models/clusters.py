"""Where jobs run, and the sizes they come in."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Cluster(models.Model):
    """A place that runs jobs, reached by one of the backends."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    backend = models.CharField(_("backend"), max_length=20, default="local")
    cpus = models.PositiveIntegerField(_("CPUs for jobs"), default=2)
    monthly_limit = models.BigIntegerField(
        _("monthly limit"), null=True, blank=True, help_text=_("In micros; empty for none. Past it, new starts wait.")
    )
    currency = models.CharField(_("currency"), max_length=3, default="usd")
    is_open = models.BooleanField(_("open"), default=True, help_text=_("A closed cluster starts nothing new."))

    class Meta:
        verbose_name = _("cluster")
        constraints = [
            models.CheckConstraint(name="cluster_limit_not_negative", condition=models.Q(monthly_limit__gte=0))
        ]

    def __str__(self) -> str:
        return self.name


class Flavor(models.Model):
    """A size of job: what it may use, and what a second of it costs. Sizes in bytes, times in seconds."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=80)
    cluster = models.ForeignKey(Cluster, models.PROTECT, related_name="flavors")
    flavor_class = models.SlugField(_("class"), max_length=40)
    rate = models.PositiveIntegerField(_("GPU-seconds per second"), default=1)
    price = models.BigIntegerField(_("price of a GPU-second, in micros"), default=0)
    cpus = models.PositiveIntegerField(_("CPUs"), default=1)
    memory = models.BigIntegerField(_("memory"))
    disk = models.BigIntegerField(_("disk"))
    file_size = models.BigIntegerField(_("largest file"))
    processes = models.PositiveIntegerField(_("processes and threads"), default=512)
    wall_limit = models.PositiveIntegerField(_("longest time"))
    accelerator = models.JSONField(_("accelerator"), null=True, blank=True)
    is_open = models.BooleanField(_("open"), default=True)

    class Meta:
        verbose_name = _("flavor")
        ordering = ["price", "rate", "name"]
        constraints = [
            models.CheckConstraint(name="flavor_rate_positive", condition=models.Q(rate__gt=0, price__gte=0)),
            models.CheckConstraint(
                name="flavor_sizes_positive",
                condition=models.Q(
                    memory__gt=0, disk__gt=0, file_size__gt=0, wall_limit__gt=0, cpus__gt=0, processes__gt=0
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name
