from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hub', '0013_search_documents'),
    ]

    operations = [
        migrations.AddField(
            model_name='repository',
            name='downloads_all_time',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='repository',
            name='trending',
            field=models.BigIntegerField(default=0),
        ),
        # Until now there was one count, of all days; the first refresh sets that of the last thirty.
        migrations.RunSQL(
            "UPDATE hub_repository SET downloads_all_time = downloads WHERE downloads > 0", migrations.RunSQL.noop
        ),
        migrations.AddIndex(
            model_name='download',
            index=models.Index(fields=['day', 'repository'], name='download_by_day'),
        ),
        migrations.AddIndex(
            model_name='repository',
            index=models.Index(fields=['kind', '-trending', '-id'], name='repository_by_trend'),
        ),
    ]
