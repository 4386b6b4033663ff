"""The client id and secret of the app at Xero, as an admin pastes them."""

from __future__ import annotations

import re
from typing import Any

from django import forms

#: Client ids at Xero are 32 hexadecimal digits; secrets are longer and mixed.
_LIKE_AN_ID = re.compile(r"[0-9A-Fa-f]{32}")
_PLAIN = re.compile(r"[!-~]*")
SWAPPED = "This looks like the client id, and the one above like the secret: were they swapped?"
ODD = "There is a space or an unusual character in it. Copy it again, whole and alone."


class AppForm(forms.Form):
    """Spaces around are cut off. The secret is never shown again; left blank, the one that is kept stays."""

    client_id = forms.CharField(label="Client id", max_length=100)
    client_secret = forms.CharField(
        label="Client secret",
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, kept_for: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_for = kept_for
        self.fields["client_id"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        if kept_for:
            self.fields["client_secret"].help_text = "One is kept. Leave it blank to keep it."

    def clean_client_id(self) -> str:
        return _plain(self.cleaned_data["client_id"])

    def clean_client_secret(self) -> str:
        return _plain(self.cleaned_data["client_secret"])

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        client_id, secret = found.get("client_id", ""), found.get("client_secret", "")
        if _LIKE_AN_ID.fullmatch(secret) and not _LIKE_AN_ID.fullmatch(client_id):
            self.add_error("client_secret", SWAPPED)
        elif not secret and client_id and client_id != self.kept_for and "client_secret" not in self.errors:
            self.add_error("client_secret", "Enter the secret that goes with this client id.")
        return found


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise forms.ValidationError(ODD)
    return text
