"""A job may begin with the folder of an earlier one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compute", "0003_local_cluster")]
    operations = [
        migrations.AddField(
            model_name="job",
            name="continues",
            field=models.ForeignKey(
                "compute.job", models.PROTECT, null=True, blank=True, related_name="continued_by"
            ),
        ),
    ]
