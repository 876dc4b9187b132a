#!/usr/bin/env python3
"""Check a licence certificate without asking anybody: pip install pyjwt cryptography

    verify_certificate.py certificate.jws --keys jwks.json [--revocations revocations.json] [--seq N]

Keys come from /.well-known/jwks.json of the site that issued it, the list of revoked certificates from
/revocations. Exit status: 0 valid, 1 not valid (the reason is printed), 2 wrong call. `--seq` is the number
of the newest list you have seen: an older one is refused, so nobody can show you a stale list.
"""

import argparse
import json
import sys
from pathlib import Path

import jwt


def verified(token: str, keys: jwt.PyJWKSet) -> dict:
    """The claims; the algorithm is fixed here and never read from the token."""
    key = keys[jwt.get_unverified_header(token).get("kid", "")]
    return jwt.decode(token, key.key, algorithms=["EdDSA"], options={"require": ["exp", "iat", "iss"]})


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a licence certificate offline.")
    parser.add_argument("certificate", type=Path)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--revocations", type=Path)
    parser.add_argument("--seq", type=int, default=0)
    options = parser.parse_args()
    keys = jwt.PyJWKSet.from_dict(json.loads(options.keys.read_text()))
    try:
        claims = verified(options.certificate.read_text().strip(), keys)
        licence = claims["lic"]
        if options.revocations:
            revoked = verified(json.loads(options.revocations.read_text())["jws"], keys)
            if revoked["typ"] != "revocations" or revoked["iss"] != claims["iss"] or revoked["seq"] < options.seq:
                raise ValueError("the revocation list is of another site, or older than one you have seen")
            if claims["jti"] in {line["jti"] for line in revoked["revoked"]}:
                raise ValueError("the certificate was revoked")
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        print(f"NOT VALID: {error}")
        return 1
    print(json.dumps({"holder": claims["sub"], "issuer": claims["iss"], "expires": claims["exp"], **licence}, indent=2))
    print("VALID" if options.revocations else "VALID (not checked against the revocation list)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
