from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('hub', '0022_credits_append_only')]

    operations = [
        migrations.AddField("repository", "eval_results", models.JSONField(blank=True, default=list)),
    ]
