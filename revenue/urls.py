from django.urls import path

from revenue import api, views

urlpatterns = [
    path("books", views.books, name="books"),
    path("books/<slug:name>.md", views.share_rule, name="share_rule"),
    path("statements", views.statement_list, name="statement_list"),
    path("statements/<int:statement_id>", views.statement, name="statement"),
    path("statements/<int:statement_id>.json", views.statement_json, name="statement_json"),
    path("statements/<int:statement_id>.csv", views.statement_csv, name="statement_csv"),
    path("api/books", api.books, name="api_books"),
    path("api/books/blocks", api.blocks, name="api_blocks"),
    path("api/books/closings", api.closings, name="api_closings"),
    path("api/statements", api.statements, name="api_statements"),
    path("api/statements/<int:statement_id>", api.statement, name="api_statement"),
]
