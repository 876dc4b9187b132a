"""Celery's doors into this room."""

from celery import shared_task

from inference.services import inputs, running, serving, sweeping


@shared_task(ignore_result=True)
def generate_picture(generation_id: str) -> None:
    """On the queue `inference`: many of these wait in threads of one process and share its engine.

    Delivered twice or late it does nothing: the row says who works on it.
    """
    serving.serve(generation_id)


@shared_task(ignore_result=True)
def reconcile_generations() -> None:
    """Beat calls it: nothing that was accepted stays behind when a worker or a message is lost."""
    running.reconcile()


@shared_task(ignore_result=True)
def sweep_inputs() -> None:
    """Beat calls it: images that nothing was made of are forgotten."""
    inputs.sweep()


@shared_task(ignore_result=True)
def sweep_files() -> None:
    """Beat calls it: files that no row names, and old copies, are deleted."""
    sweeping.sweep(delete=True)
