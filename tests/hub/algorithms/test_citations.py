import yaml

from hub.algorithms import citations
from hub.algorithms.citations import Author, Work

KNOWN = Work(
    title="shapes",
    authors=(Author("Ada Lovelace", orcid="0000-0002-1825-0097"),),
    year="2026",
    date="2026-11-26",
    url="https://hub.example/ada/shapes",
    version="3",
    commit="c" * 40,
    key="ada:shapes",
)
CFF = """
cff-version: 1.2.0
title: "Shapes & colours"
authors:
  - family-names: Lovelace
    given-names: Ada Augusta
    orcid: https://orcid.org/0000-0002-1825-0097
  - name: The lab
date-released: 2025-03-01
doi: 10.5281/zenodo.1
version: "1.0"
"""


def test_what_is_known_is_enough():
    assert citations.bibtex(KNOWN).startswith("@misc{ada:shapes,\n  title = {{shapes}},\n  author = {{Ada Lovelace}},")
    assert (
        citations.apa(KNOWN) == "Ada Lovelace. (2026). shapes (3) [Model]. Wellspring. https://hub.example/ada/shapes"
    )
    read = yaml.safe_load(citations.cff(KNOWN))
    assert read["authors"] == [{"family-names": "Ada Lovelace", "orcid": "https://orcid.org/0000-0002-1825-0097"}]
    assert (read["type"], read["commit"], read["version"]) == ("software", "c" * 40, "3")


def test_the_file_of_the_authors_comes_first():
    work = citations.of_cff(CFF, KNOWN)
    assert work.authors == (Author("Lovelace", "Ada Augusta", "0000-0002-1825-0097"), Author("The lab"))
    assert citations.apa(work) == (
        "Lovelace, A. A., & The lab. (2025). Shapes & colours (1.0) [Model]. Wellspring. "
        "https://doi.org/10.5281/zenodo.1"
    )
    assert "title = {{Shapes \\& colours}}" in citations.bibtex(work)
    assert "author = {Lovelace, Ada Augusta and {The lab}}" in citations.bibtex(work)
    assert citations.of_cff(citations.cff(work), KNOWN) == work


def test_a_broken_file_says_nothing():
    assert citations.of_cff("a: [", KNOWN) is None
    assert citations.of_cff("- a", KNOWN) is None
    assert citations.of_cff("title: 3\nauthors: nobody", KNOWN).authors == KNOWN.authors


def test_nothing_breaks_out_of_the_page():
    text = citations.schema_org(Work("</script><b>", (Author('"'),), "2026", "u"), {})
    assert "<" not in text
    assert '"name": "\\u003c/script\\u003e' in text
