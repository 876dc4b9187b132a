"""How to cite a repository, as files."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from hub.algorithms import citations
from hub.selectors.citing import work_of
from hub.views.frame import default_revision, find

FORMS = {
    "bib": (citations.bibtex, "application/x-bibtex"),
    "cff": (citations.cff, "application/yaml"),
}


@require_safe
def cite(request: HttpRequest, prefix: str, namespace: str, name: str, form: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    write, content_type = FORMS[form]
    text = write(work_of(request.principal, default_revision(repository)))
    ending = "bib" if form == "bib" else "CITATION.cff"
    return HttpResponse(
        text,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{repository.name}.{ending}"'},
    )
