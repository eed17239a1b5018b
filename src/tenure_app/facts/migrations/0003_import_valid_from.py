from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("facts", "0002_import_corrections"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="valid_from",
            field=models.DateField(default=None, null=True),
        ),
    ]
