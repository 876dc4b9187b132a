from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hub', '0014_trending'),
    ]

    operations = [
        migrations.AddField(
            model_name='repository',
            name='parameters',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='repository',
            name='weights',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddIndex(
            model_name='repository',
            index=models.Index(condition=models.Q(('parameters__isnull', False)), fields=['kind', 'parameters'], name='repository_by_parameters'),
        ),
    ]
