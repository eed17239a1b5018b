"""What a password has to be."""

from __future__ import annotations

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import gettext


class LengthValidator(MinimumLengthValidator):
    """Django's, with a message of this application: Django's own has no Chinese."""

    def get_error_message(self) -> str:
        return gettext("The password needs at least %(count)d characters.") % {"count": self.min_length}
