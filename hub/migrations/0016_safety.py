
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


# Steps are never changed; neither they nor what they belong to is ever deleted.
FORWARD = """
CREATE TRIGGER report_events_append_only BEFORE UPDATE OR DELETE ON hub_reportevent
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();
CREATE TRIGGER opt_out_events_append_only BEFORE UPDATE OR DELETE ON hub_optoutevent
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();
CREATE TRIGGER reports_stay BEFORE DELETE ON hub_report
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();
CREATE TRIGGER opt_outs_stay BEFORE DELETE ON hub_optout
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();
"""
BACKWARD = """
DROP TRIGGER report_events_append_only ON hub_reportevent;
DROP TRIGGER opt_out_events_append_only ON hub_optoutevent;
DROP TRIGGER reports_stay ON hub_report;
DROP TRIGGER opt_outs_stay ON hub_optout;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('common', '0002_audit_append_only'),
        ('accounts', '0001_initial'),
        ('hub', '0015_weights'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='repository',
            name='is_disabled',
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name='OptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=40, unique=True)),
                ('asset', models.CharField(max_length=150)),
                ('statement', models.TextField()),
                ('contact', models.EmailField(blank=True, max_length=254)),
                ('source', models.CharField(blank=True, max_length=64)),
                ('state', models.CharField(choices=[('received', 'received'), ('acknowledged', 'acknowledged'), ('verified', 'verified'), ('honoured', 'honoured'), ('declined', 'declined'), ('appealed', 'appealed'), ('closed', 'declined for good')], default='received', max_length=12, verbose_name='state')),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('overdue_since', models.DateTimeField(blank=True, null=True)),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.TextField(blank=True)),
                ('repository', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='opt_outs', to='hub.repository')),
                ('requester', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'opt-out request',
            },
        ),
        migrations.CreateModel(
            name='OptOutEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('received', 'received'), ('acknowledged', 'acknowledged'), ('verified', 'verified'), ('honoured', 'honoured'), ('declined', 'declined'), ('appealed', 'appealed'), ('closed', 'declined for good')], max_length=12)),
                ('actor', models.CharField(blank=True, max_length=42)),
                ('text', models.TextField(blank=True)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='hub.optout')),
            ],
            options={
                'verbose_name': 'step of an opt-out request',
                'verbose_name_plural': 'steps of opt-out requests',
            },
        ),
        migrations.CreateModel(
            name='OptOutMatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('url', 'address'), ('domain', 'domain'), ('sha256', 'SHA-256 of the file'), ('text', 'text'), ('path', 'path in the data set')], max_length=6)),
                ('value', models.CharField(max_length=1000)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='matches', to='hub.optout')),
            ],
            options={
                'verbose_name': 'what is to be left out',
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=40, unique=True)),
                ('asset', models.CharField(max_length=150)),
                ('is_private', models.BooleanField(default=False)),
                ('revision', models.CharField(blank=True, max_length=300)),
                ('paths', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('kind', models.CharField(choices=[('copyright', 'copyright'), ('personal_data', 'personal data'), ('illegal', 'illegal content'), ('malware', 'malware'), ('licence', 'breach of a licence'), ('other', 'something else')], max_length=13, verbose_name='kind')),
                ('statement', models.TextField()),
                ('contact', models.EmailField(blank=True, max_length=254)),
                ('source', models.CharField(blank=True, max_length=64)),
                ('state', models.CharField(choices=[('received', 'received'), ('under_review', 'under review'), ('upheld', 'upheld'), ('rejected', 'rejected'), ('counter_noticed', 'objected to'), ('restored', 'restored'), ('final', 'final')], default='received', max_length=15, verbose_name='state')),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('rule', models.CharField(blank=True, max_length=200)),
                ('reason', models.TextField(blank=True)),
                ('reporter', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('repository', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to='hub.repository')),
            ],
            options={
                'verbose_name': 'report',
            },
        ),
        migrations.CreateModel(
            name='Block',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_everywhere', models.BooleanField(default=False)),
                ('content', models.CharField(blank=True, max_length=64)),
                ('path', models.TextField(blank=True)),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
                ('repository', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='blocks', to='hub.repository')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='blocks', to='hub.report')),
            ],
            options={
                'verbose_name': 'block',
            },
        ),
        migrations.CreateModel(
            name='ReportEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('received', 'received'), ('under_review', 'under review'), ('upheld', 'upheld'), ('rejected', 'rejected'), ('counter_noticed', 'objected to'), ('restored', 'restored'), ('final', 'final')], max_length=15)),
                ('actor', models.CharField(blank=True, max_length=42)),
                ('text', models.TextField(blank=True)),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='hub.report')),
            ],
            options={
                'verbose_name': 'step of a report',
                'verbose_name_plural': 'steps of reports',
            },
        ),
        migrations.CreateModel(
            name='ScanResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.CharField(max_length=64)),
                ('ending', models.CharField(blank=True, max_length=16)),
                ('rules', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('safe', 'safe'), ('unscanned', 'not inspected'), ('suspicious', 'suspicious'), ('error', 'cannot be inspected'), ('unsafe', 'unsafe')], max_length=10)),
                ('reasons', models.JSONField(blank=True, default=list)),
                ('imports', models.JSONField(blank=True, default=list)),
                ('scanned_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'result of an inspection',
                'constraints': [models.UniqueConstraint(fields=('content', 'ending', 'rules'), name='scanned_once'), models.CheckConstraint(condition=models.Q(('status__in', ['safe', 'unscanned', 'suspicious', 'error', 'unsafe'])), name='scan_status_known')],
            },
        ),
        migrations.CreateModel(
            name='Tombstone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=7)),
                ('full_name', models.CharField(max_length=140)),
                ('created_at', models.DateTimeField()),
                ('deleted_at', models.DateTimeField(auto_now_add=True)),
                ('license', models.CharField(blank=True, max_length=100)),
                ('reports', models.ManyToManyField(related_name='tombstones', to='hub.report')),
                ('versions', models.ManyToManyField(related_name='tombstones', to='hub.version')),
            ],
            options={
                'verbose_name': 'tombstone',
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('token_revoked', 'access token revoked'), ('report_upheld', 'access disabled'), ('report_restored', 'access restored'), ('report_final', 'decision final'), ('opt_out_received', 'request received'), ('opt_out_overdue', 'deadline passed'), ('opt_out_descendant', 'request about training data')], max_length=20)),
                ('key', models.CharField(max_length=200, unique=True)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('address', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('namespace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='accounts.namespace')),
                ('repository', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='hub.repository')),
            ],
            options={
                'verbose_name': 'notice',
                'indexes': [models.Index(condition=models.Q(('read_at', None)), fields=['namespace', '-id'], name='notice_waiting')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['token_revoked', 'report_upheld', 'report_restored', 'report_final', 'opt_out_received', 'opt_out_overdue', 'opt_out_descendant'])), name='notice_kind_known')],
            },
        ),
        migrations.AddIndex(
            model_name='optout',
            index=models.Index(fields=['source', '-received_at'], name='opt_out_by_source'),
        ),
        migrations.AddIndex(
            model_name='optout',
            index=models.Index(fields=['state', 'deadline'], name='opt_out_by_deadline'),
        ),
        migrations.AddConstraint(
            model_name='optout',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'acknowledged', 'verified', 'honoured', 'declined', 'appealed', 'closed'])), name='opt_out_state_known'),
        ),
        migrations.AddConstraint(
            model_name='optoutmatch',
            constraint=models.UniqueConstraint(fields=('request', 'kind', 'value'), name='match_once'),
        ),
        migrations.AddConstraint(
            model_name='optoutmatch',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['url', 'domain', 'sha256', 'text', 'path'])), name='match_kind_known'),
        ),
        migrations.AddIndex(
            model_name='report',
            index=models.Index(fields=['source', '-received_at'], name='report_by_source'),
        ),
        migrations.AddIndex(
            model_name='report',
            index=models.Index(fields=['state', 'deadline'], name='report_by_deadline'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['copyright', 'personal_data', 'illegal', 'malware', 'licence', 'other'])), name='report_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'under_review', 'upheld', 'rejected', 'counter_noticed', 'restored', 'final'])), name='report_state_known'),
        ),
        migrations.AddIndex(
            model_name='block',
            index=models.Index(condition=models.Q(('lifted_at', None)), fields=['content'], name='block_in_force'),
        ),
        migrations.AddIndex(
            model_name='tombstone',
            index=models.Index(models.F('kind'), django.db.models.functions.text.Lower('full_name'), name='tombstone_by_name'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
