"""Wellspring's own stand-in for Stripe: a separate process, on this machine only, no money moves.

`python -m licensing.standin --help` starts it; `docs/reference/stripe-standin.md` says how it
behaves and what it does not imitate. It imports no Django and refuses to start in production.
"""
