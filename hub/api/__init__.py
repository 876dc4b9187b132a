"""The doors that Hub clients knock at. Wire facts: docs/reference/hub-api.md."""
