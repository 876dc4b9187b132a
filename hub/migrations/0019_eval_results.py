from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hub", "0018_imports")]

    operations = [
        migrations.AddField("repository", "eval_results", models.JSONField(blank=True, default=list)),
    ]
