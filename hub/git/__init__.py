"""Real bare git repositories: the only place that touches them on disk.

Nothing here knows Django. Functions take an opened repository
(``repositories.open_repository``) and raise ``hub.git.errors``.
"""
