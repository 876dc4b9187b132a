"""Counts of requests, shared by the web processes. Unlogged: they are worth nothing after a crash."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("common", "0002_audit_append_only")]
    operations = [
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client", models.CharField(max_length=64)),
                ("starts_at", models.BigIntegerField()),
                ("number", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "count of requests",
                "indexes": [models.Index(fields=["starts_at"], name="request_count_by_window")],
                "constraints": [
                    models.UniqueConstraint(fields=("client", "starts_at"), name="request_count_once")
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE common_requestcount SET UNLOGGED", "ALTER TABLE common_requestcount SET LOGGED"
        ),
    ]
