import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('revenue', '0002_ledger_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='SaleFee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=150, unique=True)),
                ('amount', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('journal', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sale_fee', to='revenue.journal')),
                ('sale', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='late_fees', to='revenue.sale')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='sale_fee_positive')],
            },
        ),
        migrations.RunSQL(
            """
            CREATE TRIGGER revenue_salefee_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revenue_salefee
                FOR EACH STATEMENT EXECUTE FUNCTION revenue_refuse_change();
            """,
            "DROP TRIGGER revenue_salefee_append_only ON revenue_salefee;",
        ),
    ]
