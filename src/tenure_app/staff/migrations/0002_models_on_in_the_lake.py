from typing import Any

from django.conf import settings
from django.db import migrations

from tenure.errors import LakeError
from tenure.facts.lake import Lake


def move(apps: Any, schema_editor: Any) -> None:
    """Models that were switched on in the application are switched on in the lake, where commands read it, too."""
    row = apps.get_model("staff", "Preference").objects.filter(pk=1).first()
    if row is None or row.models_on is None:
        return
    try:
        lake = Lake.open(settings.TENURE_LAKE)
    except LakeError:
        return
    if lake.settings.models_on is None:
        lake.save_settings(models_on=tuple(row.models_on))


class Migration(migrations.Migration):
    dependencies = (("staff", "0001_initial"),)

    operations = (
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.RemoveField(model_name="preference", name="models_on"),
    )
