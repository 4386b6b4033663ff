"""Every setting, by topic. What may differ between installations comes from the environment (or .env)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured


class _Environment(environ.FileAwareMapping):  # type: ignore[misc]  # django-environ has no types
    """The environment, where NAME_FILE may stand for NAME: the file holds the value, its last line break apart."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


env = environ.Env()
env.ENVIRON = _Environment()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
if (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")

# --- This installation -------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
SECRET_KEY = env.str("SECRET_KEY", default="only-for-trying-out-" * 3 if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Set it in the environment, or DEBUG=1 to try the product out.")
# This machine itself asks for its health by the name of localhost
_HERE = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [urlsplit(SITE_URL).hostname, *_HERE])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Applications ------------------------------------------------------------------------------------

XERO_CLIENT_ID = env.str("XERO_CLIENT_ID", default="")
XERO_CLIENT_SECRET = env.str("XERO_CLIENT_SECRET", default="")
# The simulated Xero is there to try the product out, and gone as soon as there is a real one.
SIMULATOR = DEBUG and not XERO_CLIENT_ID

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "simple_history",
    "crm",
    "finance",
    "xero_sync",
    *(["xero_simulator"] if SIMULATOR else []),
]
MIDDLEWARE = [
    "bmsxero.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "bmsxero.compression.PageCompression",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    *(["bmsxero.simulator_gate.SimulatorGate"] if SIMULATOR else []),
]
AUTHENTICATION_BACKENDS = ["bmsxero.sign_in.Backend"]
ROOT_URLCONF = "bmsxero.urls"
WSGI_APPLICATION = "bmsxero.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "bmsxero.context.site",
            ],
            "builtins": ["bmsxero.templatetags.bms"],
        },
    },
]

# --- Databases ---------------------------------------------------------------------------------------


def _database(name: str, default: Path) -> dict[str, object]:
    """Return Django's settings for the URL in the environment variable `name`; SQLite at `default` if unset."""
    config: dict[str, object] = dict(env.db(name, default=f"sqlite:///{default}"))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        VAR.mkdir(exist_ok=True)
        # Measured: with deferred transactions half the writers of two processes fail at once with
        # "database is locked"; with IMMEDIATE they queue. FULL, because a committed intent must survive.
        # 16 MB of cache: in SQLite's own 2 MB a list of a hundred thousand records reads most pages many times.
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA cache_size=-16384;",
        }
        # A file, since threads that share an in-memory database lock each other out.
        config["TEST"] = {"NAME": str(VAR / f"test-{default.name}")}
    else:
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
        config["OPTIONS"] = {
            "connect_timeout": 5,
            # A worker that is frozen with a row locked must not hold up pages and the other workers. Renewing a
            # token, the longest that a row stays locked, takes thirteen seconds at most. Compiling a statement takes
            # PostgreSQL up to a second here, and saves none.
            "options": "-c idle_in_transaction_session_timeout=60s -c lock_timeout=20s -c jit=off",
            **dict(config.get("OPTIONS") or {}),  # type: ignore[call-overload]
        }
    return config


DATABASES = {"default": _database("DATABASE_URL", VAR / "bms.sqlite3")}
if SIMULATOR:
    DATABASES["simulator"] = _database("SIMULATOR_DATABASE_URL", VAR / "simulator.sqlite3")
    DATABASE_ROUTERS = ["xero_simulator.router.SimulatorRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Worker ------------------------------------------------------------------------------------------
# The rows of the database are the queue of record; Celery only rings the bell. Without a broker of its
# own the product brings one that lives in the process (see bmsxero/localbroker.py).

EMBEDDED_BROKER = "inproc://localhost/"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=EMBEDDED_BROKER) or EMBEDDED_BROKER
CELERY_TASK_IGNORE_RESULT = True
# A message is done with once it has come: the sweep finds what a dead worker left, sooner than Redis would ring again,
# and a worker that had one unacknowledged would end where Redis goes.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 90
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", default="bms")
if CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 900,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # A page that enqueues must never hang on a silent Redis.
        "socket_connect_timeout": 0.5,
        "socket_timeout": 1,
        "max_retries": 0,
    }
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=30)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "xero_sync.tasks.sweep", "schedule": SWEEP_SECONDS},
    "watch": {"task": "xero_sync.tasks.watch", "schedule": 60},
    "forget old": {"task": "xero_sync.tasks.forget_old", "schedule": crontab(hour=3, minute=17)},
}

# --- Xero --------------------------------------------------------------------------------------------

_SIM = f"{SITE_URL}/sim/xero"


#: Where Xero is once real credentials have been saved at Setup: see xero_sync/credentials.py.
XERO_REAL: dict[str, str] = {}


def _xero(name: str, simulated: str, real: str) -> str:
    XERO_REAL[name] = str(env.str(name, default=real)).rstrip("/")
    return str(env.str(name, default=simulated if SIMULATOR else real))


if SIMULATOR:
    XERO_CLIENT_ID, XERO_CLIENT_SECRET = "simulated-client-id", "simulated-client-secret"
XERO_AUTHORIZE_URL = _xero(
    "XERO_AUTHORIZE_URL", f"{_SIM}/identity/connect/authorize", "https://login.xero.com/identity/connect/authorize"
)
XERO_TOKEN_URL = _xero("XERO_TOKEN_URL", f"{_SIM}/connect/token", "https://identity.xero.com/connect/token")
XERO_REVOKE_URL = _xero("XERO_REVOKE_URL", f"{_SIM}/connect/revocation", "https://identity.xero.com/connect/revocation")
XERO_CONNECTIONS_URL = _xero("XERO_CONNECTIONS_URL", f"{_SIM}/connections", "https://api.xero.com/connections")
XERO_API_URL = _xero("XERO_API_URL", f"{_SIM}/api.xro/2.0", "https://api.xero.com/api.xro/2.0").rstrip("/")
# Where a person looks at a record in Xero; {short_code} and the id are appended.
XERO_APP_URL = _xero("XERO_APP_URL", f"{_SIM}/app", "https://go.xero.com/app").rstrip("/")
# Granular scopes only: apps registered since March 2026 are refused the broad ones, and asking for
# app.connections fails the whole request. Setup > App credentials has the other set for older apps.
XERO_SCOPES = env.str(
    "XERO_SCOPES",
    default="openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments.read",
)
XERO_SCOPES_FIXED = "XERO_SCOPES" in env.ENVIRON
XERO_SETTLE_SECONDS = env.int("XERO_SETTLE_SECONDS", default=420)
XERO_LEASE_SECONDS = env.int("XERO_LEASE_SECONDS", default=150)
XERO_MINUTE_LIMIT = env.int("XERO_MINUTE_LIMIT", default=60)
XERO_PARALLEL = env.int("XERO_PARALLEL", default=3)
# Blank: the address for Xero's webhooks answers 404
XERO_WEBHOOK_KEY = env.str("XERO_WEBHOOK_KEY", default="")
if XERO_LEASE_SECONDS < 4:
    raise ImproperlyConfigured("XERO_LEASE_SECONDS must be 4 or more: a call needs time to end inside its lease.")
if not 1 <= XERO_PARALLEL <= 3:
    raise ImproperlyConfigured("XERO_PARALLEL must be 1, 2 or 3: Xero allows five calls at once, people need two.")

# The first key encrypts, all decrypt: put a new one in front to rotate.
FIELD_ENCRYPTION_KEYS = env.list(
    "FIELD_ENCRYPTION_KEYS", default=["Zm9yLXRyeWluZy1vdXQtb25seS1ub3QtZm9yLXJlYWw="] if DEBUG else []
)
if not FIELD_ENCRYPTION_KEYS:
    raise ImproperlyConfigured(
        "FIELD_ENCRYPTION_KEYS is not set, so Xero's tokens could not be kept encrypted. Make a key with: "
        'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )

# --- Signing in, security ----------------------------------------------------------------------------

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
_HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = _HTTPS and not DEBUG
# Asked for on the inside, past the proxy that ends TLS; and Xero takes a redirect for a failure
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^hooks/accounting/?$"]
if _HTTPS:  # TLS ends at the proxy, which sets this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# An invoice may have 500 lines of eight fields
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
_sign_ins = [urlsplit(url) for url in {XERO_AUTHORIZE_URL, XERO_REAL["XERO_AUTHORIZE_URL"]}]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # The Connect button posts to us and is sent on to Xero: browsers check both addresses.
        "form-action": ["'self'", *sorted(f"{url.scheme}://{url.netloc}" for url in _sign_ins)],
    }
}

# --- Operations --------------------------------------------------------------------------------------

# Blank: /metrics answers this machine only
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# A sweep this old means that beat, or cron, is not running
SWEEP_LATE_SECONDS = env.int("SWEEP_LATE_SECONDS", default=max(180, 4 * SWEEP_SECONDS))
# Days that things are kept; 0 keeps them for ever. Links and what is in doubt always stay: see xero_sync/retention.py
KEEP_PAYLOADS_DAYS = env.int("KEEP_PAYLOADS_DAYS", default=90)
KEEP_LOGS_DAYS = env.int("KEEP_LOGS_DAYS", default=730)
KEEP_CHECKS_DAYS = env.int("KEEP_CHECKS_DAYS", default=30)
KEEP_EVENTS_DAYS = env.int("KEEP_EVENTS_DAYS", default=31)

# E-mail goes out where EMAIL_URL says: smtp+tls://user:password@host:587. Without it there is none.
_email = env.str("EMAIL_URL", default="")
vars().update(env.email("EMAIL_URL") if _email else {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"})
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default=f"BMS Finance <bms@{urlsplit(SITE_URL).hostname}>"
)
# Whether finance admins with an e-mail address hear of failed jobs and of connections that need them
ALERTS = env.bool("ALERTS", default=bool(_email))

SENTRY_DSN = env.str("SENTRY_DSN", default="")
if SENTRY_DSN:
    from bmsxero import sentry

    sentry.start(SENTRY_DSN, environment=urlsplit(SITE_URL).hostname or "")

# --- Static files, language, logging -----------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = False
USE_THOUSAND_SEPARATOR = False

# One JSON object a line for a collector of logs, or plain lines for people. See bmsxero/logs.py.
LOG_FORMAT = env.str("LOG_FORMAT", default="lines" if DEBUG else "json")
if LOG_FORMAT not in {"lines", "json"}:
    raise ImproperlyConfigured("LOG_FORMAT must be lines or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {"()": "bmsxero.logs.Lines", "format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "bmsxero.logs.Json"},
    },
    "filters": {
        "tracebacks": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: bool(record.exc_info),
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "stream": "ext://sys.stderr"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {
        "xero_sync": {"level": env.str("LOG_LEVEL", default="INFO")},
        # A line for each request: where a server has no access log of its own
        "bmsxero.requests": {"level": env.str("REQUEST_LOG_LEVEL", default="WARNING" if DEBUG else "INFO")},
        # Django would print its own, past our formatter
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # It repeats each answer of 400 and up, without the request's id: only its tracebacks are news
        "django.request": {"filters": ["tracebacks"]},
        # Whoever knocks under another name gets his 400, and nobody is woken
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "waitress.queue": {"level": "ERROR"},  # it warns of every short burst
    },
}
