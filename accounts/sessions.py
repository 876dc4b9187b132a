"""Django's sessions in the database and its way of knowing a person, with SQL that is composed once.

Every request of somebody who is logged in asks both questions; composing them anew cost more than the answers.
"""

from datetime import datetime

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User
from common.compiled import Compiled

_working = Compiled(lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), str, datetime)
_person = Compiled(lambda pk: User.objects.filter(pk=pk), int)


class SessionStore(db.SessionStore):
    """What `SESSION_ENGINE` names."""

    def _get_session_from_db(self) -> Session | None:
        found = next(iter(_working(self.session_key or "", timezone.now())), None)
        if found is None:
            self._session_key = None
        return found


class PeopleBackend(ModelBackend):
    """What `AUTHENTICATION_BACKENDS` names."""

    def get_user(self, user_id: int) -> User | None:
        found = next(iter(_person(user_id)), None)
        return found if found is not None and self.user_can_authenticate(found) else None
