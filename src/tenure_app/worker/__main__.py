"""`python -m tenure_app.worker`: the worker that `tenure up` starts."""

from tenure_app.serving import follow_parent, start_django

if __name__ == "__main__":
    follow_parent()
    start_django()
    from tenure_app.worker.loop import work

    work()
