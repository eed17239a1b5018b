from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("facts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="corrections",
            field=models.BooleanField(default=False),
        ),
    ]
