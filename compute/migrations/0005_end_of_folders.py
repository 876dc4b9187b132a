"""Folders of jobs go some time after the job."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compute", "0004_continues")]
    operations = [
        migrations.AddField(
            model_name="job", name="files_unwanted_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.AddField(
            model_name="job", name="files_deleted_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["finished_at"], name="job_with_folder", condition=models.Q(files_deleted_at=None)
            ),
        ),
    ]
