"""What all forms of the application look like."""

from __future__ import annotations

from django import forms


class Styled(forms.Form):
    """A form whose fields look like the frame's."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            look = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
            field.widget.attrs["class"] = look
