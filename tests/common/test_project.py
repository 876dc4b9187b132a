"""What holds for the whole project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_there_is_a_migration_for_every_model():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_requirements_are_pinned_and_have_reasons():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                requirement, _hash, reason = line.partition("#")
                assert "==" in requirement, line
                assert len(reason.split()) >= 3, line


def production(*arguments, **changes):
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "WELLSPRING_ENV": "production",
        "WELLSPRING_DATA": os.environ["WELLSPRING_DATA"],
        "WELLSPRING_SECRET_KEY": "k" * 30 + "0123456789abcdefghijKLMNOPQRSTUV",
        "WELLSPRING_ALLOWED_HOSTS": "hub.example.org",
        "WELLSPRING_BASE_URL": "https://hub.example.org",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "STRIPE_API_KEY": "sk_live_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
    } | changes
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def test_production_settings_pass_the_deployment_checks():
    done = production("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["WELLSPRING_SECRET_KEY", "WELLSPRING_ALLOWED_HOSTS", "WELLSPRING_BASE_URL"])
def test_production_refuses_to_start_without(missing):
    done = production("check", **{missing: None})
    assert done.returncode != 0
    assert f"Set the environment variable {missing}" in done.stderr


def test_production_refuses_the_payment_standin():
    done = production("check", STRIPE_API_BASE="http://127.0.0.1:12111")
    assert done.returncode != 0
    assert "Unset STRIPE_API_BASE" in done.stderr


def test_production_refuses_webhooks_to_this_machine():
    done = production("check", WELLSPRING_WEBHOOKS_TO_LOOPBACK="1")
    assert done.returncode != 0
    assert "Unset WELLSPRING_WEBHOOKS_TO_LOOPBACK" in done.stderr


def test_the_web_process_does_not_import_torch():
    code = (
        "import django, sys; django.setup(); import config.urls, config.wsgi; "
        "heavy = {'torch', 'diffusers', 'transformers', 'datasets', 'accelerate'} & set(sys.modules); "
        "print(sorted(heavy)); sys.exit(bool(heavy))"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_django_uses_psycopg2():
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    assert not is_psycopg3
