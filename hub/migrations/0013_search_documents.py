import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hub', '0012_storage'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchDocument',
            fields=[
                ('repository', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='document', serialize=False, to='hub.repository')),
                ('kind', models.CharField(choices=[('model', 'model'), ('dataset', 'data set'), ('space', 'space'), ('kernel', 'kernel')], max_length=7)),
                ('full_name', models.TextField(db_collation='C')),
                ('words', django.contrib.postgres.search.SearchVectorField()),
                ('fragments', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('popularity', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'search document',
            },
        ),
        migrations.CreateModel(
            name='UsedTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('model', 'model'), ('dataset', 'data set'), ('space', 'space'), ('kernel', 'kernel')], max_length=7)),
                ('tag', models.TextField(db_collation='C')),
                ('group', models.CharField(max_length=100)),
                ('repositories', models.PositiveIntegerField(default=1)),
            ],
            options={
                'verbose_name': 'used tag',
            },
        ),
        migrations.AddIndex(
            model_name='repository',
            index=models.Index(fields=['kind', '-created_at', '-id'], name='repository_by_creation'),
        ),
        migrations.AddIndex(
            model_name='searchdocument',
            index=django.contrib.postgres.indexes.GinIndex(fields=['words'], name='search_by_word'),
        ),
        migrations.AddIndex(
            model_name='searchdocument',
            index=django.contrib.postgres.indexes.GinIndex(fields=['fragments'], name='search_by_fragment'),
        ),
        migrations.AddIndex(
            model_name='searchdocument',
            index=models.Index(fields=['kind', '-popularity', '-repository'], name='search_by_popularity'),
        ),
        migrations.AddConstraint(
            model_name='usedtag',
            constraint=models.UniqueConstraint(fields=('kind', 'tag'), name='used_tag_once'),
        ),
        # Rare tags and words must not be taken for common ones: the default keeps too few of either.
        migrations.RunSQL(
            """
            ALTER TABLE hub_repository ALTER COLUMN tags SET STATISTICS 1000;
            ALTER TABLE hub_searchdocument ALTER COLUMN words SET STATISTICS 1000;
            """,
            migrations.RunSQL.noop,
        ),
    ]
