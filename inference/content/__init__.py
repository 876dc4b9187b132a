"""Content credentials (C2PA): certificates, manifests, and looking into pictures that strangers bring.

Knows nothing of Django. Importing this package is cheap: the library comes with the first picture that is signed
or looked at, in the engine's process or in one that ends after one picture.
"""
