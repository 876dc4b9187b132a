from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('hub', '0024_import_histories')]

    operations = [
        migrations.AddIndex(
            "repository",
            models.Index(fields=["kind", "-trending", "-id"], name="repository_gated", condition=~models.Q(gated="open")),
        ),
    ]
