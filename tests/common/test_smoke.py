import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_there_is_a_migration_for_every_model():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
