"""Rows: the life-cycle models that people wrote or changed, every version of them, and previews.

A built-in model that nobody changed has no row. Versions are only ever added: who wants an old one back writes it
again as a new version.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from tenure_app.core.models import Job


class ModelDefinition(models.Model):
    """One life-cycle model that is no longer, or never was, as shipped."""

    id = models.CharField(max_length=80, primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, default=None)

    def __str__(self) -> str:
        return self.id


class ModelVersion(models.Model):
    """One state of a model's text. The newest is in force. Rows are added, never changed or deleted."""

    WRITTEN, COPIED, UPLOADED = "written", "copied", "uploaded"
    RESTORED, SHIPPED, FOLDER = "restored", "shipped", "folder"

    definition = models.ForeignKey(ModelDefinition, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    content_hash = models.CharField(max_length=64)
    origin = models.CharField(max_length=10, default=WRITTEN)
    note = models.CharField(max_length=300, blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=("definition", "number"), name="one_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.definition_id} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A version is never changed. Write a new one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{self} is never deleted.")


class ModelPreview(models.Model):
    """What saving a text would do to the customers, and who has seen it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    model_id = models.CharField(max_length=80)
    text = models.TextField()
    text_hash = models.CharField(max_length=64, db_index=True)
    base_hash = models.CharField(max_length=64, blank=True, default="")  # of the text in force it was compared with
    facts = models.CharField(max_length=64, default="")  # which state of the lake it looked at
    as_of = models.DateField()
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    result = models.JSONField(null=True, default=None)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, default=None)

    class Meta:
        ordering = ("-id",)
