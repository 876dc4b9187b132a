from inference.models.albums import Album, AlbumPicture, PictureLike, Remix
from inference.models.comparisons import Comparison, ComparisonCell
from inference.models.generations import Generation, GenerationFinder, GenerationLora, InputImage, Picture
from inference.models.safety import AgeStatement, SafetyPolicy

__all__ = [
    "AgeStatement",
    "Album",
    "AlbumPicture",
    "Comparison",
    "ComparisonCell",
    "Generation",
    "GenerationFinder",
    "GenerationLora",
    "InputImage",
    "Picture",
    "PictureLike",
    "Remix",
    "SafetyPolicy",
]
