"""Teams that signed a proposal share the allocation of its award, also of those of before."""

from django.db import migrations


def share(apps, schema_editor):
    member = apps.get_model("compute", "AllocationMember")
    signed = apps.get_model("grants", "TeamMember").objects.filter(
        signed_at__isnull=False, proposal__award__allocation__isnull=False
    )
    rows = signed.values_list("proposal__award__allocation", "user")
    member.objects.bulk_create(
        [member(allocation_id=allocation, user_id=user) for allocation, user in rows], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("grants", "0005_rounds_by_consent"), ("compute", "0007_allocation_members")]
    operations = [migrations.RunPython(share, migrations.RunPython.noop)]
