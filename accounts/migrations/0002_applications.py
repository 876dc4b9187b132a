import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(max_length=36, unique=True)),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('homepage', models.URLField(blank=True, verbose_name='home page')),
                ('secret_digest', models.CharField(blank=True, max_length=64)),
                ('redirect_uris', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), default=list, size=None)),
                ('logs_in_devices', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'application',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Authorisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), default=list, size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('code_digest', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('redirect_uri', models.TextField(blank=True)),
                ('code_challenge', models.CharField(blank=True, max_length=128)),
                ('nonce', models.TextField(blank=True)),
                ('code_expires_at', models.DateTimeField(blank=True, null=True)),
                ('code_used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'authorisation',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='DeviceLogin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('user_code', models.CharField(max_length=9, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), default=list, size=None)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('approved', 'approved'), ('denied', 'denied'), ('used', 'logged in')], default='waiting', max_length=8)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('agent', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('polled_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'device login',
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'refresh token',
            },
        ),
        migrations.AddField(
            model_name='application',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='applications', to='accounts.namespace'),
        ),
        migrations.AddField(
            model_name='authorisation',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='authorisations', to='accounts.application'),
        ),
        migrations.AddField(
            model_name='authorisation',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='authorisations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='devicelogin',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.application'),
        ),
        migrations.AddField(
            model_name='devicelogin',
            name='authorisation',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.authorisation'),
        ),
        migrations.AddField(
            model_name='refreshtoken',
            name='authorisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refresh_tokens', to='accounts.authorisation'),
        ),
        migrations.AddIndex(
            model_name='devicelogin',
            index=models.Index(fields=['address', 'created_at'], name='device_by_address'),
        ),
        migrations.AddConstraint(
            model_name='devicelogin',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'approved', 'denied', 'used'])), name='device_state_known'),
        ),
        migrations.AddConstraint(
            model_name='devicelogin',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('authorisation__isnull', False), ('state__in', ['approved', 'used'])), models.Q(('authorisation__isnull', True), ('state__in', ['waiting', 'denied'])), _connector='OR'), name='device_approval_has_authorisation'),
        ),
    ]
