"""What is known about licences, as data: one entry per licence, never one per pair.

Read from the licences' own texts by the developers. NOT LEGAL ADVICE: every line is to be reviewed by a
lawyer before a deployment relies on it (`REVIEW` says so on the pages). Ids are those of model cards
(hub.algorithms.licences) and, for lookup, the SPDX and LicenseRef ids of `license-expression`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from license_expression import ExpressionError, get_spdx_licensing

from hub.algorithms.licences import LICENCES as CARD_IDS

REVIEW = "2026-11: read by the developers, not reviewed by a lawyer. This is not legal advice."

# How a work came out of another one (hub.enums.EdgeKind), by how far licences follow.
COPIES = frozenset({"copy", "finetune", "adapter", "merge", "quantized"})
MODELS = COPIES | {"distilled"}
EVERYTHING = MODELS | {"dataset"}


class Commercial(StrEnum):
    """May it be used in business?"""

    YES = "yes"
    CONDITIONS = "conditions"  # yes, up to a size of company or with duties that the text names
    NO = "no"
    UNKNOWN = "unknown"


class Duty(StrEnum):
    """What flows down to whoever gets a work that contains this one."""

    NOTHING = "nothing"
    NOTICE = "notice"  # name it, keep its notices
    RESTRICTIONS = "restrictions"  # its use restrictions as an enforceable clause
    AGREEMENT = "agreement"  # a copy of the whole agreement and its policies
    SHARE_ALIKE = "share_alike"  # the same licence and no further conditions
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licence:
    """Facts about one licence.

    `reach`: the kinds of descent its duties follow. `data_settled`: whether training on data
    under it is known not to carry more than notices. `maker_only`: only its maker may sell commercial
    rights. `bound`: a card that carries it tells of an upstream work even without recorded lineage.
    """

    id: str
    name: str
    spdx: str
    commercial: Commercial
    duty: Duty
    reach: frozenset[str]
    outputs: Commercial = Commercial.YES
    changes: bool = True
    maker_only: bool = False
    bound: bool = False
    data_settled: bool = True
    remark: str = ""
    review: str = REVIEW

    @property
    def is_known(self) -> bool:
        return self.commercial != Commercial.UNKNOWN


def _entry(
    ids: str, commercial: Commercial, duty: Duty, reach: frozenset[str], **more: object
) -> list[tuple[str, Licence]]:
    """One fact for several ids, written `id=SPDX id` where the two differ in more than case."""
    entries = []
    for word in ids.split():
        card_id, _equals, spdx = word.partition("=")
        licence = Licence(card_id, card_id, spdx or _spdx_of(card_id), commercial, duty, reach)
        entries.append((card_id, replace(licence, **more)))  # type: ignore[arg-type]
    return entries


def _spdx_of(card_id: str) -> str:
    """The SPDX spelling of a card id, empty when SPDX has none under that name."""
    return _SPELLINGS.get(card_id, "")


_SPDX = get_spdx_licensing()
_SPELLINGS = {key.lower(): key for key in _SPDX.known_symbols}
_YES, _NO, _SOME, _UNKNOWN = Commercial.YES, Commercial.NO, Commercial.CONDITIONS, Commercial.UNKNOWN
_REF = "LicenseRef-scancode-"

FACTS: dict[str, Licence] = dict(
    [
        *_entry("cc0-1.0 pddl=PDDL-1.0 unlicense wtfpl", _YES, Duty.NOTHING, frozenset()),
        *_entry(
            "apache-2.0 mit afl-3.0 bsl-1.0 bsd=BSD-3-Clause bsd-2-clause bsd-3-clause bsd-3-clause-clear ecl-2.0 isc "
            f"ncsa postgresql zlib ms-pl artistic-2.0 ofl-1.1 apple-ascl={_REF}apple-sscl "
            f"openmdw-1.0={_REF}openmdw-1.0",
            _YES,
            Duty.NOTICE,
            COPIES,
        ),
        *_entry(
            "cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cdla-permissive-1.0 cdla-permissive-2.0 etalab-2.0 "
            "odc-by=ODC-By-1.0",
            _YES,
            Duty.NOTICE,
            EVERYTHING,
        ),
        *_entry(
            "agpl-3.0=AGPL-3.0-only gpl=GPL-3.0-only gpl-2.0=GPL-2.0-only gpl-3.0=GPL-3.0-only gfdl=GFDL-1.3-only "
            "osl-3.0 cc-by-sa-3.0 cc-by-sa-4.0 cdla-sharing-1.0 odbl=ODbL-1.0 eupl-1.1 eupl-1.2",
            _YES,
            Duty.SHARE_ALIKE,
            EVERYTHING,
            data_settled=False,
        ),
        *_entry(
            "lgpl=LGPL-3.0-only lgpl-2.1=LGPL-2.1-only lgpl-3.0=LGPL-3.0-only lgpl-lr=LGPLLR mpl-2.0 epl-1.0 epl-2.0 "
            "lppl-1.3c",
            _YES,
            Duty.SHARE_ALIKE,
            COPIES,
            data_settled=False,
            remark="Covers its own files; what that means for weights is not settled.",
        ),
        *_entry(
            "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
            "fair-noncommercial-research-license intel-research h-research apple-amlr",
            _NO,
            Duty.NOTICE,
            EVERYTHING,
            outputs=_NO,
        ),
        *_entry("cc-by-nd-4.0", _YES, Duty.NOTICE, EVERYTHING, changes=False, data_settled=False),
        *_entry("cc-by-nc-nd-3.0 cc-by-nc-nd-4.0", _NO, Duty.NOTICE, EVERYTHING, changes=False, outputs=_NO),
        *_entry(
            "c-uda=C-UDA-1.0",
            _SOME,
            Duty.NOTICE,
            EVERYTHING,
            remark="Data for computational use only; results of that use are free.",
        ),
        *_entry(
            f"creativeml-openrail-m={_REF}stable-diffusion-2022-08-22 openrail openrail++ "
            f"bigscience-openrail-m={_REF}bigscience-open-rail-m bigcode-openrail-m={_REF}bigcode-open-rail-m-v1 "
            f"bigscience-bloom-rail-1.0={_REF}bigscience-rail-1.0",
            _YES,
            Duty.RESTRICTIONS,
            EVERYTHING,
            bound=True,
            remark="Commercial use is allowed; the listed harmful uses are not, for anybody down the line.",
        ),
        *_entry(
            f"llama2={_REF}llama-2-license-2023 llama3 llama3.1={_REF}llama-3.1-license-2024 "
            f"llama3.2={_REF}llama-3.2-license-2024 llama3.3={_REF}llama-3.3-license-2024 "
            f"llama4={_REF}llama-4-license-2025",
            _SOME,
            Duty.AGREEMENT,
            EVERYTHING,
            bound=True,
            remark="Above 700 million monthly users its maker must be asked. “Built with Llama” has to be shown.",
        ),
        *_entry(
            f"gemma={_REF}gemma-tou-2024-04-01",
            _SOME,
            Duty.AGREEMENT,
            EVERYTHING,
            bound=True,
            remark="The prohibited uses have to be an enforceable clause.",
        ),
        *_entry(
            f"stability-ai-community={_REF}stability-ai-community-2024 grok2-community",
            _SOME,
            Duty.AGREEMENT,
            MODELS,
            maker_only=True,
            bound=True,
            remark="Free below one million US dollars of yearly revenue; others need a licence from its maker.",
        ),
        *_entry(
            f"flux-1-dev-non-commercial-license={_REF}flux-1-nc stability-ai-nc={_REF}stability-ai-nc-2023-12-06 "
            "deepfloyd-if-license",
            _NO,
            Duty.AGREEMENT,
            MODELS,
            maker_only=True,
            bound=True,
            remark="Weights are for non-commercial use; commercial rights come from the maker directly.",
        ),
        *_entry("cc unknown other", _UNKNOWN, Duty.UNKNOWN, EVERYTHING, outputs=_UNKNOWN),
    ]
)
NOT_KNOWN = FACTS["unknown"]
_BY_SPDX = {licence.spdx.lower(): licence for licence in reversed(FACTS.values()) if licence.spdx}
_LACKING = set(CARD_IDS) - set(FACTS)
if _LACKING:
    raise AssertionError(f"Licences without facts: {sorted(_LACKING)}")


@lru_cache(maxsize=1000)
def facts_of(identifier: str) -> Licence:
    """Facts by card id, SPDX id or a plain SPDX expression of one licence; `NOT_KNOWN` for anything else."""
    name = identifier.strip().lower()
    if found := FACTS.get(name) or _BY_SPDX.get(name):
        return found
    try:
        keys = _SPDX.license_keys(identifier, unique=True)
    except (ExpressionError, AttributeError, TypeError):
        return NOT_KNOWN
    return _BY_SPDX.get(keys[0].lower(), NOT_KNOWN) if len(keys) == 1 else NOT_KNOWN
