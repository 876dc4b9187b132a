"""Looking into data files that strangers wrote, in a process that can do nothing else.

Nothing here knows Django. ``asking`` is the near side: it starts the reader, hands it bytes by
range and stops it. Everything else runs in the reader, below the walls that ``cage`` builds: no
file, no network, no other process, bounded memory and time.
"""
