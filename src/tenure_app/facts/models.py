"""Rows: imports that people started in the browser, and their files."""

from __future__ import annotations

from django.db import models

from tenure_app.core.models import Job


class Import(models.Model):
    """Some files brought together: first to be looked at, then read by a job."""

    DRAFT, STARTED = "draft", "started"

    table = models.CharField(max_length=40, default="orders")
    state = models.CharField(max_length=10, default=DRAFT)
    date_format = models.CharField(max_length=40, blank=True, default="")  # dmy or mdy where the files cannot tell
    corrections = models.BooleanField(default=False)  # whether rows may take the place of facts with their number
    valid_from = models.DateField(null=True, default=None)  # since when customer records hold; else since the import
    created_at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-id",)


class ImportFile(models.Model):
    """One uploaded file, how it was understood, and which of its columns is which field."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=500)
    bytes = models.BigIntegerField(default=0)
    looked = models.JSONField(default=dict)  # how it is laid out, its first rows, the guessed columns
    mapping = models.JSONField(default=dict)  # field -> column
    trouble = models.JSONField(default=dict)  # why it cannot be read: {"template": …, "data": …}

    class Meta:
        ordering = ("id",)
