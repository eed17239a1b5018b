"""The door that a web server calls."""

import logging
import os
import threading
from contextlib import suppress

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure_app.settings")
application = get_wsgi_application()


def _warm_up() -> None:
    """Load what pages need, so that the first visitor does not wait for it."""
    try:
        with suppress(ImportError):
            import pandas  # noqa: F401  Arrow asks for it late, where it is installed

        from tenure.lifecycle.model_file import builtin
        from tenure_app import urls  # noqa: F401
        from tenure_app.core import conf

        builtin()
        conf.connection().close()
    except Exception:
        logging.getLogger("tenure").info("Nothing to warm up yet", exc_info=True)


threading.Thread(target=_warm_up, daemon=True).start()
