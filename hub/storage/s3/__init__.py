"""Objects on an S3-compatible server (docs/decisions/061).

``bucket`` speaks the protocol, ``objects``, ``records`` and ``uploads`` are the stores
on it. Bytes go straight between clients and the server by signed links; what a client
put there counts for nothing until its sha256 was verified here.
"""
