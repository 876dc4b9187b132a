from django.urls import path

from inference import views
from inference.api import hub_inference, native, openai, stability

urlpatterns = [
    path("studio", views.studio, name="studio"),
    path("studio/cost", views.studio_cost, name="studio_cost"),
    path("gallery", views.gallery, name="gallery"),
    path("generations/<str:generation_id>", views.generation_page, name="generation"),
    path("generations/<str:generation_id>/progress", views.generation_progress, name="generation_progress"),
    path("generations/<str:generation_id>/preview.png", views.preview_file, name="generation_preview"),
    path("generations/<str:generation_id>/cancel", views.generation_cancel, name="generation_cancel"),
    path("generations/<str:generation_id>/again", views.generation_again, name="generation_again"),
    path("generations/<str:generation_id>/<int:position>.png", views.picture_file, name="picture"),
    path("generations/<str:generation_id>/<int:position>/show", views.picture_show, name="picture_show"),
    path("api/generations", native.generation_list, name="api_generations"),
    path("api/generations/prices", native.prices, name="api_generation_prices"),
    path("api/generations/inputs", native.input_list, name="api_generation_inputs"),
    path("api/generations/inputs/<str:key>", native.input_file, name="api_generation_input"),
    path("api/generations/<str:generation_id>", native.generation_detail, name="api_generation"),
    path("api/generations/<str:generation_id>/cancel", native.generation_cancel, name="api_generation_cancel"),
    path("api/generations/<str:generation_id>/events", native.generation_events, name="api_generation_events"),
    path("v1/images/generations", openai.images_generations, name="openai_images_generations"),
    path("v1/images/edits", openai.images_edits, name="openai_images_edits"),
    path("v1/models", openai.models, name="openai_models"),
    path("v1/models/<path:name>", openai.model, name="openai_model"),
    path("v2beta/stable-image/generate/<str:kind>", stability.generate, name="stability_generate"),
    path("v2beta/stable-image/edit/<str:kind>", stability.edit, name="stability_edit"),
    path("inference/<str:namespace>/<str:name>", hub_inference.ask, name="hub_inference"),
    path("inference/<str:namespace>/<str:name>/health", hub_inference.health, name="hub_inference_health"),
    path("inference/<str:namespace>/<str:name>/info", hub_inference.info, name="hub_inference_info"),
]
