import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_applications'),
    ]

    operations = [
        migrations.CreateModel(
            name='TokenGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('permission', models.CharField(choices=[('repo.content.read', 'read private repositories and buckets'), ('repo.write', 'create repositories and buckets and change their files'), ('repo.manage', 'settings, moving and deletion of repositories and buckets'), ('repo.access.read', 'read gated repositories that I was let into'), ('discussion.write', 'open discussions and pull requests, and comment'), ('collection.write', 'change collections'), ('webhook.write', 'manage webhooks'), ('inference.serverless.write', 'generate pictures'), ('job.read', 'see jobs, their logs and allocations'), ('job.write', 'submit and cancel jobs'), ('user.billing.read', 'see purchases, sales and statements')], max_length=30)),
                ('repository', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'verbose_name': 'permission of a token',
                'ordering': ['id'],
            },
        ),
        migrations.AlterField(
            model_name='accesstoken',
            name='scope',
            field=models.CharField(choices=[('read', 'read'), ('write', 'write'), ('fine', 'chosen permissions'), ('job', 'one job')], default='read', max_length=5, verbose_name='scope'),
        ),
        migrations.AddField(
            model_name='accesstoken',
            name='authorisation',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='accounts.authorisation'),
        ),
        migrations.AddConstraint(
            model_name='accesstoken',
            constraint=models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'write', 'fine', 'job'])), name='token_scope_known'),
        ),
        migrations.AddField(
            model_name='tokengrant',
            name='namespace',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.namespace'),
        ),
        migrations.AddField(
            model_name='tokengrant',
            name='token',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='accounts.accesstoken'),
        ),
        migrations.AddIndex(
            model_name='tokengrant',
            index=models.Index(fields=['repository'], name='grant_by_repository'),
        ),
        migrations.AddConstraint(
            model_name='tokengrant',
            constraint=models.CheckConstraint(condition=models.Q(('permission__in', ['repo.content.read', 'repo.write', 'repo.manage', 'repo.access.read', 'discussion.write', 'collection.write', 'webhook.write', 'inference.serverless.write', 'job.read', 'job.write', 'user.billing.read'])), name='grant_permission_known'),
        ),
        migrations.AddConstraint(
            model_name='tokengrant',
            constraint=models.CheckConstraint(condition=models.Q(('namespace__isnull', True), ('repository', ''), _connector='OR'), name='grant_reaches_one_place'),
        ),
    ]
