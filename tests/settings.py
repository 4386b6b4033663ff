"""The product's settings with a fast password hash. What the environment holds comes from tests/services.py."""

from bmsxero.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
