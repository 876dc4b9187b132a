"""What is not used of an award goes back; the rows that say so stay as they are."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grants', '0006_teams_share_allocations'),
        ('revenue', '0005_pool_returns'),
    ]

    operations = [
        migrations.AddField(
            model_name='award',
            name='returned_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='AwardReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('gpu_seconds', models.BigIntegerField()),
                ('amount', models.BigIntegerField(blank=True, null=True)),
                ('key', models.CharField(max_length=200, unique=True)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('award', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='grants.award')),
                ('journal', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revenue.journal')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('gpu_seconds__gt', 0)), name='award_return_positive'), models.CheckConstraint(condition=models.Q(models.Q(('amount__isnull', True), ('journal__isnull', True)), models.Q(('amount__gt', 0), ('journal__isnull', False)), _connector='OR'), name='award_return_of_money')],
            },
        ),
        migrations.RunSQL(
            "CREATE TRIGGER grants_awardreturn_append_only BEFORE UPDATE OR DELETE ON grants_awardreturn "
            "FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();",
            "DROP TRIGGER grants_awardreturn_append_only ON grants_awardreturn;",
        ),
    ]
