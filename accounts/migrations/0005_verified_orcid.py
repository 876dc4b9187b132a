from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_trusted_publishers'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='orcid_verified_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(condition=models.Q(('orcid_verified_at__isnull', False)), fields=('orcid',), name='verified_orcid_once'),
        ),
    ]
