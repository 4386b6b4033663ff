"""Apps, consents, tokens and connections."""

from __future__ import annotations

import uuid

from django.db import models

from xero_simulator import clock
from xero_simulator.models.organisations import Organisation


class App(models.Model):
    """An app registered with Xero's developer site."""

    client_id = models.CharField(max_length=64, unique=True)
    client_secret = models.CharField(max_length=128)
    name = models.CharField(max_length=100)
    redirect_uris = models.JSONField(default=list)  # compared character for character
    created = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """What one user has allowed one app so far: scopes add up until they are revoked."""

    app = models.ForeignKey(App, models.CASCADE)
    user_id = models.UUIDField()
    scopes = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "user_id"], name="one_consent_per_user")]

    def __str__(self) -> str:
        return f"{self.app}: {' '.join(self.scopes)}"


class AuthorisationCode(models.Model):
    code = models.CharField(max_length=64, unique=True)
    app = models.ForeignKey(App, models.CASCADE)
    user_id = models.UUIDField()
    authentication_event_id = models.UUIDField()
    redirect_uri = models.TextField()
    scopes = models.JSONField()
    code_challenge = models.CharField(max_length=128, blank=True)
    nonce = models.TextField(blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.code[:6]


class Token(models.Model):
    token = models.CharField(max_length=1024, unique=True)
    app = models.ForeignKey(App, models.CASCADE)
    user_id = models.UUIDField()
    authentication_event_id = models.UUIDField()
    scopes = models.JSONField()
    expires_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.token[:6]}…"


class AccessToken(Token):
    revoked = models.BooleanField(default=False)  # only the control API does this


class RefreshToken(Token):
    # A replaced token keeps working for a grace period, so that a lost answer doesn't cost the connection.
    replaced_at = models.DateTimeField(null=True)


class Connection(models.Model):
    """One organisation that one user has let one app into."""

    connection_id = models.UUIDField(default=uuid.uuid4, unique=True)
    app = models.ForeignKey(App, models.CASCADE)
    user_id = models.UUIDField()
    organisation = models.ForeignKey(Organisation, models.CASCADE)
    authentication_event_id = models.UUIDField()
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["app", "user_id", "organisation"], name="one_connection_per_organisation")
        ]

    def __str__(self) -> str:
        return f"{self.app} → {self.organisation}"
