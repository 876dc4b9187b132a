from django.db import migrations
from django.db.models import F


def copy_steps(apps, schema_editor):
    """Until now all steps were computed."""
    apps.get_model("inference", "Generation").objects.filter(steps_taken=0).update(steps_taken=F("steps"))


class Migration(migrations.Migration):
    dependencies = [("inference", "0002_tasks_inputs_and_loras")]

    operations = [migrations.RunPython(copy_steps, migrations.RunPython.noop)]
