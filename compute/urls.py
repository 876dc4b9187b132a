from django.urls import path

from compute import views
from compute.api import jobs

urlpatterns = [
    path("api/jobs/hardware", jobs.hardware),
    path("api/jobs/<str:namespace>", jobs.jobs),
    path("api/jobs/<str:namespace>/<str:job_id>", jobs.job),
    path("api/jobs/<str:namespace>/<str:job_id>/cancel", jobs.cancel),
    path("api/jobs/<str:namespace>/<str:job_id>/duplicate", jobs.duplicate),
    path("api/jobs/<str:namespace>/<str:job_id>/labels", jobs.labels),
    path("api/jobs/<str:namespace>/<str:job_id>/logs", jobs.logs, name="job_log_stream"),
    path("api/jobs/<str:namespace>/<str:job_id>/metrics", jobs.metrics),
    path("api/jobs/<str:namespace>/<str:job_id>/files", jobs.files),
    path("api/jobs/<str:namespace>/<str:job_id>/files/<path:path>", jobs.file),
    path("api/jobs/<str:namespace>/<str:job_id>/expose", jobs.expose),
    path("api/jobs/<path:rest>", jobs.nothing_here),
    path("api/scheduled-jobs/<path:rest>", jobs.scheduled),
    path("compute", views.overview, name="compute"),
    path("compute/jobs", views.jobs, name="jobs"),
    path("compute/compare", views.compare, name="compare_jobs"),
    path("jobs/<str:job_id>", views.job_by_id, name="job_by_id"),
    path("compute/allocations/<int:allocation_id>", views.allocation, name="allocation"),
    path(
        "compute/allocations/<int:allocation_id>/members/<str:username>/remove",
        views.allocation_take_off,
        name="allocation_take_off",
    ),
    path("jobs/<str:namespace>/<str:job_id>", views.job, name="job"),
    path("jobs/<str:namespace>/<str:job_id>/live", views.job_live, name="job_live"),
    path("jobs/<str:namespace>/<str:job_id>/log", views.job_log, name="job_log"),
    path("jobs/<str:namespace>/<str:job_id>/cancel", views.job_cancel, name="job_cancel"),
    path("jobs/<str:namespace>/<str:job_id>/rerun", views.job_rerun, name="job_rerun"),
    path("jobs/<str:namespace>/<str:job_id>/go-on", views.job_go_on, name="job_go_on"),
    path("jobs/<str:namespace>/<str:job_id>/delete-files", views.job_delete_files, name="job_delete_files"),
    path("jobs/<str:namespace>/<str:job_id>/files", views.job_files, name="job_files"),
    path("jobs/<str:namespace>/<str:job_id>/files/<path:path>", views.job_files, name="job_files"),
    path("jobs/<str:namespace>/<str:job_id>/samples/<int:number>", views.job_sample, name="job_sample"),
]
