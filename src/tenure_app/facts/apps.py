"""Imports: files that become facts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenure_app.core.work.kinds import JobKind


class FactsConfig(AppConfig):
    name = "tenure_app.facts"
    label = "facts"
    job_kinds = (
        JobKind("import", _("Import"), "tenure_app.facts.work.run_import"),
        JobKind("demo", _("Demo data"), "tenure_app.facts.work.run_demo"),
    )
