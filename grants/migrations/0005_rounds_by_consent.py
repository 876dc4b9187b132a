"""Nominations wait for their holder; what staff change is traced in public, in rows that stay as they are.

Nominations of before count as confirmed. Nobody was asked, so `answered_at` stays empty and no report is owed.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_invitations'),
        ('common', '0002_audit_append_only'),
        ('grants', '0004_teams_by_invitation_and_time_for_changes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('panel_added', 'panel'), ('budget_raised', 'budget'), ('closing_moved', 'closing')], max_length=16)),
                ('values', models.JSONField(default=dict)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='nomination',
            name='nominated_once',
        ),
        migrations.AddField(
            model_name='nomination',
            name='answered_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='nomination',
            name='state',
            field=models.CharField(choices=[('asked', 'waits for its holder'), ('confirmed', 'confirmed'), ('declined', 'declined by its holder'), ('withdrawn', 'withdrawn')], default='confirmed', max_length=10),
        ),
        migrations.AlterField(
            model_name='nomination',
            name='state',
            field=models.CharField(choices=[('asked', 'waits for its holder'), ('confirmed', 'confirmed'), ('declined', 'declined by its holder'), ('withdrawn', 'withdrawn')], default='asked', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='nomination',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['asked', 'confirmed'])), fields=('round', 'subject'), name='nominated_once'),
        ),
        migrations.AddConstraint(
            model_name='nomination',
            constraint=models.UniqueConstraint(condition=models.Q(('answered_at__isnull', False), ('state', 'confirmed')), fields=('round', 'holder'), name='nomination_one_per_holder'),
        ),
        migrations.AddConstraint(
            model_name='nomination',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'confirmed', 'declined', 'withdrawn'])), name='nomination_state_known'),
        ),
        migrations.AddField(
            model_name='change',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='change',
            name='call',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='grants.call'),
        ),
        migrations.AddField(
            model_name='change',
            name='round',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='grants.round'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('call__isnull', False), ('round__isnull', True)), models.Q(('call__isnull', True), ('round__isnull', False)), _connector='OR'), name='change_of_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['panel_added', 'budget_raised', 'closing_moved'])), name='change_kind_known'),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER grants_change_append_only BEFORE UPDATE OR DELETE ON grants_change "
            "FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();",
            "DROP TRIGGER grants_change_append_only ON grants_change;",
        ),
    ]
