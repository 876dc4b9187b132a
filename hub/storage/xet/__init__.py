"""Xet: files as lists of content-defined chunks, chunks stored once in xorbs.

Specification: https://huggingface.co/docs/xet. A *chunk* is 8-128 KiB of a file, a
*xorb* up to 64 MiB of compressed chunks, a *term* a run of chunks of one xorb, a
*file* a list of terms, a *shard* the message that registers files.
"""
