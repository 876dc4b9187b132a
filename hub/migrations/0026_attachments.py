import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('hub', '0025_gated_lists'), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=43, unique=True)),
                ("media_type", models.CharField(max_length=20)),
                ("uploaded_at", models.DateTimeField(auto_now_add=True)),
                ("event", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="attachments", to="hub.discussionevent")),
                ("object", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="attached_as", to="hub.largeobject")),
                ("uploaded_by", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="attachments", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "attachment",
                "indexes": [
                    models.Index(condition=models.Q(event__isnull=True), fields=["uploaded_at"], name="attachment_unused")
                ],
            },
        ),
    ]
