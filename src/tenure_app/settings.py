"""Django settings, read from the environment as `docs/reference/settings.md` says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from tenure_app import environment

PACKAGE = Path(__file__).resolve().parent
TENURE_LAKE = environment.folder("TENURE_LAKE", Path("tenure-data"))
TENURE_DATA = environment.folder("TENURE_DATA", TENURE_LAKE / "app")
TENURE_TOKEN_SHA256 = environment.text("TENURE_TOKEN_SHA256")
TENURE_UPLOAD_MB = environment.number("TENURE_UPLOAD_MB", 2048, 1, 1_000_000)

DEBUG = environment.flag("TENURE_DEBUG")
SECRET_KEY = environment.secret_key(TENURE_DATA, environment.text("TENURE_SECRET_KEY"))
HTTPS = environment.flag("TENURE_HTTPS")
ALLOWED_HOSTS = environment.names("TENURE_HOSTS", ("127.0.0.1", "localhost", "[::1]"))

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "tenure_app",
    "tenure_app.core",
    "tenure_app.staff",
    "tenure_app.facts",
    "tenure_app.lifecycle.definitions",
    "tenure_app.acquisition",
    "tenure_app.value",
    "tenure_app.risk",
    "tenure_app.economics",
    "tenure_app.customers",
    "tenure_app.predictions",
    "tenure_app.recommend",
    "tenure_app.lifecycle",
    "tenure_app.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenure_app.web.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenure_app.core.conf.LakeMiddleware",
    "tenure_app.web.middleware.SignInMiddleware",
    "tenure_app.web.middleware.BusinessMiddleware",
]
ROOT_URLCONF = "tenure_app.urls"
WSGI_APPLICATION = "tenure_app.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenure_app.web.layout.frame",
            ],
            "builtins": ["tenure_app.web.templatetags.tenure"],
        },
    }
]

# One connection for the life of a thread: closing the last one checkpoints SQLite's log, ten times slower a request.
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": TENURE_DATA / "tenure.sqlite3",
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA mmap_size=134217728;"
        "PRAGMA cache_size=-20000;",
    },
    # A file as in earnest: requests of several threads must not share one connection in memory.
    "TEST": {"NAME": TENURE_DATA / "test.sqlite3"},
}


def _database(url: str) -> dict[str, Any]:
    if not url:
        return _SQLITE
    try:
        database = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except Exception as error:
        raise ImproperlyConfigured(
            f"TENURE_DATABASE_URL cannot be read ({type(error).__name__}). Write postgres://user:password@host:5432/name."
        ) from error
    if database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            f"TENURE_DATABASE_URL names {database['ENGINE']}. Write postgres://…, or leave it empty for SQLite."
        )
    return database


DATABASES = {"default": _database(environment.text("TENURE_DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "Asia/Shanghai"  # until the lake says which zone the business lives in

STATIC_URL = "/static/"
STATIC_ROOT = TENURE_DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = TENURE_DATA / "uploads"
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Cookies do not know ports: two installations on one host must not sign each other out.
_HERE = hashlib.sha256(str(TENURE_DATA).encode()).hexdigest()[:8]
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"tenure_session_{_HERE}", f"tenure_csrf_{_HERE}"
LANGUAGE_COOKIE_NAME = "tenure_language"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "tenure_app.staff.passwords.LengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        # ECharts writes style attributes into its tooltips. Attributes only: a style element is still refused.
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
LOGIN_URL = "sign-in"
CSRF_FAILURE_VIEW = "tenure_app.web.errors.forged"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": environment.text("TENURE_LOG", "WARNING").upper()},
}
