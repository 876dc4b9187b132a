"""Jobs find parts of the hub as folders."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compute", "0005_end_of_folders")]
    operations = [
        migrations.AddField(
            model_name="job", name="volumes", field=models.JSONField(default=list, verbose_name="volumes")
        )
    ]
