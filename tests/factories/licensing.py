"""Repositories with versions, offers, quotes and orders for tests, made through the services."""

import json

from accounts.models import User
from accounts.principal import Principal
from accounts.services import organisations, people
from hub.git.commits import AddPointer
from hub.models import LargeObject, Repository, RepositoryObject
from hub.services import commits, versions
from licensing.enums import RevenueBand, Use
from licensing.models import Offer, Order, Quote
from licensing.services import checkout, offers, quotes
from tests.factories import hub as hub_make

TERMS = "The holder may use the model in business for the term, within the number of seats.\n"
EUR = 1_000_000


def person(name: str, **facts) -> User:
    return User.objects.filter(username=name).first() or people.sign_up(name, password=None, **facts)


def company(name: str = "acme", *, admin: str = "buyer") -> Principal:
    """An organisation; its administrator as a principal."""
    by = Principal(user=person(admin, email=f"{admin}@example.org"))
    organisations.create_organisation(name, by=by)
    return by


def namespace_of(name: str):
    from accounts.selectors import namespace_named

    return namespace_named(name)


def product(
    owner: User | None = None, name: str = "shapes", *, kind: str = "model", licence: str = "apache-2.0", parents=()
) -> Repository:
    """A repository with a version that a job published; `parents` are (repository, kind of descent)."""
    owner = owner or person("researcher")
    repository = hub_make.repository(owner, name, kind=kind)
    sha256 = f"{repository.pk:064x}"
    held, _new = LargeObject.objects.get_or_create(sha256=sha256, defaults={"size": 10, "is_plain": True})
    RepositoryObject.objects.get_or_create(repository=repository, object=held)
    models = [one for one in parents if one[0].kind == "model"]
    claims = {
        "datasets": [{"id": one.full_name, "revision": one.head} for one, _kind in parents if one.kind == "dataset"],
        "base_models": [{"id": one.full_name, "revision": one.head, "kind": descent} for one, descent in models],
    }
    card = f"---\nlicense: {licence}\n---\n# {name}\n" if licence else f"# {name}\n"
    operations = [
        AddPointer("model.safetensors", sha256, 10),
        commits.AddBytes("wellspring.json", json.dumps(claims).encode()),
        commits.AddBytes("README.md", card.encode()),
    ]
    made = commits.commit(repository, operations, by=Principal(user=owner), message="Publish")
    versions.record_version(repository, made.oid, user=owner, job=f"job:{repository.pk}")
    repository.refresh_from_db()
    return repository


def conditions(**changes) -> offers.Conditions:
    return offers.Conditions(**({"price": 100 * EUR, "currency": "eur", "seats": 10} | changes))


def offer(repository: Repository | None = None, *, terms: str = TERMS, add_required_text=False, **changes) -> Offer:
    repository = repository or product()
    return offers.create_offer(
        repository,
        title="Commercial use",
        terms_text=terms,
        conditions=conditions(**changes),
        add_required_text=add_required_text,
        by=Principal(user=repository.namespace.user),
    )


def answers(**changes) -> quotes.Answers:
    given = {"revenue_band": RevenueBand.UNDER_1M, "seats": 3, "use": Use.PRODUCT, "country": "DE"}
    return quotes.Answers(**(given | changes))


def quote(of: Offer | None = None, *, by: Principal | None = None, holder: str = "acme", **changes) -> Quote:
    of = of or offer()
    by = by or company(holder)
    return quotes.make_quote(of, holder=namespace_of(holder), answers=answers(**changes), by=by)


def accepted(of: Offer | None = None, **changes) -> Quote:
    made = quote(of, **changes)
    by = Principal(user=made.requested_by)
    quotes.accept_terms(made, terms_sha256=made.terms_sha256, authority=True, by=by, ip="127.0.0.1", user_agent="test")
    return Quote.objects.get(pk=made.pk)


def order(of: Offer | None = None, **changes) -> Order:
    """An order that waits to be paid at the stand-in (fixture `shop`)."""
    made = accepted(of, **changes)
    return checkout.start_checkout(made, by=Principal(user=made.requested_by))
