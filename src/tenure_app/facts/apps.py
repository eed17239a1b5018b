"""Imports: files that become facts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenure_app.core.work.kinds import Kind


class FactsConfig(AppConfig):
    name = "tenure_app.facts"
    label = "facts"
    job_kinds = (
        Kind("import", _("Import"), "tenure_app.facts.work.run_import"),
        Kind("demo", _("Demo data"), "tenure_app.facts.work.run_demo"),
    )
