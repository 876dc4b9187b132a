"""Every site begins with this machine as its cluster and one small flavor on it."""

from django.db import migrations

GIB = 2**30


def create(apps, schema_editor):
    cluster = apps.get_model("compute", "Cluster").objects.create(name="local", backend="local", cpus=2)
    apps.get_model("compute", "Flavor").objects.create(
        name="cpu-demo",
        title="Two CPU cores of this machine",
        cluster=cluster,
        flavor_class="cpu-demo",
        rate=1,
        price=20,
        cpus=2,
        memory=6 * GIB,
        disk=10 * GIB,
        file_size=2 * GIB,
        processes=512,
        wall_limit=3600,
    )


def remove(apps, schema_editor):
    apps.get_model("compute", "Flavor").objects.filter(name="cpu-demo").delete()
    apps.get_model("compute", "Cluster").objects.filter(name="local").delete()


class Migration(migrations.Migration):
    dependencies = [("compute", "0002_entries_append_only")]
    operations = [migrations.RunPython(create, remove)]
