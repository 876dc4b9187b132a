"""Objects: large files by content, whichever door they came through.

Nothing here knows Django. ``objects`` holds plain objects by sha256, ``uploads``
those that arrive in parts, ``xet`` the chunk-deduplicated store, ``signing`` the
links that open a door for a while.
"""
