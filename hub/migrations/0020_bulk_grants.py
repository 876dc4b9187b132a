"""Leaves to download in bulk, and the bytes that were sent under each."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_bulk_tokens'),
        ('hub', '0019_download_kinds'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(max_length=500, verbose_name='purpose')),
                ('daily_bytes', models.BigIntegerField(verbose_name='bytes a day')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='bulk_grant', to='accounts.accesstoken')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bulk_grants', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'leave to download in bulk',
                'verbose_name_plural': 'leaves to download in bulk',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='BulkUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('bytes', models.BigIntegerField(default=0)),
                ('grant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='usage', to='hub.bulkgrant')),
            ],
            options={
                'verbose_name': 'bytes of a day',
                'ordering': ['-day'],
            },
        ),
        migrations.AddConstraint(
            model_name='bulkgrant',
            constraint=models.CheckConstraint(condition=models.Q(('daily_bytes__gte', 1)), name='bulk_budget_positive'),
        ),
        migrations.AddConstraint(
            model_name='bulkusage',
            constraint=models.UniqueConstraint(fields=('grant', 'day'), name='bulk_usage_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='bulkusage',
            constraint=models.CheckConstraint(condition=models.Q(('bytes__gte', 0)), name='bulk_usage_not_negative'),
        ),
    ]
