from inference.forms.albums import AddForm, AlbumForm
from inference.forms.comparisons import ComparisonForm
from inference.forms.history import GalleryForm, HistoryForm
from inference.forms.studio import StudioForm

__all__ = ["AddForm", "AlbumForm", "ComparisonForm", "GalleryForm", "HistoryForm", "StudioForm"]
