import common.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('hub', '0002_versions_and_credits'),
        ('revenue', '0003_late_fees'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CreditPack',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('is_open', models.BooleanField(default=True)),
            ],
            options={
                'verbose_name': 'credit pack',
                'ordering': ['currency', 'amount'],
                'constraints': [models.UniqueConstraint(fields=('currency', 'amount'), name='credit_pack_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='credit_pack_amount')],
            },
        ),
        migrations.CreateModel(
            name='GrantOfUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('product', models.CharField(max_length=150)),
                ('versions', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('active', 'active'), ('expired', 'expired'), ('revoked', 'revoked')], default='active', max_length=8)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('shows_holder', models.BooleanField(default=False, verbose_name="the certificate's page names the holder")),
                ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.namespace')),
                ('repository', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='grants_of_use', to='hub.repository')),
            ],
            options={
                'verbose_name': 'grant of use',
            },
        ),
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('jti', models.CharField(default=common.ids.hex_id, max_length=24, primary_key=True, serialize=False)),
                ('jws', models.TextField()),
                ('issued_at', models.DateTimeField()),
                ('grant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='certificate', to='licensing.grantofuse')),
            ],
            options={
                'verbose_name': 'certificate',
            },
        ),
        migrations.CreateModel(
            name='Offer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('product', models.CharField(max_length=150)),
                ('title', models.CharField(max_length=120, verbose_name='title')),
                ('terms_text', models.TextField(verbose_name='terms')),
                ('terms_sha256', models.CharField(max_length=64)),
                ('price', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('term_days', models.PositiveIntegerField(verbose_name='term in days')),
                ('seats', models.PositiveIntegerField(default=0, verbose_name='seats')),
                ('use', models.CharField(choices=[('internal', 'inside the company'), ('product', 'in products and services for customers'), ('sublicence', 'to build and license further models')], default='product', max_length=12, verbose_name='use')),
                ('territory', models.CharField(blank=True, max_length=200, verbose_name='territory')),
                ('revenue_band', models.CharField(choices=[('under-1m', 'up to 1 million a year'), ('under-10m', 'up to 10 million a year'), ('under-100m', 'up to 100 million a year'), ('any', 'any revenue')], default='any', max_length=12, verbose_name='company size')),
                ('later_versions', models.BooleanField(default=True, verbose_name='covers later versions')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('open', 'open'), ('withdrawn', 'withdrawn')], default='draft', max_length=10)),
                ('outcome', models.CharField(choices=[('ok', 'may be sold'), ('fixable', 'may be sold once the terms say more'), ('unknown', 'a person has to decide'), ('refused', 'may not be sold')], default='ok', max_length=8)),
                ('upstream', models.JSONField(default=list)),
                ('cleared_sha256', models.CharField(blank=True, max_length=64)),
                ('clearance_note', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('cleared_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('repository', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='offers', to='hub.repository')),
                ('seller', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.namespace')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='hub.version')),
            ],
            options={
                'verbose_name': 'offer',
            },
        ),
        migrations.AddField(
            model_name='grantofuse',
            name='offer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='licensing.offer'),
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.CharField(default=common.ids.hex_id, max_length=24, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('licence', 'commercial licence'), ('credits', 'generation credits')], max_length=8)),
                ('currency', models.CharField(max_length=3)),
                ('gross', models.BigIntegerField()),
                ('tax', models.BigIntegerField()),
                ('fee', models.BigIntegerField(null=True)),
                ('refunded', models.BigIntegerField(default=0)),
                ('state', models.CharField(choices=[('awaiting_payment', 'waiting for the payment'), ('paid', 'paid'), ('cancelled', 'cancelled'), ('expired', 'expired'), ('refunded', 'refunded'), ('disputed', "disputed by the cardholder's bank"), ('charged_back', 'lost to a dispute')], default='awaiting_payment', max_length=16)),
                ('checkout_id', models.CharField(max_length=255, null=True, unique=True)),
                ('checkout_url', models.TextField(blank=True)),
                ('payment_intent', models.CharField(max_length=255, null=True, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('paid_at', models.DateTimeField(null=True)),
                ('checked_at', models.DateTimeField(null=True)),
                ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.namespace')),
                ('ordered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'order',
            },
        ),
        migrations.AddField(
            model_name='grantofuse',
            name='order',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='grant', to='licensing.order'),
        ),
        migrations.CreateModel(
            name='Quote',
            fields=[
                ('id', models.CharField(default=common.ids.hex_id, max_length=24, primary_key=True, serialize=False)),
                ('answers', models.JSONField()),
                ('price', models.BigIntegerField()),
                ('tax', models.BigIntegerField()),
                ('tax_rate', models.PositiveIntegerField(default=0)),
                ('tax_rule', models.CharField(max_length=16)),
                ('currency', models.CharField(max_length=3)),
                ('terms_sha256', models.CharField(max_length=64)),
                ('obligations', models.JSONField(default=list)),
                ('files_sha256', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.namespace')),
                ('offer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quotes', to='licensing.offer')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('snapshot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revenue.attributionsnapshot')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='hub.version')),
            ],
            options={
                'verbose_name': 'quote',
            },
        ),
        migrations.AddField(
            model_name='order',
            name='quote',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='licensing.quote'),
        ),
        migrations.CreateModel(
            name='Acceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('authority', models.BooleanField()),
                ('terms_text', models.TextField()),
                ('terms_sha256', models.CharField(max_length=64)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('ip', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('quote', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='acceptance', to='licensing.quote')),
            ],
            options={
                'verbose_name': 'acceptance',
            },
        ),
        migrations.CreateModel(
            name='Revocation',
            fields=[
                ('seq', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('reason', models.CharField(choices=[('refund', 'the payment was refunded'), ('dispute', 'the payment was lost to a dispute'), ('misuse', 'the terms were broken')], max_length=8)),
                ('at', models.DateTimeField()),
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='revocation', to='licensing.certificate')),
            ],
            options={
                'verbose_name': 'revocation',
            },
        ),
        migrations.CreateModel(
            name='StripeEvent',
            fields=[
                ('id', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=100)),
                ('created', models.DateTimeField()),
                ('object', models.JSONField()),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('deliveries', models.PositiveIntegerField(default=1)),
                ('processed_at', models.DateTimeField(null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('outcome', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'verbose_name': 'payment event',
                'indexes': [models.Index(condition=models.Q(('processed_at__isnull', True)), fields=['received_at'], name='event_unprocessed')],
            },
        ),
        migrations.AddIndex(
            model_name='offer',
            index=models.Index(fields=['repository', 'state'], name='offer_by_repository'),
        ),
        migrations.AddConstraint(
            model_name='offer',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'open', 'withdrawn'])), name='offer_state_known'),
        ),
        migrations.AddConstraint(
            model_name='offer',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['ok', 'fixable', 'unknown', 'refused'])), name='offer_outcome_known'),
        ),
        migrations.AddConstraint(
            model_name='offer',
            constraint=models.CheckConstraint(condition=models.Q(('price__gt', 0), ('term_days__gt', 0)), name='offer_amounts'),
        ),
        migrations.AddIndex(
            model_name='grantofuse',
            index=models.Index(fields=['holder', 'repository', 'state'], name='grant_by_holder'),
        ),
        migrations.AddConstraint(
            model_name='grantofuse',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['active', 'expired', 'revoked'])), name='grant_state_known'),
        ),
        migrations.AddConstraint(
            model_name='grantofuse',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='grant_has_a_term'),
        ),
        migrations.AddConstraint(
            model_name='quote',
            constraint=models.CheckConstraint(condition=models.Q(('price__gt', 0), ('tax__gte', 0)), name='quote_amounts'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['holder', '-created_at'], name='order_by_holder'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('state', 'awaiting_payment')), fields=['created_at'], name='order_awaiting'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['awaiting_payment', 'paid', 'cancelled', 'expired', 'refunded', 'disputed', 'charged_back'])), name='order_state_known'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('gross__gt', 0), ('refunded__gte', 0), ('tax__gte', 0), ('tax__lt', models.F('gross')), ('refunded__lte', models.F('gross'))), name='order_amounts'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'licence'), ('quote__isnull', False)), models.Q(('kind', 'credits'), ('quote__isnull', True)), _connector='OR'), name='order_has_quote_if_licence'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('paid_at__isnull', False), models.Q(('state__in', ('paid', 'refunded', 'disputed', 'charged_back')), _negated=True), _connector='OR'), name='order_paid_has_moment'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('awaiting_payment', 'paid', 'refunded', 'disputed', 'charged_back'))), fields=('quote',), name='one_live_order_per_quote'),
        ),
        migrations.AddConstraint(
            model_name='acceptance',
            constraint=models.CheckConstraint(condition=models.Q(('authority', True)), name='acceptance_with_authority'),
        ),
        migrations.AddConstraint(
            model_name='revocation',
            constraint=models.CheckConstraint(condition=models.Q(('seq__gte', 1)), name='revocation_from_one'),
        ),
        migrations.AddConstraint(
            model_name='revocation',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['refund', 'dispute', 'misuse'])), name='revocation_reason_known'),
        ),
    ]
