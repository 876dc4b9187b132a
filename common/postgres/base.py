"""Django's PostgreSQL, with a cheaper look at whether a kept connection still works (docs/decisions/113)."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """A server that has gone away closed the connection, which its socket tells at once. Where it tells
        anything, the server is asked as Django asks it."""
        if self.connection is None or self.connection.closed:
            return False
        silence = select.poll()
        silence.register(self.connection.fileno(), select.POLLIN)
        return not silence.poll(0) or bool(super().is_usable())
