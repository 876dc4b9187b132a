"""What the client's tests expect on a hub: a person in an organisation, another person, an
administrator of an organisation whose repositories are private by default, and a model that
generates text, which the client asks the hub for when nobody named one."""

from dataclasses import dataclass

from huggingface_hub import HfApi

from config.supervisor import Site


@dataclass(frozen=True)
class Person:
    name: str
    token: str


@dataclass(frozen=True)
class People:
    user: Person
    other: Person
    enterprise: Person


ORGANISATION = "valid_org_hub"
PRIVATE_ORGANISATION = "EnterpriseOrgPrivate"
FULL_NAME = "Dummy User"


def seed(site: Site) -> People:
    user = _person(site, "ada", "--full-name", FULL_NAME, "--org", ORGANISATION)
    other = _person(site, "bob")
    enterprise = _person(site, "carol", "--org", PRIVATE_ORGANISATION)
    site.manage("set_organisation", PRIVATE_ORGANISATION, "--private-by-default", "yes")
    site.manage("shell", "-c", _FACTS)
    _publish_a_model(site, other)
    return People(user, other, enterprise)


_FACTS = f"""
from accounts.models import Organisation
Organisation.objects.filter(name="{ORGANISATION}").update(full_name="Dummy Hub Org")
"""


def _person(site: Site, name: str, *more: str) -> Person:
    token = site.manage("create_user", name, "--email", f"{name}@example.org", "--token", *more)
    return Person(name, token.split()[-1])


def _publish_a_model(site: Site, owner: Person) -> None:
    api = HfApi(endpoint=site.base_url, token=owner.token)
    name = api.create_repo(f"{owner.name}/writer").repo_id
    card = b"---\npipeline_tag: text-generation\nlicense: mit\n---\n# Writer\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=name)
