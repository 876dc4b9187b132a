"""Downloads by builds and by a repository's own people are told apart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('hub', '0018_imports')]
    operations = [
        migrations.AddField(
            model_name="download",
            name="kind",
            field=models.CharField(
                choices=[("client", "others"), ("own", "its own people"), ("ci", "builds and jobs")],
                default="client",
                max_length=6,
            ),
        ),
        migrations.AddConstraint(
            model_name="download",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["client", "own", "ci"])), name="download_kind_known"
            ),
        ),
    ]
