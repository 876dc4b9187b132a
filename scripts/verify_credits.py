"""Check the sealed credits of a version without asking the site:

    python scripts/verify_credits.py credits.json jwks.json

`credits.json` is what /api/{kinds}/{owner}/{name}/credits answered, `jwks.json` is /.well-known/jwks.json.
Needs PyJWT and cryptography. Says what each seal states, and fails on the first that does not hold.
"""

import hashlib
import json
import sys
from pathlib import Path

import jwt


def check(answer: dict, keys: dict) -> list[str]:
    """One line per seal. Raises SystemExit for a seal that was altered, left out or signed by somebody else."""
    known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(keys).keys}
    previous, lines = "", []
    for sequence, seal in enumerate(answer["seals"], start=1):
        stated = seal["statement"]
        text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        key = known.get(jwt.get_unverified_header(seal["signature"]).get("kid"))
        if key is None:
            raise SystemExit(f"Seal {sequence} is signed by a key that is not among those given.")
        try:
            claims = jwt.decode(seal["signature"], key.key, algorithms=["EdDSA"])
        except jwt.InvalidTokenError as error:
            raise SystemExit(f"The signature of seal {sequence} does not verify: {error}.") from error
        expected = {
            "type": "wellspring.credits.v1",
            "sub": answer["version"]["key"],
            "sequence": sequence,
            "sha256": sha256,
        }
        if claims != expected or stated["version"] != answer["version"]["key"] or stated["sequence"] != sequence:
            raise SystemExit(f"Seal {sequence} does not state what was signed.")
        if stated["previous"] != previous:
            raise SystemExit(f"Seal {sequence} does not follow the one before it.")
        previous = sha256
        people = ", ".join(f"{one['user']} ({one['points']})" for one in stated["corrections"] or stated["credits"])
        lines.append(f"seal {sequence} holds: {people}")
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    for line in check(*(json.loads(Path(name).read_text()) for name in sys.argv[1:])):
        print(line)
