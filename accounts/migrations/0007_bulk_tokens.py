"""Tokens that download in bulk what is public."""

from django.db import migrations, models

SCOPES = [
    ("read", "read"),
    ("write", "write"),
    ("fine", "chosen permissions"),
    ("job", "one job"),
    ("bulk", "download in bulk what is public"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_private_by_default")]
    operations = [
        migrations.RemoveConstraint(model_name="accesstoken", name="token_scope_known"),
        migrations.AlterField(
            model_name="accesstoken",
            name="scope",
            field=models.CharField(choices=SCOPES, default="read", max_length=5, verbose_name="scope"),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", [scope for scope, _label in SCOPES])), name="token_scope_known"
            ),
        ),
    ]
