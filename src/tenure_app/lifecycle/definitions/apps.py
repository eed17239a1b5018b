"""The life-cycle models that people change, their versions and previews."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenure_app.core.work.kinds import JobKind


class DefinitionsConfig(AppConfig):
    name = "tenure_app.lifecycle.definitions"
    label = "definitions"
    job_kinds = (
        JobKind("refresh", _("Refresh"), "tenure_app.lifecycle.definitions.actions.run_refresh"),
        JobKind("choice", _("Choice of models"), "tenure_app.lifecycle.definitions.actions.run_choice"),
        JobKind("preview", _("Preview"), "tenure_app.lifecycle.definitions.previews.run_preview"),
    )
