"""The diffusion engine: loads pipelines, and lets many requests share one denoiser call.

Knows nothing of Django. It reaches models as any user does, through `huggingface_hub`.
Importing this package is cheap; torch comes with `inference.engine.engine`.
"""
